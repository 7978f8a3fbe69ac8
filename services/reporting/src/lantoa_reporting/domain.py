"""What counts as evidence, and how it adds up."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from lantoa_calendar.periods import local_day

Channel = Literal["radio", "board"]


def utc_text(moment: datetime) -> str:
    """UTC with microseconds: texts of one length, in the order of time (MongoDB's own dates stop at milliseconds)."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True)
class Signed:
    """A device's word as it sent it: the text ``p``, the key ``kid`` and the signature ``sig`` over the text."""

    kid: str
    p: str
    sig: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One confirmed airing or display; it never changes. ``media_sha256`` is the audio's or the slide's hash."""

    fact_id: str
    channel: Channel
    unit_id: str
    device_id: str
    session_id: str | None
    entry_id: str
    item_id: str
    revision: int
    title: str
    tasks: tuple[str, ...]
    topic: str
    media_sha256: str
    started_at: datetime
    ended_at: datetime
    seconds: float
    device_public_key: str
    proof: Signed

    @property
    def day(self) -> date:
        """The day in Việt Nam on which it started, which decides the period."""
        return local_day(self.started_at)

    @property
    def milliseconds(self) -> int:
        """Its length as a whole number, so that sums do not depend on the order of adding."""
        return round(self.seconds * 1000)

    @property
    def order(self) -> str:
        """Where it stands among all facts: by its start, then by its id."""
        return f"{utc_text(self.started_at)}|{self.fact_id}"

    @property
    def cells(self) -> tuple["CellKey", ...]:
        """Where it counts: once for each task that its item names, nothing is inferred (blueprint, Credit)."""
        return tuple(CellKey(task, self.unit_id, self.day, self.channel) for task in sorted(set(self.tasks)))


@dataclass(frozen=True, slots=True)
class CellKey:
    """One task in one unit on one day over one channel."""

    task: str
    unit_id: str
    day: date
    channel: Channel

    @property
    def id(self) -> str:
        """The key as one text."""
        return f"{self.task}|{self.unit_id}|{self.day.isoformat()}|{self.channel}"


@dataclass(frozen=True, slots=True)
class Cell:
    """What was counted under one key: which facts, and their length together."""

    facts: frozenset[str] = frozenset()
    milliseconds: int = 0

    def add(self, fact: Fact) -> "Cell":
        """The cell with this fact in it, once however often it is added."""
        if fact.fact_id in self.facts:
            return self
        return Cell(self.facts | {fact.fact_id}, self.milliseconds + fact.milliseconds)


def fold(facts: Iterable[Fact]) -> dict[CellKey, Cell]:
    """The cells that facts make, in whatever order and however often they come."""
    cells: defaultdict[CellKey, Cell] = defaultdict(Cell)
    for fact in facts:
        for key in fact.cells:
            cells[key] = cells[key].add(fact)
    return dict(cells)


@dataclass(frozen=True, slots=True)
class StoredCell:
    """A cell as it stands in the database; ``ver`` is the number of its last change."""

    key: CellKey
    facts: tuple[str, ...]
    count: int
    milliseconds: int
    ver: int

    def equals(self, cell: Cell) -> bool:
        """Whether it says what the facts say."""
        wanted = (len(cell.facts), len(cell.facts), cell.facts, cell.milliseconds)
        return (len(self.facts), self.count, frozenset(self.facts), self.milliseconds) == wanted


@dataclass(frozen=True, slots=True)
class Tally:
    """A cell without the names of its facts: what reports add up."""

    key: CellKey
    count: int
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Airings and displays, counted apart; the length of the airings in milliseconds."""

    airings: int = 0
    airing_milliseconds: int = 0
    displays: int = 0

    @property
    def airing_minutes(self) -> float:
        """Minutes to one decimal, halves rounded up. Rounded once, so parts need not add up to the whole."""
        return (self.airing_milliseconds + 3_000) // 6_000 / 10


def total(tallies: Iterable[Tally]) -> Totals:
    """The sum of tallies."""
    airings = airing_milliseconds = displays = 0
    for tally in tallies:
        if tally.key.channel == "radio":
            airings += tally.count
            airing_milliseconds += tally.milliseconds
        else:
            displays += tally.count
    return Totals(airings, airing_milliseconds, displays)


def totals_by(tallies: Iterable[Tally], part: Callable[[CellKey], str]) -> dict[str, Totals]:
    """Sums by a part of the key, in the order of the part's text."""
    groups: defaultdict[str, list[Tally]] = defaultdict(list)
    for tally in tallies:
        groups[part(tally.key)].append(tally)
    return {name: total(group) for name, group in sorted(groups.items())}


@dataclass(frozen=True, slots=True)
class Task:
    """A task of the plan's annex; ``lead`` and ``partners`` are bodies or classes of bodies (``S``, ``H*`` ...)."""

    code: str
    title: str
    title_en: str
    lead: tuple[str, ...]
    partners: tuple[str, ...]
