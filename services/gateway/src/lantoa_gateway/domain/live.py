"""What open pages are told: a hint for each event that concerns them, and who may have it. Pure.

A hint says what to fetch again and never what it is: whoever fetches is asked for their rights then.
"""

import json
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from lantoa_contracts.catalogue import About, EventSpec
from lantoa_contracts.policy import CONTEST_REVIEW, DEVICE_READ, ITEM_READ, NOTICE_READ, REPORT_READ, Permission

ABOUT: frozenset[str] = frozenset(get_args(About))
READS: Mapping[str, Permission] = {
    "items": ITEM_READ,
    "devices": DEVICE_READ,
    "alerts": NOTICE_READ,
    "contests": CONTEST_REVIEW,
    "reports": REPORT_READ,
}
"""What it takes to be told of each: the right to fetch it."""
MOST_WAITING = 100
"""Hints that wait for one page; whoever falls further behind is to fetch everything again."""
RESYNC = b"event: resync\ndata: {}\n\n"


@dataclass(frozen=True, slots=True)
class Told:
    """One hint. ``path`` holds the units that it lies in, from the root down; ``None`` for what concerns everybody."""

    seq: int
    """Its event's place in the stream: the same at every replica, and what ``Last-Event-ID`` says."""
    about: frozenset[str]
    path: frozenset[str] | None
    key: tuple[str, str]
    """Type and id: of two with the same key, the later one says it all."""
    wire: bytes


class Places:
    """The unit tree as it stands: the path of each unit that exists, by its id."""

    def __init__(self) -> None:
        self._paths: dict[str, tuple[str, ...]] = {}
        self._vers: dict[str, int] = {}

    def replace(self, units: Iterable[Mapping[str, Any]]) -> None:
        """Know these units and no others; each as ``{id, ver, path}``."""
        self._paths, self._vers = {}, {}
        for unit in units:
            self._paths[unit["id"]], self._vers[unit["id"]] = tuple(unit["path"]), unit["ver"]

    def change(self, event: Mapping[str, Any], today: str) -> None:
        """Take up a ``directory.unit.changed``; ``today`` as ``YYYY-MM-DD``. A former unit is forgotten."""
        unit_id, ver = event["unit_id"], event["ver"]
        if ver < self._vers.get(unit_id, 0):
            return
        self._vers[unit_id] = ver
        if event.get("valid_to") and event["valid_to"] < today:
            self._paths.pop(unit_id, None)
        else:
            self._paths[unit_id] = tuple(event["path"])

    def path(self, unit_ids: Iterable[str | None]) -> frozenset[str]:
        """All units on the way from the root to these; nothing for one that is former or not known."""
        return frozenset(part for unit_id in unit_ids if unit_id for part in self._paths.get(unit_id, ()))

    def __len__(self) -> int:
        return len(self._paths)


def told(seq: int, spec: EventSpec, event: Mapping[str, Any], at: str, places: Places) -> Told | None:
    """The hint of an event; ``None`` for one that nobody is told.

    Raises:
        KeyError: the event has not the fields that the catalogue names.
    """
    hint = spec.hint
    if hint is None:
        return None
    units = [event.get(field) for field in hint.units]
    path = places.path(units) if hint.units else None
    if path is not None and not path:
        return None
    unit_id = units[0] if units else None
    said = {"type": spec.name, "id": event[hint.id], "unit_id": unit_id, "at": at}
    body = json.dumps(said, separators=(",", ":"))
    wire = f"id: {seq}\nevent: {spec.name}\ndata: {body}\n\n".encode()
    return Told(seq, frozenset(hint.about), path, (spec.name, said["id"]), wire)


@dataclass(frozen=True, slots=True)
class View:
    """What one page may be told: of which things, and in which units and all below them of each."""

    units: Mapping[str, frozenset[str]]

    def has(self, hint: Told) -> bool:
        """Whether the hint is for it."""
        for about in hint.about:
            units = self.units.get(about)
            if units and (hint.path is None or not units.isdisjoint(hint.path)):
                return True
        return False


class Past:
    """The newest hints, so that a page that was away for a moment misses nothing.

    Every replica that has read as far back knows the same, so it can resume at any of them.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._hints: deque[Told] = deque()
        self._since: int | None = None
        """All hints behind this place are known."""
        self.newest = 0

    def begin(self, since: int | None) -> None:
        """Forget all; what lies behind this place is told next. ``None`` for no place yet."""
        self._hints.clear()
        self._since, self.newest = since, since or 0

    def reach(self, seq: int) -> None:
        """Everything up to this place was seen."""
        self.newest = max(self.newest, seq)

    def add(self, hint: Told) -> None:
        """Keep a hint."""
        self._hints.append(hint)
        if len(self._hints) > self._most:
            self._since = self._hints.popleft().seq

    def after(self, seq: int) -> Iterator[Told] | None:
        """The hints behind a place; ``None`` when not all of them are known."""
        if self._since is None or not self._since <= seq <= self.newest:
            return None
        return (hint for hint in self._hints if hint.seq > seq)


class Waiting:
    """What waits to be sent to one page: bounded, the later of two hints with one key in place of both."""

    def __init__(self) -> None:
        self._hints: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._lost = False

    def add(self, hint: Told) -> bool:
        """Let a hint wait; whether there was room. Without, all are dropped and the page is to fetch everything."""
        if self._lost:
            return False
        self._hints.pop(hint.key, None)  # It moves to the end, so that ids only grow.
        self._hints[hint.key] = hint.wire
        if len(self._hints) > MOST_WAITING:
            self.lose()
            return False
        return True

    def lose(self) -> None:
        """Hints were missed."""
        self._hints.clear()
        self._lost = True

    def take(self) -> tuple[bytes, int, bool]:
        """What is to be sent now, how many hints that is, and whether some were missed: then there are none."""
        hints, lost = self._hints, self._lost
        self._hints, self._lost = OrderedDict(), False
        return b"".join(hints.values()), len(hints), lost
