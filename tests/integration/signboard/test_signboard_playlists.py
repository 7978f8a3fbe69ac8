"""From an approved item to the board's rundown."""

import asyncio
import random
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from lantoa_calendar.periods import ZONE
from lantoa_contracts import catalogue
from lantoa_contracts.events.fleet import DeviceMoved
from lantoa_signboard.main import build
from lantoa_signboard.settings import SignboardSettings
from lantoa_signboard.usecases.stores import INDEXES
from lantoa_testing import eventually
from lantoa_testing.plugin import StartService


def midnight(today: date, days: int) -> datetime:
    return datetime.combine(today + timedelta(days=days), time.min, tzinfo=ZONE)


async def test_an_approved_item_reaches_the_boards_of_its_unit_for_a_week(province: Any) -> None:
    board, other = province.new_board(), province.new_board()
    await province.claim(board, province.commune)
    await province.claim(other, province.neighbour)
    await province.told(board)
    await province.told(other)

    item = await province.approve("Lịch tiêm chủng")

    issued, rundown = await province.told(board, "Lịch tiêm chủng")
    (entry,) = rundown.entries
    assert (entry.item_id, entry.revision, entry.seconds) == (item.item_id, 1, 10.0)
    assert entry.valid_from == item.approved_at
    assert entry.valid_until - entry.valid_from == timedelta(days=7)
    assert issued.media == (item.renditions[0].blob,)
    assert (issued.ver, rundown.ver, rundown.device_id) == (2, 2, board.id)
    assert len(await province.issued(other)) == 1


async def test_the_provinces_items_are_shown_in_every_commune(province: Any) -> None:
    board, other = province.new_board(), province.new_board()
    await province.claim(board, province.commune)
    await province.claim(other, province.neighbour)

    await province.approve("Tin của tỉnh", province.root, priority="priority")
    await province.approve("Tin của xã")

    await province.told(board, "Tin của tỉnh", "Tin của xã")
    await province.told(other, "Tin của tỉnh")


async def test_twenty_items_at_once_are_all_shown(province: Any) -> None:
    board = province.new_board()
    await province.claim(board, province.commune)
    start = province.now
    items = [
        province.approved(f"Bản tin {number:02}", approved_at=start + timedelta(milliseconds=number))
        for number in range(20)
    ]

    await asyncio.gather(*(province.events.publish(catalogue.ITEM_APPROVED, item) for item in items))

    await province.told(board, *(item.title for item in items))
    assert await province.events.dead("signboard") == []


async def test_repeated_and_disordered_news_change_nothing(province: Any) -> None:
    board = province.new_board()
    for round_ in range(2):
        await province.claim(board, province.commune)
        await province.move(board, province.commune)
        await province.unit(province.commune, [province.root, province.commune], ver=1 - round_)
    item = province.approved("Lịch cắt điện")
    gone = province.approved("Tin bị rút")
    news = [(catalogue.ITEM_APPROVED, item), (catalogue.ITEM_APPROVED, gone)] * 3
    random.Random(5).shuffle(news)
    await province.withdraw(gone)
    await province.handled(catalogue.ITEM_WITHDRAWN)

    for spec, event in news:
        await province.events.publish(spec, event)
    await province.withdraw(gone)
    await province.handled(catalogue.ITEM_APPROVED)
    await province.handled(catalogue.ITEM_WITHDRAWN)

    await province.told(board, "Lịch cắt điện")
    playlist = await province.running.service.db["playlists"].find_one({"_id": f"p-{province.commune}"})
    assert [entry["item"]["item_id"] for entry in playlist["entries"]] == [item.item_id]
    assert playlist["ver"] == 1
    assert await province.events.dead("signboard") == []


async def test_a_withdrawn_item_leaves_the_board(province: Any) -> None:
    board = province.new_board()
    await province.claim(board, province.commune)
    item = await province.approve("Tin sai")
    await province.approve("Tin đúng")
    await province.told(board, "Tin sai", "Tin đúng")

    await province.withdraw(item)

    await province.told(board, "Tin đúng")


async def test_a_new_revision_takes_the_place_of_the_withdrawn_one(province: Any) -> None:
    board = province.new_board()
    await province.claim(board, province.commune)
    item = await province.approve("Bản cũ")
    await province.told(board, "Bản cũ")

    await province.approve("Bản mới", item_id=item.item_id, ver=9, revision=2)
    await province.withdraw(item)

    await province.told(board, "Bản mới")


async def test_a_board_that_is_claimed_later_gets_what_is_shown_now(province: Any) -> None:
    await province.approve("Đã duyệt từ trước")
    await province.approve("Đã hết hạn", approved_at=province.now - timedelta(days=8))
    await province.handled(catalogue.ITEM_APPROVED)
    board = province.new_board()

    await province.claim(board, province.commune)

    issued, _ = await province.told(board, "Đã duyệt từ trước")
    assert issued.ver == 1


