"""Grids, sessions and the demo's early start over HTTP."""

from datetime import timedelta
from typing import Any

from lantoa_broadcast.main import build
from lantoa_broadcast.settings import BroadcastSettings
from lantoa_broadcast.usecases.stores import INDEXES
from lantoa_contracts import catalogue
from lantoa_testing.plugin import StartService

GRID = {"rule": "FREQ=WEEKLY;BYDAY=MO,WE", "at": "17:30", "max_minutes": 15}


async def test_a_grid_is_set_against_the_version_that_was_seen(province: Any) -> None:
    call, address, technician = (
        province.running.call,
        f"/grids/{province.commune}",
        province.caller("technician"),
    )

    _, default, headers = await call("GET", address, technician)
    assert (default["rule"], default["at"], default["max_minutes"], headers["ETag"]) == (
        "FREQ=DAILY",
        "05:00",
        45,
        '"0"',
    )
    status, made, headers = await call("PUT", address, technician, json=GRID)
    assert (status, made["rule"], headers["ETag"]) == (200, GRID["rule"], '"1"')

    blind, _, _ = await call("PUT", address, technician, json=GRID)
    stale, _, _ = await call("PUT", address, technician, json=GRID, headers={"If-Match": '"0"'})
    status, changed, headers = await call(
        "PUT", address, technician, json={**GRID, "at": "11:00"}, headers={"If-Match": '"1"'}
    )

    assert (blind, stale) == (428, 412)
    assert (status, changed["at"], headers["ETag"]) == (200, "11:00", '"2"')
    told = await province.events.wait(catalogue.GRID_CHANGED, lambda event: event.ver == 2)
    assert (told.unit_id, told.starts) == (province.commune, "11:00")
    _, seen, _ = await call("GET", address, technician)
    assert seen == changed


async def test_a_grid_that_makes_no_sense_is_refused_in_vietnamese(province: Any) -> None:
    wrong: list[dict[str, Any]] = [
        {"rule": "FREQ=HOURLY"},
        {"rule": "FREQ=DAILY;UNTIL=20200101"},
        {"rule": "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2"},
        {"at": "25:00"},
        {"max_minutes": 0},
        {"surprise": 1},
    ]
    for change in wrong:
        status, problem, _ = await province.running.call(
            "PUT", f"/grids/{province.commune}", province.caller("technician"), json=GRID | change
        )
        assert status == 422, change
        assert problem["title"] in ("Quy tắc lặp lại không đúng", "Thông tin gửi lên chưa đúng")
        assert problem["errors"][0]["pointer"].strip("/") in change


async def test_a_grid_belongs_to_technicians_and_approvers_of_the_unit(province: Any) -> None:
    call, address = province.running.call, f"/grids/{province.commune}"

    author, _, _ = await call("PUT", address, province.caller("author"), json=GRID)
    neighbour, _, _ = await call("PUT", address, province.caller("technician", province.neighbour), json=GRID)
    nowhere, _, _ = await call("GET", "/grids/u-nowhere", province.caller("admin", province.root))
    stranger, _, _ = await call("GET", address)
    above, _, _ = await call("PUT", address, province.caller("approver", province.root), json=GRID)

    assert (author, neighbour, nowhere, stranger, above) == (403, 403, 404, 401, 200)


async def test_sessions_are_listed_newest_first_without_what_was_withdrawn(province: Any) -> None:
    await province.running.call(
        "PUT", f"/grids/{province.commune}", province.caller("approver"), json={**GRID, "max_minutes": 1}
    )
    gone = await province.approve("Tin bị rút")
    await province.handled(catalogue.ITEM_APPROVED)
    items = [await province.approve(f"Tin {number}") for number in range(5)]
    await province.handled(catalogue.ITEM_APPROVED)
    await province.withdraw(gone)
    await province.handled(catalogue.ITEM_WITHDRAWN)

    address = f"/sessions?unit_id={province.commune}&limit=1"
    status, first, _ = await province.running.call("GET", address, province.caller("author"))
    _, second, _ = await province.running.call("GET", f"{address}&cursor={first['next']}", province.caller("author"))

    assert status == 200
    later, earlier = first["items"][0], second["items"][0]
    assert later["starts_at"] > earlier["starts_at"]
    held = [entry["item_id"] for entry in earlier["entries"] + later["entries"]]
    assert sorted(held) == sorted(item.item_id for item in items)
    assert second["next"] is None


