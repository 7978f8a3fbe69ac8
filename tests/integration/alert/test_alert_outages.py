"""What may go wrong around an alert: no database, a server or a process that dies, a bucket that fails, two at once."""

import asyncio

from alert_world import CAU_KE, NOWHERE, TRA_CU, person

from lantoa_alert.adapters.nats import NatsBucket
from lantoa_contracts.catalogue import DEVICE_ACK, NOTICE_ISSUED
from lantoa_testing import eventually


async def test_it_is_ready_without_a_database(province):
    assert province.running.service.settings.mongo_url == NOWHERE

    async def ready():
        async with province.running.session.get(f"{province.running.url}/readyz") as answer:
            return (answer.status, await answer.json()) == (200, {"failures": []})

    await eventually(ready)


async def test_a_new_process_knows_what_the_old_one_knew(province):
    issued = await province.issue()
    await province.ack("d-1", f"{issued['id']}.1", "verified")

    async def one_verified(running):
        _, reach, _ = await running.call("GET", f"/notices/{issued['id']}/reach", person("hung"))
        totals = reach.get("totals", {})
        return totals.get("verified") == 1 and totals["devices"] == 2

    await eventually(lambda: one_verified(province.running))
    await eventually(lambda: len(province.ears.orders(f"dev.bc.unit.{CAU_KE}.alert")) == 2)  # Said, and stored.
    await province.running.stop()
    province.running = await province.second()
    await eventually(lambda: one_verified(province.running))
    again = await province.get(f"/notices/{issued['id']}")
    assert again["state"] == "in_force"
    # What devices have been told is not said to all of them again because a process began.
    assert len(province.ears.orders(f"dev.bc.unit.{CAU_KE}.alert")) == 2
    status, _ = await province.step(person("hung"), issued["id"], "cancel")
    assert status == 200
    await province.ears.order(f"dev.bc.unit.{CAU_KE}.alert", says=0)
    seqs = [one.seq for one in province.ears.orders(f"dev.bc.unit.{CAU_KE}.alert")]
    assert seqs[-1] > seqs[0]


async def test_two_processes_serve_one_book(province):
    second = await province.second()
    _, asked = await province.ask(person("hung"))

    async def confirmed():
        return await second.call("POST", f"/notices/{asked['id']}/confirm", person("son"), json={"ver": 1})

    async def seen():
        status, _, _ = await second.call("GET", f"/notices/{asked['id']}", person("son"))
        return status == 200

    await eventually(seen)
    status, _, _ = await confirmed()
    assert status == 200
    await asyncio.gather(*(province.ack(one, f"{asked['id']}.1", "verified") for one in ("d-1", "d-2")))

    async def both_count(running):
        _, reach, _ = await running.call("GET", f"/notices/{asked['id']}/reach", person("hung"))
        return reach.get("totals", {}).get("verified") == 2

    await eventually(lambda: both_count(province.running))
    await eventually(lambda: both_count(second))
    # Each issues for the same area at once: the order ends with both.
    one, other = await asyncio.gather(province.ask(person("hung")), province.ask(person("hung")))

    async def seen_there():
        status, _, _ = await second.call("GET", f"/notices/{other[1]['id']}", person("son"))
        return status == 200

    await eventually(seen_there)
    await asyncio.gather(
        province.running.call("POST", f"/notices/{one[1]['id']}/confirm", person("son"), json={"ver": 1}),
        second.call("POST", f"/notices/{other[1]['id']}/confirm", person("son"), json={"ver": 1}),
    )
    await province.ears.order(f"dev.bc.unit.{CAU_KE}.alert", says=3)
    await eventually(lambda: len(province.ears.orders(f"dev.bc.unit.{CAU_KE}.alert")[-1].notices) == 3)


async def test_devices_are_told_while_jetstream_stores_nothing_and_it_is_stored_later(province, monkeypatch):
    _, asked = await province.ask(person("hung"), scopes=[TRA_CU])
    put = NatsBucket.put
    asleep = asyncio.Event()

    async def no_leader(self, key, body, over=None):
        if not asleep.is_set():
            raise TimeoutError("nats: timeout")
        return await put(self, key, body, over)

    monkeypatch.setattr(NatsBucket, "put", no_leader)
    status, issued = await province.step(person("son"), asked["id"], "confirm")
    assert (status, issued["state"], issued["pending"]) == (200, "in_force", ["notice", "orders"])
    await province.ears.order(f"dev.bc.unit.{TRA_CU}.alert", says=1)
    asleep.set()
    js = province.events.js

    async def stored():
        await js.get_last_msg("KV_alert_book", f"$KV.alert_book.doc.notice.{asked['id']}")
        kept = await js.get_last_msg("KV_alert", f"$KV.alert.unit.{TRA_CU}.alert")
        return asked["id"].encode() in kept.data

    async def in_time():
        try:
            return await stored()
        except Exception:  # noqa: BLE001 - not there yet
            return False

    await eventually(in_time)
    assert await province.events.wait(NOTICE_ISSUED, lambda one: one.notice_id == asked["id"])


async def test_acknowledgements_survive_a_bucket_that_fails(province, monkeypatch):
    issued = await province.issue()
    put, failed = NatsBucket.put, []

    async def fails_twice(self, key, body, over=None):
        if key.startswith("ledger.") and len(failed) < 2:
            failed.append(key)
            raise TimeoutError("nats: timeout")
        return await put(self, key, body, over)

    monkeypatch.setattr(NatsBucket, "put", fails_twice)
    await asyncio.gather(*(province.ack(one, f"{issued['id']}.1", "verified") for one in ("d-1", "d-2")))
    await province.events.handled(DEVICE_ACK, "alert")
    assert len(failed) == 2
    bodies = await province.events.bodies("KV_alert_book", f"$KV.alert_book.ledger.{issued['id']}.1.c.*")
    kept = b"".join(bodies)
    assert b'"d-1"' in kept
    assert b'"d-2"' in kept
    assert kept.count(b'"v":') == 2


async def test_a_server_that_dies_comes_back_to_the_same_orders(province):
    issued = await province.issue()
    province.nats.restart()

    async def works():
        status, answer, _ = await province.running.call("POST", f"/notices/{issued['id']}/cancel", person("hung"))
        return status == 200 and answer["pending"] == []

    await eventually(works)
    client = await province.nats.connect()

    async def emptied():
        kept = await client.jetstream().get_last_msg("KV_alert", f"$KV.alert.unit.{CAU_KE}.alert")
        return b'\\"notices\\":[]' in kept.data

    await eventually(emptied)
    await client.close()
