"""Acts: a merge, a split, a new name, a new place in the tree; what each does to units, and its opposite.

A unit is a fact with dates, so a merge, a split and a new name end units and make others; a move changes a unit's
parent. What lies below a unit that ends follows into the first of those that it went into.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from lantoa_contracts.events.directory import ActKind, UnitKind
from lantoa_directory.domain.succession import NEXT_DAY, Successor
from lantoa_directory.domain.units import Unit, UnitsRefused, differing

State = Literal["applying", "waiting", "done", "reversing", "reversed"]
"""``applying``: being written · ``waiting`` for its day · ``done``: in effect · ``reversing`` · ``reversed``."""


class ActRefused(UnitsRefused):
    """The act cannot be. ``code`` says why, ``unit_id`` where."""


@dataclass(frozen=True)
class NewUnit:
    """A unit that an act makes. What is ``None`` is as it was at the first unit that goes into it."""

    name: str
    code: str | None = None
    kind: UnitKind | None = None
    parent: str | None = None
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True)
class Wanted:
    """An act as it is ordered: ``sources`` go into ``targets``; a move's one target is the new parent."""

    kind: ActKind
    date: date
    act: str
    sources: tuple[str, ...]
    targets: tuple[str | NewUnit, ...]


@dataclass(frozen=True)
class Follow:
    """A unit that hangs elsewhere from the act's day on: under another ``parent``, or under another ``superior``."""

    unit_id: str
    field: Literal["parent", "superior"]
    before: str
    after: str


@dataclass(frozen=True)
class Plan:
    """What an act does, worked out once: it holds whatever comes later, and its opposite undoes just this."""

    kind: ActKind
    date: date
    act: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    made: tuple[Unit, ...] = ()
    follows: tuple[Follow, ...] = ()

    @property
    def heirs(self) -> dict[str, str]:
        """Who takes over from each unit that ends: the first of those that it goes into. None for a move."""
        return {} if self.kind == "move" else dict.fromkeys(self.sources, self.targets[0])

    @property
    def touched(self) -> frozenset[str]:
        """Every unit that the act stands on: another act that touches one of them stands on this one."""
        parents = {unit.parent for unit in self.made if unit.parent}
        return frozenset({*self.sources, *self.targets, *(one.unit_id for one in self.follows), *parents})


def planned(units: Mapping[str, Unit], wanted: Wanted, waiting: Iterable[Plan] = ()) -> Plan:
    """Work out an act over all units of all days. ``waiting`` are the acts whose day has not come, in their order.

    Raises:
        ActRefused: why it cannot be.
        UnitsRefused: the units would not make a tree afterwards.
    """
    sources = tuple(dict.fromkeys(wanted.sources))
    given = [target for target in wanted.targets if isinstance(target, str)]
    for unit_id in (*sources, *given):
        if unit_id not in units:
            raise ActRefused("unknown-unit", unit_id)
    for unit_id in sources:
        _check_stands(units[unit_id], wanted.date - NEXT_DAY)
    for unit_id in given:
        _check_stands(units[unit_id], wanted.date)
        if unit_id in sources:
            raise ActRefused("act-into-itself", unit_id)
        if not frozenset(sources).isdisjoint(units[unit_id].path):
            raise ActRefused("own-ancestor", unit_id)
    plan = _moved(units, wanted, sources) if wanted.kind == "move" else _ended(units, wanted, sources)
    coming = units
    for earlier in waiting:
        coming = effective(coming, earlier)
    for later in (units, coming):
        differing(later, effective(later, plan))
    return plan


def _check_stands(unit: Unit, day: date) -> None:
    """Pass where a unit is there on a day and nothing ends it later: acts come in the order in which they hold."""
    if unit.valid_to is not None:
        raise ActRefused("act-unit-ended", unit.id)
    if not unit.exists_on(day):
        raise ActRefused("act-unit-not-yet", unit.id)


def _moved(units: Mapping[str, Unit], wanted: Wanted, sources: Sequence[str]) -> Plan:
    parent = str(wanted.targets[0])
    follows = []
    for unit_id in sources:
        before = units[unit_id].parent
        if before is None:
            raise ActRefused("act-root-stays", unit_id)
        if before == parent:
            raise ActRefused("act-there-already", unit_id)
        follows.append(Follow(unit_id, "parent", before, parent))
    return Plan("move", wanted.date, wanted.act, tuple(sources), (parent,), follows=tuple(follows))


def _ended(units: Mapping[str, Unit], wanted: Wanted, sources: Sequence[str]) -> Plan:
    first = units[sources[0]]
    named = [units[target] for target in wanted.targets if isinstance(target, str)]
    for other in (*(units[unit_id] for unit_id in sources), *named):
        if other.tree != first.tree:
            raise ActRefused("act-other-tree", other.id)
    made: list[Unit] = []
    targets: list[str] = []
    taken = set(units)
    for target in wanted.targets:
        if isinstance(target, str):
            targets.append(target)
            continue
        unit = _new_unit(units, target, first, sources, wanted.date, taken)
        taken.add(unit.id)
        made.append(unit)
        targets.append(unit.id)
    if len(set(targets)) != len(targets):
        raise ActRefused("act-twice", targets[0])
    follows = _following(units, sources, targets[0], wanted.date)
    return Plan(wanted.kind, wanted.date, wanted.act, tuple(sources), tuple(targets), tuple(made), tuple(follows))


