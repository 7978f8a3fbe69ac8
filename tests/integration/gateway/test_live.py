"""Open pages on real NATS: told at once, of their own units alone, without a gap when they come back."""

import hashlib
from datetime import UTC, datetime

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
from lantoa_contracts.events.directory import AccountChanged, SessionEnded, UnitChanged
from lantoa_contracts.events.signboard import PlaylistChanged
from lantoa_gateway.api import live as live_api
from lantoa_gateway.usecases import live as live_cases
from lantoa_gateway.usecases.live import Live
from lantoa_testing import eventually
from lantoa_testing.live_pages import LIVE, open_page

NOW = datetime(2026, 11, 27, 5, tzinfo=UTC)


@pytest.fixture
async def pages(door, events):
    """Open pages of the gateway, all closed in the end."""
    opened = []

    async def open_(sid, **options):
        page = await open_page(door.running.session, door.running.url, sid, **options)
        opened.append(page)
        return page

    await eventually(lambda: the_live(door).hearing and len(the_live(door).places), timeout=15)
    yield open_
    for page in opened:
        await page.close()


def the_live(door) -> Live:
    return door.running.service.app.state.live


def submitted(item_id, unit_id="u-1", ver=1):
    return ItemSubmitted(item_id=item_id, ver=ver, revision=1, unit_id=unit_id, author_id="p-lan")


async def test_a_page_is_told_of_its_unit_and_of_notices_and_of_nothing_else(door, pages, events):
    page = await pages(await door.sign_in())
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


async def test_a_page_says_what_it_is_about_and_nonsense_is_refused(door, pages, events):
    page = await pages(await door.sign_in(), about="alerts,devices")
    await events.publish(ITEM_SUBMITTED, submitted("i-1"))
    await events.publish(NOTICE_CANCELLED, NoticeCancelled(notice_id="n-1", ver=2, cancelled_by="p", at=NOW))
    await eventually(lambda: page.ids())
    assert page.ids() == ["n-1"]
    status, problem, _ = await door("GET", f"{LIVE}?about=secrets", await door.sign_in())
    assert (status, problem["code"], problem["errors"][0]["pointer"]) == (422, "value-not-allowed", "/about")


async def test_strangers_and_citizens_have_no_page(door, pages):
    for headers in ({}, {"cookie": f"__Host-sid={'x' * 43}"}, {"cookie": f"__Host-citizen={'x' * 43}"}):
        status, problem, _ = await door("GET", LIVE, headers=headers)
        assert (status, problem["code"]) == (401, "sign-in-required")


async def test_who_comes_back_has_what_came_meanwhile_and_once(door, pages, events):
    sid = await door.sign_in()
    first = await pages(sid)
    await events.publish(ITEM_SUBMITTED, submitted("i-1"))
    await eventually(lambda: first.ids() == ["i-1"])
    await first.close()
    for item_id in ("i-2", "i-3"):
        await events.publish(ITEM_SUBMITTED, submitted(item_id))
    again = await pages(sid, last_id=first.last_id)
    await eventually(lambda: again.ids()[-1:] == ["i-3"])
    assert again.ids() == ["i-2", "i-3"]
    silent = await pages(sid, last_id=again.last_id)
    await eventually(lambda: silent.last_id)
    assert silent.events == []


async def test_a_place_that_nobody_knows_is_answered_with_resync(door, pages):
    sid = await door.sign_in()
    for last_id in ("99999999", "not-ours", "-1"):
        page = await pages(sid, last_id=last_id)
        await eventually(lambda page=page: page.names() == ["resync"])
        assert page.last_id == str(the_live(door).newest)


async def test_a_new_page_can_resume_before_anything_was_told(door, pages, events):
    sid = await door.sign_in()
    silent = await pages(sid)
    await eventually(lambda: silent.last_id)
    await silent.close()
    await events.publish(ITEM_SUBMITTED, submitted("i-1"))
    again = await pages(sid, last_id=silent.last_id)
    await eventually(lambda: again.ids() == ["i-1"])


async def test_a_silent_page_hears_that_it_is_not_forgotten(door, pages, monkeypatch):
    monkeypatch.setattr(live_api, "COMMENT_SECONDS", 0.1)
    page = await pages(await door.sign_in())
    await eventually(lambda: page.comments >= 3)
    assert page.events == []
    assert live_api._COMES_BACK_MS[0] <= page.retry <= live_api._COMES_BACK_MS[1]