async def test_the_next_session_can_be_started_at_once_and_keeps_its_entries(province: Any) -> None:
    station = province.new_station()
    await province.claim(station, province.commune)
    await province.told(station)
    await province.approve("Tin chờ phát")
    _, planned = await province.told(station, "Tin chờ phát")

    body = {"unit_id": province.commune, "in_seconds": 3}
    headers = {"Idempotency-Key": "start-it-now"}
    before = province.now
    status, started, _ = await province.running.call(
        "POST", "/sessions/start-now", province.caller("approver"), json=body, headers=headers
    )
    after = province.now
    again, replay, sent = await province.running.call(
        "POST", "/sessions/start-now", province.caller("approver"), json=body, headers=headers
    )

    assert (status, again, replay, sent["Idempotent-Replay"]) == (200, 200, started, "true")
    assert started["id"] == planned.sessions[0].session_id
    issued = await province.events.wait(
        catalogue.RUNDOWN_ISSUED, lambda event: event.device_id == station.id and event.ver == 3
    )
    told = await province.rundown(issued)
    assert told.sessions[0].entries == planned.sessions[0].entries
    assert before <= told.sessions[0].starts_at - timedelta(seconds=3) <= after


async def test_what_is_approved_after_an_early_start_goes_to_the_following_session(province: Any) -> None:
    body, headers = {"unit_id": province.commune, "in_seconds": 0}, {"Idempotency-Key": "start-it-now"}
    await province.approve("Tin thứ nhất")
    await province.handled(catalogue.ITEM_APPROVED)
    await province.running.call("POST", "/sessions/start-now", province.caller("admin"), json=body, headers=headers)

    await province.approve("Tin thứ hai")
    await province.handled(catalogue.ITEM_APPROVED)

    first, second = await province.sessions()
    assert first["starts_at"] <= province.now < second["starts_at"]
    assert [len(first["entries"]), len(second["entries"])] == [1, 1]


async def test_an_early_start_is_refused_with_a_reason(province: Any) -> None:
    call, address = province.running.call, "/sessions/start-now"
    body, headers = {"unit_id": province.commune}, {"Idempotency-Key": "start-it-now"}

    nothing, problem, _ = await call("POST", address, province.caller("technician"), json=body, headers=headers)
    author, _, _ = await call("POST", address, province.caller("author"), json=body, headers=headers)
    no_key, _, _ = await call("POST", address, province.caller("technician"), json=body)
    unknown, _, _ = await call(
        "POST", address, province.caller("technician"), json={"unit_id": "u-nowhere"}, headers=headers
    )
    too_late, _, _ = await call(
        "POST", address, province.caller("technician"), json={**body, "in_seconds": 3601}, headers=headers
    )

    assert (nothing, author, no_key, unknown, too_late) == (409, 403, 400, 422, 422)
    assert problem["title"] == "Chưa có bản tin chờ phát"


async def test_production_refuses_an_early_start(start_service: StartService, province: Any) -> None:
    await province.running.stop()
    # Production refuses the embedded database when it migrates, not when it serves.
    service = await start_service("broadcast", BroadcastSettings, build, INDEXES)
    object.__setattr__(service.service.settings, "env", "production")

    status, problem, _ = await service.call(
        "POST",
        "/sessions/start-now",
        province.caller("admin"),
        json={"unit_id": province.commune},
        headers={"Idempotency-Key": "start-it-now"},
    )

    assert (status, problem["code"]) == (403, "demo-only")
