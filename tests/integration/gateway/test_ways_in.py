"""Sign-in through the door: second factors, passkeys, step-up, sessions; every step's cookie."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta

from lantoa_contracts.catalogue import ITEM_SUBMITTED
from lantoa_contracts.events.content import ItemSubmitted
from lantoa_gateway import usecases
from lantoa_gateway.domain import is_foreign
from lantoa_runtime.http.auth import HEADER
from lantoa_testing import eventually
from lantoa_testing.authenticator import CodeApp, SoftKey
from lantoa_testing.live_pages import LIVE, open_page

RIGHT = {"login": "lan", "password": "đúng"}
SITE = "https://lantoa.example"
PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A155F) Chrome/126.0 Mobile Safari/537.36"


def sid_of(headers):
    return headers["set-cookie"].split(";")[0].removeprefix("__Host-sid=")


async def add_totp(door, sid):
    """A person's app and recovery codes, and their session from then on."""
    app = CodeApp((await door("POST", "/auth/totp/begin", sid))[1]["secret"])
    status, confirmed, headers = await door("POST", "/auth/totp/confirm", sid, json={"code": app.code()})
    assert status == 200, confirmed
    return app, confirmed["recovery_codes"], sid_of(headers)


async def test_the_ways_in_are_said_before_anybody_signs_in(door):
    assert (await door("GET", "/auth/ways"))[1] == {"password": True, "passkey": False, "oidc": None}
    named = {"headers": {"host": "localhost:8080"}}
    assert (await door("GET", "/auth/ways", **named))[1]["passkey"] is True
    for unreadable in ("[", "[x]", "a/b?c"):
        status, ways, _ = await door("GET", "/auth/ways", headers={"host": unreadable})
        assert (status, ways["passkey"]) == (200, False), unreadable


async def test_sign_in_with_a_code_gives_a_cookie_only_at_its_end(door):
    sid = await door.sign_in()
    app, codes, sid = await add_totp(door, sid)
    assert len(codes) == 10
    me = (await door("GET", "/auth/me", sid))[1]
    assert (me["factors"], me["must_add_factor"]) == ({"totp": True, "passkeys": 0, "recovery_left": 10}, False)
    status, first, headers = await door("POST", "/auth/sign-in", sid, json=RIGHT)
    assert (status, first["next"], first["ways"]) == (200, "second-factor", ["totp", "recovery"])
    assert "set-cookie" not in headers
    wrong = {"ticket": first["ticket"], "totp": "000000"}
    status, problem, headers = await door("POST", "/auth/second-factor", json=wrong)
    assert (status, problem["code"], headers["cache-control"]) == (401, "directory.wrong-factor", "no-store")
    right = {"ticket": first["ticket"], "totp": app.code()}
    status, answer, headers = await door("POST", "/auth/second-factor", sid, json=right)
    assert (status, answer["person"]["id"]) == (200, "p-lan")
    new = sid_of(headers)
    assert "session_id" not in answer
    assert (await door("GET", "/auth/me", new))[1] == answer
    # The session that the browser showed before ends: nobody can plant one.
    assert (await door("GET", "/auth/me", sid))[0] == 401


async def test_a_planted_session_id_is_never_taken_up_at_any_step(door):
    planted = "A" * 43
    sid = await door.sign_in()
    app, codes, sid = await add_totp(door, sid)
    _, first, _ = await door("POST", "/auth/sign-in", planted, json=RIGHT)
    given = {"ticket": first["ticket"], "recovery": codes[0]}
    _, _, headers = await door("POST", "/auth/second-factor", planted, json=given)
    assert sid_of(headers) != planted
    before = sid_of(headers)
    _, _, headers = await door("POST", "/auth/again", before, json={"totp": app.code()})
    assert sid_of(headers) not in (planted, before)
    assert [(await door("GET", "/auth/me", one))[0] for one in (planted, before, sid_of(headers))] == [401, 401, 200]


