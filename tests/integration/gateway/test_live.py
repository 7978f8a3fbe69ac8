"""Open pages on real NATS: told at once, of their own units alone, without a gap when they come back."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from lantoa_contracts.catalogue import (
    ACCOUNT_CHANGED,
    ITEM_SUBMITTED,
    NOTICE_CANCELLED,
    PLAYLIST_CHANGED,
    SESSION_ENDED,
    UNIT_CHANGED,
)
from lantoa_contracts.events.alert import NoticeCancelled
from lantoa_contracts.events.content import ItemSubmitted
from lantoa_contracts.events.directory import SessionEnded, UnitChanged
from lantoa_contracts.events.signboard import PlaylistChanged
from lantoa_gateway import usecases
from lantoa_gateway.api import live as live_api
from lantoa_gateway.main import build
from lantoa_gateway.settings import GatewaySettings
from lantoa_gateway.usecases import live as live_cases
from lantoa_gateway.usecases.live import Live
from lantoa_testing import eventually
from lantoa_testing.front_door import UNIT, StandIns, session_of
from lantoa_testing.live_pages import LIVE, open_page

NOW = datetime(2026, 11, 27, 5, tzinfo=UTC)
LAN, VINH = session_of(1), session_of(2)
PROGRAM, APP = f"lta_{LAN}", f"lap_{LAN}"


class Door:
    """A gateway in this process and the directory's stand-in behind it."""

    def __init__(self, running, stand_ins):
        self.running = running
        self.stand_ins = stand_ins
        self.live: Live = running.service.app.state.live
        self.opened = []

    async def __call__(self, path, sid=None, **headers):
        shown = {"cookie": f"__Host-sid={sid}"} if sid else {}
        async with self.running.session.get(self.running.url + path, headers={**shown, **headers}) as answer:
            return answer.status, await answer.json(content_type=None), answer.headers

    async def page(self, sid=LAN, **options):
        shown = {} if "token" in options else {"sid": sid}
        page = await open_page(self.running.session, self.running.url, **shown, **options)
        self.opened.append(page)
        return page


@pytest.fixture
async def door(start_service, nats_server, events, monkeypatch):
    monkeypatch.setattr(live_api, "PACE_SECONDS", 0.01)
    monkeypatch.setattr(usecases, "SESSION_SECONDS", 600.0)  # However slow this machine is.
    stand_ins, ring = StandIns(), nats_server.ring
    await stand_ins.start()
    settings = {
        "gateway_upstreams": dict.fromkeys(("directory", "content"), stand_ins.url),
        "gateway_key_file": ring.gateway_file,
        "gateway_device_keys_file": ring.key_set_file,
        "gateway_root_public": ring.root_public,
    }
    made = Door(await start_service("gateway", GatewaySettings, build, **settings), stand_ins)
    await eventually(lambda: made.running.server.started and made.live.hearing)
    yield made
    for page in made.opened:
        await page.close()
    await stand_ins.stop()


def submitted(item_id, unit_id="u-1", ver=1):
    return ItemSubmitted(item_id=item_id, ver=ver, revision=1, unit_id=unit_id, author_id="p-lan")


async def test_a_page_is_told_of_its_unit_and_of_notices_and_of_nothing_else(door, events):
    page = await door.page()
    await events.publish(ITEM_SUBMITTED, submitted("i-foreign", "u-elsewhere"))
    await events.publish(PLAYLIST_CHANGED, PlaylistChanged(playlist_id="pl-1", ver=1, unit_id="u-1"))
    await events.publish(NOTICE_CANCELLED, NoticeCancelled(notice_id="n-1", ver=2, cancelled_by="p", at=NOW))
    await events.publish(ITEM_SUBMITTED, submitted("i-own"))
    await eventually(lambda: "i-own" in page.ids())
    assert page.ids() == ["n-1", "i-own"]
    name, data = page.events[-1]
    assert name == data["type"] == "content.item.submitted"
    assert (data["unit_id"], set(data)) == ("u-1", {"type", "id", "unit_id", "at"})
    assert datetime.fromisoformat(data["at"]).tzinfo


