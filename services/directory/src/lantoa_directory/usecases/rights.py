"""What people may do: granted by administrators, and lent to each other for days of leave."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from lantoa_contracts import catalogue
from lantoa_contracts.catalogue import EventSpec
from lantoa_directory.domain.people import Grant, PeopleRefused, added, check_dates, check_loan, ended
from lantoa_directory.usecases.editing import Editing
from lantoa_directory.usecases.grants import grants_fields, grants_of, holder_of
from lantoa_directory.usecases.people import borrowers_of
from lantoa_runtime.errors import Invalid, NotFound
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.ids import new_id
from lantoa_runtime.mongo import Change, Document, Outgoing


@dataclass(frozen=True)
class Wish:
    """A grant or loan that is asked for."""

    roles: tuple[str, ...]
    unit_id: str
    begins: date | None
    ends: date | None
    reason: str


class Rights:
    """Grants and loans."""

    def __init__(self, editing: Editing) -> None:
        self.reach = editing.reach
        self._editing = editing

    async def grant(self, caller: Caller, person_id: str, wish: Wish) -> Document:
        """Give a person one role; the same again changes nothing.

        Raises:
            Forbidden: the unit or the person is not the caller's to administer, or it is they.
            Invalid: no such unit, days that are over, too many grants.
        """
        await self._editing.known(wish.unit_id, "/unit_id")
        today = self.reach.today()
        _refusing(lambda: check_dates(wish.begins, wish.ends, today), "/to")
        (role,) = wish.roles

        async def decide(document: Document) -> Change | None:
            await self.reach.administered(caller, document, [wish.unit_id])
            holder = holder_of(document)
            asked = (role, wish.unit_id, wish.begins, wish.ends)
            if any((g.role, g.unit_id, g.begins, g.ends) == asked and not g.lender for g in holder.grants):
                return None
            grant = Grant(new_id(self._editing.clock.now()), *asked, reason=wish.reason, by=caller.id)
            grants = _refusing(lambda: added(holder.grants, grant, today), "/role")
            return await self._granting(document, grants, [grant], catalogue.ACCOUNT_GRANTED)

        return await self._editing.edit(person_id, decide)

    async def revoke(self, caller: Caller, person_id: str, grant_id: str) -> Document:
        """End one of a person's grants now.

        Raises:
            NotFound: there is no such grant, or it is over.
            Forbidden: the person is not the caller's to administer, or it is they.
            Conflict: ``directory.last-admin``.
        """

        def chosen(grants: Sequence[Grant], today: date) -> list[Grant]:
            return [one for one in grants if one.id == grant_id and not one.over(today)]

        async def allowed(document: Document) -> None:
            await self.reach.administered(caller, document)

        return await self._end(person_id, chosen, allowed, "grant")

    async def lend(self, caller: Caller, lender_id: str, borrower_id: str, wish: Wish) -> Document:
        """Lend a person's roles, or part of them, to another for days; the lender's document. The same again: nothing.

        Raises:
            Forbidden: they are neither the caller's own nor of somebody whom the caller administers.
            Invalid: more than the lender holds, for too long, or to somebody who holds nothing.
        """
        lender = await self.reach.load(lender_id)
        # Who administers the lender must not lend to themselves: that would be raising themselves.
        if caller.id != lender_id:
            await self.reach.administered(caller, lender, [wish.unit_id])
        if wish.begins is None or wish.ends is None:
            raise Invalid("directory.wrong-days", "/to_day")
        days, today = (wish.begins, wish.ends), self.reach.today()
        (path,) = await self.reach.paths([wish.unit_id])
        loan = new_id(self._editing.clock.now())

        async def decide(document: Document) -> Change | None:
            if caller.id != lender_id:
                await self.reach.administered(caller, document)
            borrower = holder_of(document)
            if any(_same_loan(grant, lender_id, wish) for grant in borrower.grants):
                return None
            holder = holder_of(lender)
            _refusing(lambda: check_loan(holder, borrower, wish.roles, path, days, today), "/roles")
            grants, new = borrower.grants, []
            for role in wish.roles:
                grant = Grant(
                    f"{loan}-{role}",
                    role,
                    wish.unit_id,
                    *days,
                    reason=wish.reason,
                    by=caller.id,
                    lender=lender_id,
                    delegation=loan,
                )
                grants = _refusing(lambda grants=grants, grant=grant: added(grants, grant, today), "/roles")  # type: ignore[misc]  # mypy cannot infer a lambda with a default
                new.append(grant)
            return await self._granting(document, grants, new, catalogue.ACCOUNT_GRANTED)

        await self._editing.edit(borrower_id, decide)
        return lender

    async def take_back(self, caller: Caller, lender_id: str, loan: str) -> Document:
        """End a loan now; the lender's document.

        Raises:
            NotFound: there is no such loan, or it is over.
            Forbidden: it is neither the caller's own nor of somebody whom the caller administers.
        """
        lender = await self.reach.load(lender_id)
        found = await self.reach.people.collection.find_one(
            {"grants": {"$elemMatch": {"lender": lender_id, "delegation": loan}}}, {"_id": 1}
        )

        def chosen(grants: Sequence[Grant], today: date) -> list[Grant]:
            return [one for one in grants if one.delegation == loan and not one.over(today)]

        async def allowed(document: Document) -> None:
            if caller.id not in (lender_id, document["_id"]):
                await self.reach.administered(caller, lender)

        if found is None:
            await allowed({"_id": ""})
            raise NotFound("loan")
        await self._end(found["_id"], chosen, allowed, "loan")
        return lender

    async def lent_by(self, lender_id: str) -> list[tuple[Document, Grant]]:
        """What somebody has lent and is not over: each grant with the person who has it."""
        found = await self.reach.people.collection.find({"grants.lender": lender_id}, {"password": 0})
        today = self.reach.today()
        return [
            (person, grant)
            for person in found
            for grant in grants_of(person)
            if grant.lender == lender_id and not grant.over(today)
        ]

    async def _end(
        self,
        person_id: str,
        chosen: Callable[[Sequence[Grant], date], list[Grant]],
        allowed: Callable[[Document], Awaitable[None]],
        what: str,
    ) -> Document:
        async def decide(document: Document) -> Change | None:
            await allowed(document)
            today, before = self.reach.today(), grants_of(document)
            gone = chosen(before, today)
            if not gone:
                raise NotFound(what)
            after = ended(before, frozenset(grant.id for grant in gone), today)
            left = {grant.id: grant for grant in after}
            told = [left.get(grant.id) or replace(grant, ends=None) for grant in gone]
            return await self._granting(document, after, told, catalogue.ACCOUNT_REVOKED)

        return await self._editing.edit(person_id, decide)

    async def _granting(
        self, document: Document, grants: tuple[Grant, ...], told: Sequence[Grant], spec: EventSpec
    ) -> Change:
        model: Any = spec.model
        also = await borrowers_of(self.reach.people.collection, document["_id"])
        outgoing = [
            Outgoing(
                spec,
                model(
                    person_id=document["_id"],
                    ver=document["ver"] + 1,
                    unit_id=grant.unit_id,
                    also=also,
                    grant_id=grant.id,
                    role=grant.role,
                    valid_from=grant.begins,
                    valid_to=grant.ends,
                    lender_id=grant.lender,
                ),
            )
            for grant in told
        ]
        return Change(grants_fields(grants, document["body"], self.reach.today()), outgoing)


def _same_loan(grant: Grant, lender_id: str, wish: Wish) -> bool:
    asked = (lender_id, wish.unit_id, wish.begins, wish.ends)
    return (grant.lender, grant.unit_id, grant.begins, grant.ends) == asked and grant.role in wish.roles


def _refusing(rule: Callable[[], Any], pointer: str) -> Any:
    """What a rule gives.

    Raises:
        Invalid: it refuses.
    """
    try:
        return rule()
    except PeopleRefused as refused:
        raise Invalid(f"directory.{refused.code}", pointer) from refused