async def test_a_passkey_signs_in_at_the_site_that_the_installation_names(start_door):
    door = await start_door(gateway_public_url=SITE)
    sid, key = await door.sign_in(), SoftKey(SITE)
    _, options, _ = await door("POST", "/auth/passkeys/begin", sid)
    assert (options["rp"]["id"], options["authenticatorSelection"]["userVerification"]) == (
        "lantoa.example",
        "required",
    )
    body = {"name": "Điện thoại của Lan", "credential": key.create(options)}
    status, made, headers = await door("POST", "/auth/passkeys", sid, json=body)
    assert (status, made["passkey"]["name"], len(made["recovery_codes"])) == (201, "Điện thoại của Lan", 10)
    sid = sid_of(headers)
    # What a request says of its host changes nothing: the site is the installation's.
    _, asked, _ = await door("POST", "/auth/passkey/options", json={}, headers={"host": "evil.example"})
    assert asked["rpId"] == "lantoa.example"
    answer = {"passkey": key.get(asked)}
    status, me, headers = await door("POST", "/auth/passkey/sign-in", json=answer)
    assert (status, me["person"]["id"]) == (200, "p-lan")
    assert (await door("POST", "/auth/passkey/sign-in", json=answer))[1]["code"] == "directory.wrong-passkey"
    (listed,) = (await door("GET", "/auth/passkeys", sid))[1]["items"]
    status, _, headers = await door("DELETE", f"/auth/passkeys/{listed['id']}", sid)
    assert status == 204
    assert (await door("GET", "/auth/me", sid_of(headers)))[1]["factors"]["passkeys"] == 0


async def test_step_up_gives_a_new_id_and_services_see_the_fresh_sign_in(door):
    sid = await door.sign_in()
    key = {"_id": hashlib.sha256(sid.encode()).hexdigest()}
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    await door.directory.service.db["sessions"].update_one(key, {"$set": {"signed_in_at": hour_ago}})
    status, problem, _ = await door("POST", "/auth/totp/begin", sid)
    assert (status, problem["code"]) == (403, "directory.sign-in-again")
    status, answer, headers = await door("POST", "/auth/again", sid, json={"password": "đúng"})
    assert status == 200
    assert (await door("POST", "/auth/totp/begin", sid_of(headers)))[0] == 200
    assert (await door("GET", "/auth/me", sid))[0] == 401
    assert datetime.fromisoformat(answer["person"]["signed_in_at"]) > hour_ago + timedelta(minutes=55)


async def test_sessions_are_listed_in_words_and_ended(door):
    here = await door.sign_in()
    there = await door("POST", "/auth/sign-in", json=RIGHT, headers={"user-agent": PHONE})
    other = sid_of(there[2])
    listed = (await door("GET", "/auth/sessions", here))[1]["items"]
    assert {(one["device"], one["place"], one["here"]) for one in listed} == {
        ("", "127.0.0.0/24", True),
        ("Chrome, Android", "127.0.0.0/24", False),
    }
    phone = next(one["id"] for one in listed if not one["here"])
    assert (await door("DELETE", f"/auth/sessions/{phone}", here))[0] == 204
    assert [(await door("GET", "/auth/me", one))[0] for one in (here, other)] == [200, 401]
    third = await door.sign_in()
    assert (await door("POST", "/auth/sessions/end-others", here))[0] == 204
    assert [(await door("GET", "/auth/me", one))[0] for one in (here, third)] == [200, 401]
    vinh = await door.sign_in("vinh")
    mine = (await door("GET", "/auth/sessions", here))[1]["items"][0]["id"]
    assert (await door("DELETE", f"/auth/sessions/{mine}", vinh))[0] == 404


async def test_a_new_password_goes_on_here_and_ends_every_other_session(door):
    here, other = await door.sign_in(), await door.sign_in()
    weak = await door("POST", "/auth/password", here, json={"old": "đúng", "new": "ngắn"})
    assert (weak[0], weak[1]["errors"][0]["pointer"]) == (422, "/new")
    body = {"old": "đúng", "new": "cây dừa bến nước"}
    status, _, headers = await door("POST", "/auth/password", here, json=body)
    assert status == 200
    assert [(await door("GET", "/auth/me", one))[0] for one in (sid_of(headers), here, other)] == [200, 401, 401]


async def test_steps_of_who_is_signed_in_ask_for_a_session(door):
    own = [
        ("POST", "/auth/again"), ("POST", "/auth/password"), ("GET", "/auth/sessions"), ("POST", "/auth/totp/begin"),
        ("DELETE", "/auth/totp"), ("POST", "/auth/recovery"), ("POST", "/auth/passkeys/begin"), ("GET", "/auth/tokens"),
        ("DELETE", "/auth/tokens/x"), ("DELETE", "/auth/sessions/x"), ("POST", "/auth/sessions/end-others"),
    ]  # fmt: skip
    bodies = {"/auth/again": {"password": "đúng"}, "/auth/password": {"old": "x", "new": "y"}}
    for method, path in own:
        status, problem, _ = await door(method, path, json=bodies.get(path))
        assert (status, problem["code"]) == (401, "sign-in-required"), path


