"""Units of territory as the public pages group them: a unit, what lies below it, and what it grew out of."""

from collections.abc import Iterable
from dataclasses import dataclass

from lantoa_calendar.text import sort_key


@dataclass(frozen=True, slots=True)
class Place:
    """A unit with its path from the root, its days (ISO, both included) and the units that it went into."""

    id: str
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