def _new_unit(
    units: Mapping[str, Unit], new: NewUnit, first: Unit, sources: Sequence[str], day: date, taken: set[str]
) -> Unit:
    parent = new.parent or first.parent
    if parent is not None:
        if parent not in units:
            raise ActRefused("unknown-unit", parent)
        if parent in sources:
            raise ActRefused("act-into-itself", parent)
        _check_stands(units[parent], day)
    code = new.code or first.code
    kind = new.kind or first.kind
    superior = first.superior if first.superior not in sources else None
    return Unit(
        id=free_id(kind, code, day, lambda unit_id: unit_id in taken),
        code=code,
        name=new.name,
        kind=kind,
        parent=parent,
        valid_from=day,
        valid_to=None,
        lat=first.lat if new.lat is None else new.lat,
        lon=first.lon if new.lon is None else new.lon,
        tree=first.tree,
        superior=superior,
    )


def free_id(kind: UnitKind, code: str, since: date | None, taken: Callable[[str], bool]) -> str:
    """An id of ours for a new unit, ``u-29242-2025`` or ``b-so-khcn-2025``, with a number where that one is taken."""
    plain = "".join(char if char.isascii() and char.isalnum() else "-" for char in code.lower()).strip("-")
    parts = ["b" if kind == "body" else "u", plain[:40] or "x", *([str(since.year)] if since else [])]
    wanted, number = "-".join(parts), 2
    found = wanted
    while taken(found):
        found, number = f"{wanted}-{number}", number + 1
    return found


def _following(units: Mapping[str, Unit], sources: Sequence[str], heir: str, day: date) -> Iterable[Follow]:
    """What hangs under the units that end and is still there on that day, or comes later."""
    for unit in sorted(units.values(), key=lambda unit: unit.id):
        if unit.id in sources or (unit.valid_to is not None and unit.valid_to < day):
            continue
        if unit.parent in sources:
            yield Follow(unit.id, "parent", str(unit.parent), heir)
        if unit.superior in sources and unit.id != heir:
            yield Follow(unit.id, "superior", str(unit.superior), heir)


def dated(units: Mapping[str, Unit], plan: Plan) -> dict[str, Unit]:
    """The units once the act is written down: what it makes and ends has its days. Twice changes nothing."""
    after = dict(units)
    for unit in plan.made:
        after.setdefault(unit.id, unit)
    if plan.kind == "move":
        return after
    links = {Successor(target, plan.date, plan.act) for target in plan.targets}
    for unit_id in plan.sources:
        ordered = tuple(sorted({*after[unit_id].successors, *links}, key=lambda one: one.unit_id))
        after[unit_id] = replace(after[unit_id], valid_to=plan.date - NEXT_DAY, successors=ordered)
    return after


def with_latecomers(units: Mapping[str, Unit], plan: Plan) -> Plan:
    """The plan with what came to hang under its units since it was made."""
    if plan.kind == "move":
        return plan
    known = {(one.unit_id, one.field) for one in plan.follows}
    found = _following(units, plan.sources, plan.targets[0], plan.date)
    return replace(plan, follows=(*plan.follows, *(one for one in found if (one.unit_id, one.field) not in known)))


def effective(units: Mapping[str, Unit], plan: Plan) -> dict[str, Unit]:
    """The units once the act's day has come: what hung under a unit that ended has followed."""
    return _hung(dated(units, plan), ((one, one.before, one.after) for one in plan.follows))


def reversed_units(units: Mapping[str, Unit], plan: Plan) -> dict[str, Unit]:
    """The units without the act. What it made stays known and was never in force: its last day is before its first.

    What no longer is as the act left it is left alone.
    """
    after = _hung(units, ((one, one.after, one.before) for one in plan.follows))
    for unit in plan.made:
        after[unit.id] = replace(after[unit.id], valid_to=plan.date - NEXT_DAY)
    if plan.kind == "move":
        return after
    for unit_id in plan.sources:
        unit = after[unit_id]
        kept = tuple(
            one
            for one in unit.successors
            if not (one.unit_id in plan.targets and (one.date, one.act) == (plan.date, plan.act))
        )
        if unit.valid_to == plan.date - NEXT_DAY:
            unit = replace(unit, valid_to=None)
        after[unit_id] = replace(unit, successors=kept)
    return after


def _hung(units: Mapping[str, Unit], changes: Iterable[tuple[Follow, str, str]]) -> dict[str, Unit]:
    after = dict(units)
    for one, old, new in changes:
        unit = after[one.unit_id]
        if one.field == "parent" and unit.parent == old:
            after[unit.id] = replace(unit, parent=new)
        elif one.field == "superior" and unit.superior == old:
            after[unit.id] = replace(unit, superior=new)
    return after
