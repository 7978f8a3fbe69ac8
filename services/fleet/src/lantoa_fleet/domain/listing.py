"""Devices as lists, maps and sums show them: filters, order, what stands in a cell of a spreadsheet."""

import collections
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from lantoa_calendar.text import fold, sort_key

Shown = Literal["online", "offline", "alarm", "drift"]
Windows = tuple[tuple[int, int], ...]


@dataclass(slots=True, frozen=True)
class Trouble:
    """What a device said of itself in alarms of one code."""

    code: str
    at: datetime
    count: int


@dataclass(slots=True)
class Row:
    """A claimed device as far as lists, alarms and waves need it."""

    device_id: str
    name: str
    words: str
    order: tuple[str, str]
    kind: str
    unit_id: str
    path: tuple[str, ...]
    groups: tuple[str, ...]
    accepted: bool
    online: bool
    turned_at: datetime
    """When it was last seen to come or to go."""
    lat: float | None
    lon: float | None
    site_type: str
    model: str
    seq: int
    windows: Windows
    """Sessions of its rundown: begin and end in Unix seconds."""
    troubles: tuple[Trouble, ...]


def row_of(device: Mapping[str, Any], known: Row | None, windows: Callable[[Windows], Windows]) -> Row:
    """A device's document as a row; keys of the name are taken from the row known before where it is the same."""
    name = device["name"]
    same = known is not None and known.name == name
    radio = device.get("radio") or {}
    spans = tuple((int(begin), int(end)) for begin, end in radio.get("windows") or ())
    return Row(
        device_id=device["_id"],
        name=name,
        words=known.words if same and known else fold(name),
        order=known.order if same and known else (sort_key(name), device["_id"]),
        kind=device["kind"],
        unit_id=device["unit_id"],
        path=tuple(device["path"]),
        groups=tuple(device.get("groups") or ()),
        accepted=device["state"] == "accepted",
        online=bool(device.get("online")),
        turned_at=device["last_seen"],
        lat=device.get("lat"),
        lon=device.get("lon"),
        site_type=device.get("site_type") or "",
        model=device.get("model") or "",
        seq=device["seq"],
        windows=windows(spans),
        troubles=tuple(Trouble(one["code"], one["at"], one["count"]) for one in device.get("alarms") or ()),
    )


@dataclass(frozen=True)
class Filter:
    """Which devices somebody asks for; every field that is given must fit."""

    unit_id: str | None = None
    kind: str | None = None
    state: Shown | None = None
    version: str | None = None
    group: str | None = None
    q: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "_words", tuple(fold(self.q).split()) if self.q else ())

    def fits(self, row: Row, states: Collection[Shown], version: str | None, unit_words: str) -> bool:
        """Whether a device is asked for. ``unit_words`` is the folded name of its unit."""
        words: tuple[str, ...] = getattr(self, "_words", ())
        return (
            (self.unit_id is None or self.unit_id in row.path)
            and (self.kind is None or self.kind == row.kind)
            and (self.group is None or self.group in row.groups)
            and (self.version is None or self.version == version)
            and (self.state is None or self.state in states)
            and all(word in row.words or word in unit_words or word in row.device_id for word in words)
        )


def states_of(row: Row, *, alarmed: bool, drifting: bool) -> frozenset[Shown]:
    """What a device is at once: there or not, and what is wrong with it; a revoked one is nothing of it."""
    if not row.accepted:
        return frozenset()
    found: set[Shown] = {"online" if row.online else "offline"}
    if alarmed:
        found.add("alarm")
    if drifting and row.online:
        found.add("drift")
    return frozenset(found)


_GRAVEST: tuple[Shown, ...] = ("alarm", "offline", "drift", "online")


def gravest(states: Collection[Shown]) -> str:
    """The one state that a point on a map is painted by; ``revoked`` for none."""
    return next((state for state in _GRAVEST if state in states), "revoked")


def common_unit(paths: Iterable[Sequence[str]]) -> str | None:
    """The smallest unit that holds all of these places; ``None`` where they have none in common."""
    first, *others = (tuple(path) for path in paths)
    shared = [unit for at, unit in enumerate(first) if all(path[at : at + 1] == (unit,) for path in others)]
    return shared[-1] if shared else None


@dataclass(frozen=True)
class Sum:
    """How many devices stand in a unit and below."""

    total: int
    online: int
    alarm: int
    drift: int


def sums(rows: Iterable[tuple[Row, frozenset[Shown]]], visible: Callable[[str], bool]) -> dict[str, Sum]:
    """Devices by unit, each counted in every unit of its path that is ``visible``."""
    counts: dict[str, collections.Counter[str]] = defaultdict(collections.Counter)
    for row, states in rows:
        if not row.accepted:
            continue
        for unit_id in row.path:
            if visible(unit_id):
                counts[unit_id]["total"] += 1
                counts[unit_id].update(states)
    return {
        unit_id: Sum(count["total"], count["online"], count["alarm"], count["drift"])
        for unit_id, count in counts.items()
    }


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: Any) -> Any:
    """A value for a spreadsheet: text that a program would run as a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
