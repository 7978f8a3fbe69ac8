"""What was to be heard and was not: the status line, and the word on what was missed."""

from datetime import timedelta
from typing import Any

import pytest

from lantoa_broadcast.domain import Audio, Entry, Item, Session
from lantoa_broadcast.usecases.missed import mark_missed
from lantoa_broadcast.usecases.programme import fields_of
from lantoa_broadcast.usecases.stores import Stores
from lantoa_contracts import catalogue
from lantoa_contracts.base import BlobRef
from lantoa_contracts.events.content import Rendition
from lantoa_testing import eventually

TITLE = "Lịch tiêm chủng"
SHORT = Rendition(
    kind="audio", blob=BlobRef(sha256="b" * 64, bytes=40, media_type="audio/ogg"), seconds=0.3, lufs=-16.0, voice="vi"
)
AT_ONCE = {"missed_minutes": 0.0, "missed_check_seconds": 0.2}


async def start_now(province: Any) -> None:
    status, _, _ = await province.running.call(
        "POST",
        "/sessions/start-now",
        province.caller("technician"),
        json={"unit_id": province.commune, "in_seconds": 0},
        headers={"Idempotency-Key": "start-at-once"},
    )
    assert status == 200


async def line(province: Any, item_id: str, caller: Any = None) -> tuple[int, ...]:
    code, body, _ = await province.running.call(
        "GET", f"/items/{item_id}/status", caller or province.caller("author", province.root)
    )
    assert code == 200
    return tuple(body[name] for name in ("planned", "confirmed", "missed", "waiting"))


async def until_line(province: Any, item_id: str, *expected: int) -> None:
    async def so() -> bool:
        return await line(province, item_id) == expected

    await eventually(so)


async def test_the_status_line_counts_entries_and_stations_within_the_callers_units(province: Any) -> None:
    here, also_here, board = [province.new_station() for _ in range(3)]
    await province.claim(here, province.commune)
    await province.claim(also_here, province.neighbour)
    await province.claim(board, province.commune, kind="board")
    item = await province.approve(TITLE, province.root)
    issued, rundown = await province.told(here, TITLE)
    await province.told(also_here, TITLE)
    assert await line(province, item.item_id) == (2, 0, 0, 2)

    await province.prove(here, province.proof(issued, rundown, TITLE))

    await until_line(province, item.item_id, 2, 1, 0, 1)
    assert await line(province, item.item_id, province.caller("author", province.neighbour)) == (1, 0, 0, 1)
    assert await line(province, item.item_id, province.caller("author", "u-elsewhere")) == (0, 0, 0, 0)
    assert await line(province, "i-unknown") == (0, 0, 0, 0)


async def test_what_was_withdrawn_in_time_is_planned_no_more(province: Any) -> None:
    station = province.new_station()
    await province.claim(station, province.commune)
    item = await province.approve(TITLE)
    await province.told(station, TITLE)
    await province.withdraw(item)
    await until_line(province, item.item_id, 0, 0, 0, 0)


@pytest.mark.parametrize("province", [AT_ONCE], indirect=True)
async def test_an_airing_without_a_proof_is_missed_and_a_late_proof_confirms_it_after_all(province: Any) -> None:
    heard, silent, cut = [province.new_station() for _ in range(3)]
    for station in (heard, silent, cut):
        await province.claim(station, province.commune)
    item = await province.approve(TITLE, renditions=(SHORT,))
    told = {station.id: await province.told(station, TITLE) for station in (heard, silent, cut)}
    await province.prove(heard, province.proof(*told[heard.id], TITLE))
    await province.prove(cut, province.proof(*told[cut.id], TITLE, outcome="cut", seconds=0.1))
    await province.handled(catalogue.DEVICE_AIRED)

    await start_now(province)

    await until_line(province, item.item_id, 3, 1, 2, 0)
    missed = [await province.events.wait(catalogue.AIRING_MISSED, _of(station)) for station in (silent, cut)]
    assert [event.ver for event in missed] == [1, 2]
    assert len(await province.events.all(catalogue.AIRING_MISSED)) == 2

    async def settled() -> bool:
        (session,) = await province.sessions()
        return "unsettled" not in session

    await eventually(settled)

    await province.prove(silent, province.proof(*told[silent.id], TITLE))

    await until_line(province, item.item_id, 3, 2, 1, 0)
    event = await province.events.wait(catalogue.AIRING_CONFIRMED, _of(silent))
    assert event.airing_id == missed[0].airing_id
    assert event.ver > missed[0].ver


def _of(station: Any) -> Any:
    return lambda event: event.device_id == station.id


async def test_many_airings_are_marked_once_however_often_the_job_runs(province: Any) -> None:
    """Written straight into the stores: a session yesterday of ten entries at ten stations."""
    stores = Stores.of(province.running.service)
    yesterday = province.now - timedelta(days=1)
    for number in range(10):
        fields = {"kind": "radio", "name": f"Loa {number}", "public_key": "U", "unit_id": province.commune}
        fields |= {"revoked": False, "placed_at": yesterday - timedelta(days=1)}
        await stores.devices.apply(f"d-{number}", 2, fields)
    item = Item("i-1", 2, 1, TITLE, "normal", ("08",), "khac", yesterday, Audio("a" * 64, 1, "audio/ogg"), 10.0)
    entries = tuple(Entry(f"e-{number}", item) for number in range(10))
    session = Session("s-1", province.commune, yesterday, yesterday, entries)
    await stores.sessions.insert("s-1", fields_of(session))
    await stores.units.collection.delete_many({})

    assert await mark_missed(stores) == 0, "who should have played is not known while the units are not"

    await province.unit(province.commune, [province.root, province.commune], ver=2)
    await eventually(lambda: stores.units.get(province.commune))
    assert await mark_missed(stores) == 100
    await stores.sessions.collection.update_one({"_id": "s-1"}, {"$set": {"unsettled": True}})
    assert await mark_missed(stores) == 0
    assert await stores.airings.collection.count({"state": "missed"}) == 100

    async def told() -> bool:
        return len(await province.events.all(catalogue.AIRING_MISSED)) == 100

    await eventually(told, every=0.2)
