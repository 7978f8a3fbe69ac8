"""From an approved item to the station's rundown."""

import asyncio
import random
from datetime import timedelta
from typing import Any

from lantoa_calendar.periods import ZONE
from lantoa_contracts import catalogue
from lantoa_contracts.events.fleet import DeviceMoved
from lantoa_testing import eventually


async def test_an_approved_item_reaches_the_stations_of_its_unit(province: Any) -> None:
    station, other = province.new_station(), province.new_station()
    await province.claim(station, province.commune)
    await province.claim(other, province.neighbour)
    await province.told(station)
    await province.told(other)

    item = await province.approve("Lịch tiêm chủng")

    issued, rundown = await province.told(station, "Lịch tiêm chủng")
    (session,) = rundown.sessions
    (entry,) = session.entries
    assert session.starts_at > province.now
    assert f"{session.starts_at.astimezone(ZONE):%H:%M}" == "05:00"
    assert (entry.item_id, entry.revision, entry.seconds) == (item.item_id, 1, 12.0)
    assert issued.media == (item.renditions[0].blob,)
    assert (issued.ver, rundown.ver, rundown.device_id) == (2, 2, station.id)
    assert len(await province.issued(other)) == 1


async def test_the_provinces_items_are_heard_in_every_commune_after_the_communes_own(province: Any) -> None:
    station, other = province.new_station(), province.new_station()
    await province.claim(station, province.commune)
    await province.claim(other, province.neighbour)

    await province.approve("Tin của tỉnh", province.root)
    await province.approve("Tin của xã")

    await province.told(station, "Tin của xã", "Tin của tỉnh")
    await province.told(other, "Tin của tỉnh")


async def test_twenty_items_at_once_all_stand_in_one_session(province: Any) -> None:
    station = province.new_station()
    await province.claim(station, province.commune)
    items = [province.approved(f"Bản tin {number:02}") for number in range(20)]
    items[7] = province.approved("Bản tin 07", priority="priority")

    await asyncio.gather(*(province.events.publish(catalogue.ITEM_APPROVED, item) for item in items))

    by_approval = sorted(items, key=lambda item: (item.priority != "priority", item.approved_at))

    async def all_placed() -> bool:
        issued = await province.issued(station)
        return bool(issued) and len(province.titles(await province.rundown(issued[-1]))) == 20

    await eventually(all_placed)
    (session,) = await province.sessions()
    held = [entry["item"]["item_id"] for entry in session["entries"]]
    assert sorted(held) == sorted(item.item_id for item in by_approval)
    assert held[0] == items[7].item_id
    assert await province.events.dead("broadcast") == []


async def test_more_than_a_session_holds_goes_to_the_following_day(province: Any) -> None:
    status, _, _ = await province.running.call(
        "PUT",
        f"/grids/{province.commune}",
        province.caller("technician"),
        json={"rule": "FREQ=DAILY", "at": "17:30", "max_minutes": 1},
    )
    assert status == 200

    await asyncio.gather(*(province.approve(f"Bản tin {number}") for number in range(7)))
    await province.handled(catalogue.ITEM_APPROVED)

    sessions = await province.sessions()
    assert [len(session["entries"]) for session in sessions] == [5, 2]
    assert sessions[1]["starts_at"] - sessions[0]["starts_at"] == timedelta(days=1)


async def test_repeated_and_disordered_news_change_nothing(province: Any) -> None:
    station = province.new_station()
    for round_ in range(2):
        await province.claim(station, province.commune)
        await province.move(station, province.commune)
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

    await province.told(station, "Lịch cắt điện")
    (session,) = await province.sessions()
    assert [entry["item"]["item_id"] for entry in session["entries"]] == [item.item_id]
    assert session["ver"] == 1
    assert await province.events.dead("broadcast") == []


async def test_a_withdrawn_item_leaves_a_session_that_has_not_begun(province: Any) -> None:
    station = province.new_station()
    await province.claim(station, province.commune)
    item = await province.approve("Tin sai")
    await province.approve("Tin đúng")
    await province.told(station, "Tin sai", "Tin đúng")

    await province.withdraw(item)

    await province.told(station, "Tin đúng")


async def test_a_withdrawn_item_stays_in_a_session_that_has_begun(province: Any) -> None:
    station = province.new_station()
    await province.claim(station, province.commune)
    item = await province.approve("Đang phát")
    await province.told(station, "Đang phát")
    status, session, _ = await province.running.call(
        "POST",
        "/sessions/start-now",
        province.caller("technician"),
        json={"unit_id": province.commune, "in_seconds": 0},
        headers={"Idempotency-Key": "start-at-once"},
    )
    assert status == 200

    await province.withdraw(item)
    await province.handled(catalogue.ITEM_WITHDRAWN)

    (stored,) = await province.sessions()
    assert [entry["withdrawn"] for entry in stored["entries"]] == [False]
    assert [entry["item_id"] for entry in session["entries"]] == [item.item_id]


async def test_a_new_revision_takes_the_place_of_the_withdrawn_one(province: Any) -> None:
    station = province.new_station()
    await province.claim(station, province.commune)
    item = await province.approve("Bản cũ")
    await province.told(station, "Bản cũ")

    await province.approve("Bản mới", item_id=item.item_id, ver=9, revision=2)
    await province.withdraw(item)

    await province.told(station, "Bản mới")


