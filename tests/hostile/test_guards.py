"""Attacks on who somebody is and what is theirs: each is refused, and succeeds once its guard is taken out.

So each test here can fail, and the thing that makes it pass is known by name. ``docs/security.md`` has the list.
"""

import base64
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from forged_tokens import (
    by_its_own_algorithm,
    by_its_own_key,
    by_its_word,
    public_text,
    signed,
    stranger,
    unsigned,
)
from guards_world import ECHO, ITEMS, PASSWORD, Answer, Town, ask, open_town, refreshing
from hostile_world import COMMUNE, ITEM, OTHER, PROVINCE, ROOT
from joserfc.jwk import Key, KeySet, OctKey, OKPKey
from rights_world import Ask, keyed

from lantoa_directory.domain.factors import STEP_SECONDS, fitting_step, totp
from lantoa_directory.usecases.apps import Apps
from lantoa_directory.usecases.sessions import digest
from lantoa_gateway.domain import PASSED_ON
from lantoa_runtime.http.auth import HEADER, Caller, Grant, TokenSigner
from lantoa_testing.issuer import signing_pair
from lantoa_testing.plugin import settings_on, token_for

ME = "/auth/me"
Prepare = Callable[[Town], Awaitable[Ask]]


def passes(answer: Answer) -> bool:
    """What an attacker wants of most."""
    return answer.status < 400


@dataclass(frozen=True)
class Attack:
    """What somebody tries, and the one thing that stands in the way."""

    kind: str
    what: str
    guard: str
    """Its whole name; ``without`` takes its place."""
    without: Any
    prepare: Prepare
    """Makes everything ready; its request is the attack."""
    refusal: tuple[int, str | None]
    harm: Callable[[Answer], bool] = passes
    ends: bool = False
    """To refuse it also ends what was stolen; otherwise nothing in the store changes."""


async def _nothing(*_: Any) -> None:
    """In the place of what ends something."""


def _blind(*_: Any) -> None:
    """In the place of what looks at something."""


def _everything(*_: Any) -> bool:
    """In the place of what says whether."""
    return True


# -- session fixation --------------------------------------------------------------------------------------------------

PLANTED = secrets.token_urlsafe(32)


async def foreseen(town: Town) -> Ask:
    await town.sign_in("lan")
    return ask("GET", ME, PLANTED)


async def of_the_attacker(town: Town) -> Ask:
    planted = await town.sign_in("vinh")
    await town.sign_in("lan", shown=planted)
    return ask("GET", ME, planted)


async def before_step_up(town: Town) -> Ask:
    learned = await town.sign_in("lan")
    await town.done(ask("POST", "/auth/again", learned, {"password": PASSWORD}))
    return ask("GET", ME, learned)


async def by_a_neighbour(town: Town) -> Ask:
    return ask("GET", ITEMS, cookie=f"sid={town.vinh}")


# -- token confusion ---------------------------------------------------------------------------------------------------


def _writer(unit: str = COMMUNE) -> Caller:
    """Somebody who does not exist, each time another: a token that was once taken is remembered."""
    return Caller(f"p-{secrets.token_hex(6)}", "Không ai", (Grant("author", unit),))


def showing(forge: Callable[[Town, str, Key], str]) -> Prepare:
    """A request to the service itself with what ``forge`` makes of a token of the gateway and of its public key."""

    async def prepare(town: Town) -> Ask:
        (key,) = KeySet.import_key_set(json.loads(town.nats.ring.internal_keys_file.read_text())).keys
        token = forge(town, token_for(town.nats.ring, _writer(), "content"), key)
        return Ask("POST", town.content.url + ITEMS, ITEM, headers=keyed(**{HEADER: token}))

    return prepare


def brought_along(_: Town, token: str, __: Key) -> str:
    theirs = stranger()
    return signed(token, theirs, kid=theirs.kid, jwk=theirs.as_dict(private=False))


def for_another_service(town: Town, *_: Any) -> str:
    return token_for(town.nats.ring, _writer(), "fleet")


def by_a_shared_secret(_: Town, token: str, key: Key) -> str:
    """What everybody may know of the gateway's key, taken for the secret of HS256."""
    return signed(token, OctKey.import_key(public_text(key)), alg="HS256", kid=key.kid)


def too_old(town: Town, *_: Any) -> str:
    signer = TokenSigner(OKPKey.import_key(json.loads(town.nats.ring.gateway_file.read_text())))
    return signer.sign(_writer(), "content", time.time() - 120)


