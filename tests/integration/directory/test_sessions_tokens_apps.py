import asyncio
import base64
import hashlib
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from lantoa_contracts.catalogue import SESSION_ENDED
from lantoa_directory.domain.signin import MOST_SESSIONS
from lantoa_testing.patience import stop_clock

PASSWORD = " Mật khẩu của Lan 1 "
APPS = [
    {"client_id": "field", "name": "Hiện trường", "redirect_uris": ["https://app.example/back", "vn.lantoa.field:/b"]},
    {"client_id": "other", "name": "Khác", "redirect_uris": ["https://other.example/back"]},
]
BACK = "https://app.example/back"


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


async def told_of(events, text):
    """The event that says that a session or token holds no longer."""
    key = digest(text)
    return await events.wait(SESSION_ENDED, lambda event: key in event.digests)


@pytest.fixture
async def directory(start_directory):
    return await start_directory(directory_apps=APPS)


@pytest.fixture
def ask(loaded, who):
    async def do(path, **body):
        status, answer, _ = await loaded.call("POST", path, who.gateway, body)
        return status, answer

    return do


@pytest.fixture
def enter(ask):
    async def do(login="lan", password=PASSWORD, **where):
        status, answer = await ask("/sign-in", login=login, password=password, **where)
        assert status == 200, answer
        return answer["session_id"]

    return do


async def test_sessions_are_listed_and_ended_one_by_one_or_all_but_this(ask, enter, loaded):
    here = await enter(device="Chrome, Android", place="113.161.72.0/24")
    others = [await enter(device=f"Máy {n}") for n in range(3)]
    vinh = await enter("vinh", "một câu dài khác")
    listed = (await ask("/sessions/list", session_id=here))[1]["items"]
    assert sorted(one["device"] for one in listed) == ["Chrome, Android", "Máy 0", "Máy 1", "Máy 2"]
    (mine,) = (one for one in listed if one["here"])
    assert (mine["device"], mine["place"], mine["app"]) == ("Chrome, Android", "113.161.72.0/24", None)
    ref = next(one["id"] for one in listed if one["device"] == "Máy 1")
    # A session is named by nobody but its owner: another's id is not there.
    assert (await ask("/sessions/end-one", session_id=vinh, id=ref))[0] == 404
    assert (await ask("/sessions/end-one", session_id=here, id=ref))[0] == 204
    assert [(await ask("/sessions/resolve", session_id=one))[0] for one in others] == [200, 401, 200]
    assert (await ask("/sessions/end-others", session_id=here))[0] == 204
    assert [(await ask("/sessions/resolve", session_id=one))[0] for one in (*others, here, vinh)] == [401] * 3 + [
        200
    ] * 2


async def test_a_person_has_so_many_sessions_and_the_oldest_gives_way(ask, enter, monkeypatch):
    monkeypatch.setattr("lantoa_directory.usecases.sessions.MOST_SESSIONS", 3)
    assert MOST_SESSIONS > 3
    all_of_them = [await enter() for _ in range(5)]
    assert [(await ask("/sessions/resolve", session_id=one))[0] for one in all_of_them] == [401, 401, 200, 200, 200]


async def test_every_end_of_a_session_is_told_by_its_digest(ask, enter, events, loaded, who, small_import):
    signed_out, stepped_up, forced = await enter(), await enter(), await enter()
    await ask("/sessions/end", session_id=signed_out)
    _, fresh = await ask("/sessions/again", session_id=stepped_up, password=PASSWORD)
    lan = {**small_import["people"][0], "password": "mật khẩu mới của Lan"}
    await loaded.call("POST", "/import", who.operator, {"people": [lan]})
    for session_id in (signed_out, stepped_up, forced, fresh["session_id"]):
        told = await told_of(events, session_id)
        assert told.person_id == "p-lan"
        assert (await ask("/sessions/resolve", session_id=session_id))[0] == 401