async def test_an_ended_session_ends_its_pages_and_counts_no_more_though_it_was_believed(door, pages, events):
    ended, other = await door.sign_in(), await door.sign_in()
    gone, stays = await pages(ended), await pages(other)
    assert (await door("GET", "/auth/me", ended))[0] == 200
    await door.directory.service.db["sessions"].delete_many({"_id": hashlib.sha256(ended.encode()).hexdigest()})
    assert (await door("GET", "/auth/me", ended))[0] == 200  # Believed: nobody has told the gateway.
    digests = (hashlib.sha256(ended.encode()).hexdigest(),)
    await events.publish(SESSION_ENDED, SessionEnded(person_id="p-lan", ver=1, digests=digests, at=NOW))
    await eventually(lambda: gone.ended)
    assert not gone.broken
    assert (await door("GET", "/auth/me", ended))[0] == 401
    assert (await door("GET", LIVE, ended))[0] == 401
    assert not stays.ended


async def test_a_person_whose_grants_changed_is_seen_anew_at_once(door, pages, events):
    sid = await door.sign_in()
    page = await pages(sid)
    people = door.directory.service.db["people"]
    await people.update_one({"_id": "p-lan"}, {"$set": {"grants": [{"role": "author", "unit_id": "u-2"}]}})
    assert (await door("GET", "/auth/me", sid))[1]["person"]["grants"][0]["unit_id"] == "u-1"
    await events.publish(ACCOUNT_CHANGED, AccountChanged(person_id="p-lan", ver=2, at=NOW))
    await eventually(lambda: page.ended)
    assert (await door("GET", "/auth/me", sid))[1]["person"]["grants"][0]["unit_id"] == "u-2"
    again = await pages(sid, last_id=page.last_id)
    unit = UnitChanged(
        unit_id="u-2", ver=1, code="2", name="Xã 2", kind="commune", path=("u-2",), valid_from=None, valid_to=None
    )
    await events.publish(UNIT_CHANGED, unit)
    await events.publish(ITEM_SUBMITTED, submitted("i-old", "u-1"))
    await events.publish(ITEM_SUBMITTED, submitted("i-new", "u-2"))
    await eventually(lambda: again.ids() == ["i-new"])


async def test_a_page_lives_no_longer_than_its_session_can(door, pages, monkeypatch):
    monkeypatch.setattr(live_api, "LIFE_SECONDS", 1.0)
    page = await pages(await door.sign_in())
    await eventually(lambda: page.ended)
    assert not page.broken


async def test_one_person_has_so_many_pages_and_a_process_so_many(door, pages, monkeypatch):
    monkeypatch.setattr(live_cases, "STREAMS_OF_ONE", 2)
    lan, vinh = await door.sign_in(), await door.sign_in("vinh")
    first = await pages(lan)
    await pages(lan)
    status, problem, headers = await door("GET", LIVE, lan)
    assert (status, problem["code"]) == (429, "gateway.too-many-streams")
    assert headers["retry-after"]
    monkeypatch.setattr(the_live(door), "_most", 2)
    status, problem, headers = await door("GET", LIVE, vinh)
    assert (status, problem["code"], problem["retryable"]) == (503, "unavailable", True)
    assert headers["retry-after"]
    await first.close()
    await eventually(lambda: len(the_live(door)) == 1)
    await pages(vinh)


async def test_the_gateway_serves_without_nats_and_pages_hear_again_when_it_is_back(door, nats_server, pages, events):
    sid = await door.sign_in()
    page = await pages(sid)
    nats_server.stop()
    try:
        await eventually(lambda: not the_live(door).hearing)
        assert (await door("GET", "/auth/me", sid))[0] == 200
        assert (await door("GET", "/api/v1/content/echo", sid))[0] == 200
        assert (await door("GET", "/readyz"))[0] == 200
        late = await pages(sid)
    finally:
        nats_server.start()
    await eventually(lambda: the_live(door).hearing, timeout=20)
    for number in range(3):
        await events.publish(ITEM_SUBMITTED, submitted(f"i-{number}"))
    await eventually(lambda: page.ids() == late.ids() == ["i-0", "i-1", "i-2"], timeout=15)
    assert not page.ended
