import io

from lantoa_contracts.catalogue import UNIT_CHANGED
from lantoa_testing import eventually


async def listed(directory, caller, query):
    status, body, _ = await directory.call("GET", f"/units{query}", caller)
    assert status == 200, body
    return [unit["name"] for unit in body["items"]]


async def published(events, count):
    async def enough():
        seen = await events.all(UNIT_CHANGED)
        return seen if len(seen) >= count else None

    return await eventually(enough)


async def drained(directory):
    async def empty():
        return await directory.service.db["units"].count({"ob_at": {"$exists": True}}) == 0

    await eventually(empty)


async def test_the_demo_province_loads_once_and_a_second_time_changes_nothing(directory, who, demo_import, events):
    expected = {"units_changed": len(demo_import["units"]), "people_changed": len(demo_import["people"])}
    assert (await directory.call("POST", "/import", who.operator, demo_import))[:2] == (200, expected)
    seen = await published(events, len(demo_import["units"]))
    again = await directory.call("POST", "/import", who.operator, demo_import)
    assert again[:2] == (200, {"units_changed": 0, "people_changed": 0})
    assert len(await events.all(UNIT_CHANGED)) == len(seen) == len(demo_import["units"])
    body = next(event for event in seen if event.unit_id == "b-ubnd-29308-2025")
    assert body.path == ("u-86-2025", "u-29308-2025", "b-ubnd-29308-2025")
    assert body.ver == 1
    with_successor = next(event for event in seen if event.unit_id == "u-29239-2022")
    assert with_successor.successor_ids == ("u-29242-2025",)


async def test_only_units_that_changed_and_those_below_them_are_told(loaded, who, small_import, events):
    await drained(loaded)
    before = len(await events.all(UNIT_CHANGED))
    moved = [{**unit, "name": "Tỉnh Vĩnh Long mới"} for unit in small_import["units"] if unit["unit_id"] == "u-p"]
    assert (await loaded.call("POST", "/import", who.operator, {"units": moved}))[1]["units_changed"] == 1
    told = (await published(events, before + 1))[before:]
    assert [(unit.unit_id, unit.ver, unit.name) for unit in told] == [("u-p", 2, "Tỉnh Vĩnh Long mới")]


async def test_units_are_found_without_accents_by_beginnings_of_words(loaded, who):
    assert await listed(loaded, who.author, "?q=cau%20ke") == ["Xã Cầu Kè"]
    assert await listed(loaded, who.author, "?q=dai") == ["Xã Đại An"]
    assert await listed(loaded, who.author, "?q=c%E1%BA%A7u%20k") == ["Xã Cầu Kè"]
    assert await listed(loaded, who.author, "?q=cau%20an") == []


async def test_units_are_those_of_the_day_asked_for_in_vietnamese_order(loaded, who):
    today = await listed(loaded, who.author, "")
    assert today == ["Phường Trà Vinh", "Tỉnh Vĩnh Long", "Xã Cầu Kè", "Xã Đại An"]
    assert await listed(loaded, who.author, "?at=2025-06-30") == ["Thị trấn Cầu Kè"]
    assert await listed(loaded, who.author, "?kind=ward") == ["Phường Trà Vinh"]


async def test_pages_follow_each_other(loaded, who):
    _, first, _ = await loaded.call("GET", "/units?limit=3", who.author)
    _, second, _ = await loaded.call("GET", f"/units?limit=3&cursor={first['next']}", who.author)
    assert [unit["name"] for unit in first["items"] + second["items"]] == await listed(loaded, who.author, "")
    assert second["next"] is None
    assert (await loaded.call("GET", "/units?cursor=x", who.author))[1]["code"] == "bad-cursor"


async def test_a_unit_of_the_past_is_still_there_by_its_id(loaded, who):
    status, unit, headers = await loaded.call("GET", "/units/u-9", who.author)
    assert (status, unit["valid_to"], headers["ETag"]) == (200, "2025-06-30", '"1"')
    assert (await loaded.call("GET", "/units/u-none", who.author))[0] == 404


async def test_replay_publishes_every_unit_again_as_it_stands(loaded, who, events):
    await drained(loaded)
    before = len(await events.all(UNIT_CHANGED))
    for caller in (who.operator, who.admin):
        status, body, _ = await loaded.call("POST", "/replay", caller)
        assert (status, body) == (200, {"units": 5})
    told = (await events.all(UNIT_CHANGED))[before:]
    assert len(told) == 10
    assert {(unit.unit_id, unit.ver) for unit in told} == {(f"u-{n}", 1) for n in "p1239"}
    assert [len(unit.path) for unit in told[:5]] == [1, 1, 2, 2, 2]


FOR_OTHERS = (
    ("POST", "/import", {"units": [{"unit_id": "u-4", "code": "4", "name": "Xã", "kind": "commune", "parent": "u-1"}]}),
    ("POST", "/replay", None),
    ("POST", "/people/p-vinh/unlock", None),
    ("POST", "/sign-in", {"login": "lan", "password": "x"}),
    ("POST", "/sessions/resolve", {"session_id": "x"}),
    ("POST", "/sessions/end", {"session_id": "x"}),
)


