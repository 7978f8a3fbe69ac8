"""Take up evidence, take it back, count it again."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import groupby

from lantoa_calendar.periods import period, period_of
from lantoa_reporting.domain import Cell, CellKey, Entry, Fact, Kept, fold
from lantoa_reporting.usecases.ports import Evidence
from lantoa_runtime.errors import StaleVersion

CALENDAR = "plan75"
_MOST_RACES = 50


async def take_up(evidence: Evidence, fact: Fact) -> None:
    """Keep a fact, then count it. Repeating it finishes what a crash in between left open and changes nothing else.

    Raises:
        StaleVersion: the fact kept changing; repeat.
    """
    await evidence.note_period(period_of(CALENDAR, fact.day).key)
    # What is counted is what is kept: a repeat that says something else changes neither.
    await _settle(evidence, fact.fact_id, await evidence.keep(fact))


async def take_back(evidence: Evidence, fact_id: str, ver: int) -> None:
    """Take a fact out of its cells; it stays out until a version above this one is taken up.

    Raises:
        StaleVersion: the fact kept changing; repeat.
    """
    await _settle(evidence, fact_id, await evidence.take_back(fact_id, ver))


async def _settle(evidence: Evidence, fact_id: str, kept: Kept) -> None:
    for _ in range(_MOST_RACES):
        if kept.fact is not None:
            for key in sorted(kept.places, key=lambda key: key.id):
                move = evidence.count if key in kept.counted_in else evidence.uncount
                await move(key, kept.fact)
                await evidence.show(key)
        # Another version may have come meanwhile and have been counted before this one was: then it is done again.
        newest = await evidence.kept(fact_id)
        if newest == kept:
            return
        kept = newest
    raise StaleVersion


async def rebuild(evidence: Evidence) -> tuple[int, int]:
    """Count every fact again; how many cells there are, and how many of them were wrong and are mended.

    Raises:
        StaleVersion: a cell kept changing; repeat.
    """
    cells = mended = 0
    for key in await evidence.periods():
        for month, days in groupby(_days(key), lambda day: day.isoformat()[:7]):
            shown = await evidence.entries_of_month(month)
            for day in days:
                checked, changed = await rebuild_day(evidence, day, shown)
                cells += checked
                mended += changed
    return cells, mended


def _days(period_key: str) -> Iterator[date]:
    found = period(period_key)
    return (found.start + timedelta(days=number) for number in range((found.end - found.start).days + 1))


async def rebuild_day(evidence: Evidence, day: date, shown: Mapping[CellKey, Entry] | None = None) -> tuple[int, int]:
    """Count the facts of one day again; cells and mended cells as in :func:`rebuild`, which raises the same.

    ``shown`` is what the sheets of the day's month say, where it was read already.
    """
    if shown is None:
        shown = await evidence.entries_of_month(day.isoformat()[:7])
    held = {cell.key: cell for cell in await evidence.cells_of_day(day)}
    wanted = fold(await evidence.facts_of_day(day))
    keys = held.keys() | wanted.keys() | {key for key in shown if key.day == day}
    wrong = [
        key
        for key in keys
        if key not in held or not held[key].equals(wanted.get(key, Cell())) or shown.get(key) != held[key].entry
    ]
    return len(keys), sum([await _mend(evidence, key) for key in wrong])


async def _mend(evidence: Evidence, key: CellKey) -> bool:
    mended = False
    for _ in range(_MOST_RACES):
        # The cell first, the facts after: a fact that comes in between changes the cell's version or is counted.
        held, shown = await evidence.cell(key), await evidence.entry(key)
        wanted = fold(await evidence.facts_of_day(key.day)).get(key, Cell())
        if held is not None and held.equals(wanted) and shown == held.entry:
            return mended
        above = shown.ver if shown else 0
        mended |= await evidence.replace_cell(key, wanted, held.ver if held else None, above)
        await evidence.show(key)
    raise StaleVersion
