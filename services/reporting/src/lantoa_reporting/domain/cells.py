"""How facts add up: cells by day, tallies, totals."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from lantoa_reporting.domain.facts import CellKey, Channel, Fact


@dataclass(frozen=True, slots=True)
class Cell:
    """What was counted under one key: which facts, and their length together.

    ``first`` and ``first_milliseconds`` are the same numbers over those facts whose first task this is: sums over
    several tasks add these, so that a fact that serves two tasks is in them once.
    """

    facts: frozenset[str] = frozenset()
    milliseconds: int = 0
    first: int = 0
    first_milliseconds: int = 0

    def add(self, fact: Fact, task: str) -> "Cell":
        """The cell of this task with this fact in it, once however often it is added."""
        return self if fact.fact_id in self.facts else self._with(self.facts | {fact.fact_id}, fact, task, 1)

    def remove(self, fact: Fact, task: str) -> "Cell":
        """The cell of this task without this fact."""
        return self._with(self.facts - {fact.fact_id}, fact, task, -1) if fact.fact_id in self.facts else self

    def _with(self, facts: frozenset[str], fact: Fact, task: str, sign: int) -> "Cell":
        first = sign * (task == fact.first_task)
        length = fact.milliseconds
        return Cell(
            facts, self.milliseconds + sign * length, self.first + first, self.first_milliseconds + first * length
        )


def fold(facts: Iterable[Fact]) -> dict[CellKey, Cell]:
    """The cells that facts make, in whatever order and however often they come."""
    cells: defaultdict[CellKey, Cell] = defaultdict(Cell)
    for fact in facts:
        for key in fact.cells:
            cells[key] = cells[key].add(fact, key.task)
    return dict(cells)


class Entry(NamedTuple):
    """A cell's numbers on its month's sheet, as they were at the cell's ``ver``."""

    number: int
    milliseconds: int
    first: int
    first_milliseconds: int
    ver: int


@dataclass(frozen=True, slots=True)
class StoredCell:
    """A cell as it stands in the database; ``ver`` is the number of its last change."""

    key: CellKey
    facts: tuple[str, ...]
    count: int
    milliseconds: int
    first: int
    first_milliseconds: int
    ver: int

    def equals(self, cell: Cell) -> bool:
        """Whether it says what the facts say."""
        told = Cell(frozenset(self.facts), self.milliseconds, self.first, self.first_milliseconds)
        return told == cell and self.count == len(self.facts) == len(cell.facts)

    @property
    def entry(self) -> Entry:
        """What its month's sheet is to say of it."""
        return Entry(self.count, self.milliseconds, self.first, self.first_milliseconds, self.ver)


class Tally(NamedTuple):
    """A cell without the names of its facts: what reports add up. ``day`` is an ISO date."""

    task: str
    unit_id: str
    day: str
    channel: Channel
    number: int
    milliseconds: int
    first: int
    first_milliseconds: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What was confirmed over each channel, counted apart; the length of the airings in milliseconds."""

    airings: int = 0
    airing_milliseconds: int = 0
    displays: int = 0
    posts: int = 0
    attempts: int = 0

    @property
    def airing_minutes(self) -> float:
        """Minutes to one decimal, halves rounded up. Rounded once, so parts need not add up to the whole."""
        return (self.airing_milliseconds + 3_000) // 6_000 / 10


def total(tallies: Iterable[Tally]) -> Totals:
    """The sum of tallies."""
    return totals_by(tallies, lambda _: "").get("", Totals())


def total_of_all_tasks(tallies: Iterable[Tally]) -> Totals:
    """The sum of tallies of several tasks, each fact taken once."""
    merged = without_days(tallies)
    return total(tally._replace(number=tally.first, milliseconds=tally.first_milliseconds) for tally in merged)


def without_days(tallies: Iterable[Tally]) -> list[Tally]:
    """Fewer tallies that say the same but for the days: what takes long is to add up a year's cells again and again."""
    return _merged(tallies, units=True, days=False)


def without_units(tallies: Iterable[Tally]) -> list[Tally]:
    """Fewer tallies that say the same but for the units."""
    return _merged(tallies, units=False, days=True)


def _merged(tallies: Iterable[Tally], *, units: bool, days: bool) -> list[Tally]:
    sums: dict[tuple[str, str, str, Channel], list[int]] = {}
    for task, unit_id, day, channel, number, milliseconds, first, first_milliseconds in tallies:
        key = (task, unit_id if units else "", day if days else "", channel)
        held = sums.get(key)
        if held is None:
            sums[key] = [number, milliseconds, first, first_milliseconds]
        else:
            held[0] += number
            held[1] += milliseconds
            held[2] += first
            held[3] += first_milliseconds
    return [Tally(*key, *numbers) for key, numbers in sums.items()]


def totals_by(tallies: Iterable[Tally], part: Callable[[Tally], str]) -> dict[str, Totals]:
    """Sums by a part of each tally, in the order of the part's text."""
    counts: defaultdict[tuple[str, Channel], int] = defaultdict(int)
    lengths: defaultdict[str, int] = defaultdict(int)
    names = set()
    for tally in tallies:
        name = part(tally)
        names.add(name)
        counts[name, tally.channel] += tally.number
        if tally.channel == "radio":
            lengths[name] += tally.milliseconds
    return {
        name: Totals(
            airings=counts[name, "radio"],
            airing_milliseconds=lengths[name],
            displays=counts[name, "board"],
            posts=counts[name, "web"],
            attempts=counts[name, "contest"],
        )
        for name in sorted(names)
    }
