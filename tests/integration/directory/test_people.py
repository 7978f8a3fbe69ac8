"""People are found, taken up and changed by those who stand above them, and by nobody else."""

import asyncio

from people_world import OPERATOR

from lantoa_contracts.catalogue import ACCOUNT_CHANGED, ACCOUNT_CREATED, ACCOUNT_GRANTED, ACCOUNT_LOCKED
from lantoa_runtime.http.auth import Caller, Grant
from lantoa_testing import eventually

NEW = {"login": "Mai", "name": "Huỳnh Thị Mai", "title": "Chuyên viên", "body_id": "b-1", "phone": "0912 345 678"}


async def test_people_are_found_without_accents_in_ones_own_units_only(town):
    vinh, tam, lan = [await town.caller(login) for login in ("vinh", "tam", "lan")]
    status, found = await town.call(vinh, "GET", "/people?q=phuong%20lan")
    assert (status, [person["id"] for person in found["items"]]) == (200, ["p-lan"])
    assert found["items"][0]["grants"][0]["unit_name"] == "Phường Trà Vinh"
    _, found = await town.call(vinh, "GET", "/people?unit_id=u-2")
    assert [person["id"] for person in found["items"]] == ["p-thao"]
    _, found = await town.call(tam, "GET", "/people?q=thach")
    assert found["items"] == []
    _, found = await town.call(tam, "GET", "/people")
    assert {person["id"]: person["brief"] for person in found["items"]} == dict.fromkeys(
        ("p-lan", "p-hung", "p-tam"), False
    )
    _, page = await town.call(vinh, "GET", "/people?limit=4")
    _, rest = await town.call(vinh, "GET", f"/people?limit=4&cursor={page['next']}")
    assert len({person["id"] for person in page["items"] + rest["items"]}) == 7
    # Colleagues see whom they can lend a role to, and no more of them.
    _, found = await town.call(lan, "GET", "/people?q=hung")
    (hung,) = found["items"]
    assert (hung["name"], hung["brief"], hung["login"], hung["grants"]) == ("Trần Văn Hùng", True, None, [])
    assert (await town.call(lan, "GET", "/people/p-thao"))[0] == 404
    _, me = await town.call(lan, "GET", "/people/p-lan")
    assert (me["brief"], me["login"], me["grants"][0]["in_force"]) == (False, "lan", True)


async def test_a_person_is_taken_up_once_and_changed_by_who_saw_them_last(town, events):
    tam = await town.caller("tam")
    status, mai = await town.call(tam, "POST", "/people", NEW, Idempotency_Key="mai-00001")
    assert (status, mai["login"], mai["grants"]) == (201, "mai", [])
    assert (await town.call(tam, "POST", "/people", NEW, Idempotency_Key="mai-00001"))[1]["id"] == mai["id"]
    status, problem = await town.call(tam, "POST", "/people", NEW)
    assert (status, problem["code"]) == (409, "directory.login-taken")
    status, problem = await town.call(tam, "POST", "/people", NEW | {"login": "moi", "body_id": "u-x"})
    assert (status, problem["errors"][0]["pointer"]) == (422, "/body_id")
    assert (await town.call(tam, "POST", "/people", NEW | {"login": "moi", "body_id": "u-2"}))[0] == 403
    status, problem = await town.call(tam, "POST", "/people", NEW | {"login": "moi", "body_id": None})
    assert (status, problem["code"]) == (422, "directory.office-needed")
    assert problem["errors"][0]["pointer"] == "/body_id"
    created = await events.wait(ACCOUNT_CREATED, lambda event: event.person_id == mai["id"])
    assert created.unit_id == "b-1"

    profile = {name: NEW[name] for name in ("name", "title", "body_id")} | {"email": "mai@vinhlong.example"}
    address = f"/people/{mai['id']}"
    assert (await town.call(tam, "PUT", address, profile))[0] == 428
    status, changed = await town.call(tam, "PUT", address, profile, If_Match=f'"{mai["ver"]}"')
    assert (status, changed["email"], changed["phone"]) == (200, "mai@vinhlong.example", "")
    assert (await town.call(tam, "PUT", address, profile, If_Match=f'"{mai["ver"]}"'))[0] == 412
    event = await events.wait(ACCOUNT_CHANGED, lambda event: event.person_id == mai["id"])
    assert set(event.fields) == {"phone", "email"}
    nowhere = profile | {"body_id": None}
    status, problem = await town.call(tam, "PUT", address, nowhere, If_Match=f'"{changed["ver"]}"')
    assert (status, problem["errors"][0]["pointer"]) == (422, "/body_id")
    # Whoever holds something is found by that.
    assert (await town.grant(tam, mai["id"], "author", "u-1"))[0] == 201
    status, changed = await town.call(tam, "PUT", address, nowhere, If_Match=f'"{changed["ver"] + 1}"')
    assert (status, changed["body_id"]) == (200, None)


