"""HTTP: people, their rights, and what they lend each other."""

from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import AfterValidator, Field, StringConstraints

from lantoa_contracts.base import Id
from lantoa_contracts.policy import COLLEAGUE_READ, PERSON_WRITE, ROLE_LEND, Role
from lantoa_directory.api.person_views import PasswordOut, PeopleViews, PersonOut
from lantoa_directory.usecases.accounts import Accounts, Profile
from lantoa_directory.usecases.rights import Rights, Wish
from lantoa_runtime.errors import NotFound
from lantoa_runtime.http import (
    Caller,
    Day,
    IfMatch,
    KeyDep,
    Line,
    Page,
    PageLimit,
    Routes,
    StrictModel,
    allows,
    etag,
    idempotent,
)
from lantoa_runtime.mongo import Document

Name = Annotated[Line, StringConstraints(min_length=1, max_length=200)]
Reason = Annotated[Line, StringConstraints(min_length=1, max_length=300)]
Administrator = Annotated[Caller, allows(PERSON_WRITE)]
Colleague = Annotated[Caller, allows(COLLEAGUE_READ)]
Lender = Annotated[Caller, allows(ROLE_LEND)]
_PHONE = r"^[0-9+ ().\-]{0,30}$"
_EMAIL = r"^([^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+)?$"


class ProfileIn(StrictModel):
    """What is known of a person."""

    name: Name
    title: Annotated[Line, StringConstraints(max_length=200)] = ""
    body_id: Id | None = None
    phone: Annotated[str, StringConstraints(pattern=_PHONE)] = ""
    email: Annotated[str, StringConstraints(pattern=_EMAIL, max_length=200)] = ""

    def profile(self) -> Profile:
        """The use case's form of it."""
        return Profile(self.name, self.title, self.body_id, self.phone, self.email)


class NewPersonIn(ProfileIn):
    """A person to be taken up."""

    login: Annotated[Line, StringConstraints(min_length=1, max_length=64)]


class NewGrantIn(StrictModel):
    """A role for a unit and everything below it, from day to day, both inclusive; without a day that end is open."""

    role: Role
    unit_id: Id
    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    reason: Reason


class DelegationIn(StrictModel):
    """Roles that are lent to somebody for days, both inclusive."""

    to: Id
    roles: Annotated[list[Role], Field(min_length=1, max_length=8), AfterValidator(lambda one: sorted(set(one)))]
    unit_id: Id
    from_: Annotated[Day, Field(alias="from")]
    to_day: Day
    reason: Reason


class LockIn(StrictModel):
    """Why somebody is kept out."""

    reason: Reason


class _Answers:
    """A person as an answer, with the ETag."""

    def __init__(self, rights: Rights) -> None:
        self._views = PeopleViews(rights)

    async def __call__(self, response: Response, person: Document, *, full: bool = True) -> dict[str, Any]:
        response.headers["ETag"] = etag(person["ver"])
        return await self._views.one(person, full=full)


def people_routes(accounts: Accounts, rights: Rights) -> Routes:
    """Find people, take them up and change them."""
    router = Routes(prefix="/people", tags=["people"])
    views, reach, shown = PeopleViews(rights), accounts.reach, _Answers(rights)

    @router.get("", response_model=Page[PersonOut])
    async def list_people(
        caller: Colleague,
        q: Annotated[str, Query(max_length=100)] = "",
        unit_id: Id | None = None,
        limit: PageLimit = 50,
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
    ) -> dict[str, Any]:
        """People in the caller's units; ``q`` is read without accents and by beginnings of name, title and login."""
        found, following = await reach.find(caller, q, unit_id, limit, cursor)
        return {"items": await views.many(found), "next": following}

    @router.post("", status_code=201, response_model=PersonOut)
    async def create_person(
        request: Request, response: Response, body: NewPersonIn, caller: Administrator, key: KeyDep
    ) -> dict[str, Any]:
        """Take a person up: without rights, and without a password."""

        async def create(person_id: str) -> Document:
            return await accounts.create(caller, person_id, body.login, body.profile())

        async def lookup(person_id: str) -> Document | None:
            return await reach.people.load(person_id)

        records = request.app.state.service.db["idempotency"]
        person = await idempotent(request, response, records, caller, key, body, create, lookup)
        return await shown(response, person)

    @router.get("/{person_id}", response_model=PersonOut)
    async def one_person(person_id: str, caller: Colleague, response: Response) -> dict[str, Any]:
        """A person of the caller's units, or the caller."""
        person = await reach.load(person_id)
        full = await reach.seen(caller, person)
        if full is None:
            raise NotFound("person")
        return await shown(response, person, full=full)

    @router.put("/{person_id}", response_model=PersonOut)
    async def change_person(
        person_id: str, body: ProfileIn, caller: Colleague, ver: IfMatch, response: Response
    ) -> dict[str, Any]:
        """Change what is known of a person: administrators, and everybody their own, except whose they are."""
        return await shown(response, await accounts.change(caller, person_id, ver, body.profile()))

    return router


