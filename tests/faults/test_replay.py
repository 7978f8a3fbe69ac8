"""Every read model deleted and rebuilt by its owners: equal to before, and nothing else moved."""

import asyncio
import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from small_world import READERS

from lantoa_cli.replay import ORDER
from lantoa_contracts import catalogue
from lantoa_contracts.base import BlobRef
from lantoa_contracts.device import AiredProof, BoardRundown, DisplayedProof, RadioRundown
from lantoa_contracts.events.content import ItemApproved, ItemWithdrawn, Rendition
from lantoa_contracts.policy import EVERYWHERE, SYSTEM
from lantoa_directory.main import INDEXES, build
from lantoa_directory.settings import DirectorySettings
from lantoa_runtime.http.auth import Caller, Grant
from lantoa_signing import nkey
from lantoa_testing import eventually

OPERATOR = Caller("operator", "Người vận hành", (Grant(SYSTEM, EVERYWHERE), Grant("admin", "u-p")))
STRANGERS = (Caller("p-1", "Lan", (Grant("admin", "u-1"),)), Caller("c-1", "09•• ••• 123", (), True))
PROVINCIAL = Caller("p-vinh", "Vinh", (Grant("admin", "u-p"),))
READ_MODELS = {
    "broadcast": ("units", "devices", "items"),
    "signboard": ("units", "devices", "items"),
    "fleet": ("units",),
}
OWN_STATE = {
    "broadcast": ("sessions", "stations", "airings"),
    "signboard": ("playlists", "boards", "displays"),
    "fleet": ("devices",),
}
NOW = datetime.now(UTC).replace(microsecond=0)
AUDIO = BlobRef(sha256="a" * 64, bytes=4000, media_type="audio/ogg")
SLIDE = BlobRef(sha256="b" * 64, bytes=4000, media_type="text/html")


@dataclass
class Device:
    """A device with a key of its own."""

    kind: str
    seed: str
    ver: int = 0

    @property
    def public(self) -> str:
        return nkey.public_of(self.seed)

    @property
    def id(self) -> str:
        return nkey.device_id(self.public)

    def enrolment(self) -> dict[str, Any]:
        at = datetime.now(UTC).isoformat()
        text = f"enrol\n{self.public}\n{self.kind}\nloa\n{at}"
        signature = nkey.sign_with_seed(self.seed, text).sig
        return {"public_key": self.public, "kind": self.kind, "model": "loa", "at": at, "signature": signature}


@pytest.fixture
async def province(start_service: Any, start_reader: Any, events: Any) -> Any:
    """Directory, fleet, broadcast and signboard running, with units."""
    directory = await start_service("directory", DirectorySettings, build, INDEXES)
    running = {name: await start_reader(name, empty=True) for name in ("fleet", "broadcast", "signboard")}
    running["directory"] = directory
    units = [
        {"unit_id": "u-p", "code": "86", "name": "Tỉnh Vĩnh Long", "kind": "province", "parent": None},
        {"unit_id": "u-1", "code": "1", "name": "Xã Cầu Kè", "kind": "commune", "parent": "u-p"},
        {"unit_id": "u-2", "code": "2", "name": "Xã Tam Ngãi", "kind": "commune", "parent": "u-p"},
    ]
    status, body, _ = await directory.call("POST", "/import", OPERATOR, {"units": units})
    assert status == 200, body
    await settled(running, events)
    return running


async def handled(events: Any, *owners: str) -> None:
    """The services that run here have handled what these owners have published by now."""
    specs = [spec for spec in catalogue.CATALOGUE if spec.owner in owners]
    read = [(spec, reader) for spec in specs for reader in spec.consumers if reader in READ_MODELS]
    await asyncio.gather(*(events.handled(*one) for one in read))


async def claim(fleet: Any, kind: str) -> Device:
    device = Device(kind, nkey.new_seed(os.urandom(32)))
    status, body, _ = await fleet.call("POST", "/enrolments", Caller("x", "x"), device.enrolment())
    assert status == 202, body
    place = {"claim_code": body["claim_code"], "name": "Cụm 1", "unit_id": "u-1", "site_type": "commune_office"}
    status, body, _ = await fleet.call("POST", "/devices/claim", TECHNICIAN, place)
    assert status == 200, body
    device.ver = body["ver"]
    return device