async def test_a_page_says_what_it_is_about_and_nonsense_is_refused(door, events):
    page = await door.page(about="alerts,devices")
    await events.publish(ITEM_SUBMITTED, submitted("i-1"))
    await events.publish(NOTICE_CANCELLED, NoticeCancelled(notice_id="n-1", ver=2, cancelled_by="p", at=NOW))
    await eventually(lambda: page.ids())
    assert page.ids() == ["n-1"]
    status, problem, _ = await door(f"{LIVE}?about=secrets", LAN)
    assert (status, problem["code"], problem["errors"][0]["pointer"]) == (422, "value-not-allowed", "/about")


async def test_strangers_and_citizens_have_no_page(door):
    door.stand_ins.ended.add("x" * 43)
    door.stand_ins.ended.add(PROGRAM)
    shown = [{"cookie": f"{name}={'x' * 43}"} for name in ("__Host-sid", "__Host-citizen")]
    shown += [{"authorization": said} for said in ("", "Bearer", f"Basic {APP}", f"Bearer {LAN}", f"Bearer {PROGRAM}")]
    for headers in ({}, *shown):
        status, problem, _ = await door(LIVE, **headers)
        assert (status, problem["code"]) == (401, "sign-in-required"), headers
    status, problem, _ = await door(LIVE, LAN, authorization=f"Bearer {APP}")
    assert (status, problem["code"]) == (400, "gateway.two-credentials")


async def test_a_program_is_told_what_its_token_is_good_for_and_nothing_else(door, events):
    door.stand_ins.only = ("content.item.read",)
    program = await door.page(token=PROGRAM)
    door.stand_ins.only = None
    app = await door.page(token=APP)
    await events.publish(ITEM_SUBMITTED, submitted("i-foreign", "u-elsewhere"))
    await events.publish(NOTICE_CANCELLED, NoticeCancelled(notice_id="n-1", ver=2, cancelled_by="p", at=NOW))
    await events.publish(ITEM_SUBMITTED, submitted("i-own"))
    await eventually(lambda: "i-own" in program.ids() and "i-own" in app.ids())
    assert (program.ids(), app.ids()) == (["i-own"], ["n-1", "i-own"])


async def test_a_program_listens_no_longer_than_its_token_holds(door):
    door.stand_ins.ends_at[APP] = datetime.now(UTC) + timedelta(seconds=1)
    short, long = await door.page(token=APP), await door.page(token=PROGRAM)
    await eventually(lambda: short.ended)
    assert not short.broken
    assert not long.ended


async def test_who_comes_back_has_what_came_meanwhile_and_once(door, events):
    first = await door.page()
    await events.publish(ITEM_SUBMITTED, submitted("i-1"))
    await eventually(lambda: first.ids() == ["i-1"])
    await first.close()
    for item_id in ("i-2", "i-3"):
        await events.publish(ITEM_SUBMITTED, submitted(item_id))
    again = await door.page(last_id=first.last_id)
    await eventually(lambda: again.ids()[-1:] == ["i-3"])
    assert again.ids() == ["i-2", "i-3"]
    silent = await door.page(last_id=again.last_id)
    await eventually(lambda: silent.last_id)
    assert silent.events == []


async def test_a_place_that_nobody_knows_is_answered_with_resync(door):
    for last_id in ("99999999", "not-ours", "-1"):
        page = await door.page(last_id=last_id)
        await eventually(lambda page=page: page.names() == ["resync"])
        assert page.last_id == str(door.live.newest)


async def test_a_new_page_can_resume_before_anything_was_told(door, events):
    silent = await door.page()
    await eventually(lambda: silent.last_id)
    await silent.close()
    await events.publish(ITEM_SUBMITTED, submitted("i-1"))
    again = await door.page(last_id=silent.last_id)
    await eventually(lambda: again.ids() == ["i-1"])


