"""What the use cases need of the outside."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from lantoa_calendar.periods import Period
from lantoa_reporting.domain import Cell, CellKey, Channel, Entry, Fact, Kept, StoredCell, Tally, Task, Unit

Scope = tuple[str, ...] | None
"""The units whose numbers somebody sees; ``None`` is all, also those whose unit is not known yet."""


class Evidence(Protocol):
    """Facts, the cells that count them, and the sheets that reports read: each month's cells of a task in a unit."""

    async def note_period(self, key: str) -> None:
        """Remember that there is evidence in a period."""

    async def periods(self) -> list[str]:
        """Keys of the periods in which there is evidence."""

    async def keep(self, fact: Fact) -> Kept:
        """Store a confirmation; what is known under its id from now on, see :meth:`Kept.confirmed`."""

    async def take_back(self, fact_id: str, ver: int) -> Kept:
        """Store that a fact does not stand in this version; what is known from now on, see :meth:`Kept.withdrawn`."""

    async def kept(self, fact_id: str) -> Kept:
        """What is known under an id."""

    async def count(self, key: CellKey, fact: Fact) -> None:
        """Count a fact in a cell, once however often this is called."""

    async def uncount(self, key: CellKey, fact: Fact) -> None:
        """Take a fact out of a cell, once however often this is called."""

    async def show(self, key: CellKey) -> None:
        """Copy a cell's numbers to its month's sheet, unless that has them from a later version of the cell."""

    async def tallies(self, task: str | None, period: Period, scope: Scope) -> list[Tally]:
        """What was counted in a period, for one task or for all."""

    async def facts(
        self, task: str, first: date, last: date, scope: Scope, channel: Channel | None, before: str | None, limit: int
    ) -> list[Fact]:
        """Facts of a task on the days ``first`` to ``last``, newest first; ``before`` is the order of the last seen."""

    async def fact(self, fact_id: str, scope: Scope) -> Kept | None:
        """What is known of one fact, if it was ever confirmed and is in the scope."""

    async def facts_of_day(self, day: date) -> list[Fact]:
        """Every fact of one day that stands."""

    async def cells_of_day(self, day: date) -> list[StoredCell]:
        """Every cell of one day."""

    async def entries_of_month(self, month: str) -> dict[CellKey, Entry]:
        """Everything on the sheets of a month (``2026-11``)."""

    async def cell(self, key: CellKey) -> StoredCell | None:
        """One cell."""

    async def entry(self, key: CellKey) -> Entry | None:
        """What the sheets say of one cell."""

    async def replace_cell(self, key: CellKey, cell: Cell, ver: int | None, above: int = 0) -> bool:
        """Write a cell over the one at ``ver`` (``None``: over nothing); ``False`` when it was changed meanwhile.

        Its new version is higher than ``above`` too.
        """


class Plan(Protocol):
    """The plan's tasks."""

    async def put(self, tasks: Iterable[Task]) -> None:
        """Store tasks over those with the same codes."""

    async def tasks(self) -> list[Task]:
        """All tasks, by code."""

    async def task(self, code: str) -> Task | None:
        """One task."""


class Units(Protocol):
    """The read model of the directory's units."""

    async def apply(self, unit_id: str, ver: int, fields: Mapping[str, Any]) -> None:
        """Take up a unit's state; an older one than is held changes nothing."""

    async def all(self) -> dict[str, Unit]:
        """Every unit, by its id."""

    async def some(self, unit_ids: Iterable[str]) -> dict[str, Unit]:
        """Those of these units that are known, by their ids."""

    async def below(self, unit_ids: Sequence[str]) -> tuple[str, ...]:
        """These units and all below them."""
