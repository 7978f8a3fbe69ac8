"""What became of units: successors, former units, and the grants that hold over them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

NEXT_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Successor:
    """The unit into which another went, by which act, from which day."""

    unit_id: str
    date: date
    act: str


@dataclass(frozen=True)
class Former:
    """A unit whose papers another one has taken over, and since which day."""

    unit_id: str
    since: date


def former_units(units: Mapping[str, tuple[date | None, Iterable[Successor]]]) -> dict[str, tuple[Former, ...]]:
    """By unit those that went into it by any chain of successors, in the order of their ids.

    ``units`` gives the last day and the successors of each. A unit without a last day has given only a part of itself
    away and is nobody's former unit. Through a chain papers pass when its last link does; of several chains the one
    that is complete first counts.
    """
    before: defaultdict[str, list[tuple[str, date]]] = defaultdict(list)
    for unit_id, (last, successors) in units.items():
        if last is not None:
            for successor in successors:
                before[successor.unit_id].append((unit_id, max(successor.date, last + NEXT_DAY)))
    return {unit_id: _former_of(unit_id, before) for unit_id in list(before)}


def _former_of(unit_id: str, before: Mapping[str, Sequence[tuple[str, date]]]) -> tuple[Former, ...]:
    found: dict[str, date] = {}
    waiting = [(unit_id, date.min)]
    while waiting:
        reached, since = waiting.pop()
        for former, day in before.get(reached, ()):
            through = max(since, day)
            if former != unit_id and (former not in found or through < found[former]):
                found[former] = through
                waiting.append((former, through))
    return tuple(Former(former, found[former]) for former in sorted(found))


def held_over_former(
    grants: Iterable[tuple[str, str]], former: Mapping[str, Iterable[Former]], day: date
) -> list[tuple[str, str, str]]:
    """What grants ``(role, unit)`` hold beside themselves on a day: ``(role, former unit, unit it is held by)``.

    Whoever follows takes over the papers: a grant on a unit holds over its former units. It gives nothing the other
    way round, at those that followed. What is granted anyway is not repeated.
    """
    given = list(grants)
    known = set(given)
    held = []
    for role, unit_id in given:
        for one in former.get(unit_id, ()):
            if one.since <= day and (role, one.unit_id) not in known:
                known.add((role, one.unit_id))
                held.append((role, one.unit_id, unit_id))
    return held