async def test_a_moved_board_shows_what_its_new_unit_sees(province: Any) -> None:
    board = province.new_board()
    await province.approve("Tin xã cũ")
    await province.approve("Tin xã mới", province.neighbour)
    await province.claim(board, province.commune)
    await province.told(board, "Tin xã cũ")

    await province.move(board, province.neighbour)

    await province.told(board, "Tin xã mới")


async def test_a_move_that_comes_before_the_claim_holds(province: Any) -> None:
    board = province.new_board()
    await province.approve("Tin xã mới", province.neighbour)

    await province.move(board, province.neighbour)
    await province.handled(catalogue.DEVICE_MOVED)
    await province.claim(board, province.commune)

    await province.told(board, "Tin xã mới")


async def test_a_revoked_board_and_a_station_get_no_rundown(province: Any) -> None:
    board, station = province.new_board(), province.new_board()
    await province.claim(board, province.commune)
    await province.told(board)
    await province.revoke(board)
    await province.claim(station, province.commune, kind="radio")
    await province.handled(catalogue.DEVICE_REVOKED)
    await province.handled(catalogue.DEVICE_CLAIMED)

    await province.approve("Không ai xem")
    await province.handled(catalogue.ITEM_APPROVED)
    await province.handled(catalogue.PLAYLIST_CHANGED)

    assert len(await province.issued(board)) == 1
    assert await province.issued(station) == []


async def test_a_rundown_is_not_taken_for_a_repeat_of_what_fleet_said_of_the_device(province: Any) -> None:
    board = province.new_board()
    for ver in range(1, 6):
        # As fleet's own outbox names its events: the stream drops what comes twice under one id.
        moved = DeviceMoved(
            device_id=board.id,
            ver=ver,
            unit_id=province.commune,
            previous_unit_id=province.neighbour,
            at=province.now,
        )
        await province.events.publish(catalogue.DEVICE_MOVED, moved, f"{board.id}:{ver}")

    await province.claim(board, province.commune, ver=6)

    await province.told(board)


@pytest.fixture
async def hasty(province: Any, start_service: StartService) -> Any:
    """The same province with a service that looks for expired entries all the time."""
    await province.running.stop()
    province.running = await start_service("signboard", SignboardSettings, build, INDEXES, expire_seconds=0.2)
    return province


async def test_what_expires_leaves_the_board_without_anybody_doing_anything(
    hasty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = hasty.new_board()
    await hasty.claim(board, hasty.commune)
    await hasty.told(board)
    await hasty.approve("Sắp hết hạn")
    await hasty.told(board, "Sắp hết hạn")
    clock = hasty.running.service.clock
    monkeypatch.setattr(clock, "now", lambda now=clock.now: now() + timedelta(days=7))

    await hasty.told(board)

    rundowns = [await hasty.rundown(issued) for issued in await hasty.issued(board)]
    assert [hasty.titles(rundown) for rundown in rundowns] == [[], ["Sắp hết hạn"], []]
    boards = hasty.running.service.db["boards"]
    assert await boards.count({"_id": board.id, "expires_at": {"$exists": True}}) == 0


async def test_an_item_without_a_slide_is_dead_lettered(province: Any) -> None:
    await province.approve("Không có hình", renditions=())
    await province.handled(catalogue.ITEM_APPROVED)

    assert len(await province.events.dead("signboard")) == 1


async def test_an_item_is_shown_on_its_days_only(province: Any) -> None:
    board = province.new_board()
    await province.claim(board, province.commune)
    today = province.now.astimezone(ZONE).date()

    later = await province.approve("Tuần sau", air_from=today + timedelta(days=7))
    now = await province.approve("Nửa tháng", air_until=today + timedelta(days=15))

    _, rundown = await province.told(board, "Tuần sau", "Nửa tháng")
    ahead, current = rundown.entries
    assert (ahead.valid_from, ahead.valid_until) == (midnight(today, 7), midnight(today, 14))
    assert (current.valid_from, current.valid_until) == (now.approved_at, midnight(today, 16))
    _, playlist, _ = await province.running.call("GET", f"/playlists/{province.commune}", province.caller("author"))
    assert [entry["item_id"] for entry in playlist["entries"]] == [now.item_id]
    assert later.item_id == ahead.item_id


async def test_people_of_the_unit_see_its_playlist(province: Any) -> None:
    item = await province.approve("Lịch tiêm chủng")
    gone = await province.approve("Tin bị rút")
    await province.handled(catalogue.ITEM_APPROVED)
    await province.withdraw(gone)
    await province.handled(catalogue.ITEM_WITHDRAWN)
    call, address = province.running.call, f"/playlists/{province.commune}"

    async def shown() -> bool:
        _, playlist, _ = await call("GET", address, province.caller("author"))
        return [entry["item_id"] for entry in playlist["entries"]] == [item.item_id]

    await eventually(shown)
    _, empty, _ = await call("GET", f"/playlists/{province.neighbour}", province.caller("admin", province.root))
    forbidden, _, _ = await call("GET", address, province.caller("admin", province.neighbour))
    unknown, _, _ = await call("GET", "/playlists/u-nowhere", province.caller("admin", province.root))

    assert (empty["entries"], forbidden, unknown) == ([], 403, 404)
