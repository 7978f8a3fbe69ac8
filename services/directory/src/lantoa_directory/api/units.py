"""HTTP: units for whoever is signed in."""

from datetime import date
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from lantoa_calendar.periods import ZONE
from lantoa_contracts.base import Id
from lantoa_contracts.events.directory import Tree, UnitKind
from lantoa_contracts.policy import UNIT_READ
from lantoa_directory.domain.units import Unit, tree_of
from lantoa_directory.usecases.records import tree_in
from lantoa_directory.usecases.search import Asked, find_units, former_of
from lantoa_directory.usecases.units import get_unit
from lantoa_runtime.http import Caller, Day, Line, Page, PageLimit, Routes, StrictModel, allows, etag
from lantoa_runtime.mongo import Aggregates, Document

Reader = Annotated[Caller, allows(UNIT_READ)]
Name = Annotated[Line, StringConstraints(min_length=1, max_length=200)]
Code = Annotated[Line, StringConstraints(min_length=1, max_length=20)]
Lat = Annotated[float, Field(ge=-90, le=90)]
Lon = Annotated[float, Field(ge=-180, le=180)]


class UnitIn(StrictModel):
    """A unit as it is to stand. ``tree`` need not be said of territory and of bodies of the administration."""

    unit_id: Id
    code: Code
    name: Name
    kind: UnitKind
    parent: Id | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None
    lat: Lat | None = None
    lon: Lon | None = None
    area_km2: Annotated[float, Field(ge=0)] | None = None
    tree: Tree | None = None
    superior: Id | None = None

    def unit(self) -> Unit:
        """The domain's form of it."""
        fields = self.model_dump(exclude={"unit_id", "tree"})
        return Unit(id=self.unit_id, tree=self.tree or tree_of(self.kind), **fields)


class SuccessorIn(StrictModel):
    """A unit went into another."""

    unit_id: Id
    successor_id: Id
    date: Day
    act: Annotated[Line, StringConstraints(max_length=100)]


class SuccessorOut(BaseModel):
    """What a unit went into, when, and by which act."""

    unit_id: str
    date: date
    act: str


class UnitOut(BaseModel):
    """A unit; ``path`` leads from the root to it, ``ver`` is its ETag."""

    id: str
    parent_id: str | None
    code: str
    name: str
    kind: UnitKind
    tree: Tree
    superior_id: str | None
    """The body above a body in its own tree; a unit of territory has none."""
    path: list[str]
    valid_from: date | None
    valid_to: date | None
    lat: float | None
    lon: float | None
    area_km2: float | None
    successors: list[SuccessorOut]
    ver: int


class FoundUnit(UnitOut):
    """A unit of the day asked for; ``matched`` is the name of one that went into it, where that is what was found."""

    matched: str | None = None


class FormerUnit(BaseModel):
    """A unit that went into another, directly or by others."""

    unit_id: str
    code: str
    name: str
    valid_to: date | None
    successors: list[SuccessorOut]


class UnitWithFormer(UnitOut):
    """A unit with those whose papers it has taken over, the latest first."""

    former: list[FormerUnit]


def unit_view(unit: Document) -> dict[str, Any]:
    """A stored unit as it is answered."""
    names = ("code", "name", "kind", "path", "valid_from", "valid_to", "lat", "lon", "area_km2", "successors", "ver")
    hangs = {"parent_id": unit["parent"], "tree": tree_in(unit), "superior_id": unit.get("superior")}
    return {"id": unit["_id"], **hangs, **{name: unit[name] for name in names}}


def unit_routes(units: Aggregates) -> Routes:
    """Find units."""
    router = Routes(tags=["units"])

    @router.get("/units", response_model=Page[FoundUnit])
    async def list_units(
        request: Request,
        _: Reader,
        q: Annotated[str, Query(max_length=100)] = "",
        kind: UnitKind | None = None,
        tree: Tree | None = None,
        at: Day | None = None,
        limit: PageLimit = 50,
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
    ) -> dict[str, Any]:
        """Units that exist on the day ``at`` (today without it).

        ``q`` is read without accents and by beginnings of words; it also finds today's unit by the names and codes of
        those that went into it, and says so in ``matched``.
        """
        day = at or request.app.state.service.clock.now().astimezone(ZONE).date()
        found, following = await find_units(units.collection, Asked(q, day, kind, tree), limit, cursor)
        items = [{**unit_view(unit), "matched": unit.get("matched")} for unit in found]
        return {"items": items, "next": following}

    @router.get("/units/{unit_id}", response_model=UnitWithFormer)
    async def one_unit(unit_id: str, _: Reader, response: Response) -> dict[str, Any]:
        """A unit of any day, and the units that went into it."""
        unit = await get_unit(units, unit_id)
        response.headers["ETag"] = etag(unit["ver"])
        return {**unit_view(unit), "former": await former_of(units.collection, unit)}

    return router
