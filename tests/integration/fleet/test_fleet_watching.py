"""States that outlive a restart, lists for many, drift that heals, alarms that come and go by themselves."""

import csv
import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lantoa_contracts.base import BlobRef, SignedDocument
from lantoa_contracts.catalogue import ALARM_RAISED, ALARM_RESOLVED, DEVICE_ALARM, RUNDOWN_ISSUED
from lantoa_contracts.device import Alarm, Desired, Heartbeat
from lantoa_contracts.events.broadcast import RundownIssued, SessionSpan
from lantoa_runtime.http.auth import Caller, Grant
from lantoa_testing import eventually

# nats-py leaves the socket of a refused or kicked client to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
REPORTER = Caller("p-report", "Người xem", (Grant("reporter", "u-1"),))
ELSEWHERE = Caller("p-else", "Kỹ thuật viên khác", (Grant("technician", "u-2"),))
GRACE_S, LEASE_S = 1.0, 1.5


@pytest.fixture
def fleet_settings(fleet_settings: dict[str, Any]) -> dict[str, Any]:
    quick = {
        "lease_s": LEASE_S,
        "alarm_s": 0.2,
        "snapshot_s": 0.3,
        "grace_s": GRACE_S,
        "drift_s": 1.0,
        "roster_s": 600.0,
    }
    return {**fleet_settings, **quick}


def later(fleet: Any, **by: float) -> None:
    """Let time pass for the service."""
    fleet.running.service.clock._shift += timedelta(**by)


async def beat(fleet: Any, device: Any, **changes: Any) -> None:
    """A heartbeat as it reaches the platform."""
    told = {"at": datetime.now(UTC), "version": "1.0", "state": "idle", "desired_seq": 1, "disk_free_mb": 9000}
    body = Heartbeat(**{**told, **changes}).model_dump_json().encode()  # type: ignore[arg-type]
    await fleet.platform.publish(f"dev.up.{device.id}.hb", body)


async def until(fleet: Any, device: Any, **wanted: Any) -> dict[str, Any]:
    """The device as the API shows it, once it shows what is wanted."""

    async def shown() -> Any:
        look = await fleet.look(device)
        return look if all(look[name] == value for name, value in wanted.items()) else None

    return dict(await eventually(shown, 60))


Stand = Callable[..., Awaitable[list[Any]]]


@pytest.fixture
def stand(fleet: Any) -> Stand:
    """Devices as documents, as if claimed long ago; they need no connection of their own."""

    async def make(unit_id: str, count: int, *, online: bool = True, name: str = "Loa") -> list[Any]:
        template = await fleet.documents.find_one({"_id": (await fleet.claimed(unit_id)).id})
        made = [fleet.device() for _ in range(count)]
        for number, device in enumerate(made):
            fields = {"_id": device.id, "claim_code": device.id, "public_key": device.public}
            fields |= {"name": f"{name} {number:03}", "lat": 9.9, "lon": 106.3} | ({"online": True} if online else {})
            await fleet.documents.insert_one({**template, **fields})
        await fleet.documents.delete_one({"_id": template["_id"]})
        fleet.versions = getattr(fleet, "versions", 1) + 1
        await fleet.unit(unit_id, ver=fleet.versions)  # Everything is read again.

        async def known() -> bool:
            _, answer, _ = await fleet.call("GET", "/map")
            return {device.id for device in made} <= {point[0] for point in answer["points"]}

        await eventually(known)
        return made

    return make


# -- states ---------------------------------------------------------------------------------------------------------