def back_from_provider(says: Callable[[Town], dict[str, Any]]) -> Prepare:
    """A browser on its way back from the provider, which speaks of Lan with what ``says`` gives."""

    async def prepare(town: Town) -> Ask:
        spoiled = says(town)
        town.issuer.says(**{**spoiled, "claims": {"preferred_username": "lan", **spoiled.get("claims", {})}})
        sent = await town.done(ask("GET", "/auth/oidc/start"))
        back = town.issuer.authorize(sent.headers["location"])
        return ask("GET", back, cookie=f"__Host-oidc={sent.cookies['__Host-oidc']}")

    return prepare


def shared_secret(town: Town) -> dict[str, Any]:
    public = public_text(town.issuer.keys[0])
    return {"signer": OctKey.import_key(public), "header": {"alg": "HS256"}}


def key_of_its_own(_: Town) -> dict[str, Any]:
    theirs = signing_pair()
    return {"signer": theirs, "header": {"kid": theirs.kid, "jwk": theirs.as_dict(private=False)}}


# -- replays -----------------------------------------------------------------------------------------------------------


async def used_up(town: Town) -> Ask:
    first = (await town.app_tokens())["refresh_token"]
    await town.done(refreshing(first))
    return refreshing(first)


async def what_a_thief_got(town: Town) -> Ask:
    stolen = (await town.app_tokens())["refresh_token"]
    theirs = (await town.done(refreshing(stolen))).body
    assert (await town.send(refreshing(stolen))).status == 400  # The app itself comes with it.
    return ask("GET", ITEMS, authorization=f"Bearer {theirs['access_token']}")


async def a_code_twice(town: Town) -> Ask:
    login, step = await town.newcomer(), int(time.time()) // STEP_SECONDS
    sid = await town.sign_in(login)
    secret = base64.b32decode((await town.done(ask("POST", "/auth/totp/begin", sid))).body["secret"])
    await town.done(ask("POST", "/auth/totp/confirm", sid, {"code": totp(secret, step)}))

    async def second_step() -> Ask:
        first = await town.done(ask("POST", "/auth/sign-in", json={"login": login, "password": PASSWORD}))
        return ask("POST", "/auth/second-factor", json={"ticket": first.body["ticket"], "totp": totp(secret, step + 1)})

    await town.done(await second_step())
    return await second_step()


def forgetful(secret: bytes, code: str, now: Any, _: int) -> int | None:
    """Does not know which codes were used."""
    return fitting_step(secret, code, now, 0)


_REAL_NEW = Apps._new


def always_the_same(apps: Apps, now: Any) -> Any:
    """A refresh token that does not change."""
    said, kept = _REAL_NEW(apps, now)
    return {**said, "refresh_token": f"lar_{PLANTED}"}, {**kept, "refresh": digest(f"lar_{PLANTED}")}


# -- requests of other sites' pages ------------------------------------------------------------------------------------


def from_elsewhere(**headers: str) -> Prepare:
    """A page of another site writes an item in Lan's name."""

    async def prepare(town: Town) -> Ask:
        return ask("POST", ITEMS, town.lan, ITEM, **headers)

    return prepare


def signing_her_out(data: bytes | None = None, **headers: str) -> Prepare:
    """A page of another site ends Lan's session."""

    async def prepare(town: Town) -> Ask:
        made = ask("POST", "/auth/sign-out", await town.sign_in("lan"), **headers)
        return Ask(made.method, made.path, data=data, headers=made.headers)

    return prepare


# -- headers that only the platform may set ----------------------------------------------------------------------------

INNER = {"lt-actor": "p-vinh", "lt-origin": "10.0.0.1", "x-forwarded-for": "10.0.0.1", "forwarded": "for=10.0.0.1"}
ELSEWHERE = "203.0.113.9"


async def anothers_token(town: Town) -> Ask:
    """Lan came by a token of somebody who may write in the other commune."""
    token = token_for(town.nats.ring, _writer(OTHER), "content")
    return ask("POST", ITEMS, town.lan, {**ITEM, "unit_id": OTHER}, **{HEADER: token})


async def inner_names(town: Town) -> Ask:
    return ask("GET", ECHO, town.lan, **INNER)


async def false_address(town: Town) -> Ask:
    return ask("GET", await town.open_door() + ECHO, town.lan, x_forwarded_for=ELSEWHERE)


# -- ids of another unit -----------------------------------------------------------------------------------------------