def right_routes(rights: Rights) -> Routes:
    """Grant roles, and lend them."""
    router = Routes(prefix="/people", tags=["people"])
    reach, shown = rights.reach, _Answers(rights)

    @router.post("/{person_id}/grants", status_code=201, response_model=PersonOut)
    async def add_grant(person_id: str, body: NewGrantIn, caller: Administrator, response: Response) -> dict[str, Any]:
        """Give a person a role; the same role, unit and days again change nothing."""
        wish = Wish((body.role,), body.unit_id, body.from_, body.to, body.reason)
        return await shown(response, await rights.grant(caller, person_id, wish))

    @router.delete("/{person_id}/grants/{grant_id}", response_model=PersonOut)
    async def end_grant(person_id: str, grant_id: str, caller: Administrator, response: Response) -> dict[str, Any]:
        """End a grant now: one that has held ended yesterday, one that has not never was."""
        return await shown(response, await rights.revoke(caller, person_id, grant_id))

    @router.post("/{person_id}/delegations", status_code=201, response_model=PersonOut)
    async def lend_roles(person_id: str, body: DelegationIn, caller: Lender, response: Response) -> dict[str, Any]:
        """Lend roles for days of leave: one's own, or by an administrator; the answer is the lender."""
        wish = Wish(tuple(body.roles), body.unit_id, body.from_, body.to_day, body.reason)
        return await shown(response, await rights.lend(caller, person_id, body.to, wish))

    @router.delete("/{person_id}/delegations/{delegation_id}", response_model=PersonOut)
    async def take_back(person_id: str, delegation_id: str, caller: Lender, response: Response) -> dict[str, Any]:
        """End a loan now: the lender, the borrower, or an administrator of the lender."""
        lender = await rights.take_back(caller, person_id, delegation_id)
        full = await reach.seen(caller, lender)
        return await shown(response, lender, full=bool(full))

    return router


def door_routes(accounts: Accounts, rights: Rights) -> Routes:
    """Keep people out, let them in, help them in again."""
    router = Routes(prefix="/people", tags=["people"])
    shown = _Answers(rights)

    @router.post("/{person_id}/password", response_model=PasswordOut)
    async def one_time_password(person_id: str, caller: Administrator, response: Response) -> dict[str, str]:
        """A new password, shown once. The one before is gone and the person's sessions end."""
        response.headers["Cache-Control"] = "no-store"
        return {"password": await accounts.one_time_password(caller, person_id)}

    @router.post("/{person_id}/factors/reset", response_model=PersonOut)
    async def reset_factors(person_id: str, caller: Administrator, response: Response) -> dict[str, Any]:
        """Forget the second factors of somebody who lost them; their sessions end."""
        return await shown(response, await accounts.reset_factors(caller, person_id))

    @router.post("/{person_id}/lock", response_model=PersonOut)
    async def lock(person_id: str, body: LockIn, caller: Administrator, response: Response) -> dict[str, Any]:
        """Keep a person out; their sessions end at once."""
        return await shown(response, await accounts.lock(caller, person_id, body.reason))

    @router.post("/{person_id}/unlock", response_model=PersonOut)
    async def unlock(person_id: str, caller: Administrator, response: Response) -> dict[str, Any]:
        """Let a person in again."""
        return await shown(response, await accounts.unlock(caller, person_id))

    return router