async def test_the_directory_s_own_doors_are_not_reached_through_the_proxy(door):
    sid = await door.sign_in("vinh")
    for path in ("sign-in", "sessions/resolve", "factors/totp/begin", "tokens/resolve", "apps/redeem", "sign-in/oidc"):
        assert (await door("POST", f"/api/v1/directory/{path}", sid, json={}))[0] == 404, path


# -- tokens ------------------------------------------------------------------------------------------------------------


async def token_of(door, sid, *permissions):
    body = {"name": "Cổng", "permissions": list(permissions or ["content.item.read"]), "days": 30}
    status, made, _ = await door("POST", "/auth/tokens", sid, json=body)
    assert status == 201, made
    return made["token"], made["item"]["id"]


def bearer(token, **headers):
    return {"headers": {"authorization": f"Bearer {token}", **headers}}


ECHO = "/api/v1/content/echo"


async def test_a_token_speaks_at_the_api_within_its_limits_and_needs_no_browser(door):
    sid = await door.sign_in()
    assert "content.item.write" in (await door("GET", "/auth/tokens", sid))[1]["grantable"]
    token, ref = await token_of(door, sid)
    # A program sends whatever it likes: no page of another site could have sent this header.
    status, seen, _ = await door("POST", ECHO, data=b"x", **bearer(token, **{"content-type": "text/plain"}))
    assert (status, seen["caller"][0]) == (200, "p-lan")
    assert "authorization" not in seen["headers"]
    claims = seen["headers"][HEADER].split(".")[1]
    said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert (said["only"], said["auth_time"]) == (["content.item.read"], None)
    assert (await door("DELETE", f"/auth/tokens/{ref}", sid))[0] == 204


async def test_a_token_that_was_taken_back_opens_nothing(door, monkeypatch):
    monkeypatch.setattr(usecases, "SESSION_SECONDS", 0.0)
    sid = await door.sign_in()
    token, ref = await token_of(door, sid)
    assert (await door("GET", ECHO, **bearer(token)))[0] == 200
    await door("DELETE", f"/auth/tokens/{ref}", sid)
    assert (await door("GET", ECHO, **bearer(token)))[0] == 401


async def test_a_program_listens_until_its_token_is_taken_back(door, events):
    live = door.running.service.app.state.live
    await eventually(lambda: live.hearing)
    sid = await door.sign_in()
    token, ref = await token_of(door, sid)
    page = await open_page(door.running.session, door.running.url, token=token)
    submitted = ItemSubmitted(item_id="i-1", ver=1, revision=1, unit_id="u-1", author_id="p-lan")
    await events.publish(ITEM_SUBMITTED, submitted)
    await eventually(lambda: page.ids() == ["i-1"])
    assert (await door("DELETE", f"/auth/tokens/{ref}", sid))[0] == 204
    await eventually(lambda: page.ended)
    assert not page.broken
    assert (await door("GET", LIVE, **bearer(token)))[0] == 401
    await page.close()


async def test_a_request_says_once_who_it_is(door):
    sid = await door.sign_in()
    token, _ = await token_of(door, sid)
    status, problem, _ = await door("GET", ECHO, sid, **bearer(token))
    assert (status, problem["code"]) == (400, "gateway.two-credentials")
    for wrong in (f"Bearer {token[:-1]}", f"Bearer lta_{'A' * 43}", f"Basic {token}", "Bearer", "", f"Bearer {sid}"):
        status, problem, _ = await door("GET", ECHO, headers={"authorization": wrong})
        assert (status, problem["code"]) == (401, "sign-in-required"), wrong
    # Nor does a token sign anybody in: the door for people looks at sessions alone.
    assert (await door("GET", "/auth/me", **bearer(token)))[0] == 401
    assert (await door("GET", "/auth/tokens", **bearer(token)))[0] == 401


def test_a_token_lifts_the_guard_against_other_sites_only_where_no_session_comes_along():
    foreign = {"sec-fetch-site": "cross-site", "content-type": "text/plain", "content-length": "1"}
    assert is_foreign("POST", foreign)
    assert not is_foreign("POST", {**foreign, "authorization": "Bearer x"})
    assert is_foreign("POST", {**foreign, "authorization": "Basic x"})
    assert is_foreign("POST", {**foreign, "authorization": "Bearer x", "cookie": "a=b; __Host-sid=x"})
    assert is_foreign("POST", {**foreign, "authorization": "Bearer x", "cookie": "__Host-citizen=x"})
