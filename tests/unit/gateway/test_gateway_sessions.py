import asyncio

import pytest
from joserfc.jwk import OKPKey

from lantoa_gateway.usecases import SESSION_SECONDS, TOKEN_SECONDS, Person, Sessions, Tokens
from lantoa_runtime.errors import AppError, Unavailable
from lantoa_runtime.http.auth import Caller, Grant, TokenSigner

VIEW = {"id": "p-lan", "name": "Lan", "title": "", "grants": [{"role": "author", "unit_id": "u-1"}]}
LAN = Person(VIEW)


class Store:
    """A directory with one session, which may be away or slow."""

    def __init__(self):
        self.asked = 0
        self.ended = []
        self.away = False
        self.reached = asyncio.Event()
        self.held = asyncio.Event()
        self.held.set()

    async def person(self, session_id):
        self.asked += 1
        if self.away:
            raise Unavailable("directory")
        if session_id in self.ended:
            raise AppError("sign-in-required", 401)
        self.reached.set()
        await self.held.wait()
        return LAN

    async def end(self, session_id):
        self.ended.append(session_id)


class Time:
    now = 1000.0

    def __call__(self):
        return self.now


async def test_a_person_is_asked_for_once_in_thirty_seconds():
    store, time = Store(), Time()
    sessions = Sessions(store, time)
    for _ in range(3):
        assert (await sessions.person("s")).caller == Caller("p-lan", "Lan", (Grant("author", "u-1"),))
    assert store.asked == 1
    time.now += SESSION_SECONDS
    await sessions.person("s")
    assert store.asked == 2


async def test_who_was_seen_just_now_works_on_while_the_directory_is_away():
    store, time = Store(), Time()
    sessions = Sessions(store, time)
    await sessions.person("s")
    store.away = True
    assert await sessions.person("s") is LAN
    time.now += SESSION_SECONDS
    with pytest.raises(Unavailable):
        await sessions.person("s")


async def test_a_session_that_was_ended_is_not_believed_any_more():
    store = Store()
    sessions = Sessions(store, Time())
    await sessions.person("s")
    await sessions.end("s")
    with pytest.raises(AppError):
        await sessions.person("s")


async def test_an_answer_that_was_under_way_at_sign_out_does_not_count():
    store = Store()
    sessions = Sessions(store, Time())
    store.held.clear()
    asking = asyncio.ensure_future(sessions.person("s"))
    await store.reached.wait()
    await sessions.end("s")
    store.held.set()
    with pytest.raises(AppError):
        await asking
    with pytest.raises(AppError):
        await sessions.person("s")


async def test_an_answer_during_which_others_sign_out_is_asked_for_again_and_comes_in_the_end():
    store = Store()
    sessions = Sessions(store, Time())
    store.held.clear()
    asking = asyncio.ensure_future(sessions.person("s"))
    await store.reached.wait()
    sessions.forget("another")
    store.held.set()
    assert await asking is LAN
    assert store.asked == 2
    assert sessions.believed("s") is LAN


def test_a_token_is_made_once_for_each_caller_and_service_and_in_time_again():
    time = Time()
    tokens = Tokens(TokenSigner(OKPKey.generate_key("Ed25519", auto_kid=True)), time)
    first = tokens.token(LAN.caller, "content")
    assert tokens.token(LAN.caller, "content") == first
    assert tokens.token(LAN.caller, "fleet") != first
    assert tokens.token(Caller("p-lan", "Lan", (Grant("admin", "u-1"),)), "content") != first
    time.now += TOKEN_SECONDS
    assert tokens.token(LAN.caller, "content") != first


def test_services_are_told_when_a_person_signed_in():
    assert LAN.caller.signed_in_at is None
    assert Person({**VIEW, "signed_in_at": "2026-11-24T09:00:00.250Z"}).caller.signed_in_at == 1_795_510_800