async def test_people_change_their_own_telephone_and_not_where_they_belong(town):
    lan = await town.caller("lan")
    _, me = await town.call(lan, "GET", "/people/p-lan")
    profile = {"name": me["name"], "title": "Chuyên viên", "body_id": me["body_id"], "phone": "0987 654 321"}
    status, changed = await town.call(lan, "PUT", "/people/p-lan", profile, If_Match=f'"{me["ver"]}"')
    assert (status, changed["phone"]) == (200, "0987 654 321")
    moved = profile | {"body_id": "u-2"}
    assert (await town.call(lan, "PUT", "/people/p-lan", moved, If_Match=f'"{changed["ver"]}"'))[0] == 403
    assert (await town.call(lan, "PUT", "/people/p-hung", profile, If_Match='"1"'))[0] == 403


async def test_a_grant_is_told_to_sessions_on_its_days_and_the_session_goes_on(town, events):
    tam = await town.caller("tam")
    session = (await town.sign_in("lan"))["session_id"]
    for days in ({"from": town.day(1)}, {"to": town.day(0)}, {"from": town.day(0), "to": town.day(9)}):
        status, lan = await town.grant(tam, "p-lan", "reporter", "u-1", **days)
        assert status == 201
    assert [grant["in_force"] for grant in lan["grants"]] == [True, False, True, True]
    again = await town.grant(tam, "p-lan", "reporter", "u-1", **days)
    assert len(again[1]["grants"]) == 4
    roles = [grant["role"] for grant in (await town.resolved(session))["grants"]]
    assert roles == ["author", "reporter"]
    for grant in lan["grants"][1:]:
        status, lan = await town.call(tam, "DELETE", f"/people/p-lan/grants/{grant['id']}")
        assert status == 200
    # What has held today only from today on never was; what began before ended yesterday.
    assert [(grant["role"], grant["to"]) for grant in lan["grants"]] == [
        ("author", None),
        ("reporter", town.day(-1)),
    ]
    assert [grant["role"] for grant in (await town.resolved(session))["grants"]] == ["author"]
    assert (await town.call(tam, "DELETE", f"/people/p-lan/grants/{lan['grants'][1]['id']}"))[0] == 404
    granted = await events.wait(ACCOUNT_GRANTED, lambda event: event.role == "reporter" and event.valid_from is None)
    assert (granted.person_id, granted.unit_id, granted.valid_to) == ("p-lan", "u-1", town.today)
    status, problem = await town.grant(tam, "p-lan", "reporter", "u-1", to=town.day(-1))
    assert (status, problem["code"]) == (422, "directory.wrong-days")


async def test_an_administrator_ends_at_their_units_at_themselves_and_below_who_stands_above(town):
    tam, vinh = await town.caller("tam"), await town.caller("vinh")
    # Hung belongs to the ward, and speaks for the whole province besides: he stands above its administrator.
    assert (await town.grant(vinh, "p-hung", "approver", "u-p"))[0] == 201

    async def tried(what, person):
        _, shown = await town.call(vinh, "GET", f"/people/{person}")
        address = f"/people/{person}"
        if what == "grant":
            return await town.grant(tam, person, "reporter", "u-1")
        if what == "revoke":
            return await town.call(tam, "DELETE", f"{address}/grants/{shown['grants'][0]['id']}")
        if what == "change":
            profile = {"name": "Khác", "body_id": "u-p"}
            return await town.call(tam, "PUT", address, profile, If_Match=f'"{shown["ver"]}"')
        if what == "import":
            person_in = {"id": person, "login": person, "name": "Khác", "body": "b-1"}
            return await town.call(tam, "POST", "/import", {"people": [person_in]})
        body = {"reason": "Thử"} if what == "lock" else None
        return await town.call(tam, "POST", f"{address}/{'factors/reset' if what == 'factors' else what}", body)

    async def versions():
        return {one["_id"]: one["ver"] for one in await town.running.service.db["people"].find({})}

    before = await versions()
    for what in ("grant", "revoke", "lock", "password", "factors", "change", "import"):
        for person in ("p-thao", "p-cuc", "p-vinh", "p-hung", "p-tam"):
            status, problem = await tried(what, person)
            assert (what, person, status) == (what, person, 403)
            assert (problem["code"] == "directory.not-yourself") == (person == "p-tam")
    assert await versions() == before


async def test_an_administrator_grants_nothing_outside_of_their_units(town):
    tam = await town.caller("tam")
    assert (await town.grant(tam, "p-lan", "author", "u-2"))[0] == 403
    assert (await town.grant(tam, "p-lan", "author", "u-p"))[0] == 403
    assert (await town.grant(tam, "p-lan", "author", "u-x"))[0] == 422
    assert (await town.grant(await town.caller("lan"), "p-hung", "author", "u-1"))[0] == 403
    token = Caller("p-tam", "Tâm", (Grant("admin", "u-1"),), only=frozenset({"content.item.read"}))
    assert (await town.grant(token, "p-lan", "author", "u-1"))[0] == 403


