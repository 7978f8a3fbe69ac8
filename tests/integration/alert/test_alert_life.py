"""A notice from the first word to the last, on a real server: two people, signed orders, who has it."""

import asyncio
import time

from alert_world import CAU_KE, PROVINCE, TRA_CU, person
from nats.js.errors import NotFoundError

from lantoa_alert.domain import reach as waits
from lantoa_contracts.catalogue import NOTICE_ACKNOWLEDGED, NOTICE_CANCELLED, NOTICE_ISSUED, NOTICE_UPDATED
from lantoa_contracts.envelope import Act
from lantoa_testing import eventually


async def test_two_people_issue_and_every_device_is_told_at_once_and_by_its_snapshot(province):
    issued = await province.issue(texts={"vi": "Nước lên.", "km": "ទឹកឡើង។"})

    order = await province.ears.order(f"dev.bc.unit.{CAU_KE}.alert", says=1)
    (notice,) = order.notices
    assert (notice.notice_id, notice.ver, notice.status, notice.texts["km"]) == (issued["id"], 1, "actual", "ទឹកឡើង។")
    assert order.exp == notice.expires_at
    bucket = province.events.js
    kept = await bucket.get_last_msg("KV_alert", f"$KV.alert.unit.{CAU_KE}.alert")
    assert order.model_dump_json().encode() in kept.data.replace(b'\\"', b'"')
    # The bucket's republished copy is the same order, and there are no others.
    await eventually(lambda: len(province.ears.orders(f"dev.bc.unit.{CAU_KE}.alert")) == 2)
    assert {one.seq for one in province.ears.orders(f"dev.bc.unit.{CAU_KE}.alert")} == {order.seq}
    event = await province.events.wait(NOTICE_ISSUED, lambda one: one.notice_id == issued["id"])
    assert (event.requested_by, event.confirmed_by, event.source) == ("p-hung", "p-son", "console")
    assert issued["state"] == "in_force"


async def test_who_asked_cannot_confirm_and_an_old_sign_in_must_be_renewed(province):
    status, answer = await province.ask(person("hung", since=301))
    assert (status, answer["code"]) == (403, "alert.sign-in-again")
    status, answer = await province.ask(person("hung", since=None))
    assert (status, answer["code"]) == (403, "alert.sign-in-again")
    _, asked = await province.ask(person("hung"))
    status, answer = await province.step(person("hung"), asked["id"], "confirm")
    assert (status, answer["code"]) == (409, "alert.own-request")
    status, answer = await province.step(person("son", since=400), asked["id"], "confirm")
    assert (status, answer["code"]) == (403, "alert.sign-in-again")
    assert "5" in answer["detail"]
    status, answer = await province.step(person("lan", role="author"), asked["id"], "confirm")
    assert (status, answer["code"]) == (403, "forbidden")
    status, answer = await province.step(person("tu", unit=TRA_CU), asked["id"], "confirm")
    assert (status, answer["code"]) == (403, "alert.outside-area")
    assert province.ears.orders(f"dev.bc.unit.{CAU_KE}.alert") == []


async def test_a_request_can_be_repeated_refused_and_taken_back_but_not_twice_used(province):
    _, first = await province.ask(person("hung"), key="the-same-key")
    _, again = await province.ask(person("hung"), key="the-same-key")
    assert first["id"] == again["id"]
    status, answer = await province.ask(person("hung"), key="the-same-key", headline="Khác")
    assert (status, answer["code"]) == (422, "idempotency-key-reused")
    status, refused = await province.step(person("son"), first["id"], "refuse", {"reason": "Sai địa bàn"})
    assert (status, refused["state"], refused["current"]["reason"]) == (200, "refused", "Sai địa bàn")
    status, answer = await province.step(person("son"), first["id"], "confirm")
    assert (status, answer["code"]) == (409, "alert.nothing-waits")


async def test_areas_are_checked_and_named(province):
    status, answer = await province.ask(person("hung"), scopes=[CAU_KE, "u-nowhere"])
    assert (status, answer["errors"][0]["pointer"]) == (422, "/scopes/1")
    status, answer = await province.ask(person("tu", unit=TRA_CU), scopes=["all"])
    assert (status, answer["code"]) == (403, "alert.outside-area")
    status, answer = await province.ask(person("tu", unit=TRA_CU), scopes=["ven-song"])
    assert (status, answer["code"]) == (403, "alert.outside-area")
    status, answer = await province.ask(person("hung"), scopes=["ven-song", "all", PROVINCE])
    assert status == 201
    assert [one["scope"] for one in answer["current"]["scopes"]] == ["all", "grp.ven-song", f"unit.{PROVINCE}"]


