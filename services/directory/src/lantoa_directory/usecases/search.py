"""Find units by what they are called today or were called once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from lantoa_calendar.text import tokens
from lantoa_contracts.events.directory import Tree, UnitKind
from lantoa_directory.usecases.pages import page
from lantoa_directory.usecases.records import tree_in, unit_of
from lantoa_runtime.mongo import Collection, Document

_AFTER_ALL_LETTERS = "\U0010ffff"
_SHORTEST_CODE = 3
"""Fewer digits are a number in a name: "Phường 2" is not every ward whose code begins with a 2."""


@dataclass(frozen=True)
class Asked:
    """What is looked for: words, a kind, a tree, and the day on which the units exist."""

    text: str
    day: date
    kind: UnitKind | None = None
    tree: Tree | None = None

    def shows(self, unit: Document) -> bool:
        """Whether a unit is one of those to be shown."""
        fits = self.kind in (None, unit["kind"]) and self.tree in (None, tree_in(unit))
        return fits and unit_of(unit).exists_on(self.day)


async def find_units(
    units: Collection, asked: Asked, limit: int, cursor: str | None
) -> tuple[list[Document], str | None]:
    """Units of the day with every word as the beginning of a word of their name or code; ``matched`` is the old name.

    A unit that ended before is found as the units of the day that it went into, after those that are called so today.

    Raises:
        AppError: ``bad-cursor``.
    """
    words = tokens(asked.text)
    if not words:
        return page([unit for unit in await units.find({}) if asked.shows(unit)], limit, cursor)
    rarest = max(words, key=len)
    named = await units.find({"tokens": {"$elemMatch": {"$gte": rarest, "$lt": rarest + _AFTER_ALL_LETTERS}}})
    called = [unit for unit in named if _is_called(unit, words)]
    found = {unit["_id"]: unit for unit in called if asked.shows(unit)}
    ended = {unit["_id"]: unit["name"] for unit in called if not unit_of(unit).exists_on(asked.day)}
    for heir, name in await _heirs(units, ended, asked.day):
        if heir["_id"] not in found and asked.shows(heir):
            # Behind all that are called so today: no key of a name begins so.
            sort_key = _AFTER_ALL_LETTERS + heir["sort_key"]
            found[heir["_id"]] = {**heir, "matched": name, "sort_key": sort_key}
    return page(list(found.values()), limit, cursor)


def _is_called(unit: Mapping[str, Any], words: Sequence[str]) -> bool:
    name, all_of_it = tokens(unit["name"]), unit["tokens"]

    def has(word: str) -> bool:
        short = word.isdigit() and len(word) < _SHORTEST_CODE
        return any(token.startswith(word) for token in (name if short else all_of_it))

    return all(map(has, words))


async def _heirs(units: Collection, ended: Mapping[str, str], day: date) -> list[tuple[Document, str]]:
    """The units of a day that ended ones went into, each with the name of one of these that was looked for."""
    found: list[tuple[Document, str]] = []
    seen, waiting = set(ended), dict(ended)
    while waiting:
        following: dict[str, str] = {}
        for former in await units.find({"_id": {"$in": sorted(waiting)}}, {"successors": 1}):
            for successor in former["successors"]:
                if successor["unit_id"] not in seen:
                    following.setdefault(successor["unit_id"], waiting[former["_id"]])
        seen |= following.keys()
        waiting = {}
        for unit in await units.find({"_id": {"$in": sorted(following)}}):
            if unit_of(unit).exists_on(day):
                found.append((unit, following[unit["_id"]]))
            else:
                waiting[unit["_id"]] = following[unit["_id"]]
    return found


async def former_of(units: Collection, unit: Document) -> list[dict[str, Any]]:
    """The units that went into one, the latest first, with the days and acts of their ends."""
    ids = [one["unit_id"] for one in unit.get("former", ())]
    found = await units.find({"_id": {"$in": ids}})
    told = [
        {
            "unit_id": former["_id"],
            "code": former["code"],
            "name": former["name"],
            "valid_to": former["valid_to"],
            "successors": former["successors"],
        }
        for former in found
    ]
    return sorted(told, key=lambda one: (one["valid_to"] or "", one["unit_id"]), reverse=True)
