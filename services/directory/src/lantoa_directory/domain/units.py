"""Units of territory and bodies as dated facts with successors."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from lantoa_contracts.events.directory import Tree, UnitKind
from lantoa_directory.domain.succession import Former, Successor, former_units


class UnitsRefused(Exception):
    """The units do not make a tree. ``code`` says why, ``unit_id`` where."""

    def __init__(self, code: str, unit_id: str) -> None:
        super().__init__(f"{code} {unit_id}")
        self.code = code
        self.unit_id = unit_id


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
    tree: Tree = "territory"
    superior: str | None = None
    """The body above a body in its own tree, which grants do not follow: those go by ``path``."""
    path: tuple[str, ...] = ()
    """Ancestors from the root down to and including the unit itself."""
    successors: tuple[Successor, ...] = ()
    former: tuple[Former, ...] = ()
    """The units that went into this one by any chain of successors: computed, as the path is."""

    def exists_on(self, day: date) -> bool:
        """Whether the unit is there on a day; both ends belong to its life."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


def tree_of(kind: UnitKind) -> Tree:
    """The tree in which a unit hangs of which nothing else is said."""
    return "administration" if kind == "body" else "territory"


def changed_units(
    stored: Mapping[str, Unit], given: Iterable[Unit], successors: Iterable[tuple[str, Successor]]
) -> list[Unit]:
    """The units that differ once ``given`` and ``successors`` are taken up, ancestors first.

    A unit below one that moved differs too: its path is another. Successors only ever grow.

    Raises:
        UnitsRefused: as for :func:`placed`, or a predecessor or successor is unknown.
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
    return differing(stored, units)


def keeping(stored: Mapping[str, Unit], given: Iterable[Unit], standing: Container[str]) -> list[Unit]:
    """The given units, but with the days and places that acts gave to those that they stand on."""
    kept = []
    for unit in given:
        known = stored.get(unit.id)
        if known is None or unit.id not in standing:
            kept.append(unit)
            continue
        first, last = known.valid_from, known.valid_to
        kept.append(replace(unit, parent=known.parent, superior=known.superior, valid_from=first, valid_to=last))
    return kept


def differing(stored: Mapping[str, Unit], units: Mapping[str, Unit]) -> list[Unit]:
    """Of these units, once placed, those that are not stored so, ancestors first.

    Raises:
        UnitsRefused: as for :func:`placed`.
    """
    changed = (unit for unit in placed(units).values() if stored.get(unit.id) != unit)
    return sorted(changed, key=lambda unit: (len(unit.path), unit.id))


def placed(units: Mapping[str, Unit]) -> dict[str, Unit]:
    """The units with what follows from all of them together: their paths and their former units.

    Raises:
        UnitsRefused: a parent is unknown, a unit is its own ancestor, or a body hangs in a wrong tree.
    """
    former = former_units({unit.id: (unit.valid_to, unit.successors) for unit in units.values()})
    for unit in units.values():
        check_tree(units, unit)
    return {
        unit.id: replace(unit, path=path_of(units, unit), former=former.get(unit.id, ())) for unit in units.values()
    }


def check_tree(units: Mapping[str, Unit], unit: Unit) -> None:
    """Pass where a unit hangs in a tree of its kind, under a superior of the same tree.

    Raises:
        UnitsRefused: ``wrong-tree``, ``wrong-superior`` or ``own-superior``.
    """
    if (unit.kind == "body") == (unit.tree == "territory"):
        raise UnitsRefused("wrong-tree", unit.id)
    seen = {unit.id}
    above = unit.superior
    while above is not None:
        if above in seen:
            raise UnitsRefused("own-superior", unit.id)
        if above not in units or units[above].tree != unit.tree:
            raise UnitsRefused("wrong-superior", unit.id)
        seen.add(above)
        above = units[above].superior


def path_of(units: Mapping[str, Unit], unit: Unit) -> tuple[str, ...]:
    """The ancestors of a unit and the unit itself, root first.

    Raises:
        UnitsRefused: ``unknown-parent`` or ``own-ancestor``.
    """
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
