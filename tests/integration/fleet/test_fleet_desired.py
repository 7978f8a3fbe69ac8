"""Signed desired state: from events into the bucket, through crashes, and what may be fetched with it."""

import hashlib
import json
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from nats.errors import Error as NatsError

from lantoa_contracts.base import BlobRef
from lantoa_contracts.catalogue import BOARD_RUNDOWN_ISSUED, RUNDOWN_ISSUED
from lantoa_contracts.events.broadcast import RundownIssued
from lantoa_contracts.events.signboard import BoardRundownIssued
from lantoa_signing.documents import KeySet, SigningKey
from lantoa_signing.media import check_path
from lantoa_testing import eventually

# nats-py leaves the socket of a refused or kicked client to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def _blob(text: str) -> BlobRef:
    return BlobRef(sha256=hashlib.sha256(text.encode()).hexdigest(), bytes=len(text), media_type="audio/ogg")


def _issued(device: Any, ver: int, *media: str) -> RundownIssued:
    return RundownIssued(
        device_id=device.id, ver=ver, rundown=_blob(f"rundown {ver}"), media=tuple(_blob(text) for text in media)
    )


async def _issue(fleet: Any, device: Any, ver: int, *media: str) -> None:
    """Issue a rundown and wait until it stands in the bucket."""
    await fleet.events.publish(RUNDOWN_ISSUED, _issued(device, ver, *media))

    async def stands() -> bool:
        desired = await fleet.desired(device)
        return bool(desired and desired.radio and desired.radio.ver == ver)

    await eventually(stands)


async def test_a_rundown_reaches_the_connected_device_signed_and_for_it_alone(fleet: Any) -> None:
    device = await fleet.claimed()
    client = await device.connect()
    heard = await client.subscribe(f"dev.dn.{device.id}.desired")
    await device.barrier(client)
    await _issue(fleet, device, 1, "a")
    message = await heard.next_msg(timeout=30)
    desired = json.loads(json.loads(message.data)["p"])
    assert (desired["aud"], desired["radio"]["rundown"]["sha256"]) == (device.id, _blob("rundown 1").sha256)
    stored = await fleet.desired(device)
    assert stored.exp - stored.iat == timedelta(days=8)
    assert stored.alert_scopes == ("all", "unit.u-province", "unit.u-1")


async def test_radio_and_board_fill_their_own_sections_of_one_document(fleet: Any) -> None:
    device = await fleet.claimed()
    await _issue(fleet, device, 5, "a")
    board = BoardRundownIssued(device_id=device.id, ver=2, rundown=_blob("board"), media=())
    await fleet.events.publish(BOARD_RUNDOWN_ISSUED, board)

    async def both() -> bool:
        desired = await fleet.desired(device)
        return bool(desired.board and desired.radio and (desired.radio.ver, desired.board.ver) == (5, 2))

    await eventually(both)
    assert (await fleet.desired(device)).seq == 3


async def test_an_older_or_repeated_rundown_changes_nothing(fleet: Any) -> None:
    device = await fleet.claimed()
    await _issue(fleet, device, 7, "a")
    before = await fleet.desired(device)
    for ver in (7, 6):
        await fleet.events.publish(RUNDOWN_ISSUED, _issued(device, ver, "b"))
    await _issue(fleet, device, 8, "c")
    after = await fleet.desired(device)
    assert after.seq == before.seq + 1


async def test_a_rundown_for_a_device_that_nobody_knows_is_dead_in_the_end(fleet: Any) -> None:
    await fleet.events.publish(RUNDOWN_ISSUED, _issued(fleet.device(), 1))
    assert await eventually(lambda: fleet.events.dead("fleet"))


@pytest.fixture
async def written(fleet: Any) -> Any:
    device = await fleet.claimed()
    await _issue(fleet, device, 1, "a")

    async def settled() -> bool:
        document = await fleet.documents.find_one({"_id": device.id})
        return "kv_due" not in document and document["kv_seq"] == document["seq"]

    await eventually(settled)
    return device


async def _raw_sequence(fleet: Any, device: Any) -> int:
    message = await fleet.platform.jetstream().get_msg("KV_desired", subject=f"$KV.desired.{device.id}", direct=True)
    return int(message.seq)


