"""The API: who may write and read a contest, one attempt each, hostile bodies, the ledger told once more."""

import asyncio
import secrets
from datetime import timedelta

import pytest

from lantoa_cli import demo
from lantoa_cli.operator import Operator
from lantoa_contracts import catalogue
from lantoa_contracts.receipts import attempt_receipt


async def test_a_contest_is_written_corrected_published_and_then_stands(province):
    body, key = province.draft(), secrets.token_hex(8)
    status, made = await province.call("POST", "/contests", province.approver, body, Idempotency_Key=key)
    assert (status, made["state"], made["ver"], made["rules_sha256"]) == (201, "draft", 1, None)
    assert await province.call("POST", "/contests", province.approver, body, Idempotency_Key=key) == (201, made)
    status, problem = await province.call(
        "POST", "/contests", province.approver, body, Idempotency_Key=secrets.token_hex(8)
    )
    assert (status, problem["code"]) == (409, "already-exists")
    assert (await province.call("POST", "/contests", province.approver, body))[0] == 400

    here = f"/contests/{body['id']}"
    assert (await province.call("GET", here))[0] == 404
    assert (await province.browse(f"/thi/{body['id']}")).status == 404
    assert body["id"] not in str(await province.call("GET", "/contests"))
    assert body["id"] in str(await province.call("GET", "/contests", province.staff("reporter")))
    assert (await province.call("GET", here, province.staff("author")))[0] == 404
    change = {name: value for name, value in body.items() if name != "id"} | {"minutes": 15}
    assert (await province.call("PUT", here, province.approver, change))[0] == 428
    status, changed = await province.call("PUT", here, province.approver, change, If_Match='"1"')
    assert (status, changed["minutes"], changed["ver"]) == (200, 15, 2)
    assert (await province.call("PUT", here, province.approver, change, If_Match='"1"'))[0] == 412

    assert (await province.call("POST", f"{here}/publish", province.approver, If_Match='"1"'))[0] == 412
    status, published = await province.call("POST", f"{here}/publish", province.approver, If_Match='"2"')
    assert (status, published["state"], published["phase"]) == (200, "published", "soon")
    told = await province.events.wait(catalogue.CONTEST_PUBLISHED, lambda event: event.contest_id == body["id"])
    assert (told.ver, told.unit_id, told.rules_sha256) == (3, body["unit_id"], published["rules_sha256"])
    for method, path, sent in (("PUT", here, change), ("POST", f"{here}/publish", None)):
        status, problem = await province.call(method, path, province.approver, sent, If_Match='"3"')
        assert (status, problem["code"]) == (409, "contest.published")
    assert await province.call("GET", here) == (200, published)


async def test_only_approvers_and_administrators_of_the_unit_write_contests(province):
    refused = [
        *(province.staff(role) for role in ("author", "technician", "reporter")),
        province.staff("approver", province.commune),
        province.citizen(),
    ]
    for caller in refused:
        status, _ = await province.call("POST", "/contests", caller, province.draft(), Idempotency_Key="k" * 10)
        assert status == 403, caller
    made = await province.create()
    for caller in refused:
        status, _ = await province.call("POST", f"/contests/{made['id']}/publish", caller, If_Match='"1"')
        assert status in (403, 404), caller
    admin = province.staff("admin")
    assert (await province.call("POST", f"/contests/{made['id']}/publish", admin, If_Match='"1"'))[0] == 200
    for caller in (province.citizen(), province.staff("author"), province.staff("approver", province.commune)):
        for what in ("ranking", "ledger"):
            assert (await province.call("GET", f"/contests/{made['id']}/{what}", caller))[0] == 403
    for caller in (province.citizen(), province.staff("author"), province.approver):
        assert (await province.call("POST", "/replay", caller))[0] == 403


