"""Alerts at a device: over a real nats-server, with nothing else of the platform needed."""

import asyncio
import os
from datetime import timedelta

import pytest

from lantoa_devicekit.sounds import Sounds
from lantoa_signing.documents import SigningKey
from lantoa_testing import eventually
from lantoa_testing.obeying import add_sound, hearing, issue, notice, order, stages


@pytest.fixture
async def heard(platform):
    """A claimed device that has its desired state, and what it was told."""
    await platform.put(platform.desired(1, None))
    async with platform.device() as (device, orders):
        await hearing(device)
        yield orders


def refs(orders):
    return [tuple(active.ref for active in told) for told in orders.alerts]


async def until_refs(orders, *wanted):
    await eventually(lambda: refs(orders) and refs(orders)[-1] == wanted)


async def test_an_alert_is_told_at_once_acknowledged_once_and_cancelled(platform, heard):
    await issue(platform, order(platform, 1, [notice(platform)]))
    await issue(platform, order(platform, 1, [notice(platform)], "unit.u-1"), "unit.u-1")
    await until_refs(heard, "ntc-1.1")
    assert await stages(platform, "ntc-1.1", "verified") == ["verified"]
    await issue(platform, order(platform, 2, [notice(platform, ver=2)]))
    await until_refs(heard, "ntc-1.2")
    await issue(platform, order(platform, 3))
    await until_refs(heard)
    await issue(platform, order(platform, 2, [notice(platform, "ntc-2")], "unit.u-1"), "unit.u-1")
    await until_refs(heard, "ntc-2.1")
    assert refs(heard)[:-1] == [("ntc-1.1",), ("ntc-1.2",), ()], "the old version in the other scope does not come back"
    acks = await platform.until_stored("ack", 3)
    assert sorted(ack["local_id"] for ack in acks) == [f"ntc-{ref}.verified" for ref in ("1.1", "1.2", "2.1")]
    assert await platform.stored("alarm") == []


async def test_what_a_slow_disk_held_up_is_not_told_after_a_newer_order(platform, heard, monkeypatch):
    disk, looked = asyncio.Event(), asyncio.Event()

    async def want(*_):
        looked.set()
        await disk.wait()

    monkeypatch.setattr(Sounds, "want", want)
    await issue(platform, order(platform, 1, [notice(platform)]))
    await until_refs(heard, "ntc-1.1")
    await looked.wait()
    await issue(platform, order(platform, 2))
    await until_refs(heard)
    looked.clear()
    disk.set()
    await looked.wait()
    assert refs(heard) == [("ntc-1.1",), ()]


async def test_who_connects_while_the_bucket_takes_nothing_hears_the_order_from_the_service(platform):
    said = order(platform, 1, [notice(platform)]).model_dump_json().encode()

    async def answer(_):
        await platform.whisper(said, "alert")

    await platform.nc.subscribe("dev.rpc.*.alerts", cb=answer)
    await platform.put(platform.desired(1, None))
    async with platform.device() as (_, orders):
        await until_refs(orders, "ntc-1.1")


async def test_an_exercise_is_acknowledged_and_neither_sounded_nor_shown(platform, heard):
    await issue(platform, order(platform, 1, [notice(platform, status="exercise")]))
    assert await stages(platform, "ntc-1.1", "verified") == ["verified"]
    await issue(platform, order(platform, 2, [notice(platform, "ntc-2")]))
    await until_refs(heard, "ntc-2.1")
    assert refs(heard) == [("ntc-2.1",)]


async def test_what_is_not_a_fitting_order_is_counted_by_its_reason_and_never_obeyed(platform):
    await platform.put(platform.desired(1, None))
    async with platform.device(alarm_every_s=0.1) as (device, orders):
        await hearing(device)
        await issue(platform, order(platform, 5, [notice(platform, "ntc-5")]))
        await until_refs(orders, "ntc-5.1")
        good = order(platform, 9, [notice(platform, "ntc-9")])
        bad = [
            order(platform, 9, [notice(platform, "ntc-9")], signer=platform.signer),
            order(platform, 9, [notice(platform, "ntc-9")], signer=SigningKey(os.urandom(32))),
            good.model_copy(update={"sig": order(platform, 8).sig}),
            order(platform, 9, [notice(platform, "ntc-9")], "unit.u-2"),
            order(platform, 9, [notice(platform, "ntc-9")], exp=platform.now() - timedelta(minutes=1)),
            order(platform, 4, [notice(platform, "ntc-9")]),
            order(platform, 5, [notice(platform, "ntc-5")]),
        ]
        for document in bad:
            await platform.nc.publish("dev.bc.all.alert", document.model_dump_json().encode())
        await platform.whisper(b"{}", "alert")
        wanted = {"key_use", "unknown_key", "signature", "audience", "expired", "old", "malformed"}
        await eventually(lambda: device.alarms.refusals.keys() >= wanted)
        assert device.alarms.refusals == dict.fromkeys(wanted, 1)

        async def told():
            counted = [alarm["reasons"] for alarm in await platform.stored("alarm")]
            return set().union(*counted) == wanted

        await eventually(told)
        assert {ref for told_now in refs(orders) for ref in told_now} == {"ntc-5.1"}


