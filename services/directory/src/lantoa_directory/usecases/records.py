"""Units as they lie in the database."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from lantoa_calendar.text import sort_key, tokens
from lantoa_contracts.events.directory import Tree
from lantoa_directory.domain.succession import Former, Successor
from lantoa_directory.domain.units import Unit, tree_of


def unit_fields(unit: Unit) -> dict[str, Any]:
    """A unit as stored: days as ISO text, with the keys by which it is found and sorted."""
    return {
        "code": unit.code,
        "name": unit.name,
        "kind": unit.kind,
        "parent": unit.parent,
        "path": list(unit.path),
        "valid_from": _iso(unit.valid_from),
        "valid_to": _iso(unit.valid_to),
        "lat": unit.lat,
        "lon": unit.lon,
        "area_km2": unit.area_km2,
        "tree": unit.tree,
        "superior": unit.superior,
        "successors": [{"unit_id": s.unit_id, "date": s.date.isoformat(), "act": s.act} for s in unit.successors],
        "former": [{"unit_id": one.unit_id, "since": one.since.isoformat()} for one in unit.former],
        "tokens": list(tokens(f"{unit.name} {unit.code}")),
        "sort_key": sort_key(unit.name),
    }


def unit_of(document: Mapping[str, Any]) -> Unit:
    """Undo :func:`unit_fields`."""
    return Unit(
        id=document["_id"],
        code=document["code"],
        name=document["name"],
        kind=document["kind"],
        parent=document["parent"],
        valid_from=_day(document["valid_from"]),
        valid_to=_day(document["valid_to"]),
        lat=document["lat"],
        lon=document["lon"],
        area_km2=document["area_km2"],
        tree=tree_in(document),
        superior=document.get("superior"),
        path=tuple(document["path"]),
        successors=tuple(
            Successor(s["unit_id"], date.fromisoformat(s["date"]), s["act"]) for s in document["successors"]
        ),
        former=former_in(document),
    )


def tree_in(document: Mapping[str, Any]) -> Tree:
    """The tree of a stored unit; one from before there were several says none."""
    stored: Tree | None = document.get("tree")
    return stored or tree_of(document["kind"])


def former_in(document: Mapping[str, Any]) -> tuple[Former, ...]:
    """The former units of a stored unit."""
    return tuple(Former(one["unit_id"], date.fromisoformat(one["since"])) for one in document.get("former", ()))


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
