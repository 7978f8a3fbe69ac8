"""Nothing is lost and nothing counted twice, on real servers."""

import asyncio
import random
from datetime import UTC, date, datetime, timedelta

import pytest
from pymongo.errors import AutoReconnect

from lantoa_calendar.periods import ZONE, period
from lantoa_contracts import catalogue
from lantoa_reporting.adapters import MongoEvidence
from lantoa_reporting.consumers import fact_of
from lantoa_reporting.domain import Cell, CellKey, Fact, Kept, fold, total
from lantoa_reporting.usecases.evidence import rebuild, rebuild_day, take_up
from lantoa_runtime.mongo import Collection, DuplicateKey
from lantoa_testing import eventually

YEAR = period("plan75-2027")
DAY = date(2026, 11, 20)
MORNING = datetime(2026, 11, 20, 5, 0, tzinfo=ZONE)


async def cells_are_what_the_facts_say(evidence: MongoEvidence, day: date = DAY) -> bool:
    """Every cell holds its facts, and its month's sheet says the same."""
    wanted = fold(await evidence.facts_of_day(day))
    held = {cell.key: cell for cell in await evidence.cells_of_day(day)}
    sheets = await evidence.entries_of_month(day.isoformat()[:7])
    shown = {key: entry for key, entry in sheets.items() if key.day == day}
    right = all(cell.equals(wanted.get(key, Cell())) for key, cell in held.items())
    return held.keys() >= wanted.keys() and right and shown == {key: cell.entry for key, cell in held.items()}


async def test_two_hundred_facts_of_one_cell_each_three_times_in_any_order_eight_at_once(reporting, device):
    evidence = MongoEvidence(reporting.service.db)
    station = device()
    facts = [
        fact_of(station.aired(number, MORNING + timedelta(seconds=number), 30.1 + number / 7)) for number in range(200)
    ]
    waiting = facts * 3
    random.Random(75).shuffle(waiting)

    async def worker() -> None:
        while waiting:
            await take_up(evidence, waiting.pop())

    await asyncio.gather(*(worker() for _ in range(8)))

    (cell,) = await evidence.cells_of_day(DAY)
    assert sorted(cell.facts) == sorted(fact.fact_id for fact in facts)
    assert cell.count == 200
    assert cell.milliseconds == sum(fact.milliseconds for fact in facts)


async def test_a_new_cell_raced_for_by_eight_holds_all_eight(reporting, device):
    evidence = MongoEvidence(reporting.service.db)
    station = device()
    for turn in range(20):
        started = MORNING + timedelta(days=turn)
        facts = [fact_of(station.aired(turn * 8 + number, started)) for number in range(8)]
        await asyncio.gather(*(take_up(evidence, fact) for fact in facts))
        cell = await evidence.cell(CellKey("08", station.unit_id, started.date(), "radio"))
        assert cell is not None
        assert cell.count == len(cell.facts) == 8


async def test_losing_the_race_for_a_new_cell_loses_no_fact(reporting, device, monkeypatch):
    """A server may answer an upsert with a duplicate key when another one made the document meanwhile."""
    evidence = MongoEvidence(reporting.service.db)
    mine, other = (fact_of(device().aired(number, MORNING)) for number in (1, 2))
    update = Collection.update_one

    async def lose(collection, filter_, change, upsert=False):
        if collection.name != "cells":
            return await update(collection, filter_, change, upsert)
        monkeypatch.setattr(Collection, "update_one", update)
        await take_up(evidence, other)
        raise DuplicateKey({"_id": 1})

    monkeypatch.setattr(Collection, "update_one", lose)
    await take_up(evidence, mine)
    cell = await evidence.cell(mine.cells[0])
    assert cell is not None
    assert cell.equals(fold([mine, other])[cell.key])


async def test_events_that_come_again_under_other_ids_count_once(reporting, events, device):
    evidence = MongoEvidence(reporting.service.db)
    station, board = device(1), device(2)
    published = [
        *((catalogue.AIRING_CONFIRMED, station.aired(n, MORNING, tasks=("05", "08"))) for n in range(20)),
        *((catalogue.DISPLAY_CONFIRMED, board.displayed(n, MORNING)) for n in range(20)),
    ] * 2
    random.Random(8).shuffle(published)
    for spec, event in published:
        await events.publish(spec, event)

    for spec in (catalogue.AIRING_CONFIRMED, catalogue.DISPLAY_CONFIRMED):
        await events.handled(spec, "reporting")
    tallies = await evidence.tallies(None, YEAR, None)
    assert {(t.task, t.channel): t.number for t in tallies} == {
        ("05", "radio"): 20,
        ("08", "radio"): 20,
        ("08", "board"): 20,
    }
    assert await events.dead("reporting") == []


@pytest.mark.parametrize("step", ["note_period", "keep", "count", "show"])
async def test_a_crash_before_any_step_is_healed_by_redelivery(reporting, events, device, monkeypatch, step):
    done = getattr(MongoEvidence, step)
    crashed = []

    async def crash_once(self, *arguments):
        if not crashed:
            crashed.append(step)
            raise AutoReconnect("the process died here")
        return await done(self, *arguments)

    monkeypatch.setattr(MongoEvidence, step, crash_once)
    evidence = MongoEvidence(reporting.service.db)
    event = device().aired(1, MORNING, tasks=("05", "08"))
    await events.publish(catalogue.AIRING_CONFIRMED, event)

    async def counted() -> bool:
        return len(await evidence.tallies(None, YEAR, None)) == 2 and await cells_are_what_the_facts_say(evidence)

    await eventually(counted)
    assert crashed == [step]
    assert await evidence.periods() == [YEAR.key]