async def test_what_a_crash_left_between_the_database_and_the_bucket_is_written(fleet: Any, written: Any) -> None:
    """The process died after the document and before the bucket: seq has grown, the bucket has not heard of it."""
    radio = {"ver": 9, "rundown": _blob("rundown 9").model_dump(), "media": []}
    await fleet.documents.update_one(
        {"_id": written.id}, {"$set": {"radio": radio, "kv_due": True}, "$inc": {"seq": 1, "ver": 1}}
    )

    async def healed() -> bool:
        return bool((await fleet.desired(written)).radio.ver == 9)

    await eventually(healed)


async def test_what_was_written_before_the_crash_is_not_written_again(fleet: Any, written: Any) -> None:
    """The process died after the bucket and before it noted so."""
    before = await _raw_sequence(fleet, written)
    await fleet.documents.update_one({"_id": written.id}, {"$set": {"kv_due": True}})

    async def noted() -> bool:
        return "kv_due" not in await fleet.documents.find_one({"_id": written.id})

    await eventually(noted)
    assert await _raw_sequence(fleet, written) == before


async def test_a_lost_bucket_entry_and_a_nats_outage_heal(fleet: Any, written: Any) -> None:
    fleet.nats.kill()
    await fleet.documents.update_one({"_id": written.id}, {"$set": {"kv_due": True}, "$inc": {"seq": 1}})
    fleet.nats.start()
    await eventually(lambda: fleet.platform.is_connected)
    document = await fleet.documents.find_one({"_id": written.id})

    async def healed() -> bool:
        with suppress(NatsError):  # The connection may not have noticed yet that it was cut.
            return bool((await fleet.desired(written)).seq == document["seq"])
        return False

    await eventually(healed)


async def test_a_document_older_than_the_bucket_gets_a_higher_seq_than_any_device_has_seen(
    fleet: Any, written: Any
) -> None:
    """As after a database restored from a backup: devices take nothing but a higher seq."""
    seen = (await fleet.desired(written)).seq
    await fleet.documents.update_one({"_id": written.id}, {"$set": {"seq": 1, "radio": None, "kv_due": True}})

    async def raised() -> bool:
        desired = await fleet.desired(written)
        return bool(desired.seq > seen and desired.radio is None)

    await eventually(raised)


async def test_a_state_about_to_expire_is_signed_anew_under_the_same_seq(
    fleet: Any, start_fleet: Any, written: Any
) -> None:
    before = await fleet.desired(written)
    await fleet.running.stop()
    fleet.running = await start_fleet(clock_shift_seconds=timedelta(days=5, hours=1).total_seconds())

    async def renewed() -> bool:
        return bool((await fleet.desired(written)).exp > before.exp)

    await eventually(renewed)
    assert (await fleet.desired(written)).seq == before.seq


async def test_a_manifest_opens_the_devices_own_files_and_no_others(fleet: Any) -> None:
    device, other = await fleet.claimed(), await fleet.claimed()
    await _issue(fleet, device, 1, "mine")
    await _issue(fleet, other, 1, "theirs")
    client = await device.connect()
    mine, theirs, rundown = _blob("mine").sha256, _blob("theirs").sha256, _blob("rundown 1").sha256
    body = json.dumps({"sha256": [mine, theirs, rundown]}).encode()
    answer = json.loads((await client.request(f"dev.rpc.{device.id}.manifest", body, timeout=30)).data)
    assert sorted(answer["urls"]) == sorted([mine, rundown])
    assert answer["refused"] == [theirs]
    address = answer["urls"][mine]
    assert address.startswith("http://gateway.test/media/")
    key = SigningKey(fleet.nats.ring.fleet_file.read_bytes())
    parts = urlsplit(address)
    now = fleet.running.service.clock.now().timestamp()
    assert check_path(KeySet({key.kid: key.public}), f"{parts.path}?{parts.query}", now + 890) == mine


async def test_the_snapshot_tells_the_time(fleet: Any) -> None:
    device = await fleet.claimed()
    client = await device.connect()
    answer = json.loads((await client.request(f"dev.rpc.{device.id}.snapshot", b"{}", timeout=30)).data)
    assert answer["now"][:10] == fleet.running.service.clock.now().isoformat()[:10]
