"""Units as then and as now: which unit of today stands for one that was merged away."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

View = Literal["then", "now"]
"""``then``: a fact counts for the unit of its day. ``now``: for the unit of today that this one went into."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as the directory tells of it; both days of its validity are included, ``None`` is open."""

    unit_id: str
    name: str
    kind: str
    path: tuple[str, ...]
    valid_from: date | None
    valid_to: date | None
    successor_ids: tuple[str, ...] = ()

    def stands(self, today: date) -> bool:
        """Whether it is in force on a day."""
        return not ((self.valid_from and today < self.valid_from) or (self.valid_to and self.valid_to < today))


def heirs(units: Mapping[str, Unit], unit_id: str, today: date) -> frozenset[str]:
    """The units in force today that a unit went into by any chain of successors: itself while it is in force."""
    found, seen, waiting = set(), set(), [unit_id]
    while waiting:
        unit = units.get(waiting.pop())
        if unit is None or unit.unit_id in seen:
            continue
        seen.add(unit.unit_id)
        if unit.stands(today):
            found.add(unit.unit_id)
        else:
            waiting.extend(unit.successor_ids)
    return frozenset(found)


def as_now(units: Mapping[str, Unit], today: date) -> dict[str, str]:
    """For each unit the one that it is shown under today.

    That is its heir where it has exactly one. A unit that was divided among several, or ended without an heir, stays
    where it is: nobody can tell which part of what it did belongs to whom.
    """
    shown = {}
    for unit_id in units:
        found = heirs(units, unit_id, today)
        shown[unit_id] = next(iter(found)) if len(found) == 1 else unit_id
    return shown