async def test_a_crash_between_the_cells_of_one_fact_is_healed_by_redelivery(reporting, device):
    evidence = MongoEvidence(reporting.service.db)
    fact = fact_of(device().aired(1, MORNING, tasks=("05", "08", "12")))
    await evidence.keep(fact)
    await evidence.count(fact.cells[0], fact)
    assert not await cells_are_what_the_facts_say(evidence)
    await take_up(evidence, fact)
    assert await cells_are_what_the_facts_say(evidence)


async def test_the_first_word_under_an_id_stands(reporting, device):
    evidence = MongoEvidence(reporting.service.db)
    station = device()
    first, second = fact_of(station.aired(1, MORNING, 60.0)), fact_of(station.aired(1, MORNING, 90.0, ("12",)))
    await take_up(evidence, first)
    await take_up(evidence, second)
    assert await evidence.fact(first.fact_id, None) == Kept(first, 0, frozenset(first.cells))
    assert [(t.task, t.milliseconds) for t in await evidence.tallies(None, YEAR, None)] == [("08", 60_000)]


@pytest.mark.parametrize("zone", [ZONE, UTC])
async def test_the_fifteenth_of_november_at_midnight_parts_the_years(reporting, events, device, zone):
    evidence = MongoEvidence(reporting.service.db)
    station, board = device(1), device(2)
    last = datetime(2026, 11, 14, 23, 59, 59, tzinfo=ZONE).astimezone(zone)
    first = datetime(2026, 11, 15, 0, 0, 0, tzinfo=ZONE).astimezone(zone)
    await events.publish(catalogue.AIRING_CONFIRMED, station.aired(1, last, 60.0))
    await events.publish(catalogue.AIRING_CONFIRMED, station.aired(2, first, 120.0))
    await events.publish(catalogue.DISPLAY_CONFIRMED, board.displayed(1, last))
    await events.publish(catalogue.DISPLAY_CONFIRMED, board.displayed(2, first))
    ending, beginning = period("plan75-2026"), period("plan75-2027")

    async def numbers(year) -> tuple[int, float, int]:
        sums = total(await evidence.tallies("08", year, None))
        return sums.airings, sums.airing_minutes, sums.displays

    async def counted() -> bool:
        return await numbers(ending) == (1, 1.0, 1) and await numbers(beginning) == (1, 2.0, 1)

    await eventually(counted)
    for year, number in ((ending, 1), (beginning, 2)):
        listed = await evidence.facts("08", year.start, year.end, None, None, None, 10)
        assert sorted(fact.fact_id for fact in listed) == [
            f"airing:{station.id}:e-{number}",
            f"display:{board.id}:e-{number}",
        ]
    assert sorted(await evidence.periods()) == [ending.key, beginning.key]


async def test_counting_again_mends_what_is_wrong_and_leaves_what_is_right(reporting, device):
    db = reporting.service.db
    evidence = MongoEvidence(db)
    station = device()
    for number in range(12):
        await take_up(evidence, fact_of(station.aired(number, MORNING + timedelta(days=number % 4), 61.5)))
    right = {day: await evidence.cells_of_day(DAY + timedelta(days=day)) for day in range(4)}
    assert await rebuild(evidence) == (4, 0)

    keys = [right[day][0].key for day in range(4)]
    ghost = CellKey("12", "u-nowhere", DAY, "board")
    await db["cells"].delete_one({"_id": keys[0].id})
    await db["cells"].update_one({"_id": keys[1].id}, {"$inc": {"count": 1}})
    await db["cells"].update_one({"_id": keys[2].id}, {"$pop": {"facts": 1}})
    await evidence.replace_cell(ghost, Cell(frozenset({"display:of:nothing"}), 10_000), None)

    assert await rebuild(evidence) == (5, 4)
    assert await rebuild(evidence) == (5, 0)
    tallies = await evidence.tallies(None, YEAR, None)
    assert {(t.day, t.number, t.milliseconds) for t in tallies} == {(key.day.isoformat(), 3, 184_500) for key in keys}


async def test_a_fact_that_comes_while_its_cell_is_mended_is_neither_lost_nor_doubled(reporting, device):
    db = reporting.service.db
    first, late = (fact_of(device().aired(number, MORNING)) for number in (1, 2))

    class Overtaken(MongoEvidence):
        """Another process takes a fact up just after the facts of the day were read for mending."""

        reads = 0

        async def facts_of_day(self, day: date) -> list[Fact]:
            facts = await super().facts_of_day(day)
            self.reads += 1
            if self.reads == 2:
                await take_up(MongoEvidence(db), late)
            return facts

    evidence = Overtaken(db)
    await take_up(evidence, first)
    (key,) = first.cells
    await db["cells"].update_one({"_id": key.id}, {"$set": {"milliseconds": -1}})
    assert await rebuild_day(evidence, DAY) == (1, 1)
    cell = await evidence.cell(key)
    assert cell is not None
    assert cell.equals(fold([first, late])[key])


async def test_counting_again_while_facts_come_in_loses_and_doubles_none(reporting, device):
    db = reporting.service.db
    evidence = MongoEvidence(db)
    station = device()
    key = CellKey("08", station.unit_id, DAY, "radio")
    facts = [fact_of(station.aired(number, MORNING)) for number in range(60)]
    coming = list(facts)

    async def worker() -> None:
        while coming:
            await take_up(evidence, coming.pop())

    async def spoil_and_mend() -> None:
        while coming:
            await db["cells"].update_one({"_id": key.id}, {"$set": {"milliseconds": -1}, "$inc": {"ver": 1}})
            await rebuild_day(evidence, DAY)

    await asyncio.gather(worker(), worker(), worker(), spoil_and_mend())
    await rebuild_day(evidence, DAY)
    cell = await evidence.cell(key)
    assert cell is not None
    assert cell.equals(fold(facts)[key])
