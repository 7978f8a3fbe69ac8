"""Which signed documents a device obeys. Pure."""

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime, ValidationError

from lantoa_contracts.base import Id, SignedDocument
from lantoa_contracts.device import Desired, Tolerant
from lantoa_signing.documents import KeySet, SignatureRefused


class Reason(StrEnum):
    """Why a document is not taken up."""

    KNOWN = "known"
    """Signed, ours, and the one we have: nothing wrong, nothing to do."""
    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    AUDIENCE = "audience"
    OLD = "old"
    EXPIRED = "expired"


class _Addressed(Tolerant):
    aud: Id
    exp: AwareDatetime


def _open(raw: bytes, keys: KeySet) -> str | Reason:
    try:
        document = SignedDocument.model_validate_json(raw)
    except ValidationError:
        return Reason.MALFORMED
    if document.kid not in keys.keys:
        return Reason.UNKNOWN_KEY
    try:
        return keys.verify(document)
    except SignatureRefused:
        return Reason.SIGNATURE


def check_desired(raw: bytes, keys: KeySet, device_id: str, highest_seq: int, now: datetime) -> Desired | Reason:
    """The desired state inside ``raw`` if this device is to take it up, else why not.

    The signed ``seq`` decides, not the bucket's revision: that one is not signed and starts again with the bucket.
    """
    text = _open(raw, keys)
    if isinstance(text, Reason):
        return text
    try:
        desired = Desired.model_validate_json(text)
    except ValidationError:
        return Reason.MALFORMED
    if desired.aud != device_id:
        return Reason.AUDIENCE
    if desired.seq == highest_seq:
        return Reason.KNOWN
    if desired.seq < highest_seq:
        return Reason.OLD
    if desired.exp <= now:
        return Reason.EXPIRED
    return desired


def check_command(raw: bytes, keys: KeySet, device_id: str, now: datetime) -> Reason | None:
    """Why a command is not to be listened to; None when the platform signed it for this device and it is in time."""
    text = _open(raw, keys)
    if isinstance(text, Reason):
        return text
    try:
        command = _Addressed.model_validate_json(text)
    except ValidationError:
        return Reason.MALFORMED
    if command.aud != device_id:
        return Reason.AUDIENCE
    return Reason.EXPIRED if command.exp <= now else None
