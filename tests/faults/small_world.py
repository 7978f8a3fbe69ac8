"""The one small world of the contracts' examples, made true in the stores of each service."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.catalogue import EventSpec, consumed_by
from lantoa_contracts.device import AiredProof, DisplayedProof
from lantoa_contracts.events.broadcast import RundownIssued
from lantoa_contracts.events.content import ItemApproved
from lantoa_contracts.examples import EXAMPLES
from lantoa_runtime.service import Service
from lantoa_testing.plugin import Running

CURSED = "cursed"
"""In the id of an event or of a device: its handler raises what nobody foresaw."""
_APPROVED = ItemApproved.model_validate(EXAMPLES["content.item.approved.v1"].model_dump())
READERS = ("content", "fleet", "broadcast", "signboard", "contest", "reporting")


def example(spec: EventSpec) -> bytes:
    """The example's body."""
    return EXAMPLES[f"{spec.name}.v{spec.version}"].model_dump_json().encode()


def specs_of(service: str) -> list[EventSpec]:
    """What a service reads, in catalogue order."""
    return list(consumed_by(service))


async def settle(running: Running) -> None:
    """Make what the examples tell of true in the service's own stores."""
    for make in (_items_in_content, _session_and_station, _playlist_and_board, _devices_in_fleet):
        await make(running.service)


def _keep(service: Service[Any], sha256: str, rundown: str) -> None:
    file = Path(service.settings.media_url.removeprefix("file://")) / sha256[:2] / sha256
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(EXAMPLES[rundown].model_dump_json())


async def _items_in_content(service: Service[Any]) -> None:
    if service.name == "content":
        # The article's hash in the example is made up: that revision is on its page already, and over.
        post = {"_id": f"web-{_APPROVED.item_id}-{_APPROVED.revision}", "ver": 1, "state": "withdrawn"}
        over = {"live": False, "reason": "withdrawn", "confirmed_at": None, "failures": 0}
        await service.db["posts"].insert_one(post | over)


async def _session_and_station(service: Service[Any]) -> None:
    if service.name != "broadcast":
        return
    from lantoa_broadcast.domain import Entry, Session
    from lantoa_broadcast.usecases.programme import fields_of, item_of
    from lantoa_broadcast.usecases.stores import Stores

    stores = Stores.of(service)
    proof = AiredProof.model_validate_json(_document("device.aired").p)
    _keep(service, proof.rundown_sha256, "device.radio-rundown.v1")
    entries = (Entry(proof.entry_id, item_of(_APPROVED)),)
    session = Session(proof.session_id, _APPROVED.unit_id, proof.planned_at, proof.planned_at, entries)
    await stores.sessions.insert(session.session_id, fields_of(session))
    await stores.devices.apply(proof.device_id, 2, _device("radio", proof.device_id, "device.aired"))


async def _playlist_and_board(service: Service[Any]) -> None:
    if service.name != "signboard":
        return
    from lantoa_signboard.domain import Entry, Playlist
    from lantoa_signboard.usecases.playlists import item_of
    from lantoa_signboard.usecases.stores import Stores

    stores = Stores.of(service)
    proof = DisplayedProof.model_validate_json(_document("device.displayed").p)
    _keep(service, proof.rundown_sha256, "device.board-rundown.v1")
    item = item_of(_APPROVED)
    entry = Entry(proof.entry_id, item, item.approved_at, item.approved_at)
    playlist = Playlist(_APPROVED.unit_id, (entry,))
    await stores.playlists.insert(playlist.playlist_id, {"unit_id": playlist.unit_id, "entries": [asdict(entry)]})
    await stores.devices.apply(proof.device_id, 2, _device("board", proof.device_id, "device.displayed"))


async def _devices_in_fleet(service: Service[Any]) -> None:
    if service.name != "fleet":
        return
    for name in ("broadcast.rundown.issued.v1", "signboard.rundown.issued.v1"):
        issued = EXAMPLES[name]
        assert isinstance(issued, RundownIssued)
        known = {"claim_code": issued.device_id, "state": "accepted", "radio": None, "board": None, "seq": 1, "ver": 2}
        placed = {"unit_id": _APPROVED.unit_id, "path": [_APPROVED.unit_id], "alarms": []}
        await service.db["devices"].insert_one({"_id": issued.device_id, **known, **placed})


def _document(name: str) -> SignedDocument:
    found = EXAMPLES[f"{name}.v1"]
    assert isinstance(found, SignedDocument)
    return found


def _device(kind: str, device_id: str, proof: str) -> dict[str, Any]:
    placed = {"unit_id": "u-29308-2025", "placed_at": datetime(2026, 1, 1, tzinfo=UTC), "revoked": False}
    return {"kind": kind, "name": f"Cụm {device_id}", "public_key": _document(proof).kid, **placed}


def with_field(body: bytes, **changes: Any) -> bytes:
    """The body with fields changed or added."""
    return json.dumps(json.loads(body) | changes).encode()


def without(body: bytes, name: str) -> bytes:
    """The body without a field."""
    return json.dumps({key: value for key, value in json.loads(body).items() if key != name}).encode()
