"""Grants as they lie in a person's document, and what of them holds today."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from lantoa_directory.domain.people import Grant, Holder, Path, held, places
from lantoa_runtime.mongo import Collection, Document

_OURS = frozenset({"id", "role", "unit_id", "from", "to", "reason", "by", "lender", "delegation"})
IMPORTED = "import"
"""Who granted what came with an import: the next import may take it away."""


def grants_of(document: Mapping[str, Any]) -> tuple[Grant, ...]:
    """The grants of a person's document. One of a release before has a role and a unit, and came with an import."""
    return tuple(
        Grant(
            id=grant.get("id") or f"{grant['role']}-{grant['unit_id']}",
            role=grant["role"],
            unit_id=grant["unit_id"],
            begins=_day(grant.get("from")),
            ends=_day(grant.get("to")),
            reason=grant.get("reason", ""),
            by=grant.get("by", IMPORTED),
            lender=grant.get("lender"),
            delegation=grant.get("delegation"),
            more={name: value for name, value in grant.items() if name not in _OURS},
        )
        for grant in document["grants"]
    )


def holder_of(document: Mapping[str, Any]) -> Holder:
    """The person of a document, as far as rights are concerned."""
    return Holder(document["_id"], grants_of(document), bool(document.get("locked")))


def grants_fields(grants: Sequence[Grant], body: str | None, today: date) -> dict[str, Any]:
    """Undo :func:`grants_of`, with the units by which people are found."""
    return {"grants": [_fields(grant) for grant in grants], "units": list(places(grants, body, today))}


def _fields(grant: Grant) -> dict[str, Any]:
    lent = {"lender": grant.lender, "delegation": grant.delegation} if grant.lender else {}
    return {
        "id": grant.id,
        "role": grant.role,
        "unit_id": grant.unit_id,
        "from": grant.begins.isoformat() if grant.begins else None,
        "to": grant.ends.isoformat() if grant.ends else None,
        "reason": grant.reason,
        "by": grant.by,
        **lent,
        **grant.more,
    }


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


async def paths_of(units: Collection, ids: Iterable[str]) -> dict[str, Path]:
    """The paths of units, of any day, by id; an unknown one is left out."""
    found = await units.find({"_id": {"$in": sorted(set(ids))}}, {"path": 1})
    return {unit["_id"]: tuple(unit["path"]) for unit in found}


async def held_by(people: Collection, units: Collection, document: Document, today: date) -> tuple[Grant, ...]:
    """What somebody may use today: their own grants in force, and loans whose lender still holds what was lent."""
    holder = holder_of(document)
    lent = [grant for grant in holder.grants if grant.lender is not None and grant.in_force(today)]
    if not lent:
        return held(holder, today, {}, lambda _: ())
    lenders = await people.find({"_id": {"$in": sorted({grant.lender or "" for grant in lent})}}, _RIGHTS)
    paths = await paths_of(units, (grant.unit_id for grant in lent))
    return held(holder, today, {one["_id"]: holder_of(one) for one in lenders}, lambda unit_id: paths.get(unit_id, ()))


_RIGHTS = {"grants": 1, "locked": 1}