async def test_devices_answer_and_the_page_shows_who_is_silent_until_told_again(province, monkeypatch):
    began = time.monotonic()
    with monkeypatch.context() as patience:  # Nobody is told again before who answered has been counted.
        patience.setattr(waits, "_PAUSES", (3600.0,))
        issued = await _answered_by_one(province)
    # Four seconds after the issue who is silent hears the order again, and nobody else does.
    again = await province.ears.order("dev.dn.d-2.alert", says=1)
    assert again.notices[0].notice_id == issued["id"]
    assert province.ears.orders("dev.dn.d-1.alert") == []
    await province.ack("d-2", f"{issued['id']}.1", "received")
    told = await province.events.wait(NOTICE_ACKNOWLEDGED, lambda one: one.notice_id == issued["id"] and one.played)
    assert (told.unit_id, told.devices, told.verified, told.played) == (CAU_KE, 2, 1, 1)
    report = await province.get(f"/notices/{issued['id']}/report")
    assert 0 <= report["versions"][0]["verified_s"]["last"] <= time.monotonic() - began
    assert report["notice"]["id"] == issued["id"]


async def _answered_by_one(province):
    """A notice that one of its two devices has played to its end, as its page shows."""
    issued = await province.issue()
    ref = f"{issued['id']}.1"
    for stage in ("verified", "playing", "finished"):
        await province.ack("d-1", ref, stage)
    await province.ack("d-1", ref, "verified")
    await province.ack("d-1", "ntc-unknown.1", "verified")
    await province.ack("d-1", "cmd-1", "finished")

    async def counted():
        reach = await province.get(f"/notices/{issued['id']}/reach")
        return reach if reach["totals"]["finished"] else None

    reach = await eventually(counted)
    assert reach["totals"] == {"devices": 2, "reached": 1, "verified": 1, "playing": 1, "finished": 1, "failed": 0}
    assert [(one["unit_id"], one["devices"]) for one in reach["units"]] == [(CAU_KE, 2)]
    silent = await province.get(f"/notices/{issued['id']}/silent")
    assert [one["device_id"] for one in silent["items"]] == ["d-2"]
    return issued


async def test_an_update_replaces_what_is_said_and_a_cancellation_empties_the_order(province):
    issued = await province.issue()
    body = {
        "status": "actual",
        "severity": "extreme",
        "headline": "Di dời ngay",
        "texts": {"vi": "Di dời ngay."},
        "scopes": [TRA_CU],
        "minutes": 30,
        "speak": False,
    }
    status, asked = await province.step(person("hung"), issued["id"], "update", body)
    assert status == 200, asked
    assert (asked["state"], asked["waiting"]["ver"], asked["current"]["ver"]) == ("in_force", 2, 1)
    status, again = await province.step(person("hung"), issued["id"], "update", body)
    assert (status, again["rev"]) == (200, asked["rev"])
    status, answer = await province.step(person("son"), issued["id"], "confirm", {"ver": 1})
    assert (status, answer["code"]) == (409, "alert.other-version")
    status, confirmed = await province.step(person("son"), issued["id"], "confirm", {"ver": 2})
    assert (status, confirmed["current"]["headline"]) == (200, "Di dời ngay")
    await province.ears.order(f"dev.bc.unit.{CAU_KE}.alert", says=0)
    assert (await province.ears.order(f"dev.bc.unit.{TRA_CU}.alert", says=1)).notices[0].ver == 2
    status, cancelled = await province.step(person("hung"), issued["id"], "cancel")
    assert (status, cancelled["state"]) == (200, "cancelled")
    await province.ears.order(f"dev.bc.unit.{TRA_CU}.alert", says=0)
    assert await province.events.wait(NOTICE_UPDATED, lambda one: one.notice_id == issued["id"])
    assert (await province.events.wait(NOTICE_CANCELLED, lambda one: one.notice_id == issued["id"])).ver == 2
    seqs = [one.seq for one in province.ears.orders(f"dev.bc.unit.{TRA_CU}.alert")]
    assert seqs == sorted(seqs)


async def test_two_notices_of_one_area_share_its_order(province):
    first, second = await asyncio.gather(province.issue(headline="Một"), province.issue(headline="Hai"))
    order = await province.ears.order(f"dev.bc.unit.{CAU_KE}.alert", says=2)
    assert {one.notice_id for one in order.notices} == {first["id"], second["id"]}


async def test_a_receiver_that_asks_is_sent_what_is_in_force_where_it_stands(province):
    await province.issue(scopes=["ven-song"])
    client = await province.nats.connect()
    await client.publish("dev.rpc.d-3.alerts", b"")
    await client.publish("dev.rpc.d-1.alerts", b"")
    assert (await province.ears.order("dev.dn.d-3.alert", says=1)).aud == "grp.ven-song"
    assert province.ears.orders("dev.dn.d-1.alert") == []
    await client.close()


async def test_a_device_that_comes_into_the_area_later_is_counted_too(province):
    issued = await province.issue()
    await province.device("d-9", CAU_KE)

    async def counted():
        return (await province.get(f"/notices/{issued['id']}/reach"))["totals"]["devices"] == 3

    await eventually(counted)


async def test_a_notices_event_says_who_confirmed_it_and_from_where(province):
    await province.issue(headline="Ai xác nhận")
    jetstream = province.events.js

    async def told():
        try:
            message = await jetstream.get_last_msg("EVT", NOTICE_ISSUED.subject)
        except NotFoundError:
            return None
        return Act.from_headers(message.headers or {})

    act = await eventually(told)
    assert (act.actor, len(act.after), act.before != act.after) == ("p-son", 64, True)
