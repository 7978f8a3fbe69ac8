"""What a CAP message is worth: one verdict, from its bytes, a moment and the certificates that somebody pinned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast, get_args

from cryptography.x509 import Certificate

from lantoa_alert.domain.cap import CapAlert, CapRefused
from lantoa_alert.domain.cap_reading import parsed, read, read_root
from lantoa_alert.domain.cap_signature import is_signed, verified

Verdict = Literal[
    "valid", "no_signature", "invalid_schema", "invalid_signature", "invalid_digest", "invalid_certificate"
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and for ``valid`` and ``no_signature`` the message. ``refusal`` says why it is another."""

    verdict: Verdict
    alert: CapAlert | None = None
    refusal: CapRefused | None = None


def judge(xml: bytes, now: datetime, pinned: Sequence[Certificate]) -> Judgement:
    """Schema first, then the signature. A signed message is read from the text that its signature covers.

    ``now`` (aware) is when the certificate must be valid; whether the message itself has expired is not asked here.
    """
    try:
        root = parsed(xml)
        stored = read_root(root)
    except CapRefused as refusal:
        return Judgement("invalid_schema", refusal=refusal)
    if not is_signed(root):
        return Judgement("no_signature", stored)
    try:
        text = verified(root, now, pinned)
    except CapRefused as refusal:
        return Judgement(cast("Verdict", f"invalid_{refusal.reason}"), refusal=refusal)
    try:
        return Judgement("valid", read(text))
    except CapRefused as refusal:
        return Judgement("invalid_schema", refusal=refusal)
