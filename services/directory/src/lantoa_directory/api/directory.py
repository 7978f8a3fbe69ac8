"""HTTP: the loading of everything for administrators."""

from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import Field, StringConstraints

from lantoa_contracts.base import Id
from lantoa_contracts.policy import REGISTER_IMPORT, REPLAY, SESSION_KEEP, Role
from lantoa_directory.api.answers import Imported, Replayed
from lantoa_directory.api.units import Name, SuccessorIn, UnitIn
from lantoa_directory.domain.succession import Successor
from lantoa_directory.usecases.attempts import TooManyAttempts
from lantoa_directory.usecases.loading import Given, Stores, load
from lantoa_directory.usecases.people import NewPerson
from lantoa_directory.usecases.units import replay_units
from lantoa_runtime.errors import Forbidden
from lantoa_runtime.http import Caller, Grant, Line, Routes, StrictModel, allows
from lantoa_runtime.http.problems import problem

Password = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=False)]


class GrantIn(StrictModel):
    """A role for a unit and everything below it."""

    role: Role
    unit_id: Id


class PersonIn(StrictModel):
    """A person as they are to stand; without ``password`` the stored one stays."""

    id: Id
    login: Annotated[Line, StringConstraints(min_length=1, max_length=64)]
    name: Name
    title: Annotated[Line, StringConstraints(max_length=200)] = ""
    body: Id | None = None
    grants: Annotated[list[GrantIn], Field(max_length=50)] = []
    password: Password | None = None

    def person(self) -> NewPerson:
        """The use case's form of it."""
        grants = tuple(Grant(grant.role, grant.unit_id) for grant in self.grants)
        return NewPerson(self.id, self.login, self.name, self.title, self.body, grants, self.password)


class Import(StrictModel):
    """Units, what became of them, and people; all by id, so the same import twice changes nothing."""

    units: Annotated[list[UnitIn], Field(max_length=5000)] = []
    successors: Annotated[list[SuccessorIn], Field(max_length=5000)] = []
    people: Annotated[list[PersonIn], Field(max_length=100)] = []


async def _gateway_itself(caller: Annotated[Caller, allows(SESSION_KEEP)]) -> None:
    if caller.id != "gateway":  # The operator is of the platform too, and signs nobody in.
        raise Forbidden


GATEWAY_ONLY = Depends(_gateway_itself)
"""For a route, or for all of a router: passes the gateway itself."""


def later(request: Request, error: TooManyAttempts) -> Response:
    """The answer that says when to try again."""
    after = {"Retry-After": str(error.seconds)}
    return problem(request, error.http_status, error.code, retryable=True, params=error.params, headers=after)


def admin_routes(stores: Stores) -> Routes:
    """The loading of units and people."""
    router = Routes(tags=["administration"])

    @router.post("/import", response_model=Imported)
    async def load_all(body: Import, caller: Annotated[Caller, allows(REGISTER_IMPORT)]) -> dict[str, int]:
        """Take up units, successors and people. For the operator, and for an administrator of all that is touched."""
        given = Given(
            units=[unit.unit() for unit in body.units],
            successors=[(link.unit_id, Successor(link.successor_id, link.date, link.act)) for link in body.successors],
            people=[person.person() for person in body.people],
        )
        units_changed, people_changed = await load(stores, caller, given)
        return {"units_changed": units_changed, "people_changed": people_changed}

    @router.post("/replay", response_model=Replayed)
    async def replay(request: Request, _: Annotated[Caller, allows(REPLAY)]) -> dict[str, int]:
        """Publish every unit once more as it stands, for read models that began late."""
        return {"units": await replay_units(stores.units, request.app.state.service.clock.now())}

    return router