async def test_showing_once_more_who_sits_there_gives_a_new_id_and_a_fresh_sign_in(ask, enter, loaded):
    planted = await enter()
    hour = {"signed_in_at": datetime.now(UTC) - timedelta(hours=1)}
    await loaded.service.db["sessions"].update_one({"_id": digest(planted)}, {"$set": hour})
    assert (await ask("/sessions/again", session_id=planted, password="sai"))[1][
        "code"
    ] == "directory.wrong-credentials"
    status, answer = await ask("/sessions/again", session_id=planted, password=PASSWORD)
    assert status == 200
    assert answer["session_id"] != planted
    assert datetime.now(UTC) - datetime.fromisoformat(answer["person"]["signed_in_at"]) < timedelta(minutes=1)
    assert (await ask("/sessions/resolve", session_id=planted))[0] == 401
    for body in ({}, {"password": PASSWORD, "totp": "123456"}):
        assert (await ask("/sessions/again", session_id=answer["session_id"], **body))[1][
            "code"
        ] == "directory.one-proof"


async def test_whoever_guesses_the_password_at_a_session_keeps_nobody_out_at_the_door(ask, enter, loaded, monkeypatch):
    session_id = await enter()
    stop_clock(loaded.service, monkeypatch)
    statuses = [(await ask("/sessions/again", session_id=session_id, password="sai"))[0] for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    await enter()


async def test_a_password_that_was_given_is_changed_before_anything_else(ask, loaded, small_import):
    await loaded.service.db["people"].update_one({"_id": "p-lan"}, {"$set": {"password_once": True}})
    _, first = await ask("/sign-in", login="lan", password=PASSWORD)
    assert (first["next"], first["ways"]) == ("new-password", [])
    for weak in ("ngắn", "lan lan lan lan", PASSWORD):
        status, problem = await ask("/sign-in/new-password", ticket=first["ticket"], password=weak)
        assert (status, problem["code"], problem["errors"][0]["pointer"]) == (
            422,
            "directory.weak-password",
            "/password",
        )
    new = "cây dừa nghiêng bến nước"
    answers = [await ask("/sign-in/new-password", ticket=first["ticket"], password=new) for _ in range(2)]
    assert [status for status, _ in answers] == [200, 401]
    assert (await ask("/sign-in", login="lan", password=PASSWORD))[0] == 401
    assert "session_id" in (await ask("/sign-in", login="lan", password=new))[1]


async def test_who_is_locked_hears_it_with_the_right_password_only_and_loses_every_door(ask, enter, loaded):
    session_id = await enter()
    token = await _token(ask, session_id)
    await loaded.service.db["people"].update_one({"_id": "p-lan"}, {"$set": {"locked": {"by": "p-vinh"}}})
    assert (await ask("/sign-in", login="lan", password="sai"))[1]["code"] == "directory.wrong-credentials"
    assert (await ask("/sign-in", login="lan", password=PASSWORD))[1]["code"] == "directory.locked"
    assert (await ask("/sessions/resolve", session_id=session_id))[0] == 401
    assert (await ask("/tokens/resolve", token=token))[0] == 401


# -- tokens of integrations --------------------------------------------------------------------------------------------


async def _token(ask, session_id, permissions=("content.item.read",), days=30):
    status, made = await ask(
        "/tokens/make", session_id=session_id, name="Cổng thông tin", permissions=list(permissions), days=days
    )
    assert status == 200, made
    return made["token"]


async def test_a_token_speaks_for_its_owner_within_what_was_given(ask, enter, loaded, events):
    session_id = await enter()
    token = await _token(ask, session_id, ["content.item.write", "content.item.read"])
    assert token.startswith("lta_")
    assert token not in str(await loaded.service.db["tokens"].find({}))
    status, spoken = await ask("/tokens/resolve", token=token)
    assert (status, spoken["person"]["id"], spoken["only"]) == (
        200,
        "p-lan",
        ["content.item.read", "content.item.write"],
    )
    assert spoken["person"]["signed_in_at"] is None
    (listed,) = (await ask("/tokens/list", session_id=session_id))[1]["items"]
    assert (listed["name"], bool(listed["used_on"])) == ("Cổng thông tin", True)
    vinh = await enter("vinh", "một câu dài khác")
    assert (await ask("/tokens/end", session_id=vinh, id=listed["id"]))[0] == 404
    assert (await ask("/tokens/end", session_id=session_id, id=listed["id"]))[0] == 204
    assert (await ask("/tokens/resolve", token=token))[0] == 401
    await told_of(events, token)


async def test_nobody_gives_a_program_what_they_do_not_hold_or_what_is_for_people(ask, enter):
    lan, vinh = await enter(), await enter("vinh", "một câu dài khác")
    for session_id, permission in (
        (lan, "fleet.device.command"),
        (vinh, "alert.notice.issue"),
        (vinh, "content.item.approve"),
        (vinh, "directory.register.import"),
        (vinh, "directory.session.keep"),
        (vinh, "platform.state.replay"),
        (vinh, "no.such.thing"),
    ):
        body = {"session_id": session_id, "name": "x", "permissions": [permission], "days": 1}
        status, problem = await ask("/tokens/make", **body)
        assert (status, problem["code"]) == (422, "directory.not-grantable"), permission
    for days in (0, 366, -1):
        body = {"session_id": lan, "name": "x", "permissions": ["content.item.read"], "days": days}
        assert (await ask("/tokens/make", **body))[0] == 422


async def test_a_token_ends_with_its_day_and_asks_for_a_fresh_sign_in(ask, enter, loaded):
    session_id = await enter()
    token = await _token(ask, session_id)
    past = {"ends_at": datetime.now(UTC) - timedelta(seconds=1)}
    await loaded.service.db["tokens"].update_one({"_id": digest(token)}, {"$set": past})
    assert (await ask("/tokens/resolve", token=token))[0] == 401
    old = {"signed_in_at": datetime.now(UTC) - timedelta(minutes=16)}
    await loaded.service.db["sessions"].update_one({"_id": digest(session_id)}, {"$set": old})
    body = {"session_id": session_id, "name": "x", "permissions": ["content.item.read"], "days": 1}
    assert (await ask("/tokens/make", **body))[1]["code"] == "directory.sign-in-again"


# -- apps --------------------------------------------------------------------------------------------------------------


def pkce():
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return verifier, challenge


def asked(challenge, **other):
    known = {"client_id": "field", "redirect_uri": BACK, "response_type": "code", "code_challenge": challenge}
    return {**known, "code_challenge_method": "S256", **other}


@pytest.fixture
def code_of(ask, enter):
    async def do(**other):
        verifier, challenge = pkce()
        status, made = await ask("/apps/authorize", session_id=await enter(), **asked(challenge, **other))
        assert status == 200, made
        return made["code"], verifier

    return do


@pytest.fixture
def redeem(ask):
    async def do(code, verifier, **other):
        body = {"client_id": "field", "code": code, "redirect_uri": BACK, "code_verifier": verifier, **other}
        return await ask("/apps/redeem", **body)

    return do


async def test_an_app_gets_tokens_for_a_code_and_its_verifier_and_is_listed(ask, enter, code_of, redeem):
    status, tokens = await redeem(*await code_of(), device="okhttp", place="113.161.72.0/24")
    assert (status, tokens["token_type"], tokens["expires_in"]) == (200, "Bearer", 600)
    status, spoken = await ask("/tokens/resolve", token=tokens["access_token"])
    assert (status, spoken["person"]["id"], spoken["only"]) == (200, "p-lan", None)
    assert spoken["person"]["grants"][0]["role"] == "author"
    assert (await ask("/tokens/resolve", token=tokens["refresh_token"]))[0] == 401
    here = await enter()
    (app,) = (one for one in (await ask("/sessions/list", session_id=here))[1]["items"] if one["app"])
    assert (app["app"], app["here"]) == ("Hiện trường", False)
    assert (await ask("/sessions/end-one", session_id=here, id=app["id"]))[0] == 204
    assert (await ask("/tokens/resolve", token=tokens["access_token"]))[0] == 401
    assert (await ask("/apps/refresh", client_id="field", token=tokens["refresh_token"]))[0] == 401


async def test_a_code_is_for_its_app_its_address_its_verifier_and_one_minute(ask, enter, code_of, redeem, loaded):
    other = pkce()[0]
    code, verifier = await code_of()
    refused = {"wrong verifier": await redeem(code, other)}
    # It was used up with the wrong verifier: whoever stole it cannot go on guessing.
    refused["after a wrong verifier"] = await redeem(code, verifier)
    code, verifier = await code_of()
    refused["other app's"] = await redeem(code, verifier, client_id="other", redirect_uri="https://other.example/back")
    code, verifier = await code_of()
    refused["other address"] = await redeem(code, verifier, redirect_uri="vn.lantoa.field:/b")
    code, verifier = await code_of()
    await loaded.service.db["tickets"].update_many({}, {"$set": {"ends_at": datetime.now(UTC) - timedelta(seconds=1)}})
    refused["too late"] = await redeem(code, verifier)
    session_id = await enter()
    refused["a session id"] = await redeem(session_id, verifier)
    for what, (status, problem) in refused.items():
        assert (status, problem["code"]) == (401, "directory.invalid-grant"), what


async def test_a_request_without_s256_or_to_a_foreign_address_gets_no_code(ask, enter):
    session_id, (verifier, challenge) = await enter(), pkce()
    for wrong, code in (
        ({"code_challenge_method": "plain", "code_challenge": verifier}, "directory.bad-app-request"),
        ({"code_challenge_method": ""}, "directory.bad-app-request"),
        ({"code_challenge": ""}, "directory.bad-app-request"),
        ({"response_type": "token"}, "directory.bad-app-request"),
        ({"redirect_uri": "https://app.example/back/"}, "directory.unknown-app"),
        ({"redirect_uri": "https://app.example.evil/back"}, "directory.unknown-app"),
        ({"redirect_uri": "https://other.example/back"}, "directory.unknown-app"),
        ({"client_id": "nobody"}, "directory.unknown-app"),
    ):
        status, problem = await ask("/apps/authorize", session_id=session_id, **asked(challenge, **wrong))
        assert (status, problem["code"]) == (422, code), wrong


async def test_a_code_that_comes_twice_ends_what_it_was_given_for(ask, code_of, redeem):
    code, verifier = await code_of()
    _, tokens = await redeem(code, verifier)
    assert (await redeem(code, verifier))[0] == 401
    assert (await ask("/tokens/resolve", token=tokens["access_token"]))[0] == 401


async def test_a_refresh_token_rotates_and_one_that_comes_twice_ends_the_family(ask, code_of, redeem, events):
    _, first = await redeem(*await code_of())
    status, second = await ask("/apps/refresh", client_id="field", token=first["refresh_token"])
    assert (status, len({first["refresh_token"], second["refresh_token"]})) == (200, 2)
    # Requests that were under way with the access token before go through.
    assert (await ask("/tokens/resolve", token=first["access_token"]))[0] == 200
    assert (await ask("/apps/refresh", client_id="other", token=second["refresh_token"]))[0] == 401
    assert (await ask("/tokens/resolve", token=second["access_token"]))[0] == 200
    status, problem = await ask("/apps/refresh", client_id="field", token=first["refresh_token"])
    assert (status, problem["code"]) == (401, "directory.invalid-grant")
    for token in (first["access_token"], second["access_token"]):
        assert (await ask("/tokens/resolve", token=token))[0] == 401
        await told_of(events, token)
    assert (await ask("/apps/refresh", client_id="field", token=second["refresh_token"]))[0] == 401


async def test_one_refresh_token_at_once_makes_one_and_then_nothing(ask, code_of, redeem):
    _, first = await redeem(*await code_of())
    answers = await asyncio.gather(
        *(ask("/apps/refresh", client_id="field", token=first["refresh_token"]) for _ in range(6))
    )
    assert [status for status, _ in answers].count(200) <= 1
    for status, tokens in answers:
        if status == 200:
            assert (await ask("/tokens/resolve", token=tokens["access_token"]))[0] == 401


async def test_revoking_either_token_ends_both(ask, code_of, redeem):
    for which in ("access_token", "refresh_token"):
        _, tokens = await redeem(*await code_of())
        assert (await ask("/apps/revoke", client_id="other", token=tokens[which]))[0] == 204
        assert (await ask("/tokens/resolve", token=tokens["access_token"]))[0] == 200
        assert (await ask("/apps/revoke", client_id="field", token=tokens[which]))[0] == 204
        assert (await ask("/tokens/resolve", token=tokens["access_token"]))[0] == 401
    assert (await ask("/apps/revoke", client_id="field", token="unknown"))[0] == 204
