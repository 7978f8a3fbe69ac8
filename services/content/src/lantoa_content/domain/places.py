"""Units of territory as the public pages group them: a unit, what lies below it, and what it grew out of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lantoa_calendar.text import sort_key


@dataclass(frozen=True, slots=True)
class Place:
    """A unit with its official code, path from the root, days (ISO, both included) and the units it went into."""

    id: str
    code: str
    name: str
    path: tuple[str, ...]
    valid_from: str | None
    valid_to: str | None
    successor_ids: tuple[str, ...]

    def stands_on(self, day: str) -> bool:
        """Whether the unit exists on an ISO day."""
        return (self.valid_from or day) <= day <= (self.valid_to or day)


def gathered(unit_id: str, places: Iterable[Place]) -> frozenset[str]:
    """The ids of a unit, of all units below it, and of the former units that went into any of these."""
    known = tuple(places)
    ids: frozenset[str] = frozenset()
    wider = frozenset({unit_id})
    while wider != ids:
        ids = wider
        wider = ids | {place.id for place in known if ids & {*place.path, *place.successor_ids}}
    return ids


def standing(places: Iterable[Place], day: str) -> list[Place]:
    """The units of a day in Vietnamese order, the province before its communes."""
    return sorted(
        (place for place in places if place.stands_on(day)), key=lambda one: (len(one.path), sort_key(one.name))
    )


def predecessors(places: Iterable[Place]) -> Mapping[str, list[Place]]:
    """For each unit, by its id, the former units that went straight into it."""
    before: dict[str, list[Place]] = {}
    for place in places:
        for successor in place.successor_ids:
            before.setdefault(successor, []).append(place)
    return before


def grown_from(unit_id: str, before: Mapping[str, list[Place]]) -> list[Place]:
    """The former units that went into a unit, also those that went into these, the last that ended first."""
    found: dict[str, Place] = {}
    newer = [unit_id]
    while newer:
        older = [one for unit in newer for one in before.get(unit, []) if one.id not in found and one.id != unit_id]
        found.update({one.id: one for one in older})
        newer = [one.id for one in older]
    by_name = sorted(found.values(), key=lambda one: sort_key(one.name))
    return sorted(by_name, key=lambda one: one.valid_to or "", reverse=True)


def former_names(unit: Place, before: Mapping[str, list[Place]]) -> list[str]:
    """Names by which people knew a place before, each once, without its name of today."""
    names = dict.fromkeys(place.name for place in grown_from(unit.id, before))
    return [name for name in names if name != unit.name]