async def test_a_station_that_is_claimed_later_gets_what_is_planned(province: Any) -> None:
    await province.approve("Đã duyệt từ trước")
    await province.handled(catalogue.ITEM_APPROVED)
    station = province.new_station()

    await province.claim(station, province.commune)

    issued, _ = await province.told(station, "Đã duyệt từ trước")
    assert issued.ver == 1


async def test_a_moved_station_plays_what_its_new_unit_hears(province: Any) -> None:
    station = province.new_station()
    await province.approve("Tin xã cũ")
    await province.approve("Tin xã mới", province.neighbour)
    await province.claim(station, province.commune)
    await province.told(station, "Tin xã cũ")

    await province.move(station, province.neighbour)

    await province.told(station, "Tin xã mới")


async def test_a_move_that_comes_before_the_claim_holds(province: Any) -> None:
    station = province.new_station()
    await province.approve("Tin xã mới", province.neighbour)

    await province.move(station, province.neighbour)
    await province.handled(catalogue.DEVICE_MOVED)
    await province.claim(station, province.commune)

    await province.told(station, "Tin xã mới")


async def test_a_revoked_station_and_a_board_get_no_rundown(province: Any) -> None:
    station, board = province.new_station(), province.new_station()
    await province.claim(station, province.commune)
    await province.told(station)
    await province.revoke(station)
    await province.claim(board, province.commune, kind="board")
    await province.handled(catalogue.DEVICE_REVOKED)
    await province.handled(catalogue.DEVICE_CLAIMED)

    await province.approve("Không ai nghe")
    await province.handled(catalogue.ITEM_APPROVED)
    await province.handled(catalogue.SESSION_CHANGED)

    assert len(await province.issued(station)) == 1
    assert await province.issued(board) == []


async def test_stations_follow_their_unit_to_another_place_in_the_tree(province: Any) -> None:
    station = province.new_station()
    await province.approve("Tin của tỉnh", province.root)
    await province.claim(station, f"{province.commune}-new")
    await province.told(station)

    await province.unit(f"{province.commune}-new", [province.root, f"{province.commune}-new"])

    await province.told(station, "Tin của tỉnh")


async def test_an_item_that_fits_into_no_session_is_dead_lettered(province: Any) -> None:
    item = province.approved("Quá dài")
    long = item.renditions[0].model_copy(update={"seconds": 45 * 60 + 1.0})

    await province.events.publish(catalogue.ITEM_APPROVED, item.model_copy(update={"renditions": (long,)}))
    await province.events.publish(catalogue.ITEM_APPROVED, item.model_copy(update={"renditions": ()}))
    await province.handled(catalogue.ITEM_APPROVED)

    assert len(await province.events.dead("broadcast")) == 2
    assert await province.sessions() == []


async def test_an_item_is_heard_on_its_days_only(province: Any) -> None:
    station = province.new_station()
    await province.claim(station, province.commune)
    today = province.now.astimezone(ZONE).date()
    first, last = today + timedelta(days=9), today + timedelta(days=10)

    # One before the other, so that the first two take the only places of these days.
    for title, seconds in (("Một", 45 * 60), ("Hai", 44 * 60), ("Ba", 45 * 60)):
        item = province.approved(title, air_from=first, air_until=last)
        long = item.renditions[0].model_copy(update={"seconds": float(seconds)})
        item = item.model_copy(update={"renditions": (long,)})
        await province.events.publish(catalogue.ITEM_APPROVED, item)
        await province.handled(catalogue.ITEM_APPROVED)
    await province.approve("Tin ngắn", air_from=last)

    _, rundown = await province.told(station, "Một", "Hai", "Tin ngắn")
    assert [session.starts_at.astimezone(ZONE).date() for session in rundown.sessions] == [first, last]
    assert len(await province.events.dead("broadcast")) == 1

    status = f"/items/{item.item_id}/status"
    _, told, _ = await province.running.call("GET", status, province.caller("author"))
    _, elsewhere, _ = await province.running.call("GET", status, province.caller("author", province.neighbour))
    assert (told["planned"], told["unplaced"], elsewhere["unplaced"]) == (0, "no-day", None)
    body, headers = {"unit_id": province.commune, "in_seconds": 0}, {"Idempotency-Key": "start-it-now"}
    technician = province.caller("technician")
    early, _, _ = await province.running.call("POST", "/sessions/start-now", technician, json=body, headers=headers)
    assert early == 409

    # Approved anew for other days, it has its place.
    again = {"ver": item.ver + 3, "revision": 2, "air_until": last + timedelta(days=1)}
    await province.events.publish(catalogue.ITEM_APPROVED, item.model_copy(update=again))
    await province.told(station, "Một", "Hai", "Tin ngắn", "Ba")
    _, told, _ = await province.running.call("GET", status, province.caller("author"))
    assert (told["planned"], told["unplaced"]) == (1, None)


async def test_a_rundown_is_not_taken_for_a_repeat_of_what_fleet_said_of_the_device(province: Any) -> None:
    station = province.new_station()
    for ver in range(1, 6):
        # As fleet's own outbox names its events: the stream drops what comes twice under one id.
        moved = DeviceMoved(
            device_id=station.id,
            ver=ver,
            unit_id=province.commune,
            previous_unit_id=province.neighbour,
            at=province.now,
        )
        await province.events.publish(catalogue.DEVICE_MOVED, moved, f"{station.id}:{ver}")

    await province.claim(station, province.commune, ver=6)

    await province.told(station)
