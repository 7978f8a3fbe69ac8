"""What stations proved to have aired."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from lantoa_broadcast.domain import Entry, Session, airing_id_of, proof_fault
from lantoa_broadcast.telemetry import AIRINGS, START_DRIFT
from lantoa_broadcast.usecases.stores import Stores
from lantoa_contracts.catalogue import AIRING_CONFIRMED
from lantoa_contracts.device import AiredProof, ProofMessage, RadioRundown
from lantoa_contracts.events.broadcast import AiringConfirmed
from lantoa_runtime.errors import AppError, NotFound, NotReady
from lantoa_runtime.mongo import Change, Document, Outgoing
from lantoa_signing.documents import SignatureRefused
from lantoa_signing.nkey import verify_by_nkey

MOST_PROOFS = 20
"""Attempts at one entry that are kept; a station gives up after ten."""


class ProofRefused(AppError):
    """A proof that does not hold: forged, or contradicting what was to be aired. Final."""

    def __init__(self, why: str, device_id: str) -> None:
        super().__init__("broadcast.proof-refused", 422, why=why, device_id=device_id)


def open_proof(document: ProofMessage, station: Document) -> AiredProof:
    """The station's word, once its signature and its sender have been checked.

    One that comes in over MQTT has no key: its word is taken without a signature, and kept as such.

    Raises:
        ProofRefused: signed by another key, or about another device.
        ValidationError: not a proof.
    """
    try:
        if station.get("link") == "mqtt" and not document.signed:
            text = document.p
        else:
            text = verify_by_nkey(document, station["public_key"])
        proof = AiredProof.model_validate_json(text)
    except SignatureRefused as error:
        raise ProofRefused(str(error), station["_id"]) from error
    if proof.device_id != station["_id"]:
        raise ProofRefused("device", station["_id"])
    return proof


async def device_aired(stores: Stores, document: ProofMessage, device_id: str) -> None:
    """Record one attempt of a station; the first that came to the entry's end confirms the airing.

    Raises:
        NotReady: the station's claim has not come yet.
        ProofRefused, ValidationError: it does not hold; final.
    """
    station = await stores.devices.get(device_id)
    if station is None or "public_key" not in station:
        raise NotReady("station")
    proof = open_proof(document, station)
    await _require_told(stores, proof)
    stored = await stores.sessions.load(proof.session_id)
    entry = Session.of(stored).entry(proof.entry_id) if stored else None
    if entry is None:
        raise ProofRefused("entry", device_id)
    whole = proof.outcome == "aired"
    fault = proof_fault(entry, proof.audio_sha256, proof.item_id, proof.revision, proof.seconds, whole)
    if fault or proof.ended_at < proof.started_at:
        raise ProofRefused(fault or "time", device_id)
    airing_id = airing_id_of(device_id, entry.entry_id)
    path = await stores.path(station["unit_id"])

    is_news = True

    def decide(airing: Document | None) -> Change | None:
        nonlocal is_news
        proofs: list[dict[str, Any]] = airing["proofs"] if airing else []
        is_news = all(known["local_id"] != proof.local_id for known in proofs)
        if not is_news:
            return None
        if len(proofs) >= MOST_PROOFS:
            raise ProofRefused("too-many", device_id)
        confirms = whole and (airing is None or airing["state"] != "confirmed")
        changes: dict[str, Any] = {"proofs": [*proofs, _kept(proof, document)]}
        if airing is None:
            changes |= about(proof.session_id, entry, station, path)
        if airing is None or confirms:
            changes |= {
                "state": "confirmed" if whole else "cut",
                "started_at": proof.started_at,
                "ended_at": proof.ended_at,
                "seconds": proof.seconds,
            }
        if not confirms:
            return Change(changes)
        changes |= {
            "confirmed_ver": airing["ver"] + 1 if airing else 1,
            "confirmed_by": proof.local_id,
            "unit_id": station["unit_id"],
            "path": list(path),
        }
        return Change(changes, [confirmed({"_id": airing_id, **(airing or {}), **changes})])

    await stores.airings.change(airing_id, decide)
    if is_news:
        AIRINGS.labels(proof.outcome).inc()
        START_DRIFT.observe(max(0.0, (proof.started_at - proof.planned_at).total_seconds()))


async def _require_told(stores: Stores, proof: AiredProof) -> None:
    """The rundown that the station names must be one of its own and have the entry in it."""
    try:
        rundown = RadioRundown.model_validate_json(await stores.blobs.get(proof.rundown_sha256))
    except (NotFound, ValidationError) as error:
        raise ProofRefused("rundown", proof.device_id) from error
    told = {(session.session_id, entry.entry_id) for session in rundown.sessions for entry in session.entries}
    if rundown.device_id != proof.device_id or (proof.session_id, proof.entry_id) not in told:
        raise ProofRefused("rundown", proof.device_id)


def _kept(proof: AiredProof, document: ProofMessage) -> dict[str, Any]:
    return {
        "local_id": proof.local_id,
        "outcome": proof.outcome,
        "started_at": proof.started_at,
        "ended_at": proof.ended_at,
        "seconds": proof.seconds,
        "document": document.model_dump(),
        "signed": document.signed,
    }


def about(session_id: str, entry: Entry, station: Document, path: Sequence[str]) -> dict[str, Any]:
    """What an airing keeps of its entry and its station, so that its events can be said again when those are gone."""
    return {
        "device_id": station["_id"],
        "device_name": station["name"],
        "public_key": station["public_key"],
        "unit_id": station["unit_id"],
        "path": list(path),
        "session_id": session_id,
        "entry_id": entry.entry_id,
        "item_id": entry.item.item_id,
        "revision": entry.item.revision,
        "title": entry.item.title,
        "priority": entry.item.priority,
        "tasks": list(entry.item.tasks),
        "topic": entry.item.topic,
        "audio_sha256": entry.item.audio.sha256,
    }


_SAME = tuple(AiringConfirmed.model_fields.keys() - {"airing_id", "ver", "device_public_key", "proof"})


def confirmed(airing: Mapping[str, Any]) -> Outgoing:
    """The event of a confirmed airing, from its document alone."""
    proof = next(known for known in airing["proofs"] if known["local_id"] == airing["confirmed_by"])
    event = AiringConfirmed.model_validate(
        {
            **{field: airing[field] for field in _SAME},
            "airing_id": airing["_id"],
            "ver": airing["confirmed_ver"],
            "device_public_key": airing["public_key"],
            "proof": proof["document"],
        }
    )
    return Outgoing(AIRING_CONFIRMED, event)
