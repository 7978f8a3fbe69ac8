"""Sign-in by a provider that speaks OpenID Connect, well or badly; and apps of our own."""

import base64
import hashlib
import json
import secrets
from urllib.parse import parse_qs, urlsplit

import pytest

from lantoa_cli.servers import free_port
from lantoa_testing import eventually
from lantoa_testing.authenticator import CodeApp
from lantoa_testing.issuer import CLIENT, SECRET, Issuer, signing_pair
from lantoa_testing.live_pages import open_page

BACK = "https://app.example/back"


@pytest.fixture
async def issuer():
    async with Issuer().running() as made:
        yield made


@pytest.fixture
async def door(start_door, issuer, tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    return await start_door(
        gateway_oidc_issuer=issuer.url,
        gateway_oidc_client_id=CLIENT,
        gateway_oidc_secret_file=file,
        gateway_oidc_name="Cổng đăng nhập tỉnh",
        gateway_oidc_match="login",
    )


def cookies_of(headers):
    pairs = (line.split(";")[0].split("=", 1) for line in headers.getall("set-cookie", []))
    return {name: value.strip('"') for name, value in pairs}


async def start(door, after="/#/items", sid=None):
    status, _, headers = await door("GET", f"/auth/oidc/start?next={after.replace('#', '%23')}", sid)
    assert status == 303, status
    return headers["location"], cookies_of(headers)["__Host-oidc"]


async def come_back(door, path, errand, sid=None):
    shown = f"__Host-oidc={errand}" + (f"; __Host-sid={sid}" if sid else "")
    return await door("GET", path, headers={"cookie": shown})


async def round_trip(door, issuer):
    location, errand = await start(door)
    return await come_back(door, issuer.authorize(location), errand)


async def test_a_person_signs_in_by_a_provider_and_goes_on_where_they_were(door, issuer):
    assert (await door("GET", "/auth/ways"))[1]["oidc"] == {"name": "Cổng đăng nhập tỉnh"}
    issuer.claims = {"preferred_username": "LAN"}
    status, _, headers = await round_trip(door, issuer)
    assert (status, headers["location"]) == (303, "/#/items")
    cookies = cookies_of(headers)
    assert cookies["__Host-oidc"] == ""
    me = (await door("GET", "/auth/me", cookies["__Host-sid"]))[1]
    assert me["person"]["id"] == "p-lan"
    # From then on the provider's own name for the person counts, whatever it calls them.
    issuer.claims = {"preferred_username": "somebody else"}
    status, _, headers = await round_trip(door, issuer)
    assert (await door("GET", "/auth/me", cookies_of(headers)["__Host-sid"]))[1]["person"]["id"] == "p-lan"
    issuer.claims = {"sub": "kc-2", "preferred_username": "nobody"}
    assert (await round_trip(door, issuer))[0] == 401


async def test_one_s_own_second_factor_is_asked_for_unless_the_provider_did(door, issuer):
    sid = await door.sign_in()
    app = CodeApp((await door("POST", "/auth/totp/begin", sid))[1]["secret"])
    assert (await door("POST", "/auth/totp/confirm", sid, json={"code": app.code()}))[0] == 200
    issuer.claims = {"preferred_username": "lan"}
    status, _, headers = await round_trip(door, issuer)
    parts = urlsplit(headers["location"])
    wanted = parse_qs(parts.fragment.partition("?")[2])
    assert (status, parts.path, parts.query, wanted["ways"], wanted["next"]) == (
        303,
        "/",
        "",
        ["totp,recovery"],
        ["/#/items"],
    )
    assert "__Host-sid" not in cookies_of(headers)
    issuer.claims = {"amr": ["pwd", "mfa"]}
    assert "__Host-sid" in cookies_of((await round_trip(door, issuer))[2])


def _changed(token):
    head, claims, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    mightier = base64.urlsafe_b64encode(json.dumps({**said, "preferred_username": "vinh"}).encode()).decode()
    return f"{head}.{mightier.rstrip('=')}.{signature}"


FORGED = {
    "changed after signing": {"raw": _changed},
    "a kid that leads elsewhere": {"signer": signing_pair(), "header": {"kid": "../../etc/passwd"}},
    "a kid that asks the database": {"signer": signing_pair(), "header": {"kid": "x' OR '1'='1"}},
    "for several, and not said for whom": {"claims": {"aud": [CLIENT, "other"]}},
    "for several, and for another": {"claims": {"aud": [CLIENT, "other"], "azp": "other"}},
    "by another issuer": {"claims": {"iss": "https://evil.example"}},
    "without an end": {"claims": {"exp": None}},
    "to another question": {"claims": {"nonce": "x" * 43}},
    "to no question": {"claims": {"nonce": None}},
    "of nobody": {"claims": {"sub": ""}},
    "no token": {"raw": lambda token: None},
    "no text": {"raw": lambda token: {"a": 1}},
}
"""The algorithm, the key and the audience alone: tests/hostile/test_guards.py."""


async def test_tokens_that_are_forged_or_for_others_sign_nobody_in(door, issuer):
    for what, spoiled in FORGED.items():
        issuer.says(**{**spoiled, "claims": {"preferred_username": "vinh", **spoiled.get("claims", {})}})
        status, page, headers = await round_trip(door, issuer)
        assert (status, "__Host-sid" in cookies_of(headers)) == (401, False), what
        assert "Chưa đăng nhập được qua hệ thống ngoài" in page.decode(), what
    asked = issuer.key_asks
    issuer.says({"preferred_username": "vinh"})
    assert (await round_trip(door, issuer))[0] == 303
    # However many keys were made up, the provider's were not asked for each time.
    assert asked <= 3


async def test_a_new_key_of_the_provider_is_learned(door, issuer, monkeypatch):
    issuer.claims = {"preferred_username": "lan"}
    assert (await round_trip(door, issuer))[0] == 303
    monkeypatch.setattr("lantoa_gateway.adapters.oidc._KEYS_AGAIN_SECONDS", -1.0)
    issuer.keys = [signing_pair()]
    assert (await round_trip(door, issuer))[0] == 303


async def test_only_the_browser_that_was_sent_comes_back_and_with_its_own_answer(door, issuer):
    issuer.claims = {"preferred_username": "lan"}
    location, errand = await start(door)
    answer = issuer.authorize(location)
    _, other = await start(door)
    for cookie_, path in (
        ("", answer),
        ("x", answer),
        (other, answer),
        (errand, answer.replace("state=", "state=x")),
        (errand, answer.partition("&")[0]),
        (errand, "/auth/oidc/callback?error=access_denied&state=x"),
    ):
        status, _, headers = await come_back(door, path, cookie_)
        assert (status, "__Host-sid" in cookies_of(headers)) == (401, False), path
    # The attacker's code in the victim's browser: it was asked for with another verifier.
    theirs, mine = await start(door), await start(door)
    stolen = issuer.authorize(theirs[0]).partition("&")[0]
    state = parse_qs(urlsplit(mine[0]).query)["state"][0]
    assert (await come_back(door, f"{stolen}&state={state}", mine[1]))[0] == 401
    assert (await come_back(door, answer, errand))[0] == 303


async def test_nobody_is_led_to_another_site_after_sign_in(door, issuer):
    issuer.claims = {"preferred_username": "lan"}
    for after in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        location, errand = await start(door, after)
        _, _, headers = await come_back(door, issuer.authorize(location), errand)
        assert headers["location"] == "/", after


async def test_a_provider_that_is_away_is_said_so_and_the_password_goes_on(start_door):
    door = await start_door(
        gateway_oidc_issuer=f"http://127.0.0.1:{free_port()}", gateway_oidc_client_id="x", gateway_oidc_name="x"
    )
    status, _, headers = await door("GET", "/auth/oidc/start")
    assert (status, headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert headers["retry-after"]
    await door.sign_in()


async def test_who_is_signed_in_links_their_account_themselves(start_door, issuer, tmp_path):
    file = tmp_path / "secret"
    file.write_text(SECRET)
    settings = {"gateway_oidc_issuer": issuer.url, "gateway_oidc_client_id": CLIENT, "gateway_oidc_name": "x"}
    door = await start_door(**settings, gateway_oidc_secret_file=file)
    issuer.claims = {"preferred_username": "lan"}
    assert (await round_trip(door, issuer))[0] == 401  # By login only where the settings say so.
    sid = await door.sign_in()
    foreign = {"sec-fetch-site": "cross-site", "content-type": "application/json"}
    assert (await door("POST", "/auth/oidc/link", sid, data=b"{}", headers=foreign))[0] == 403
    assert (await door("POST", "/auth/oidc/link"))[0] == 401
    status, there, headers = await door("POST", "/auth/oidc/link", sid)
    assert status == 200
    errand = cookies_of(headers)["__Host-oidc"]
    status, _, headers = await come_back(door, issuer.authorize(there["location"]), errand, sid)
    assert (status, headers["location"]) == (303, "/")
    _, _, headers = await round_trip(door, issuer)
    assert (await door("GET", "/auth/me", cookies_of(headers)["__Host-sid"]))[1]["person"]["id"] == "p-lan"


# -- apps --------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def plain_door(start_door):
    return await start_door()


def asking(**other):
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    known = {"client_id": "vn.lantoa.field", "redirect_uri": BACK, "response_type": "code", "state": "s1"}
    query = {**known, "code_challenge": challenge, "code_challenge_method": "S256", **other}
    return "/auth/app/authorize?" + "&".join(f"{name}={value}" for name, value in query.items()), verifier


async def test_an_app_signs_in_through_the_page_and_works_by_its_tokens(plain_door):
    door = plain_door
    sid = await door.sign_in()
    path, verifier = asking()
    status, page, headers = await door("GET", path, sid)
    assert status == 200
    assert "Lan Tỏa hiện trường muốn đăng nhập" in page.decode()
    assert "form-action 'self' https://app.example" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    status, _, headers = await door("POST", path, sid, headers={"sec-fetch-site": "same-origin"})
    back = urlsplit(headers["location"])
    said = {name: values[0] for name, values in parse_qs(back.query).items()}
    assert (status, f"{back.scheme}://{back.netloc}{back.path}", said["state"]) == (303, BACK, "s1")
    form = {"grant_type": "authorization_code", "client_id": "vn.lantoa.field", "code": said["code"]}
    # As OAuth libraries send it: a form, without a word of where it comes from.
    status, tokens, headers = await door(
        "POST", "/auth/app/token", data={**form, "redirect_uri": BACK, "code_verifier": verifier}
    )
    assert (status, headers["cache-control"]) == (200, "no-store")
    shown = {"headers": {"authorization": f"Bearer {tokens['access_token']}"}}
    assert (await door("GET", "/api/v1/content/echo", **shown))[1]["caller"][0] == "p-lan"
    again = {"grant_type": "refresh_token", "client_id": "vn.lantoa.field", "refresh_token": tokens["refresh_token"]}
    status, fresh, _ = await door("POST", "/auth/app/token", data=again)
    assert (status, fresh["refresh_token"] != tokens["refresh_token"]) == (200, True)
    await eventually(lambda: door.running.service.app.state.live.hearing)
    page = await open_page(door.running.session, door.running.url, token=fresh["access_token"])
    status, problem, headers = await door("POST", "/auth/app/token", data=again)
    assert (status, problem["error"], problem["code"]) == (400, "invalid_grant", "gateway.invalid-grant")
    # What comes a second time was stolen: all that came of it ends, streams too.
    await eventually(lambda: page.ended)
    assert not page.broken
    await page.close()
    end = {"client_id": "vn.lantoa.field", "token": fresh["refresh_token"]}
    assert (await door("POST", "/auth/app/revoke", data=end))[0] == 200


async def test_who_is_not_signed_in_signs_in_first_and_comes_back_to_the_app(plain_door):
    path, _ = asking()
    status, _, headers = await plain_door("GET", path)
    assert status == 303
    where, _, query = urlsplit(headers["location"]).fragment.partition("?")
    assert (where, parse_qs(query)["next"]) == ("/sign-in", [path])


async def test_the_page_gives_no_code_to_foreign_addresses_or_from_foreign_pages(plain_door):
    door = plain_door
    sid = await door.sign_in()
    for wrong in (
        {"redirect_uri": "https://evil.example/back"},
        {"client_id": "nobody"},
        {"code_challenge_method": "plain"},
        {"response_type": "token"},
    ):
        path, _ = asking(**wrong)
        for method in ("GET", "POST"):
            status, page, headers = await door(method, path, sid, headers={"sec-fetch-site": "same-origin"})
            assert (status, "location" in headers) == (422, False), wrong
            assert 'href="https://evil' not in page.decode()
    path, _ = asking()
    assert (await door("GET", f"{path}&client_id=other", sid))[0] == 422
    status, problem, headers = await door("POST", path, sid, headers={"sec-fetch-site": "cross-site"})
    assert (status, "location" in headers) == (403, False)
    for form in ({"grant_type": "password"}, {}, {"grant_type": "authorization_code", "client_id": "x", "code": "y"}):
        status, problem, _ = await door("POST", "/auth/app/token", data=form)
        assert (status, "error" in problem) == (400, True)