async def test_an_author_may_none_of_what_is_for_others(loaded, who):
    for method, path, body in FOR_OTHERS:
        status, problem, _ = await loaded.call(method, path, who.author, body)
        assert (status, problem["code"]) == (403, "forbidden"), path


async def test_sign_in_and_sessions_are_for_the_gateway_alone(loaded, who):
    for caller in (who.operator, who.admin):
        assert (await loaded.call("POST", "/sign-in", caller, {"login": "lan", "password": "x"}))[0] == 403


async def test_strangers_see_nothing(loaded, who):
    assert (await loaded.call("GET", "/units", who.anonymous))[0] == 401
    assert (await loaded.call("GET", "/units"))[0] == 401


async def test_an_administrator_lists_the_people_below_and_never_their_passwords(loaded, who):
    status, body, _ = await loaded.call("GET", "/people", who.admin)
    assert status == 200
    assert [person["login"] for person in body["items"]] == ["vinh", "lan"]
    assert "password" not in str(body)
    _, below, _ = await loaded.call("GET", "/people", who.ward_admin)
    assert [person["login"] for person in below["items"]] == ["lan"]


UNKNOWN_PARENT = "directory.unknown-parent"


def person(person_id, **fields):
    return {"id": person_id, "login": person_id, "name": "Ai đó", **fields}


MIGHTIER = (
    person("p-new", grants=[{"role": "admin", "unit_id": "u-p"}]),
    person("p-new", grants=[{"role": "admin", "unit_id": "u-2"}]),
    person("p-vinh", grants=[{"role": "author", "unit_id": "u-1"}], password="taken over"),
)


async def test_an_administrator_of_a_ward_makes_nobody_mightier(loaded, who):
    for wanted in MIGHTIER:
        status, problem, _ = await loaded.call("POST", "/import", who.ward_admin, {"people": [wanted]})
        assert (status, problem["code"]) == (403, "forbidden"), wanted


async def test_an_administrator_neither_takes_units_in_nor_gives_them_away(loaded, who, small_import):
    units = {unit["unit_id"]: unit for unit in small_import["units"]}
    for moved in ({**units["u-2"], "parent": "u-1"}, {**units["u-1"], "parent": "u-2"}):
        status, problem, _ = await loaded.call("POST", "/import", who.ward_admin, {"units": [moved]})
        assert (status, problem["code"]) == (403, "directory.unit-not-yours")
        assert moved["name"] in problem["detail"]


async def test_an_administrator_is_told_what_is_missing(loaded, who):
    root = {"unit_id": "u-4", "code": "4", "name": "Xã Không Gốc", "kind": "commune"}
    below = root | {"unit_id": "u-5", "code": "5", "parent": "u-1"}
    for body, code, pointer in (
        ({"units": [below, root]}, "directory.parent-needed", "/units/1/parent"),
        ({"people": [person("p-new")]}, "directory.office-needed", "/people/0/body"),
    ):
        status, problem, _ = await loaded.call("POST", "/import", who.ward_admin, body)
        assert (status, problem["code"], problem["errors"][0]["pointer"]) == (422, code, pointer)


async def test_an_administrator_loads_what_lies_below(loaded, who):
    people = [person("p-new", grants=[{"role": "author", "unit_id": "u-1"}])]
    status, body, _ = await loaded.call("POST", "/import", who.ward_admin, {"people": people})
    assert (status, body["people_changed"]) == (200, 1)


WRONG = (
    ({"units": [{"unit_id": "u-4", "code": "4", "name": "x", "kind": "ward", "parent": "no"}]}, UNKNOWN_PARENT),
    ({"people": [person("p-new", grants=[{"role": "author", "unit_id": "no"}])]}, "unknown-unit"),
    ({"people": [person("p-new", grants=[{"role": "system", "unit_id": "u-p"}])]}, "invalid-request"),
    ({"units": [{"unit_id": {"$gt": ""}, "code": "4", "name": "x", "kind": "ward"}]}, "invalid-request"),
    ({"people": [person("p-new", is_admin=True)]}, "invalid-request"),
    ({"surprise": 1}, "invalid-request"),
)


async def test_a_wrong_import_is_refused_whole(loaded, who):
    for body, code in WRONG:
        status, problem, _ = await loaded.call("POST", "/import", who.operator, body)
        assert (status, problem["code"]) == (422, code), body
        assert problem["detail"]


async def test_a_login_has_one_owner_however_it_is_typed(loaded, who):
    people = [person("p-new", login="Lân", grants=[{"role": "author", "unit_id": "u-1"}])]
    status, problem, _ = await loaded.call("POST", "/import", who.operator, {"people": people})
    assert (status, problem["code"]) == (409, "directory.login-taken")


async def test_a_body_over_one_megabyte_is_refused(loaded, who):
    large = io.BytesIO(b'{"surprise": "' + b"x" * (1 << 20) + b'"}')
    headers = {"content-type": "application/json"}
    status, problem, _ = await loaded.call("POST", "/import", who.operator, data=large, headers=headers)
    assert (status, problem["code"]) == (413, "body-too-large")