async def test_a_contest_that_could_not_be_fair_is_refused(province):
    made = await province.create()
    province.travel(minutes=2)
    status, problem = await province.call("POST", f"/contests/{made['id']}/publish", province.approver, If_Match='"1"')
    assert (status, problem["code"]) == (409, "contest.opens-before-publishing")
    now = province.running.service.clock.now()
    options, question = ["một", "hai", "ba"], {"prompt": "Hỏi?", "options": ["một", "hai", "ba"], "right": 0}
    wrong = [
        {"closes_at": now.isoformat(), "opens_at": (now + timedelta(hours=1)).isoformat()},
        {"opens_at": "0001-01-01T00:00:00+14:00"},
        {"closes_at": "9999-12-31T23:59:59-14:00"},
        {"opens_at": "2026-12-01T00:00:00"},
        {"unit_id": "u-khong-co"},
        {"unit_id": {"$gt": ""}},
        {"id": {"$gt": ""}},
        {"id": "../../etc"},
        {"title": "x" * 301},
        {"title": "\x00"},
        {"rules": ""},
        {"minutes": 0},
        {"minutes": True},
        {"tasks": []},
        {"tasks": ["16"]},
        {"topic": {"$ne": None}},
        {"questions": []},
        {"questions": [question | {"right": 3}]},
        {"questions": [question | {"right": {"$gt": ""}}]},
        {"questions": [question | {"options": options[:2]}]},
        {"questions": [question | {"options": ["một", "một", "ba"]}]},
        {"answer_key_sha256": "0" * 64},
    ]
    for change in wrong:
        key = secrets.token_hex(8)
        body = province.draft() | change
        status, problem = await province.call("POST", "/contests", province.approver, body, Idempotency_Key=key)
        assert (status, problem["status"]) == (422, 422), change
    assert await province.running.service.db["contests"].count({}) == 1


async def test_twenty_submits_at_once_make_one_attempt_with_one_receipt(province):
    contest, citizen = await province.open(), province.citizen()
    begun = await asyncio.gather(*(province.start(contest, citizen) for _ in range(20)))
    assert all(attempt == begun[0] for attempt in begun)
    assert len(begun[0]["questions"]) == 3
    good, bad = province.right(begun[0]), province.right(begun[0], wrong=2)
    done = await asyncio.gather(*(province.submit(contest, citizen, (good, bad)[n % 2]) for n in range(20)))
    assert {status for status, _ in done} == {200}
    assert all(answer == done[0][1] for _, answer in done)
    sealed = done[0][1]["accepted"]
    assert sealed["receipt"] == attempt_receipt(sealed)
    [event] = await province.events.all(catalogue.ATTEMPT_ACCEPTED)
    assert event.model_dump(mode="json") == sealed
    attempts = await province.running.service.db["attempts"].find({"contest_id": contest})
    assert [(one["_id"], one["state"], one.get("outbox", [])) for one in attempts] == [
        (sealed["attempt_id"], "sealed", [])
    ]
    assert citizen.id not in str(attempts)
    _, ranking = await province.call("GET", f"/contests/{contest}/ranking", province.approver)
    assert (ranking["attempts"], ranking["final"]) == (1, False)


async def test_who_is_no_citizen_takes_no_attempt(province):
    contest = await province.open()
    for caller, code in ((None, 401), (province.approver, 403)):
        who = (caller,) if caller else ()
        path = f"/contests/{contest}/attempts"
        assert (await province.call("POST", path, *who, json={"unit_id": province.commune}))[0] == code
        assert (await province.call("GET", f"{path}/mine", *who))[0] == code
        assert (await province.call("POST", f"{path}/mine/submit", *who, json={"answers": [0, 0, 0]}))[0] == code
    citizen = province.citizen()
    assert (await province.call("GET", f"/contests/{contest}/attempts/mine", citizen))[0] == 404
    assert (await province.submit(contest, citizen, [0, 0, 0]))[1]["code"] == "contest.not-started"


