"""People follow their units through an act, and go back with its opposite."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from lantoa_contracts.catalogue import ACCOUNT_CHANGED
from lantoa_contracts.events.directory import AccountChanged
from lantoa_directory.domain.acts import Plan
from lantoa_directory.domain.following import follows, grants_after, grants_before, moved_by
from lantoa_directory.domain.people import Grant
from lantoa_directory.usecases.grants import grants_fields, grants_of
from lantoa_directory.usecases.people import Reach, borrowers_of
from lantoa_runtime.mongo import Change, Document, Outgoing


@dataclass(frozen=True)
class Moving:
    """A grant that an act moves: whose it is, and where to."""

    person_id: str
    name: str
    role: str
    unit_id: str
    into: str


class Followers:
    """The people whose grants and bodies an act moves."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._people = reach.people.collection

    async def moving(self, plan: Plan) -> list[Moving]:
        """Every grant that the act is going to move."""
        return await self._told(_concerned(plan), plan, lambda grant: follows(grant, plan))

    async def moved(self, plan: Plan, act_id: str) -> list[Moving]:
        """Every grant that the act has moved."""
        return await self._told({"grants.moved.act": act_id}, plan, lambda grant: moved_by(grant, act_id))

    async def _told(self, where: dict[str, Any], plan: Plan, which: Callable[[Grant], bool]) -> list[Moving]:
        people = await self._people.find(where, {"name": 1, "grants": 1})
        moving = [
            Moving(person["_id"], person["name"], grant.role, grant.unit_id, plan.heirs[grant.unit_id])
            for person in people
            for grant in grants_of(person)
            if which(grant)
        ]
        return sorted(moving, key=lambda one: (one.name, one.person_id, one.role))

    async def follow(self, plan: Plan, act_id: str, by: str, *, bodies: bool) -> None:
        """Write the grants down, dated; on the act's day the ``bodies`` that people belong to as well."""

        def after(person: Document) -> dict[str, Any]:
            fields: dict[str, Any] = {"body": person["body"]}
            if bodies and person["body"] in plan.heirs:
                came_from = [*person.get("came_from", []), {"act": act_id, "body": person["body"]}]
                fields = {"body": plan.heirs[person["body"]], "came_from": came_from}
            return self._fields(grants_after(grants_of(person), plan, act_id, by), fields)

        await self._write(_concerned(plan), after)

    async def back(self, plan: Plan, act_id: str) -> None:
        """Undo what the act did to people, and nothing else."""

        def before(person: Document) -> dict[str, Any]:
            fields: dict[str, Any] = {"body": person["body"]}
            came_from = person.get("came_from", [])
            ours = [one["body"] for one in came_from if one["act"] == act_id]
            if ours:
                fields["came_from"] = [one for one in came_from if one["act"] != act_id]
                if person["body"] == plan.heirs.get(ours[-1]):
                    fields["body"] = ours[-1]
            return self._fields(grants_before(grants_of(person), plan, act_id), fields)

        for where in ({"grants.moved.act": act_id}, {"grants.moved_by": act_id}, {"came_from.act": act_id}):
            await self._write(where, before)

    def _fields(self, grants: Iterable[Grant], fields: dict[str, Any]) -> dict[str, Any]:
        return grants_fields(tuple(grants), fields["body"], self._reach.today()) | fields

    async def _write(self, where: dict[str, Any], decide: Callable[[Document], dict[str, Any]]) -> None:
        for found in await self._people.find(where, {"_id": 1}):
            await self._reach.load(found["_id"])  # One of a release before gets its first version.
            also = await borrowers_of(self._people, found["_id"])
            await self._reach.people.change(found["_id"], lambda person, also=also: _change(person, decide, also))  # type: ignore[misc]  # mypy cannot infer a lambda with a default


def _change(
    person: Document | None, decide: Callable[[Document], dict[str, Any]], also: tuple[str, ...]
) -> Change | None:
    if person is None:
        return None
    fields = {name: value for name, value in decide(person).items() if person.get(name) != value}
    told = tuple(sorted(fields.keys() - {"units", "came_from"}))
    if not told:
        return Change(fields) if fields else None
    about = {"person_id": person["_id"], "unit_id": fields.get("body", person["body"]), "also": also}
    return Change(fields, [Outgoing(ACCOUNT_CHANGED, AccountChanged(ver=person["ver"] + 1, fields=told, **about))])


def _concerned(plan: Plan) -> dict[str, Any]:
    return {"$or": [{"grants.unit_id": {"$in": sorted(plan.heirs)}}, {"body": {"$in": sorted(plan.heirs)}}]}
