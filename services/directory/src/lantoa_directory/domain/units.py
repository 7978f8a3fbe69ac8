"""Units of territory as dated facts with successors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from lantoa_contracts.events.directory import UnitKind


class UnitsRefused(Exception):
    """The units do not make a tree. ``code`` says why, ``unit_id`` where."""

    def __init__(self, code: str, unit_id: str) -> None:
        super().__init__(f"{code} {unit_id}")
        self.code = code
        self.unit_id = unit_id


@dataclass(frozen=True)
class Successor:
    """The unit into which another went, by which act, from which day."""

    unit_id: str
    date: date
    act: str


@dataclass(frozen=True)
class Unit:
    """A unit of territory or a body, for the days on which it exists. ``None`` leaves that end of its life open."""

    id: str
    code: str
    name: str
    kind: UnitKind
    parent: str | None
    valid_from: date | None
    valid_to: date | None
    lat: float | None = None
    lon: float | None = None
    area_km2: float | None = None
    path: tuple[str, ...] = ()
    """Ancestors from the root down to and including the unit itself."""
    successors: tuple[Successor, ...] = ()

    def exists_on(self, day: date) -> bool:
        """Whether the unit is there on a day; both ends belong to its life."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


def changed_units(
    stored: Mapping[str, Unit], given: Iterable[Unit], successors: Iterable[tuple[str, Successor]]
) -> list[Unit]:
    """The units that differ once ``given`` and ``successors`` are taken up, ancestors first.

    A unit below one that moved differs too: its path is another. Successors only ever grow.

    Raises:
        UnitsRefused: a parent, predecessor or successor is unknown, or a unit is its own ancestor.
    """
    units = dict(stored)
    for unit in given:
        known = units.get(unit.id)
        units[unit.id] = replace(unit, successors=known.successors if known else ())
    for unit_id, successor in successors:
        for mentioned in (unit_id, successor.unit_id):
            if mentioned not in units:
                raise UnitsRefused("unknown-unit", mentioned)
        others = [s for s in units[unit_id].successors if s.unit_id != successor.unit_id]
        ordered = tuple(sorted([*others, successor], key=lambda s: s.unit_id))
        units[unit_id] = replace(units[unit_id], successors=ordered)
    placed = [replace(unit, path=_path(units, unit)) for unit in units.values()]
    return sorted((unit for unit in placed if stored.get(unit.id) != unit), key=lambda unit: (len(unit.path), unit.id))


def _path(units: Mapping[str, Unit], unit: Unit) -> tuple[str, ...]:
    path = [unit.id]
    parent = unit.parent
    while parent is not None:
        if parent not in units:
            raise UnitsRefused("unknown-parent", unit.id)
        if parent in path:
            raise UnitsRefused("own-ancestor", unit.id)
        path.append(parent)
        parent = units[parent].parent
    return tuple(reversed(path))
