"""Acts over HTTP: looked at, done, taken back, on their day, and after a crash in the middle."""

import asyncio
from datetime import date, timedelta

import pytest

from lantoa_contracts.catalogue import ACT_DONE, ACT_REVERSED
from lantoa_runtime.http.auth import Caller, Grant
from lantoa_runtime.mongo import Aggregates
from lantoa_testing import eventually

ACT = "1687/NQ-UBTVQH15"
MERGE = {
    "kind": "merge",
    "date": "2026-01-01",
    "act": ACT,
    "from": ["u-1", "u-2"],
    "into": {"name": "Phường Sông Hậu", "code": "29999", "kind": "ward"},
}
MADE = "u-29999-2026"


def keyed(key):
    return {"Idempotency-Key": f"act-key-{key}"}


async def order(directory, caller, body=None, key="0001", query=""):
    return await directory.call("POST", f"/acts{query}", caller, body or MERGE, keyed(key))


async def unit(directory, who, unit_id):
    return (await directory.call("GET", f"/units/{unit_id}", who.author))[1]


async def person(directory, person_id="p-lan"):
    return await directory.service.db["people"].find_one({"_id": person_id})


async def state_of_all(directory):
    """Units and people as they are, without the counters of writes."""
    units = await directory.service.db["units"].find({})
    people = await directory.service.db["people"].find({}, {"password": 0})
    outbox = ("ver", "outbox", "ob_at")
    return (
        {one["_id"]: {k: v for k, v in one.items() if k not in outbox} for one in units},
        {one["_id"]: {k: v for k, v in one.items() if k not in ("came_from", *outbox)} for one in people},
    )


async def test_a_preview_says_what_would_happen_and_changes_nothing(loaded, who):
    before = await state_of_all(loaded)
    status, told, _ = await order(loaded, who.admin, query="?dry_run=true")
    assert (status, told["id"], told["state"]) == (200, None, "preview")
    assert {(one["unit"]["id"], one["what"]) for one in told["units"]} == {
        (MADE, "made"), ("u-1", "ended"), ("u-2", "ended"),
    }  # fmt: skip
    assert [(one["person_id"], one["role"], one["unit"]["id"], one["into"]["id"]) for one in told["people"]] == [
        ("p-lan", "author", "u-1", MADE)
    ]
    assert await state_of_all(loaded) == before
    assert (await loaded.call("GET", "/acts", who.author))[1]["items"] == []


async def test_a_merge_is_one_order_and_its_opposite_brings_everything_back(loaded, who, events):
    before = await state_of_all(loaded)
    status, told, _ = await order(loaded, who.admin)
    assert (status, told["state"]) == (200, "done")
    again = await order(loaded, who.admin)
    assert (again[1]["id"], again[2]["Idempotent-Replay"]) == (told["id"], "true")
    new = await unit(loaded, who, MADE)
    assert [one["unit_id"] for one in new["former"]] == ["u-2", "u-1"]
    assert (await unit(loaded, who, "u-1"))["valid_to"] == "2025-12-31"
    lan = await person(loaded)
    assert {(grant["unit_id"], grant.get("to")) for grant in lan["grants"]} == {("u-1", "2025-12-31"), (MADE, None)}
    done = await events.wait(ACT_DONE, lambda event: event.act_id == told["id"])
    assert {(gone.unit_id, gone.heirs[0].unit_id, gone.heirs[0].path) for gone in done.units} == {
        ("u-1", MADE, ("u-p", MADE)), ("u-2", MADE, ("u-p", MADE)),
    }  # fmt: skip

    preview = await loaded.call("POST", f"/acts/{told['id']}/reverse?dry_run=true", who.admin)
    assert {(one["unit"]["id"], one["what"]) for one in preview[1]["units"]} == {
        (MADE, "void"), ("u-1", "restored"), ("u-2", "restored"),
    }  # fmt: skip
    status, back, _ = await loaded.call("POST", f"/acts/{told['id']}/reverse", who.admin)
    assert (status, back["state"], back["reversed_by_name"]) == (200, "reversed", "Vinh")
    assert (await loaded.call("POST", f"/acts/{told['id']}/reverse", who.admin))[1]["state"] == "reversed"
    await events.wait(ACT_REVERSED, lambda event: event.act_id == told["id"])
    units, people = await state_of_all(loaded)
    void = units.pop(MADE)
    assert (void["valid_from"], void["valid_to"], void["former"]) == ("2026-01-01", "2025-12-31", [])
    assert (units, people) == before


