"""What the use cases need of the outside."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from lantoa_calendar.periods import Period
from lantoa_reporting.domain import Cell, CellKey, Channel, Fact, StoredCell, Tally, Task

Scope = tuple[str, ...] | None
"""The units whose numbers somebody sees; ``None`` is all, also those whose unit is not known yet."""


class Evidence(Protocol):
    """Facts, and the cells that count them."""

    async def note_period(self, key: str) -> None:
        """Remember that there is evidence in a period."""

    async def periods(self) -> list[str]:
        """Keys of the periods in which there is evidence."""

    async def keep(self, fact: Fact) -> Fact:
        """Store a fact; what is stored under its id from now on, which is the first one that came."""

    async def count(self, key: CellKey, fact: Fact) -> None:
        """Count a fact in a cell, once however often this is called."""

    async def tallies(self, task: str | None, period: Period, scope: Scope) -> list[Tally]:
        """What was counted in a period, for one task or for all."""

    async def facts(
        self, task: str, first: date, last: date, scope: Scope, channel: Channel | None, before: str | None, limit: int
    ) -> list[Fact]:
        """Facts of a task on the days ``first`` to ``last``, newest first; ``before`` is the order of the last seen."""

    async def fact(self, fact_id: str, scope: Scope) -> Fact | None:
        """One fact, if it is there and in the scope."""

    async def facts_of_day(self, day: date) -> list[Fact]:
        """Every fact of one day."""

    async def cells_of_day(self, day: date) -> list[StoredCell]:
        """Every cell of one day."""

    async def cell(self, key: CellKey) -> StoredCell | None:
        """One cell."""

    async def replace_cell(self, key: CellKey, cell: Cell, ver: int | None) -> bool:
        """Write a cell over the one at ``ver`` (``None``: over nothing); ``False`` when it was changed meanwhile."""


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

    async def kinds(self, unit_ids: Sequence[str]) -> dict[str, str]:
        """The kinds of those units that are known."""

    async def names(self, unit_ids: Iterable[str]) -> dict[str, str]:
        """The names of those units that are known."""

    async def below(self, unit_ids: Sequence[str]) -> tuple[str, ...]:
        """These units and all below them."""