async def test_a_silent_page_hears_that_it_is_not_forgotten(door, monkeypatch):
    monkeypatch.setattr(live_api, "COMMENT_SECONDS", 0.1)
    page = await door.page()
    await eventually(lambda: page.comments >= 3)
    assert page.events == []
    assert live_api._COMES_BACK_MS[0] <= page.retry <= live_api._COMES_BACK_MS[1]


async def test_an_ended_session_ends_its_pages_and_counts_no_more_though_it_was_believed(door, events):
    gone, stays = await door.page(LAN), await door.page(VINH)
    door.stand_ins.ended.add(LAN)
    assert (await door("/auth/me", LAN))[0] == 200  # Believed: nobody has told the gateway.
    digests = (hashlib.sha256(LAN.encode()).hexdigest(),)
    await events.publish(SESSION_ENDED, SessionEnded(person_id="p-0001", ver=1, digests=digests, at=NOW))
    await eventually(lambda: gone.ended)
    assert not gone.broken
    assert (await door("/auth/me", LAN))[0] == 401
    assert (await door(LIVE, LAN))[0] == 401
    assert not stays.ended


async def test_a_person_whose_account_changed_is_seen_anew_at_once(door, events):
    page = await door.page()
    door.stand_ins.unit_of["p-0001"] = "u-2"
    assert (await door("/auth/me", LAN))[1]["person"]["grants"][0]["unit_id"] == UNIT
    # As somebody with a later contract would say it: only the people are asked for.
    await events.client.jetstream().publish(
        ACCOUNT_CHANGED.subject, b'{"person_id": "p-9", "also": ["p-0001"], "x": 1}'
    )
    await eventually(lambda: page.ended)
    assert (await door("/auth/me", LAN))[1]["person"]["grants"][0]["unit_id"] == "u-2"
    again = await door.page(last_id=page.last_id)
    unit = UnitChanged(
        unit_id="u-2", ver=1, code="2", name="Xã 2", kind="commune", path=("u-2",), valid_from=None, valid_to=None
    )
    await events.publish(UNIT_CHANGED, unit)
    await events.publish(ITEM_SUBMITTED, submitted("i-old"))
    await events.publish(ITEM_SUBMITTED, submitted("i-new", "u-2"))
    await eventually(lambda: again.ids() == ["i-new"])


async def test_a_page_lives_no_longer_than_its_session_can(door, monkeypatch):
    monkeypatch.setattr(live_api, "LIFE_SECONDS", 1.0)
    page = await door.page()
    await eventually(lambda: page.ended)
    assert not page.broken


async def test_one_person_has_so_many_pages_and_a_process_so_many(door, monkeypatch):
    monkeypatch.setattr(live_cases, "STREAMS_OF_ONE", 2)
    first = await door.page(LAN)
    await door.page(LAN)
    status, problem, headers = await door(LIVE, LAN)
    assert (status, problem["code"]) == (429, "gateway.too-many-streams")
    assert headers["retry-after"]
    monkeypatch.setattr(door.live, "_most", 2)
    status, problem, headers = await door(LIVE, VINH)
    assert (status, problem["code"], problem["retryable"]) == (503, "unavailable", True)
    assert headers["retry-after"]
    await first.close()
    await eventually(lambda: len(door.live) == 1)
    await door.page(VINH)


async def test_the_gateway_serves_without_nats_and_pages_hear_again_when_it_is_back(door, nats_server, events):
    page = await door.page()
    nats_server.stop()
    try:
        await eventually(lambda: not door.live.hearing)
        assert (await door("/auth/me", LAN))[0] == 200
        assert (await door("/api/v1/content/plain", LAN))[0] == 200
        assert (await door("/readyz"))[0] == 200
        late = await door.page()
    finally:
        nats_server.start()
    await eventually(lambda: door.live.hearing and events.client.is_connected)
    for number in range(3):
        await events.publish(ITEM_SUBMITTED, submitted(f"i-{number}"))
    await eventually(lambda: page.ids() == late.ids() == ["i-0", "i-1", "i-2"])
    assert not page.ended