async def test_the_grants_of_who_is_signed_in_go_over_to_the_new_unit_and_hold_over_the_papers_of_the_old(
    loaded, who, sign_in
):
    session = (await sign_in())[1]["session_id"]
    await order(loaded, who.admin)
    resolved = (await loaded.call("POST", "/sessions/resolve", who.gateway, {"session_id": session}))[1]
    assert {(grant["unit_id"], grant["held_by"]) for grant in resolved["person"]["grants"]} == {
        (MADE, None), ("u-1", MADE), ("u-2", MADE),
    }  # fmt: skip


async def test_an_act_of_a_later_day_waits_for_it(loaded, who, events, monkeypatch):
    coming = date.today() + timedelta(days=40)  # noqa: DTZ011
    told = (await order(loaded, who.admin, MERGE | {"date": coming.isoformat()}))[1]
    assert told["state"] == "waiting"
    today = [one["id"] for one in (await loaded.call("GET", "/units", who.author))[1]["items"]]
    assert "u-1" in today
    assert told["into"][0]["id"] not in today
    on_the_day = (await loaded.call("GET", f"/units?at={coming}", who.author))[1]["items"]
    assert told["into"][0]["id"] in [one["id"] for one in on_the_day]
    assert told["id"] not in {event.act_id for event in await events.all(ACT_DONE)}
    monkeypatch.setattr(loaded.service.clock, "now", _shifted(loaded.service.clock, days=41))

    async def in_effect():
        return (await loaded.call("GET", f"/acts/{told['id']}", who.admin))[1]["state"] == "done"

    await eventually(in_effect)
    await events.wait(ACT_DONE, lambda event: event.act_id == told["id"])


def _shifted(clock, days):
    now = clock.now
    return lambda: now() + timedelta(days=days)


STEPS = (
    ("units", "change", 1),
    ("units", "change", 2),
    ("people", "change", 1),
    ("acts", "save", 1),
    ("acts", "save", 2),
)


@pytest.mark.parametrize(("collection", "step", "number"), STEPS)
async def test_a_crash_at_any_step_is_finished_by_the_sweeper(
    loaded, who, events, monkeypatch, collection, step, number
):
    real, calls = getattr(Aggregates, step), 0

    async def dies(self, *args, **kwargs):
        nonlocal calls
        calls += self.collection.name == collection
        if self.collection.name == collection and calls == number:
            raise RuntimeError("killed")
        return await real(self, *args, **kwargs)

    monkeypatch.setattr(Aggregates, step, dies)
    assert (await order(loaded, who.admin))[0] == 500

    async def done():
        acts = (await loaded.call("GET", "/acts", who.admin))[1]["items"]
        return [act["state"] for act in acts] == ["done"]

    await eventually(done)
    assert [one["unit_id"] for one in (await unit(loaded, who, MADE))["former"]] == ["u-2", "u-1"]
    assert [(grant["unit_id"], grant["to"]) for grant in (await person(loaded))["grants"]] == [
        ("u-1", "2025-12-31"), (MADE, None),
    ]  # fmt: skip
    await events.wait(ACT_DONE)


async def test_what_stands_on_an_act_keeps_it_from_being_taken_back(loaded, who):
    first = (await order(loaded, who.admin))[1]
    again = {"kind": "rename", "date": "2026-02-01", "act": "NQ 9", "from": [MADE], "into": {"name": "Phường Mới"}}
    second = (await order(loaded, who.admin, again, "0002"))[1]
    status, problem, _ = await loaded.call("POST", f"/acts/{first['id']}/reverse", who.admin)
    assert (status, problem["code"]) == (409, "directory.act-stands-on-it")
    assert "NQ 9" in problem["detail"]
    for act in (second, first):
        assert (await loaded.call("POST", f"/acts/{act['id']}/reverse", who.admin))[1]["state"] == "reversed"