async def test_hostile_bodies_are_refused_and_change_nothing(province):
    contest, citizen = await province.open(), province.citizen()
    path = f"/contests/{contest}/attempts"
    units = [{"$gt": ""}, "$gt", None, 1, ["u"], "", "x" * 100, province.root, province.gone, province.body, "u-khong"]
    for unit_id in units:
        status, problem = await province.call("POST", path, citizen, {"unit_id": unit_id})
        assert (status, problem["status"]) == (422, 422), unit_id
    assert (await province.call("POST", path, citizen, {"unit_id": province.ward, "seed": "0"}))[0] == 422
    attempt = await province.start(contest, citizen)
    gt = {"$gt": ""}
    for answers in (gt, [gt, gt, gt], ["0", "0", "0"], [0, 0], [0, 0, 0, 0], [-1, 0, 0], [3, 3, 3], [0.5, 0, 0], None):
        status, problem = await province.submit(contest, citizen, answers)
        assert (status, problem["status"]) == (422, 422), answers
    status, problem = await province.call("GET", "/contests?cursor=khong-co")
    assert (status, problem["code"]) == (400, "bad-cursor")
    assert (await province.call("GET", "/contests/$gt"))[0] == 422
    assert (await province.submit(contest, citizen, province.right(attempt)))[0] == 200


@pytest.mark.parametrize("english", [False, True])
async def test_errors_speak_the_readers_language(province, english):
    made = await province.published()
    path, body = f"/contests/{made}/attempts", {"unit_id": province.commune}
    language = {"Accept_Language": "en"} if english else {}
    _, problem = await province.call("POST", path, province.citizen(), body, **language)
    assert problem["title"] == ("The contest is not open yet" if english else "Cuộc thi chưa mở")


async def test_a_replay_tells_every_sealed_attempt_again_each_time(province):
    contest = await province.open()
    for _ in range(3):
        citizen = province.citizen()
        attempt = await province.start(contest, citizen)
        assert (await province.submit(contest, citizen, province.right(attempt)))[0] == 200
    await province.start(contest, province.citizen())  # Never handed in: nothing to tell.
    name = catalogue.ATTEMPT_ACCEPTED.name
    first = await province.events.all(catalogue.ATTEMPT_ACCEPTED)
    for turn in (2, 3):
        assert await province.call("POST", "/replay", province.OPERATOR) == (200, {"events": {name: 3}})
        told = await province.events.all(catalogue.ATTEMPT_ACCEPTED)
        assert len(told) == 3 * turn
        assert sorted(told[-3:], key=lambda one: one.attempt_id) == sorted(first, key=lambda one: one.attempt_id)
    ledger, cursor = [], ""
    for _ in range(2):
        _, page = await province.call("GET", f"/contests/{contest}/ledger?limit=2{cursor}", province.approver)
        ledger += page["items"]
        cursor = f"&cursor={page['next']}"
    assert page["next"] is None
    assert sorted(ledger, key=str) == sorted((one.model_dump(mode="json") for one in first), key=str)


async def test_the_demos_contest_is_published_once_however_often_it_is_loaded(province):
    province.stop_the_clock()
    body = province.draft()
    given = {name: value for name, value in body.items() if name not in ("opens_at", "closes_at")}
    door = Operator(province.running.ring, lambda _: province.running.url, (province.root,))
    await demo.publish_contest(door, {"open_days": 30, "contest": given})
    _, first = await province.call("GET", f"/contests/{body['id']}")
    assert (first["state"], first["phase"]) == ("published", "soon")
    province.travel(minutes=5)
    await demo.publish_contest(door, {"open_days": 30, "contest": given})
    _, second = await province.call("GET", f"/contests/{body['id']}")
    assert second == first | {"phase": "open"}
    late = await province.create()  # A loading that broke off after the draft.
    province.travel(minutes=2)
    given["id"] = late["id"]
    province.running.service.clock._shift *= 0
    await demo.publish_contest(door, {"open_days": 30, "contest": given})
    assert (await province.call("GET", f"/contests/{late['id']}"))[1]["state"] == "published"