async def in_the_path(town: Town) -> Ask:
    item = await town.item(town.vinh, OTHER)
    return ask("PATCH", f"{ITEMS}/{item}", town.lan, {"title": "Lịch của người khác"}, if_match='"1"')


async def in_the_body(town: Town) -> Ask:
    return ask("POST", ITEMS, town.lan, {**ITEM, "unit_id": OTHER})


async def in_the_body_of_ones_own(town: Town) -> Ask:
    item = await town.item(town.lan, COMMUNE)
    return ask("PATCH", f"{ITEMS}/{item}", town.lan, {"unit_id": OTHER}, if_match='"1"')


async def in_the_query(town: Town) -> Ask:
    await town.item(town.vinh, OTHER)
    return ask("GET", f"{ITEMS}?unit_id={OTHER}", town.lan)


FIXATION, TOKENS, ID_TOKENS = "session fixation", "token confusion: internal", "token confusion: a provider's"
REPLAY, CSRF, SPOOFED, UNITS = "replay", "cross-site request", "spoofed header", "another unit's id"
NOBODY, PAGE, FOREIGN = (401, "sign-in-required"), (401, None), (403, "gateway.foreign-site")
SERVICE, GATEWAY = "lantoa_runtime.http.auth.signed_claims", "lantoa_gateway.adapters.oidc.signed_claims"
AUDIENCE, EXPIRY = (f"joserfc.jwt.JWTClaimsRegistry.validate_{claim}" for claim in ("aud", "exp"))
MAY = "lantoa_runtime.http.auth.Caller.may"
NAMES = "lantoa_gateway.api.proxy.PASSED_ON"
DOMAIN = "lantoa_gateway.domain."