TECHNICIAN = Caller("p-tech", "Kỹ thuật", (Grant("technician", "u-p"),))


async def change(fleet: Any, device: Device, verb: str, body: Any = None) -> None:
    headers = {"If-Match": f'"{device.ver}"'}
    status, answer, _ = await fleet.call("POST", f"/devices/{device.id}/{verb}", TECHNICIAN, body, headers)
    assert status == 200, answer
    device.ver = answer["ver"]


def approved(number: int, unit_id: str, ver: int = 4) -> ItemApproved:
    return ItemApproved(
        item_id=f"i-{number}",
        ver=ver,
        revision=1,
        approval_sha256="c" * 64,
        title=f"Bản tin {number}",
        priority="normal",
        unit_id=unit_id,
        tasks=("08",),
        topic="skills",
        language="vi",
        renditions=(
            Rendition(kind="audio", blob=AUDIO, seconds=12.0, lufs=-16.0, voice="vi"),
            Rendition(kind="board", blob=SLIDE),
        ),
        author_id="p-1",
        approver_id="p-2",
        approved_at=NOW + timedelta(seconds=number),
    )


ITEMS = [approved(1, "u-1"), approved(2, "u-p"), approved(3, "u-1")]
GONE = ItemWithdrawn(item_id="i-3", ver=5, revision=1, unit_id="u-1", reason="withdrawn", at=NOW)


async def content_says(events: Any) -> None:
    """What content's replay publishes: approvals that stand, and what was withdrawn."""
    for item in ITEMS:
        if item.item_id != GONE.item_id:
            await events.publish(catalogue.ITEM_APPROVED, item)
    await events.publish(catalogue.ITEM_WITHDRAWN, GONE)
    await handled(events, "content")


async def stored(running: Any, names: dict[str, tuple[str, ...]]) -> dict[str, list[Any]]:
    """Documents of services' collections, by id."""
    return {
        f"{service}.{name}": await running[service].service.db[name].find({}, sort=[("_id", 1)])
        for service, collections in names.items()
        for name in collections
    }


async def settled(running: Any, events: Any) -> None:
    """Every reader has handled everything, every outbox is empty, and fleet owes no device anything.

    These are asked one after the other and hold in one moment: nothing was published from the first to the last.
    """
    collections = [own.collection for one in running.values() for own in one.service._aggregates]
    devices = running["fleet"].service.db["devices"]

    async def published() -> list[int]:
        return [(await events.js.stream_info(stream)).state.last_seq for stream in ("EVT", "ACK", "REPORTED")]

    async def quiet() -> bool:
        before = await published()
        await handled(events, "directory", "fleet", "content", "broadcast", "signboard", "device")
        counts = [await collection.count({"outbox.0": {"$exists": True}}) for collection in collections]
        counts += [await devices.count({due: True}) for due in ("kv_due", "kick_due")]
        return not any(counts) and await published() == before

    await eventually(quiet, every=0.1)


async def told(running: Any, service: str, device: Device) -> tuple[str, bytes]:
    """The rundown that a device was told last, and its hash."""
    one = running[service].service
    document = await one.db["stations" if service == "broadcast" else "boards"].find_one({"_id": device.id})
    body = await one.blobs.get(document["rundown"]["sha256"])
    return hashlib.sha256(body).hexdigest(), body


async def prove(running: Any, events: Any, station: Device, board: Device) -> None:
    sha256, body = await told(running, "broadcast", station)
    session = RadioRundown.model_validate_json(body).sessions[0]
    entry = session.entries[0]
    common: dict[str, Any] = {"device_id": station.id, "local_id": f"{entry.entry_id}.1", "entry_id": entry.entry_id}
    common |= {"item_id": entry.item_id, "revision": 1, "rundown_sha256": sha256, "started_at": NOW}
    aired = AiredProof(
        **common,
        outcome="aired",
        session_id=session.session_id,
        audio_sha256=entry.media.sha256,
        planned_at=NOW,
        ended_at=NOW + timedelta(seconds=12),
        seconds=12.0,
    )
    document = nkey.sign_with_seed(station.seed, aired.model_dump_json())
    await events.publish_device(catalogue.DEVICE_AIRED, station.id, document.model_dump_json().encode())
    sha256, body = await told(running, "signboard", board)
    shown = BoardRundown.model_validate_json(body).entries[0]
    displayed = DisplayedProof(
        device_id=board.id,
        local_id=f"{shown.entry_id}.1",
        entry_id=shown.entry_id,
        item_id=shown.item_id,
        revision=1,
        rundown_sha256=sha256,
        slide_sha256=shown.media.sha256,
        started_at=NOW,
        ended_at=NOW + timedelta(seconds=10),
        seconds=10.0,
    )
    document = nkey.sign_with_seed(board.seed, displayed.model_dump_json())
    await events.publish_device(catalogue.DEVICE_DISPLAYED, board.id, document.model_dump_json().encode())


