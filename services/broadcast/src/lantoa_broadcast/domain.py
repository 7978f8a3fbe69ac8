"""Grids, sessions and what may stand in them. Pure.

A session belongs to the unit whose people are the audience. A station plays the sessions of every unit on its path.
"""

import hashlib
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from lantoa_calendar.periods import ZONE
from lantoa_calendar.recurrence import Slot, next_occurrence

SECONDS_TOLERANCE = 2.0
"""How far a proof's seconds may be from the entry's: decoders round and pad."""

_TICK = timedelta(microseconds=1)
_RANKS = {"emergency": 0, "priority": 1, "normal": 2}


class NoSlot(Exception):
    """The item fits into no session: ``too-long`` for any, ``no-day`` of its own is left, or the grid is ``over``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Grid:
    """When a unit broadcasts: on the days of ``rule`` (RRULE) from ``since`` on, at local time ``at``."""

    rule: str
    at: str
    max_minutes: int
    since: date

    def slots(self, after: datetime) -> Iterator[datetime]:
        """The starts of sessions strictly after a moment, in order, in UTC.

        Raises:
            InvalidRule: the rule is not accepted (raised with the first one).
        """
        start = Slot(self.rule, self.at).start(self.since)
        slot = next_occurrence(self.rule, start, after)
        while slot is not None:
            yield slot.astimezone(UTC)
            slot = next_occurrence(self.rule, start, slot)


def default_grid(today: date) -> Grid:
    """What holds until somebody sets a grid: every day at 05:00, the hour of village radio (domain facts, 1.5)."""
    return Grid("FREQ=DAILY", "05:00", 45, today)


@dataclass(frozen=True)
class Audio:
    """A stored audio file."""

    sha256: str
    bytes: int
    media_type: str


@dataclass(frozen=True)
class Item:
    """An approved bulletin as the radio needs it. ``ver`` is the item's version that was approved.

    It plays in sessions that start from ``opens_at`` on and before ``closes_at``: on the days on which it may be heard.
    """

    item_id: str
    ver: int
    revision: int
    title: str
    priority: str
    tasks: tuple[str, ...]
    topic: str
    approved_at: datetime
    audio: Audio
    seconds: float
    opens_at: datetime | None = None
    closes_at: datetime | None = None

    def may_start(self, at: datetime) -> bool:
        """Whether a session that starts then may have it."""
        return (self.opens_at is None or self.opens_at <= at) and (self.closes_at is None or at < self.closes_at)


@dataclass(frozen=True)
class Entry:
    """An item's place in a session. A withdrawn one stays on record: a station without network may yet air it."""

    entry_id: str
    item: Item
    withdrawn: bool = False

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Entry":
        """Read what ``dataclasses.asdict`` wrote."""
        item = stored["item"]
        audio = Audio(**item["audio"])
        return cls(
            stored["entry_id"], Item(**{**item, "tasks": tuple(item["tasks"]), "audio": audio}), stored["withdrawn"]
        )


@dataclass(frozen=True)
class Session:
    """Entries that play one after the other. ``slot`` is the grid's time, ``starts_at`` the time that holds."""

    session_id: str
    unit_id: str
    slot: datetime
    starts_at: datetime
    entries: tuple[Entry, ...] = ()

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Session":
        """Read a stored session."""
        return cls(
            stored["_id"],
            stored["unit_id"],
            stored["slot"],
            stored["starts_at"],
            tuple(Entry.of(entry) for entry in stored["entries"]),
        )

    @property
    def active(self) -> tuple[Entry, ...]:
        """What is to be played, in order."""
        return tuple(entry for entry in self.entries if not entry.withdrawn)

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return sum(entry.item.seconds for entry in self.active)

    @property
    def ends_at(self) -> datetime:
        """When it is over if it keeps its time."""
        return self.starts_at + timedelta(seconds=self.seconds)

    def planned_at(self, entry_id: str) -> datetime:
        """When an entry begins if the session keeps its time; its start for one that is not to be played."""
        before = itertools.takewhile(lambda entry: entry.entry_id != entry_id, self.active)
        return self.starts_at + timedelta(seconds=sum(entry.item.seconds for entry in before))

    def entry(self, entry_id: str) -> Entry | None:
        """An entry, withdrawn or not."""
        return next((entry for entry in self.entries if entry.entry_id == entry_id), None)

    def holds(self, item: Item) -> bool:
        """Whether this approval of the item was given its place here, also when it was withdrawn since."""
        return any(entry.item.item_id == item.item_id and entry.item.ver >= item.ver for entry in self.entries)

    def with_item(self, item: Item) -> "Session":
        """The session with the item in its place: by class, then by approval (TT 39/2020: priority items first)."""
        entry = Entry(entry_id_of(self.session_id, item), item)
        others = [other for other in self.entries if other.entry_id != entry.entry_id]
        return replace(self, entries=tuple(sorted([*others, entry], key=_order)))

    def without(self, item_id: str, below: int, now: datetime) -> "Session":
        """The session with approvals older than version ``below`` withdrawn; the same one when it has begun."""
        if self.starts_at <= now:
            return self
        return replace(
            self,
            entries=tuple(
                replace(entry, withdrawn=True)
                if entry.item.item_id == item_id and entry.item.ver < below and not entry.withdrawn
                else entry
                for entry in self.entries
            ),
        )

    def may_start(self, at: datetime) -> bool:
        """Whether it has something to play, and all of that may be heard on the day of this moment."""
        return bool(self.active) and all(entry.item.may_start(at) for entry in self.active)

    def moved(self, starts_at: datetime) -> "Session":
        """The same session at another time; its id and its entries' ids stay, so nothing can be aired twice."""
        return replace(self, starts_at=starts_at)


