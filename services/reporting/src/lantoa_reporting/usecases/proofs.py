"""Check what a fact stands on."""

import re
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.device import AiredProof, DisplayedProof
from lantoa_contracts.events.contest import AttemptAccepted
from lantoa_contracts.receipts import attempt_receipt
from lantoa_reporting.domain import DeviceWord, Fact, PageSeen, SealedAttempt
from lantoa_signing.documents import SignatureRefused
from lantoa_signing.nkey import device_id, verify_by_nkey

_SHA256 = re.compile(r"[0-9a-f]{64}")
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#]+/[^\s?#]*")


@dataclass(frozen=True)
class Verdict:
    """What checking a proof found: names of what does not hold (none: all does); the rundown that the text names."""

    doubts: tuple[str, ...]
    rundown_sha256: str | None = None


def check_proof(fact: Fact) -> Verdict:
    """Whether the proof carries exactly what the fact says.

    A device's word: its key and its signature where it has a key, its every field. A post: its address and hashes have
    the right shape and belong to the item; whether the page still says so is for content to tell. An attempt: the
    receipt computed again.
    """
    match fact.proof:
        case DeviceWord():
            return _check_word(fact, fact.proof)
        case PageSeen():
            return Verdict(_page_doubts(fact, fact.proof))
        case SealedAttempt():
            return Verdict(_attempt_doubts(fact, fact.proof))


def _check_word(fact: Fact, proof: DeviceWord) -> Verdict:
    document = SignedDocument(kid=proof.kid, p=proof.p, sig=proof.sig)
    try:
        text = verify_by_nkey(document, proof.device_public_key) if proof.signed else proof.p
    except SignatureRefused:
        return Verdict(("signature",))
    told: AiredProof | DisplayedProof
    try:
        if fact.channel == "radio":
            told = AiredProof.model_validate_json(text)
            own = {"session_id": proof.session_id, "audio_sha256": proof.media_sha256, "outcome": "aired"}
        else:
            told = DisplayedProof.model_validate_json(text)
            own = {"slide_sha256": proof.media_sha256}
    except ValidationError:
        return Verdict(("text",))
    shared = ("device_id", "item_id", "revision", "started_at", "ended_at", "seconds")
    expected = {"entry_id": proof.entry_id, **{name: getattr(fact, name) for name in shared}, **own}
    doubts = [name for name, value in expected.items() if getattr(told, name) != value]
    if proof.signed and device_id(proof.device_public_key) != fact.device_id:
        doubts.append("device_public_key")
    return Verdict(tuple(doubts), told.rundown_sha256)


def _page_doubts(fact: Fact, proof: PageSeen) -> tuple[str, ...]:
    holds = {
        "fact_id": fact.fact_id == f"post:{proof.post_id}",
        "url": bool(_WEB_ADDRESS.fullmatch(proof.url)) and proof.url.endswith(f"/{fact.item_id}"),
        "approval_sha256": bool(_SHA256.fullmatch(proof.approval_sha256)),
        "page_sha256": bool(_SHA256.fullmatch(proof.page_sha256)),
        "confirmed_at": proof.confirmed_at >= fact.started_at,
    }
    return tuple(name for name, held in holds.items() if not held)


def _attempt_doubts(fact: Fact, proof: SealedAttempt) -> tuple[str, ...]:
    try:
        told = AttemptAccepted.model_validate(dict(proof.fields))
    except ValidationError:
        return ("text",)
    if attempt_receipt(proof.fields) != told.receipt:
        return ("receipt",)
    expected: dict[str, str | tuple[str, ...] | datetime | None] = {
        "contest_id": fact.contest_id,
        "unit_id": fact.unit_id,
        "title": fact.title,
        "tasks": fact.tasks,
        "topic": fact.topic,
        "started_at": fact.started_at,
        "submitted_at": fact.ended_at,
    }
    doubts = [name for name, value in expected.items() if getattr(told, name) != value]
    if fact.fact_id != f"attempt:{told.attempt_id}":
        doubts.append("fact_id")
    return tuple(doubts)