async def test_what_a_device_last_said_outlives_a_restart_and_writes_no_document_of_its_own(
    fleet: Any, start_fleet: Any
) -> None:
    device = await fleet.claimed()
    before = await fleet.documents.find_one({"_id": device.id})
    for volume in (10, 20, 30):
        await beat(fleet, device, volume=volume, temperature_c=41.5, signal_dbm=-70, now="Bản tin")
    await until(fleet, device, volume=30, temperature_c=41.5, signal_dbm=-70, version="1.0")
    assert (await fleet.documents.find_one({"_id": device.id}))["last_seen"] == before["last_seen"]

    async def written() -> bool:
        return bool(await fleet.running.service.db["states"].count({}))

    await eventually(written)
    await fleet.running.stop()
    fleet.running = await start_fleet()
    look = await until(fleet, device, volume=30, version="1.0")
    assert look["last_seen"] > before["last_seen"].isoformat()


async def test_two_replicas_hear_the_same_and_one_of_them_writes_it_down(fleet: Any, start_fleet: Any) -> None:
    device = await fleet.claimed()
    second = await start_fleet()
    for running in (fleet.running, second):

        async def shown(running: Any = running) -> bool:
            await beat(fleet, device, volume=55)
            _, look, _ = await running.call("GET", f"/devices/{device.id}", Caller("p", "P", REPORTER.grants))
            return bool(look["volume"] == 55)

        await eventually(shown)
    await fleet.running.stop()
    fleet.running = second
    until = second.service.clock.now() + timedelta(seconds=LEASE_S)  # The longest that the one who stopped may have it.

    async def kept() -> bool:
        return [one["until"] > until for one in await second.service.db["leases"].find({})] == [True]

    await eventually(kept)


async def test_hours_are_kept_by_the_day_and_shown_with_the_one_that_runs(fleet: Any) -> None:
    device = await fleet.claimed()
    later(fleet, minutes=65 - fleet.running.service.clock.now().minute)  # No hour ends while the test looks.
    await beat(fleet, device, state="playing", clock_offset_ms=-300, temperature_c=50.0, boots=4)
    await until(fleet, device, temperature_c=50.0)
    await beat(fleet, device, disk_free_mb=700, temperature_c=45.0, boots=6)
    await until(fleet, device, temperature_c=45.0)
    later(fleet, hours=1)

    async def kept() -> bool:
        return bool(await fleet.running.service.db["days"].count({"device_id": device.id}))

    await eventually(kept)
    await beat(fleet, device, temperature_c=20.0)
    await until(fleet, device, temperature_c=20.0)
    _, answer, _ = await fleet.call("GET", f"/devices/{device.id}/hours?days=2", REPORTER)
    first, running = answer["items"]
    worst = {"beats": 2, "offset": -300, "disk": 700, "temperature": 50.0, "restarts": 2}
    assert {name: first[name] for name in worst} == worst
    assert (first["online"], first["playing"]) in ((1, 1), (2, 1), (1, 2), (2, 2))
    assert (running["beats"], running["temperature"]) == (1, 20.0)
    assert (await fleet.call("GET", f"/devices/{device.id}/hours", ELSEWHERE))[0] == 404


# -- lists ----------------------------------------------------------------------------------------------------------


async def test_lists_map_and_sums_show_the_same_devices_to_whoever_may_see_them(fleet: Any, stand: Stand) -> None:
    here = await stand("u-1", 12, name="Loa chợ")
    await stand("u-2", 3, online=False, name="=cmd|' /C calc'!A0")
    await beat(fleet, here[0], version="2.0")
    await until(fleet, here[0], version="2.0")
    names, cursor = [], ""
    while cursor is not None:
        _, page, _ = await fleet.call("GET", f"/devices?limit=5&q=CHO{'&cursor=' + cursor if cursor else ''}")
        names += [item["name"] for item in page["items"]]
        cursor = page["next"]
    assert names == [f"Loa chợ {number:03}" for number in range(12)]
    for query, count in (("version=2.0", 1), ("state=offline", 3), ("state=online&unit_id=u-1", 12), ("kind=board", 0)):
        _, page, _ = await fleet.call("GET", f"/devices?{query}")
        assert len(page["items"]) == count, query
    _, points, _ = await fleet.call("GET", "/map")
    assert points["total"] == 15
    _, points, _ = await fleet.call("GET", "/map?unit_id=u-2")
    assert points["points"][0][2:] == ["radio", 9.9, 106.3, "offline", "u-2"]
    _, answer, _ = await fleet.call("GET", "/summary")
    sums = {unit["unit_id"]: (unit["total"], unit["online"]) for unit in answer["units"]}
    assert sums == {"u-province": (15, 12), "u-1": (12, 12), "u-2": (3, 0)}
    _, answer, _ = await fleet.call("GET", "/summary", REPORTER)
    assert [(unit["unit_id"], unit["unit_name"]) for unit in answer["units"]] == [("u-1", "Xã u-1")]
    _, points, _ = await fleet.call("GET", "/map", REPORTER)
    assert points["total"] == 12
    assert (await fleet.call("GET", "/map", Caller("gateway", "anonymous")))[0] == 401
    assert (await fleet.call("GET", "/devices?cursor=nobody"))[0] == 400