def _order(entry: Entry) -> tuple[int, datetime, str]:
    return _RANKS[entry.item.priority], entry.item.approved_at, entry.entry_id


def session_id_of(unit_id: str, slot: datetime) -> str:
    """The id of a unit's session at a time of its grid."""
    return f"s-{unit_id}-{slot.astimezone(ZONE):%Y%m%d%H%M}"


def entry_id_of(session_id: str, item: Item) -> str:
    """The id of an item's revision in a session."""
    return hashlib.sha256(f"{session_id}|{item.item_id}|{item.revision}".encode()).hexdigest()[:20]


def place(item: Item, unit_id: str, sessions: Iterable[Session], grid: Grid, after: datetime) -> Session | None:
    """The first session strictly after ``after``, on a day of the item's, that has room, with the item in it.

    ``sessions`` are those of the unit that exist in the grid after that moment and those that have the item already.
    ``None`` when one of them has it. A session that was moved to an earlier start keeps its slot in the grid taken.

    Raises:
        NoSlot: longer than a session may be, or no session is left, of the grid or on the item's days.
    """
    known = {session.session_id: session for session in sessions}
    if any(session.holds(item) for session in known.values()):
        return None
    room = grid.max_minutes * 60
    if item.seconds > room:
        raise NoSlot("too-long")
    first = max(after, item.opens_at - _TICK) if item.opens_at else after
    for slot in grid.slots(first):
        if item.closes_at and slot >= item.closes_at:
            raise NoSlot("no-day")
        session_id = session_id_of(unit_id, slot)
        session = known.get(session_id) or Session(session_id, unit_id, slot, slot)
        in_time = session.starts_at > after and item.may_start(session.starts_at)
        if in_time and session.seconds + item.seconds <= room:
            return session.with_item(item)
    raise NoSlot("over")


def programme(sessions: Iterable[Session], path: Sequence[str], now: datetime, late: timedelta) -> list[Session]:
    """What a station below ``path`` (root first) is to play: sessions with entries, not over for longer than ``late``.

    In order of start. Sessions that start together play back to back, that of the nearest unit first.
    """
    current = [session for session in sessions if session.active and session.ends_at + late > now]
    return sorted(current, key=lambda session: (session.starts_at, -path.index(session.unit_id), session.session_id))


def airing_id_of(device_id: str, entry_id: str) -> str:
    """The id of an entry's airing at a station."""
    return f"{device_id}:{entry_id}"


def planned(session: Session, stations: Mapping[str, datetime]) -> list[tuple[str, Entry]]:
    """Who is to play what of a session: stations that stood in their place when it began.

    ``stations`` are those that hear the session's unit, with the moment since when each has its place.
    """
    present = sorted(station for station, since in stations.items() if since <= session.starts_at)
    return [(station, entry) for entry in session.active for station in present]


def missed(
    session: Session, stations: Mapping[str, datetime], confirmed: Collection[str], now: datetime, grace: timedelta
) -> list[tuple[str, Entry]]:
    """What of a session counts as missed now: planned and not proved to its end, ``grace`` after the session's end.

    ``confirmed`` are the ids of airings that were proved.
    """
    if now < session.ends_at + grace:
        return []
    return [
        (station, entry)
        for station, entry in planned(session, stations)
        if airing_id_of(station, entry.entry_id) not in confirmed
    ]


@dataclass(frozen=True)
class Tally:
    """How far an item has come: ``planned`` is the sum of the other three."""

    planned: int
    confirmed: int
    missed: int

    @property
    def waiting(self) -> int:
        """Planned, and nothing is known yet."""
        return self.planned - self.confirmed - self.missed


def tally(planned_ids: Iterable[str], states: Mapping[str, str]) -> Tally:
    """Count airings: the planned ones, and those with a known state, whose station may have been moved away since."""
    every = {*planned_ids, *states}
    found = list(states.values())
    return Tally(len(every), found.count("confirmed"), found.count("missed"))


def proof_fault(entry: Entry, audio_sha256: str, item_id: str, revision: int, seconds: float, whole: bool) -> str:
    """What in a proof contradicts the entry that it names; empty when nothing does."""
    if audio_sha256 != entry.item.audio.sha256:
        return "audio"
    if (item_id, revision) != (entry.item.item_id, entry.item.revision):
        return "item"
    least = entry.item.seconds - SECONDS_TOLERANCE if whole else 0.0
    return "" if least <= seconds <= entry.item.seconds + SECONDS_TOLERANCE else "seconds"
