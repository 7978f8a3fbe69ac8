"""A device's way: it enrols, is claimed, moves and is revoked, and everybody sees the same."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nats.errors import Error as NatsError

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.catalogue import (
    DEVICE_ALARM,
    DEVICE_CLAIMED,
    DEVICE_MOVED,
    DEVICE_OFFLINE,
    DEVICE_ONLINE,
    DEVICE_REPORTED,
    DEVICE_REVOKED,
)
from lantoa_contracts.device import Alarm, Heartbeat, Reported
from lantoa_runtime.http.auth import Caller, Grant
from lantoa_signing.documents import SigningKey, open_key_set, unb64
from lantoa_testing import eventually

# nats-py leaves the socket of a refused or kicked client to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
ELSEWHERE = Caller("p-else", "Người khác", (Grant("technician", "u-2"),))
AUTHOR = Caller("p-author", "Người viết", (Grant("author", "u-1"),))
NOBODY = Caller("gateway", "anonymous")


async def test_a_device_waits_with_its_code_until_a_technician_claims_it(fleet: Any) -> None:
    await fleet.unit("u-1")
    device = fleet.device()
    status, answer = await fleet.enrol(device)
    assert (status, answer["state"], answer["device_id"]) == (202, "pending", device.id)
    assert await fleet.enrol(device) == (status, answer), "the code stays while it is valid"
    status, claimed = await fleet.claim(device, "u-1")
    assert status == 200
    assert (claimed["device_id"], claimed["state"], claimed["unit_name"]) == (device.id, "accepted", "Xã u-1")
    status, answer = await fleet.enrol(device)
    assert status == 200
    assert (answer["state"], answer["unit_id"], answer["nats_urls"]) == ("accepted", "u-1", [fleet.nats.url])
    keys = open_key_set(SignedDocument.model_validate(answer["key_set"]), unb64(answer["root_public_key"]))
    assert SigningKey(fleet.nats.ring.fleet_file.read_bytes()).kid in keys.keys
    event = await fleet.events.wait(DEVICE_CLAIMED)
    assert (event.device_id, event.public_key, event.claimed_by) == (device.id, device.public, "p-tech")


async def test_an_enrolment_without_proof_of_possession_is_refused(fleet: Any) -> None:
    refused: list[tuple[dict[str, str], str]] = [
        ({"signature": "AAAA"}, "fleet.signature-refused"),
        ({"at": (datetime.now(UTC) - timedelta(minutes=11)).isoformat()}, "fleet.clock-off"),
        ({"at": "hôm nay"}, "value-wrong"),
        ({"public_key": "UAAAA"}, "fleet.not-a-device-key"),
        ({"kind": "toaster"}, "invalid-request"),
    ]
    for changes, code in refused:
        status, answer = await fleet.enrol(fleet.device(), **changes)
        assert (status, answer["code"]) == (422, code)


async def test_another_device_cannot_enrol_in_the_name_of_this_one(fleet: Any) -> None:
    mine, other = fleet.device(), fleet.device()
    body = other.enrolment()
    status, answer, _ = await fleet.call("POST", "/enrolments", NOBODY, json={**body, "public_key": mine.public})
    assert (status, answer["code"]) == (422, "fleet.signature-refused")


async def test_a_wrong_code_is_told_in_vietnamese_and_claims_nothing(fleet: Any) -> None:
    await fleet.unit("u-1")
    status, answer = await fleet.claim(fleet.device(), "u-1")
    assert (status, answer["code"]) == (422, "fleet.unknown-claim-code")
    assert answer["title"] == "Không có thiết bị nào mang mã này"


async def test_only_a_technician_of_the_unit_may_claim_there(fleet: Any) -> None:
    await fleet.unit("u-1")
    device = fleet.device()
    await fleet.enrol(device)
    for caller, refused in ((ELSEWHERE, 403), (AUTHOR, 403), (NOBODY, 401)):
        assert (await fleet.claim(device, "u-1", caller))[0] == refused
    status, answer = await fleet.claim(device, "u-nowhere")
    assert (status, answer["code"]) == (422, "unknown-unit")


async def test_a_repeated_claim_is_the_same_claim_and_a_second_technician_is_told(fleet: Any) -> None:
    device = await fleet.claimed()
    status, again = await fleet.claim(device, "u-1")
    assert (status, again["ver"]) == (200, device.ver)
    other = Caller("p-other", "Người khác", (Grant("technician", "u-1"),))
    status, answer = await fleet.claim(device, "u-1", other)
    assert (status, answer["code"]) == (409, "fleet.already-claimed")
    await fleet.events.wait(DEVICE_CLAIMED)
    assert len(await fleet.events.all(DEVICE_CLAIMED)) == 1


async def test_people_see_the_devices_of_their_own_units_only(fleet: Any) -> None:
    here, there = await fleet.claimed("u-1"), await fleet.claimed("u-2")
    _, page, _ = await fleet.call("GET", "/devices", AUTHOR)
    assert [device["device_id"] for device in page["items"]] == [here.id]
    _, page, _ = await fleet.call("GET", "/devices?unit_id=u-2", AUTHOR)
    assert page["items"] == []
    assert (await fleet.call("GET", f"/devices/{there.id}", AUTHOR))[0] == 404
    assert (await fleet.call("GET", "/devices", NOBODY))[0] == 401
    _, first, _ = await fleet.call("GET", "/devices?kind=radio&limit=1")
    _, second, _ = await fleet.call("GET", f"/devices?kind=radio&limit=1&cursor={first['next']}")
    assert [page["items"][0]["device_id"] for page in (first, second)] == sorted([here.id, there.id])
    assert second["next"] is None


async def test_a_move_changes_rights_and_signed_state_at_once(fleet: Any) -> None:
    await fleet.unit("u-2")
    device = await fleet.claimed("u-1")
    client = await device.connect()
    before = await fleet.desired(device)
    moved = await fleet.change(device, "move", {"unit_id": "u-2"})
    assert moved["unit_id"] == "u-2"
    await eventually(lambda: client.is_closed)
    event = await fleet.events.wait(DEVICE_MOVED)
    assert (event.previous_unit_id, event.unit_id) == ("u-1", "u-2")
    after = await fleet.desired(device)
    assert after.seq > before.seq
    assert after.alert_scopes == ("all", "unit.u-province", "unit.u-2")

    async def heard_on(scope: str) -> list[bool] | None:
        """Whether it hears; ``None`` when it was cut once more, having come before the change was everywhere."""
        client, heard = await device.connect(), []

        async def hear(message: Any) -> None:
            heard.append(message)

        try:
            await client.subscribe(f"dev.bc.unit.{scope}.alert", cb=hear)
            command = await client.subscribe(f"dev.dn.{device.id}.cmd")
            await device.barrier(client)
            await fleet.platform.publish(f"dev.bc.unit.{scope}.alert", b"!")
            await fleet.platform.publish(f"dev.dn.{device.id}.cmd", b"after it, on the same connection")
            await command.next_msg(timeout=5)
            await client.close()
        except NatsError:
            return None
        return [bool(heard)]

    async def hears(scope: str) -> bool:
        (found,) = await eventually(lambda: heard_on(scope), 60)
        return bool(found)

    async def new_rights() -> bool:
        return await hears("u-2") and not await hears("u-1")

    await eventually(new_rights)


async def test_a_stale_version_and_a_missing_one_are_refused(fleet: Any) -> None:
    device = await fleet.claimed()
    assert (await fleet.call("POST", f"/devices/{device.id}/revoke"))[0] == 428
    old = {"If-Match": '"7"'}
    assert (await fleet.call("POST", f"/devices/{device.id}/revoke", headers=old))[0] == 412
    assert (await fleet.look(device))["state"] == "accepted"


async def test_a_revoked_device_is_cut_and_never_comes_back(fleet: Any) -> None:
    """How soon is measured in ``test_fleet_cut``."""
    device = await fleet.claimed()
    client = await device.connect()
    await fleet.wait_online(device)
    assert (await fleet.change(device, "revoke"))["state"] == "revoked"
    await eventually(lambda: client.is_closed)

    async def settled() -> bool:
        document = await fleet.documents.find_one({"_id": device.id})
        return "kick_due" not in document and not document.get("online") and await device.try_connect() is None

    await eventually(settled)
    assert (await fleet.enrol(device))[0] == 403
    assert (await fleet.claim(device, "u-1"))[0] == 409
    assert (await fleet.events.wait(DEVICE_REVOKED)).device_id == device.id


async def test_presence_counts_connections_and_tells_the_first_and_the_last(fleet: Any) -> None:
    device = await fleet.claimed()
    one = await device.connect()
    await fleet.wait_online(device)
    two = await device.connect()
    await one.close()
    await two.publish(f"dev.up.{device.id}.hb", _beat("Bản tin").model_dump_json().encode())

    async def heard() -> bool:
        return bool((await fleet.look(device))["now"] == "Bản tin")

    await eventually(heard)
    assert (await fleet.look(device))["online"]
    await two.close()
    await fleet.wait_online(device, online=False)
    offline = await fleet.events.wait(DEVICE_OFFLINE)
    assert "Closed" in offline.reason
    assert len(await fleet.events.all(DEVICE_ONLINE)) == 1
    assert len(await fleet.events.all(DEVICE_OFFLINE)) == 1


def _beat(now: str) -> Heartbeat:
    return Heartbeat(at=datetime.now(UTC), version="0.1.0", state="playing", desired_seq=1, now=now)


async def test_after_a_restart_fleet_knows_again_who_is_connected_and_who_has_gone(
    fleet: Any, start_fleet: Any
) -> None:
    stays, goes = await fleet.claimed(), await fleet.claimed()
    kept, gone = await stays.connect(), await goes.connect()
    await fleet.wait_online(stays)
    await fleet.wait_online(goes)
    await fleet.running.stop()
    await gone.close()
    fleet.running = await start_fleet()
    await fleet.wait_online(goes, online=False)
    assert (await fleet.look(stays))["online"]
    await fleet.change(stays, "revoke")
    await eventually(lambda: kept.is_closed)


async def test_reports_and_alarms_of_a_device_are_shown(fleet: Any) -> None:
    device = await fleet.claimed()
    client = await device.connect()
    now = datetime.now(UTC)
    jetstream = client.jetstream()
    report = Reported(at=now, desired_seq=1, rundown_ver=0, media_ready=0, media_wanted=0)
    await jetstream.publish(f"dev.up.{device.id}.reported", report.model_dump_json().encode())
    alarm = Alarm(local_id="disk_full.1", code="disk_full", at=now, count=2, detail="đầy")
    for local_id in ("disk_full.1", "disk_full.1", "disk_full.2"):
        body = alarm.model_copy(update={"local_id": local_id}).model_dump_json().encode()
        await jetstream.publish(f"dev.up.{device.id}.alarm", body)

    async def shown() -> bool:
        look = await fleet.look(device)
        return look["in_sync"] and [alarm["count"] for alarm in look["alarms"]] == [4]

    await eventually(shown)


async def test_an_old_report_does_not_replace_a_newer_one(fleet: Any) -> None:
    device = await fleet.claimed()
    now = datetime.now(UTC)
    report = Reported(at=now, desired_seq=2, rundown_ver=0, media_ready=0, media_wanted=0)
    await fleet.events.publish_device(DEVICE_REPORTED, device.id, report.model_dump_json().encode())

    async def newest() -> bool:
        return bool((await fleet.look(device))["reported_seq"] == 2)

    await eventually(newest)
    later = {"$set": {"reported_at": now + timedelta(hours=1)}}
    await fleet.documents.update_one({"_id": device.id}, later)
    older = report.model_copy(update={"desired_seq": 1})
    await fleet.events.publish_device(DEVICE_REPORTED, device.id, older.model_dump_json().encode())
    await fleet.events.handled(DEVICE_REPORTED, "fleet")
    assert await newest()


async def test_a_malformed_device_message_is_dead_and_stops_nothing(fleet: Any) -> None:
    device = await fleet.claimed()
    await fleet.events.publish_device(DEVICE_ALARM, device.id, json.dumps({"code": "?"}).encode())
    alarm = Alarm(local_id="clock_off.1", code="clock_off", at=datetime.now(UTC))
    await fleet.events.publish_device(DEVICE_ALARM, device.id, alarm.model_dump_json().encode())

    async def shown() -> bool:
        return [alarm["code"] for alarm in (await fleet.look(device))["alarms"]] == ["clock_off"]

    await eventually(shown)
    assert await eventually(lambda: fleet.events.dead("fleet"))


async def test_a_unit_that_gets_another_parent_takes_its_devices_with_it(fleet: Any) -> None:
    device = await fleet.claimed("u-1")
    before = await fleet.desired(device)
    await fleet.unit("u-1", ver=2, path=("u-province", "u-new", "u-1"))

    async def told() -> bool:
        desired = await fleet.desired(device)
        return bool(desired.seq > before.seq and "unit.u-new" in desired.alert_scopes)

    await eventually(told)