async def test_who_is_locked_is_out_at_once_and_comes_in_again_when_unlocked(town, events):
    tam = await town.caller("tam")
    session = (await town.sign_in("lan"))["session_id"]
    status, lan = await town.call(tam, "POST", "/people/p-lan/lock", {"reason": "Mất điện thoại"})
    assert (status, lan["locked"]) == (200, True)
    assert await town.resolved(session) == 401
    # Said to whoever knows the password only.
    assert await town.sign_in("lan") == 403
    assert await town.sign_in("lan", "không phải") == 401
    # Even a session that began in that moment is none.
    await town.running.service.db["people"].update_one({"_id": "p-lan"}, {"$set": {"locked": None}})
    session = (await town.sign_in("lan"))["session_id"]
    await town.running.service.db["people"].update_one({"_id": "p-lan"}, {"$set": {"locked": {"by": "p-tam"}}})
    assert await town.resolved(session) == 401
    status, lan = await town.call(tam, "POST", "/people/p-lan/unlock")
    assert (status, lan["locked"]) == (200, False)
    assert (await town.sign_in("lan"))["person"]["id"] == "p-lan"
    assert (await events.wait(ACCOUNT_LOCKED)).person_id == "p-lan"


async def test_a_one_time_password_replaces_the_old_one_and_ends_sessions(town):
    tam = await town.caller("tam")
    session = (await town.sign_in("lan"))["session_id"]
    status, answer = await town.call(tam, "POST", "/people/p-lan/password")
    assert status == 200
    assert await town.resolved(session) == 401
    assert await town.sign_in("lan") == 401
    stored = await town.running.service.db["people"].find_one({"_id": "p-lan"})
    assert stored["password_once"] is True
    assert answer["password"] not in str(stored)
    assert await town.sign_in("lan", answer["password"]) != 401


async def test_a_lost_second_factor_is_forgotten_and_sessions_end(town):
    session = (await town.sign_in("lan"))["session_id"]
    account = {"_id": "account-p-lan", "person_id": "p-lan", "ver": 1, "totp": {"sealed": "secret", "step": 0}}
    await town.running.service.db["accounts"].insert_one(account)
    assert (await town.sign_in("lan"))["next"] == "second-factor"
    assert (await town.call(await town.caller("tam"), "POST", "/people/p-lan/factors/reset"))[0] == 200
    kept = await town.running.service.db["accounts"].find_one({"person_id": "p-lan"})
    assert not kept.get("totp")
    assert await town.resolved(session) == 401
    assert "session_id" in await town.sign_in("lan")


async def test_the_last_administrator_of_the_root_stays(town):
    for path, body in (("lock", {"reason": "Thử"}), ("grants", None)):
        _, vinh = await town.call(await town.caller("vinh"), "GET", "/people/p-vinh")
        if path == "lock":
            status, problem = await town.call(OPERATOR, "POST", "/people/p-vinh/lock", body)
        else:
            status, problem = await town.call(OPERATOR, "DELETE", f"/people/p-vinh/grants/{vinh['grants'][0]['id']}")
        assert (status, problem["code"]) == (409, "directory.last-admin")
    assert (await town.holds("vinh")) == {("admin", "u-p")}


async def test_of_two_administrators_who_lock_each_other_at_once_one_stays(town):
    assert (await town.grant(OPERATOR, "p-cuc", "admin", "u-p"))[0] == 201
    vinh, cuc = await town.caller("vinh"), await town.caller("cuc")
    reason = {"reason": "Thử"}
    answers = await asyncio.gather(
        town.call(vinh, "POST", "/people/p-cuc/lock", reason), town.call(cuc, "POST", "/people/p-vinh/lock", reason)
    )
    assert sorted(status for status, _ in answers) == [200, 409]
    people = await town.running.service.db["people"].find({"_id": {"$in": ["p-cuc", "p-vinh"]}})
    assert sorted(bool(person.get("locked")) for person in people) == [False, True]


async def test_a_person_of_the_release_before_is_taken_over(town):
    people = town.running.service.db["people"]
    old = {"grants": [{"role": "author", "unit_id": "u-1"}]}
    await people.update_one({"_id": "p-lan"}, {"$set": old, "$unset": {"ver": "", "tokens": "", "phone": ""}})
    assert await town.holds("lan") == {("author", "u-1")}
    status, lan = await town.grant(await town.caller("tam"), "p-lan", "reporter", "u-1")
    assert (status, [grant["role"] for grant in lan["grants"]]) == (201, ["author", "reporter"])

    async def found():
        return (await town.call(await town.caller("vinh"), "GET", "/people?q="))[1]["items"]

    assert len(await eventually(found)) == 7
