"""Evidence, plan and units in memory, under the same rules as in the database; every step lets others go first."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import repeat

from lantoa_calendar.periods import Period
from lantoa_reporting.domain import Cell, CellKey, Entry, Fact, Kept, StoredCell, Tally, Task, Unit


class Crash(Exception):
    """The process died here."""


@dataclass
class MemoryEvidence:
    """``left``: after how many steps the process dies, ``None``: never. ``paces``: how long its steps take, in turn."""

    known: dict[str, Kept] = field(default_factory=dict)
    cells: dict[CellKey, StoredCell] = field(default_factory=dict)
    sheets: dict[CellKey, Entry] = field(default_factory=dict)
    noted: set[str] = field(default_factory=set)
    left: int | None = None
    paces: Iterator[int] = field(default_factory=lambda: repeat(1))

    async def _step(self) -> None:
        for _ in range(next(self.paces)):
            await asyncio.sleep(0)
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Crash

    async def note_period(self, key: str) -> None:
        await self._step()
        self.noted.add(key)

    async def periods(self) -> list[str]:
        return sorted(self.noted)

    async def keep(self, fact: Fact) -> Kept:
        await self._step()
        self.known[fact.fact_id] = self.known.get(fact.fact_id, Kept()).confirmed(fact)
        return self.known[fact.fact_id]

    async def take_back(self, fact_id: str, ver: int) -> Kept:
        await self._step()
        self.known[fact_id] = self.known.get(fact_id, Kept()).withdrawn(ver)
        return self.known[fact_id]

    async def kept(self, fact_id: str) -> Kept:
        await self._step()
        return self.known[fact_id]

    def _write(self, key: CellKey, cell: Cell, ver: int) -> None:
        self.cells[key] = StoredCell(
            key=key,
            facts=tuple(sorted(cell.facts)),
            count=len(cell.facts),
            milliseconds=cell.milliseconds,
            first=cell.first,
            first_milliseconds=cell.first_milliseconds,
            ver=ver,
        )

    def _change(self, key: CellKey, fact: Fact, *, present: bool) -> None:
        held = self.cells.get(key) or StoredCell(key, (), 0, 0, 0, 0, 0)
        if (fact.fact_id in held.facts) is not present:
            old = Cell(frozenset(held.facts), held.milliseconds, held.first, held.first_milliseconds)
            changed = old.add(fact, key.task) if present else old.remove(fact, key.task)
            self._write(key, changed, held.ver + 1)

    async def count(self, key: CellKey, fact: Fact) -> None:
        await self._step()
        self._change(key, fact, present=True)

    async def uncount(self, key: CellKey, fact: Fact) -> None:
        await self._step()
        self._change(key, fact, present=False)

    async def show(self, key: CellKey) -> None:
        await self._step()
        if key not in self.cells:
            return
        entry = self.cells[key].entry
        await self._step()
        if key not in self.sheets or self.sheets[key].ver < entry.ver:
            self.sheets[key] = entry

    async def tallies(self, task: str | None, period: Period, scope: tuple[str, ...] | None) -> list[Tally]:
        return [
            Tally(key.task, key.unit_id, key.day.isoformat(), key.channel, *entry[:4])
            for key, entry in self.sheets.items()
            if entry.number
            and (task is None or key.task == task)
            and key.day in period
            and (scope is None or key.unit_id in scope)
        ]

    async def facts(self, task, first: date, last: date, scope, channel, before, limit: int) -> list[Fact]:
        found = [
            fact
            for fact in self._standing()
            if task in fact.tasks
            and first <= fact.day <= last
            and (scope is None or fact.unit_id in scope)
            and channel in (None, fact.channel)
            and (before is None or fact.order < before)
        ]
        return sorted(found, key=lambda fact: fact.order, reverse=True)[:limit]

    def _standing(self) -> list[Fact]:
        return [kept.fact for kept in self.known.values() if kept.fact is not None and kept.standing]

    async def fact(self, fact_id: str, scope) -> Kept | None:
        kept = self.known.get(fact_id, Kept())
        return kept if kept.fact and (scope is None or kept.fact.unit_id in scope) else None

    async def facts_of_day(self, day: date) -> list[Fact]:
        return [fact for fact in self._standing() if fact.day == day]

    async def cells_of_day(self, day: date) -> list[StoredCell]:
        return [cell for key, cell in self.cells.items() if key.day == day]

    async def entries_of_month(self, month: str) -> dict[CellKey, Entry]:
        return {key: entry for key, entry in self.sheets.items() if key.day.isoformat().startswith(month)}

    async def cell(self, key: CellKey) -> StoredCell | None:
        return self.cells.get(key)

    async def entry(self, key: CellKey) -> Entry | None:
        return self.sheets.get(key)

    async def replace_cell(self, key: CellKey, cell: Cell, ver: int | None, above: int = 0) -> bool:
        held = self.cells.get(key)
        if (held.ver if held else None) != ver:
            return False
        self._write(key, cell, max(ver or 0, above) + 1)
        return True

    def spoil(self, key: CellKey, how: str) -> None:
        """Damage what is counted under a key, as a broken disk or a careless hand would."""
        match how:
            case "lose the cell":
                self.cells.pop(key, None)
            case "lose the sheet":
                self.sheets.pop(key, None)
            case "lose both":
                self.cells.pop(key, None)
                self.sheets.pop(key, None)
            case "change the cell" if key in self.cells:
                self.cells[key] = replace(self.cells[key], facts=(*self.cells[key].facts[1:], "airing:ghost"), first=7)
            case "change the sheet" if key in self.sheets:
                self.sheets[key] = self.sheets[key]._replace(number=99, ver=self.sheets[key].ver + 500)
            case _:
                pass


@dataclass
class MemoryPlan:
    """Tasks by code."""

    codes: tuple[str, ...]

    async def tasks(self) -> list[Task]:
        return [Task(code, code, code, (), ()) for code in self.codes]

    async def task(self, code: str) -> Task | None:
        return Task(code, code, code, (), ()) if code in self.codes else None


@dataclass
class MemoryUnits:
    """Units with the version that each was told in."""

    told: dict[str, tuple[int, Unit]] = field(default_factory=dict)

    def tell(self, ver: int, unit: Unit) -> None:
        if self.told.get(unit.unit_id, (0, unit))[0] < ver:
            self.told[unit.unit_id] = (ver, unit)

    async def all(self) -> dict[str, Unit]:
        return {unit_id: unit for unit_id, (_, unit) in self.told.items()}

    async def some(self, unit_ids) -> dict[str, Unit]:
        return {unit_id: self.told[unit_id][1] for unit_id in unit_ids if unit_id in self.told}

    async def below(self, unit_ids) -> tuple[str, ...]:
        roots = set(unit_ids)
        under = {unit_id for unit_id, (_, unit) in self.told.items() if roots & set(unit.path)}
        return tuple(sorted(roots | under))