ATTACKS = [
    Attack(FIXATION, "an id that was known before it was given",
           "lantoa_directory.usecases.sessions.new_session_id", lambda: PLANTED, foreseen, NOBODY),
    Attack(FIXATION, "a session of the attacker's, planted before sign-in",
           "lantoa_gateway.usecases.Sessions.end", _nothing, of_the_attacker, NOBODY),
    Attack(FIXATION, "an id that was learned before a step up",
           "lantoa_directory.usecases.sessions.Sessions.end_key", _nothing, before_step_up, NOBODY),
    Attack(FIXATION, "a cookie that a neighbouring host can set",
           "lantoa_gateway.api.cookie.STAFF", "sid", by_a_neighbour, NOBODY),
    Attack(TOKENS, "`alg`: none", SERVICE, by_its_own_algorithm, showing(lambda _, token, __: unsigned(token)), NOBODY),
    Attack(TOKENS, "`alg`: HS256 with the public key", SERVICE, by_its_own_algorithm,
           showing(by_a_shared_secret), NOBODY),
    Attack(TOKENS, "`kid`: unknown, the key comes along", SERVICE, by_its_own_key, showing(brought_along), NOBODY),
    Attack(TOKENS, "`kid`: the gateway's, over another's signature", SERVICE, by_its_word,
           showing(lambda _, token, key: signed(token, stranger(), kid=key.kid)), NOBODY),
    Attack(TOKENS, "`aud`: another service's", AUDIENCE, _blind, showing(for_another_service), NOBODY),
    Attack(TOKENS, "`exp`: over", EXPIRY, _blind, showing(too_old), NOBODY),
    Attack(ID_TOKENS, "`alg`: none", GATEWAY, by_its_own_algorithm,
           back_from_provider(lambda _: {"raw": unsigned}), PAGE),
    Attack(ID_TOKENS, "`alg`: HS256 with the public key", GATEWAY, by_its_own_algorithm,
           back_from_provider(shared_secret), PAGE),
    Attack(ID_TOKENS, "`kid`: unknown, the key comes along", GATEWAY, by_its_own_key,
           back_from_provider(key_of_its_own), PAGE),
    Attack(ID_TOKENS, "`kid`: the provider's, over another's signature", GATEWAY, by_its_word,
           back_from_provider(lambda _: {"signer": signing_pair()}), PAGE),
    Attack(ID_TOKENS, "`aud`: another client's", AUDIENCE, _blind,
           back_from_provider(lambda _: {"claims": {"aud": "other"}}), PAGE),
    Attack(ID_TOKENS, "`exp`: over", EXPIRY, _blind,
           back_from_provider(lambda _: {"claims": {"exp": int(time.time()) - 120}}), PAGE),
    Attack(REPLAY, "an app's refresh token a second time", "lantoa_directory.usecases.apps.Apps._new",
           always_the_same, used_up, (400, "gateway.invalid-grant"), ends=True),
    Attack(REPLAY, "what a thief got for it before", "lantoa_directory.usecases.apps.Apps._replayed", _nothing,
           what_a_thief_got, NOBODY),
    Attack(REPLAY, "a code of the second factor", "lantoa_directory.usecases.factors.fitting_step", forgetful,
           a_code_twice, (401, "directory.wrong-factor")),
    Attack(CSRF, "`Sec-Fetch-Site: same-site`, no `Origin`", DOMAIN + "_by_site", _blind,
           from_elsewhere(sec_fetch_site="same-site"), FOREIGN),
    Attack(CSRF, "another `Origin`, no `Sec-Fetch-Site`", DOMAIN + "_by_origin", _blind,
           from_elsewhere(origin="https://evil.example"), FOREIGN),
    Attack(CSRF, "neither, a form's text", DOMAIN + "_by_form", _blind,
           signing_her_out(b"a=b", content_type="text/plain"), FOREIGN),
    Attack(CSRF, "a token beside the session", DOMAIN + "_is_program", lambda headers: "authorization" in headers,
           signing_her_out(sec_fetch_site="cross-site", authorization="Bearer x"), FOREIGN),
    Attack(SPOOFED, f"`{HEADER}`, beside a session of one's own", NAMES, PASSED_ON | {HEADER.encode()},
           anothers_token, (403, "forbidden")),
    Attack(SPOOFED, ", ".join(f"`{name}`" for name in INNER), NAMES, PASSED_ON | {name.encode() for name in INNER},
           inner_names, (200, None), lambda answer: not INNER.keys().isdisjoint(answer.body["headers"])),
    Attack(SPOOFED, "`x-forwarded-for`, for the audit and the limits of an address",
           "lantoa_runtime.service._forwarding", lambda _: {}, false_address, (200, None),
           lambda answer: answer.body["origin"] == ELSEWHERE),
    Attack(UNITS, "in the path", MAY, _everything, in_the_path, (404, "not-found")),
    Attack(UNITS, "in the body", MAY, _everything, in_the_body, (403, "forbidden")),
    Attack(UNITS, "in the body, for a thing of one's own", MAY, _everything, in_the_body_of_ones_own,
           (403, "forbidden")),
    Attack(UNITS, "in the query", "lantoa_runtime.http.auth.Caller.units", lambda *_: (PROVINCE,), in_the_query,
           (200, None), lambda answer: bool(answer.body["items"])),
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(nats_server, mongo_url, database_prefix, tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    with pytest.MonkeyPatch.context() as patch:
        # All attacks come from one address, and most in the name of one person.
        for limit in ("lantoa_gateway.api.door.BURST", "lantoa_gateway.api.door.STEPS_BURST",
                      "lantoa_directory.usecases.sessions.MOST_SESSIONS"):  # fmt: skip
            patch.setattr(limit, 10_000)
        async with open_town(settings_on(nats_server, mongo_url, folder, database_prefix), nats_server, folder) as made:
            yield made


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("attack", ATTACKS, ids=[f"{one.kind}: {one.what}" for one in ATTACKS])
async def test_it_is_refused_and_succeeds_without_its_guard(attack, town, monkeypatch):
    tried = await attack.prepare(town)
    before = await town.stored()
    answer = await town.send(tried)
    assert (answer.status, answer.code) == attack.refusal
    assert not attack.harm(answer)
    assert (await town.stored() != before) is attack.ends

    monkeypatch.setattr(attack.guard, attack.without)
    tried = await attack.prepare(town)
    before = await town.stored()
    answer = await town.send(tried)
    assert attack.harm(answer), f"refused by something else than {attack.guard}: {answer}"
    assert tried.method == "GET" or await town.stored() != before, "nothing was to be gained"


def _table() -> str:
    rows = ["| attack | refused with | by |", "|---|---|---|"]
    for one in ATTACKS:
        status, code = one.refusal
        refused = f"{status} `{code}`" if code else {401: "401, a page", 200: "200, without it"}[status]
        rows.append(f"| {one.kind}: {one.what} | {refused} | `{one.guard}` |")
    return "\n".join(rows)


def test_the_document_names_every_guard():
    text = (ROOT / "docs" / "security.md").read_text()
    (found,) = re.findall(r"(?ms)^\| attack \| refused with \| by \|$.*?(?=\n\n)", text)
    assert found == _table()
