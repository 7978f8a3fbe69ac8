"""People as they are answered: all of them to administrators and themselves, names to colleagues."""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, Field

from lantoa_directory.domain.people import Grant
from lantoa_directory.usecases.grants import grants_of, held_by
from lantoa_directory.usecases.rights import Rights
from lantoa_runtime.mongo import Collection, Document


class PersonGrantOut(BaseModel):
    """A grant. ``lender`` is whose role it is when it is lent; ``in_force`` whether it can be used today."""

    id: str
    role: str
    unit_id: str
    unit_name: str
    from_: Annotated[date | None, Field(serialization_alias="from")]
    to: date | None
    reason: str
    by: str
    in_force: bool
    lender: str | None
    lender_name: str
    delegation: str | None


class DelegationOut(BaseModel):
    """What a person has lent and is not over."""

    id: str
    to: str
    to_name: str
    roles: list[str]
    unit_id: str
    unit_name: str
    from_: Annotated[date | None, Field(serialization_alias="from")]
    to_day: date | None
    reason: str


class PersonOut(BaseModel):
    """A person. Colleagues see names only (``brief``): everything else is ``null`` or empty for them."""

    id: str
    ver: int
    brief: bool
    name: str
    title: str
    body_id: str | None
    body_name: str
    login: str | None
    phone: str | None
    email: str | None
    locked: bool | None
    grants: list[PersonGrantOut]
    delegations: list[DelegationOut]


class PasswordOut(BaseModel):
    """A password that is shown once, holds for one sign-in, and must be changed at it."""

    password: str


class PeopleViews:
    """People as they are answered, with the names of what they refer to."""

    def __init__(self, rights: Rights) -> None:
        self._rights = rights
        self._people: Collection = rights.reach.people.collection
        self._units = rights.reach.units

    async def one(self, person: Document, *, full: bool) -> dict[str, Any]:
        """One person, with what they have lent."""
        lent = await self._rights.lent_by(person["_id"]) if full else []
        (view,) = await self.many([(person, full)])
        names = await self._names(self._units, {grant.unit_id for _, grant in lent})
        return {**view, "delegations": _delegations(lent, names)}

    async def many(self, people: list[tuple[Document, bool]]) -> list[dict[str, Any]]:
        """A list of people, without what they have lent."""
        shown = [(person, grants_of(person) if full else (), full) for person, full in people]
        units = {grant.unit_id for _, grants, _ in shown for grant in grants}
        units |= {person["body"] for person, _, _ in shown if person["body"]}
        lenders = {grant.lender for _, grants, _ in shown for grant in grants if grant.lender}
        unit_names = await self._names(self._units, units)
        lender_names = await self._names(self._people, lenders)
        views = []
        for person, grants, full in shown:
            usable = await self._usable(person, grants)
            told = [_grant(grant, usable, unit_names, lender_names) for grant in grants]
            views.append(_person(person, told, unit_names, full=full))
        return views

    async def _usable(self, person: Document, grants: tuple[Grant, ...]) -> set[str]:
        if not grants:
            return set()
        today = self._rights.reach.today()
        return {grant.id for grant in await held_by(self._people, self._units, person, today)}

    @staticmethod
    async def _names(collection: Collection, ids: set[str]) -> dict[str, str]:
        found = await collection.find({"_id": {"$in": sorted(ids)}}, {"name": 1}) if ids else []
        return {one["_id"]: one["name"] for one in found}


def _person(
    person: Document, grants: list[dict[str, Any]], unit_names: dict[str, str], *, full: bool
) -> dict[str, Any]:
    body = person["body"]
    about = {"name": person["name"], "title": person["title"], "body_id": body, "body_name": unit_names.get(body, "")}
    private = {
        "login": person["login"],
        "phone": person.get("phone", ""),
        "email": person.get("email", ""),
        "locked": bool(person.get("locked")),
    }
    return {
        "id": person["_id"],
        "ver": person.get("ver", 1),
        "brief": not full,
        **about,
        **(private if full else dict.fromkeys(private)),
        "grants": grants,
        "delegations": [],
    }


def _grant(grant: Grant, usable: set[str], unit_names: dict[str, str], lender_names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": grant.id,
        "role": grant.role,
        "unit_id": grant.unit_id,
        "unit_name": unit_names.get(grant.unit_id, ""),
        "from_": grant.begins,
        "to": grant.ends,
        "reason": grant.reason,
        "by": grant.by,
        "in_force": grant.id in usable,
        "lender": grant.lender,
        "lender_name": lender_names.get(grant.lender or "", ""),
        "delegation": grant.delegation,
    }


def _delegations(lent: list[tuple[Document, Grant]], unit_names: dict[str, str]) -> list[dict[str, Any]]:
    loans: dict[str, dict[str, Any]] = {}
    for person, grant in lent:
        loan = loans.setdefault(
            grant.delegation or grant.id,
            {
                "id": grant.delegation or grant.id,
                "to": person["_id"],
                "to_name": person["name"],
                "roles": [],
                "unit_id": grant.unit_id,
                "unit_name": unit_names.get(grant.unit_id, ""),
                "from_": grant.begins,
                "to_day": grant.ends,
                "reason": grant.reason,
            },
        )
        loan["roles"].append(grant.role)
    return sorted(loans.values(), key=lambda loan: (loan["from_"] or date.min, loan["id"]))