async def test_the_spreadsheet_opens_in_vietnamese_and_runs_nothing(fleet: Any, stand: Stand) -> None:
    await stand("u-1", 2, name="=HYPERLINK(1)")
    status, body, headers = await fleet.call("GET", "/devices.csv?unit_id=u-1")
    assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert body.startswith("\ufeff".encode())
    head, *rows = csv.reader(io.StringIO(body.decode("utf-8-sig")))
    assert head[:3] == ["Mã thiết bị", "Tên", "Loại"]
    assert [row[1] for row in rows] == ["'=HYPERLINK(1) 000", "'=HYPERLINK(1) 001"]
    assert rows[0][3] == "Xã u-1"
    _, body, _ = await fleet.call("GET", "/devices.csv?unit_id=u-9", headers={"Accept-Language": "en"})
    assert body.decode("utf-8-sig").startswith("Device,Name,Kind")


# -- drift ----------------------------------------------------------------------------------------------------------


async def test_a_device_that_lags_is_shown_and_told_again(fleet: Any) -> None:
    device = await fleet.claimed()
    client = await device.connect()
    await fleet.wait_online(device)
    heard = await client.subscribe(f"dev.dn.{device.id}.desired")
    await device.barrier(client)
    await beat(fleet, device, desired_seq=0)
    await until(fleet, device, states=["drift", "online"])
    _, page, _ = await fleet.call("GET", "/devices?state=drift")
    assert [item["device_id"] for item in page["items"]] == [device.id]
    message = await heard.next_msg(timeout=30)
    desired = Desired.model_validate_json(SignedDocument.model_validate_json(message.data).p)
    await beat(fleet, device, desired_seq=desired.seq)
    await until(fleet, device, states=["online"])


# -- alarms ---------------------------------------------------------------------------------------------------------


async def alarms(fleet: Any, *path: Any, count: int, step_s: float = 20) -> list[dict[str, Any]]:
    """The open alarms, once there are so many; meanwhile time passes quickly."""

    async def there() -> Any:
        later(fleet, seconds=step_s)
        _, page, _ = await fleet.call("GET", "/alarms", *path)
        return [page["items"]] if len(page["items"]) == count else None

    (found,) = await eventually(there, 40, every=0.3)
    return list(found)