async def replay(running: Any, events: Any) -> dict[str, int]:
    """All owners in the order of `lantoa replay`, each after the readers of the one before; events by name."""
    published: dict[str, int] = {}
    for owner in ("directory", "fleet", "content", "broadcast", "signboard"):
        if owner == "content":
            await content_says(events)
            continue
        status, body, _ = await running[owner].call("POST", "/replay", OPERATOR)
        assert status == 200, body
        published |= body.get("events", {})
        await handled(events, owner)
    await settled(running, events)
    return published


async def test_deleted_read_models_are_rebuilt_equal_and_a_second_replay_changes_nothing(
    province: Any, events: Any
) -> None:
    fleet = province["fleet"]
    station, moved, revoked = [await claim(fleet, "radio") for _ in range(3)]
    board = await claim(fleet, "board")
    await events.publish(catalogue.ITEM_APPROVED, ITEMS[2])
    await handled(events, "content")
    await content_says(events)
    await change(fleet, moved, "move", {"unit_id": "u-2"})
    await change(fleet, moved, "move", {"unit_id": "u-p"})
    await change(fleet, revoked, "revoke")
    await settled(province, events)
    await prove(province, events, station, board)
    await events.wait(catalogue.AIRING_CONFIRMED)
    await events.wait(catalogue.DISPLAY_CONFIRMED)
    await settled(province, events)
    copies, truth = await stored(province, READ_MODELS), await stored(province, OWN_STATE)
    assert {name: len(documents) for name, documents in copies.items()} == {
        "broadcast.units": 3,
        "broadcast.devices": 4,
        "broadcast.items": 3,
        "signboard.units": 3,
        "signboard.devices": 4,
        "signboard.items": 3,
        "fleet.units": 3,
    }
    confirmed = await events.all(catalogue.AIRING_CONFIRMED), await events.all(catalogue.DISPLAY_CONFIRMED)

    for service, collections in READ_MODELS.items():
        for name in collections:
            await province[service].service.db[name].delete_many({})
    published = await replay(province, events)

    assert await stored(province, READ_MODELS) == copies
    assert await stored(province, OWN_STATE) == truth
    assert {name: count for name, count in published.items() if count} == {
        "fleet.device.claimed": 4,
        "fleet.device.moved": 1,
        "fleet.device.revoked": 1,
        "broadcast.session.changed": 2,
        "broadcast.rundown.issued": 3,
        "broadcast.airing.confirmed": 1,
        "signboard.playlist.changed": 2,
        "signboard.rundown.issued": 1,
        "signboard.display.confirmed": 1,
    }
    again = await events.all(catalogue.AIRING_CONFIRMED), await events.all(catalogue.DISPLAY_CONFIRMED)
    assert again == tuple(told + told for told in confirmed), "word for word what was said before"

    await replay(province, events)
    assert await stored(province, READ_MODELS) == copies
    assert await stored(province, OWN_STATE) == truth
    for owner in READ_MODELS:
        answers = [(await province[owner].call("POST", "/replay", caller))[0] for caller in (*STRANGERS, PROVINCIAL)]
        assert answers == [403, 403, 200], "only the operator and the top of a province may replay"
    assert [await events.dead(service) for service in READERS] == [[]] * len(READERS)


def test_the_command_knows_every_owner_whose_events_others_read() -> None:
    assert set(ORDER) == {spec.owner for spec in catalogue.EVENTS if spec.consumers}