async def test_a_device_that_was_away_finds_the_alert_and_does_not_begin_a_finished_one_again(platform):
    await platform.put(platform.desired(1, None))
    await platform.js.publish(
        "$KV.alert.unit.u-1.alert",
        order(platform, 3, [notice(platform)], "unit.u-1").model_dump_json().encode(),
    )
    async with platform.device() as (device, orders):
        await until_refs(orders, "ntc-1.1")
        assert not orders.alerts[-1][0].finished
        await device.acknowledge(orders.alerts[-1][0].notice, "finished")
        await stages(platform, "ntc-1.1", "finished")
    await platform.nats.kill()
    await platform.gateway.stop()
    async with platform.device() as (device, orders):
        await until_refs(orders, "ntc-1.1")
        assert orders.alerts[-1][0].finished
        assert not device.connected
        await platform.nats.start()
        await eventually(lambda: device.connected)
        old = order(platform, 2, [notice(platform, "ntc-2")], "unit.u-1")
        await platform.nc.publish("dev.bc.unit.u-1.alert", old.model_dump_json().encode())
        await platform.whisper(old.model_dump_json().encode(), "alert")
        await eventually(lambda: device.alarms.refusals["old"] == 2)
    assert refs(orders) == [("ntc-1.1",)]


async def test_an_alert_needs_neither_gateway_nor_bucket_and_comes_before_a_backlog_of_proofs(platform):
    await platform.put(platform.desired(1, None))
    async with platform.device() as (device, orders):
        await hearing(device)
        await platform.gateway.stop()
        for name in ("KV_alert", "KV_desired"):
            await platform.js.delete_stream(name)
        await eventually(lambda: not device.connected)
        document = order(platform, 1, [notice(platform)])
        await platform.nc.publish("dev.bc.all.alert", document.model_dump_json().encode())
        await until_refs(orders, "ntc-1.1")


async def test_a_sound_comes_by_broadcast_and_from_the_bucket(platform, heard, make_opus):
    data = make_opus(20.0)
    assert len(data) > 48 * 1024
    sound = await add_sound(platform, data)  # Nobody waits for it yet: the device asks the bucket.
    await issue(platform, order(platform, 1, [notice(platform, sound=sound)]))
    await until_refs(heard, "ntc-1.1")
    assert heard.alerts[0][0].sound is None, "the order does not wait for it"
    await eventually(lambda: heard.alerts[-1][0].sound)
    assert heard.alerts[-1][0].sound.read_bytes() == data
    assert await platform.stored("alarm") == []


async def test_a_device_that_moves_hears_its_new_unit_and_no_longer_the_old_one(platform, heard):
    await issue(platform, order(platform, 1, [notice(platform)], "unit.u-1"), "unit.u-1")
    await until_refs(heard, "ntc-1.1")
    data = order(platform, 1, [notice(platform, "ntc-2")]).model_dump_json().encode()
    await platform.put(platform.desired(2, None, alert_scopes=()))
    await until_refs(heard)
    await platform.js.publish("$KV.alert.all.alert", data)
    await platform.put(platform.desired(3, None, alert_scopes=("all",)))
    await until_refs(heard, "ntc-2.1")


async def test_a_notice_that_seemed_over_by_a_wrong_clock_is_told_once_it_is_set_right(platform):
    await issue(platform, order(platform, 1, [notice(platform)]))
    platform.clock_ahead = timedelta(hours=2)
    async with platform.device() as (device, _):
        await eventually(lambda: device.clock.offset_ms > 3_600_000)
    await platform.put(platform.desired(1, None))
    async with platform.device() as (device, orders):
        await eventually(lambda: device._listener._highest.get("all") == 1)
        assert orders.alerts == []
        platform.clock_ahead = timedelta(0)
        await until_refs(orders, "ntc-1.1")


async def test_a_notice_ends_by_itself(platform, heard):
    await issue(platform, order(platform, 1, [notice(platform)]))
    await until_refs(heard, "ntc-1.1")
    platform.clock_ahead = timedelta(minutes=11)
    await until_refs(heard)