async def test_a_device_that_goes_is_an_alarm_until_it_comes_back(fleet: Any) -> None:
    device = await fleet.claimed()
    client = await device.connect()
    await fleet.wait_online(device)
    await client.close()
    await fleet.wait_online(device, online=False)
    (alarm,) = await alarms(fleet, count=1)
    assert (alarm["code"], alarm["unit_id"], alarm["unit_name"]) == ("offline", "u-1", "Xã u-1")
    assert [one["device_id"] for one in alarm["sample"]] == [device.id]
    await until(fleet, device, states=["alarm", "offline"])
    raised = await fleet.events.wait(ALARM_RAISED)
    assert (raised.alarm_id, raised.devices) == (alarm["alarm_id"], 1)

    path = f"/alarms/{alarm['alarm_id']}/acknowledge"
    assert (await fleet.call("POST", path, REPORTER, json={}))[0] == 403
    assert (await fleet.call("POST", path, ELSEWHERE, json={}))[0] == 404
    _, taken, _ = await fleet.call("POST", path, json={"note": "đang đi sửa"})
    assert (taken["acknowledged"]["by_name"], taken["acknowledged"]["note"]) == ("Kỹ thuật viên", "đang đi sửa")
    other = Caller("p-2", "Người hai", (Grant("technician", "u-1"),))
    assert (await fleet.call("POST", path, other, json={}))[0] == 409

    await device.connect()
    await fleet.wait_online(device)
    await alarms(fleet, count=0)
    assert (await fleet.events.wait(ALARM_RESOLVED)).alarm_id == alarm["alarm_id"]
    _, page, _ = await fleet.call("GET", "/alarms?state=closed&unit_id=u-1", REPORTER)
    assert [one["alarm_id"] for one in page["items"]] == [alarm["alarm_id"]]
    assert page["items"][0]["closed_at"]


async def test_a_power_cut_of_the_province_is_one_alarm_whoever_looks(fleet: Any, stand: Stand) -> None:
    for number in range(4):
        await stand(f"u-{number + 1}", 5, online=False)
    (alarm,) = await alarms(fleet, count=1)
    while alarm["devices"] < 20:  # Those that went last count a little later.
        (alarm,) = await alarms(fleet, count=1)
    assert (alarm["unit_id"], alarm["devices"]) == ("u-province", 20)
    (alarm,) = await alarms(fleet, REPORTER, count=1, step_s=0)
    assert (alarm["devices"], alarm["most"]) == (5, 20)
    await fleet.events.wait(ALARM_RAISED)
    assert len(await fleet.events.all(ALARM_RAISED)) == 1

    async def all_shown() -> bool:
        _, points, _ = await fleet.call("GET", "/map?state=alarm")
        return bool(points["total"] == 20)

    await eventually(all_shown)


async def test_silence_in_a_session_and_what_devices_tell_are_alarms_of_their_own(fleet: Any, stand: Stand) -> None:
    silent, told = await stand("u-1", 2)
    now = datetime.now(UTC)
    rundown = BlobRef(sha256="a" * 64, bytes=1, media_type="application/json")
    span = SessionSpan(starts_at=now - timedelta(minutes=5), ends_at=now + timedelta(hours=2))
    await fleet.events.publish(
        RUNDOWN_ISSUED, RundownIssued(device_id=silent.id, ver=1, rundown=rundown, media=(), sessions=(span,))
    )
    look = await until(fleet, silent, desired_seq=2)
    alarm = Alarm(
        local_id="s.1", code="signature_refused", at=now, count=7, reasons={"signature": 5, "made_up": 2}
    )  # fmt: skip
    await fleet.events.publish_device(DEVICE_ALARM, told.id, alarm.model_dump_json().encode())
    for volume in (1, 2):
        later(fleet, seconds=30)
        await beat(fleet, silent, state="idle", desired_seq=look["desired_seq"], volume=volume)
        await until(fleet, silent, volume=volume)
    found = await alarms(fleet, count=2)
    assert {(one["code"], one["sample"][0]["device_id"]) for one in found} == {
        ("silent", silent.id),
        ("signature_refused", told.id),
    }

    async def counted() -> list[str] | None:
        async with fleet.running.session.get(f"{fleet.running.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return lines if 'lantoa_fleet_alarms_open{code="silent"} 1.0' in lines else None

    lines: Any = await eventually(counted)
    for reason in ("signature", "other"):
        line = next(line for line in lines if line.startswith(f'lantoa_fleet_refusals_total{{reason="{reason}"}} '))
        assert float(line.split()[-1]) >= 2.0
