"""What boards proved to have shown."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lantoa_contracts.catalogue import DISPLAY_CONFIRMED
from lantoa_contracts.device import BoardRundown, DisplayedProof, ProofMessage
from lantoa_contracts.events.signboard import DisplayConfirmed
from lantoa_runtime.errors import AppError, NotFound, NotReady
from lantoa_runtime.mongo import Change, Document, Outgoing
from lantoa_signboard.domain import Entry, Playlist, proof_fault
from lantoa_signboard.usecases.stores import Stores
from lantoa_signing.documents import SignatureRefused
from lantoa_signing.nkey import verify_by_nkey


class ProofRefused(AppError):
    """A proof that does not hold: forged, or contradicting what was to be shown. Final."""

    def __init__(self, why: str, device_id: str) -> None:
        super().__init__("signboard.proof-refused", 422, why=why, device_id=device_id)


def open_proof(document: ProofMessage, board: Document) -> DisplayedProof:
    """The board's word, once its signature and its sender have been checked.

    One that comes in over MQTT has no key: its word is taken without a signature, and kept as such.

    Raises:
        ProofRefused: signed by another key, or about another device.
        ValidationError: not a proof.
    """
    try:
        if board.get("link") == "mqtt" and not document.signed:
            text = document.p
        else:
            text = verify_by_nkey(document, board["public_key"])
        proof = DisplayedProof.model_validate_json(text)
    except SignatureRefused as error:
        raise ProofRefused(str(error), board["_id"]) from error
    if proof.device_id != board["_id"]:
        raise ProofRefused("device", board["_id"])
    return proof


async def device_displayed(stores: Stores, document: ProofMessage, device_id: str) -> None:
    """Record that a board showed an entry; a repeat changes nothing.

    Raises:
        NotReady: the board's claim has not come yet.
        ProofRefused, ValidationError: it does not hold; final.
    """
    board = await stores.devices.get(device_id)
    if board is None or "public_key" not in board:
        raise NotReady("board")
    proof = open_proof(document, board)
    dwell = await _dwell_told(stores, proof)
    entry = await _entry(stores, proof)
    fault = proof_fault(entry, proof.slide_sha256, proof.item_id, proof.revision, proof.seconds, dwell)
    if fault or proof.ended_at < proof.started_at:
        raise ProofRefused(fault or "time", device_id)
    display_id = f"{device_id}:{entry.entry_id}"
    path = await stores.path(board["unit_id"])

    def decide(display: Document | None) -> Change | None:
        if display is not None:
            return None
        fields = _about(entry, board, path) | {"state": "confirmed", "proofs": [_kept(proof, document)]}
        fields |= {"started_at": proof.started_at, "ended_at": proof.ended_at, "seconds": proof.seconds}
        return Change(fields, [confirmed({"_id": display_id, **fields})])

    await stores.displays.change(display_id, decide)


async def _dwell_told(stores: Stores, proof: DisplayedProof) -> float:
    """The seconds that the board was told to show the entry, from the rundown that it names: one of its own."""
    try:
        rundown = BoardRundown.model_validate_json(await stores.blobs.get(proof.rundown_sha256))
    except (NotFound, ValidationError) as error:
        raise ProofRefused("rundown", proof.device_id) from error
    told = next((entry.seconds for entry in rundown.entries if entry.entry_id == proof.entry_id), None)
    if told is None or rundown.device_id != proof.device_id:
        raise ProofRefused("rundown", proof.device_id)
    return told


async def _entry(stores: Stores, proof: DisplayedProof) -> Entry:
    for stored in await stores.playlists.collection.find({"entries.item.item_id": proof.item_id}):
        entry = Playlist.of(stored).entry(proof.entry_id)
        if entry is not None:
            return entry
    raise ProofRefused("entry", proof.device_id)


def _kept(proof: DisplayedProof, document: ProofMessage) -> dict[str, Any]:
    return {
        "local_id": proof.local_id,
        "started_at": proof.started_at,
        "ended_at": proof.ended_at,
        "seconds": proof.seconds,
        "document": document.model_dump(),
        "signed": document.signed,
    }


def _about(entry: Entry, board: Document, path: tuple[str, ...]) -> dict[str, Any]:
    """What a display keeps of its entry and its board, so that its event can be said again when those are gone."""
    return {
        "device_id": board["_id"],
        "device_name": board["name"],
        "public_key": board["public_key"],
        "unit_id": board["unit_id"],
        "path": list(path),
        "entry_id": entry.entry_id,
        "item_id": entry.item.item_id,
        "revision": entry.item.revision,
        "title": entry.item.title,
        "priority": entry.item.priority,
        "tasks": list(entry.item.tasks),
        "topic": entry.item.topic,
        "slide_sha256": entry.item.slide.sha256,
    }


_SAME = tuple(DisplayConfirmed.model_fields.keys() - {"display_id", "ver", "device_public_key", "proof"})


def confirmed(display: Mapping[str, Any]) -> Outgoing:
    """The event of a display, from its document alone."""
    event = DisplayConfirmed.model_validate(
        {
            **{field: display[field] for field in _SAME},
            "display_id": display["_id"],
            "ver": 1,
            "device_public_key": display["public_key"],
            "proof": display["proofs"][0]["document"],
        }
    )
    return Outgoing(DISPLAY_CONFIRMED, event)