async def test_only_an_administrator_of_all_that_is_touched_orders_acts(loaded, who):
    everybody_else = (who.author, who.ward_admin, Caller("p-x", "X", (Grant("admin", "u-2"),)))
    for caller in everybody_else:
        for query in ("", "?dry_run=true"):
            assert (await order(loaded, caller, query=query))[0] == 403
    act = (await order(loaded, who.admin))[1]
    for caller in everybody_else:
        assert (await loaded.call("POST", f"/acts/{act['id']}/reverse", caller))[0] == 403
    for caller, people in ((who.author, 0), (who.admin, 1)):
        assert len((await loaded.call("GET", f"/acts/{act['id']}", caller))[1]["people"]) == people
    assert (await order(loaded, who.anonymous))[0] == 401
    assert (await loaded.call("GET", "/acts", who.anonymous))[0] == 401


async def test_acts_at_once_are_one_after_the_other(loaded, who):
    one = MERGE | {"from": ["u-1"]}
    other = MERGE | {"from": ["u-1", "u-2"]}
    answers = await asyncio.gather(order(loaded, who.admin, one, "000a"), order(loaded, who.admin, other, "000b"))
    assert sorted(status for status, _, _ in answers) == [200, 422]
    refused = next(body for status, body, _ in answers if status == 422)
    assert refused["code"] == "directory.act-unit-ended"


async def test_a_list_loaded_again_does_not_undo_what_acts_did(loaded, who, small_import):
    await order(loaded, who.admin)
    assert (await loaded.call("POST", "/import", who.operator, {"units": small_import["units"]}))[1] == {
        "units_changed": 0,
        "people_changed": 0,
    }
    kept = await unit(loaded, who, "u-1")
    assert (kept["valid_to"], [one["unit_id"] for one in kept["successors"]]) == ("2025-12-31", [MADE])


async def test_a_unit_is_found_by_the_name_and_the_code_that_it_had(loaded, who):
    await order(loaded, who.admin)
    for words in ("phuong tra", "xa cau ke", "tra vinh"):
        found = (await loaded.call("GET", f"/units?q={words.replace(' ', '%20')}", who.author))[1]["items"]
        assert [one["id"] for one in found] == [MADE], words
        assert found[0]["matched"] in ("Phường Trà Vinh", "Xã Cầu Kè")
    then = (await loaded.call("GET", "/units?q=cau%20ke&at=2025-08-01", who.author))[1]["items"]
    assert [(one["id"], one["matched"]) for one in then] == [("u-2", None)]


async def test_trees_are_told_apart(loaded, who):
    party = {"kind": "body", "tree": "party", "parent": "u-p", "valid_from": "2025-07-01"}
    bodies = [
        {"unit_id": "b-tu", "code": "TU", "name": "Tỉnh ủy Vĩnh Long", **party},
        {"unit_id": "b-du", "code": "DU", "name": "Đảng ủy phường Trà Vinh", **party, "parent": "u-1",
         "superior": "b-tu"},
        {"unit_id": "b-so", "code": "SKHCN", "name": "Sở Khoa học và Công nghệ", **party, "tree": "administration"},
    ]  # fmt: skip
    assert (await loaded.call("POST", "/import", who.operator, {"units": bodies}))[0] == 200
    for tree, ids in (("party", ["b-du", "b-tu"]), ("administration", ["b-so"])):
        found = (await loaded.call("GET", f"/units?tree={tree}", who.author))[1]["items"]
        assert [one["id"] for one in found] == ids
    below = await unit(loaded, who, "b-du")
    assert (below["superior_id"], below["path"]) == ("b-tu", ["u-p", "u-1", "b-du"])
    wrong = {"unit_id": "b-x", "code": "X", "name": "Hội", "kind": "body", "tree": "party", "superior": "b-so"}
    status, problem, _ = await loaded.call("POST", "/import", who.operator, {"units": [wrong]})
    assert (status, problem["code"]) == (422, "directory.wrong-superior")
