"""HTTP: acts that change units, looked at before they are done, done, and taken back."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from lantoa_contracts.base import Id
from lantoa_contracts.events.directory import ActKind, UnitKind
from lantoa_contracts.policy import UNIT_ACT
from lantoa_directory.api.units import Code, Lat, Lon, Name, Reader
from lantoa_directory.domain.acts import NewUnit, State, Wanted
from lantoa_directory.domain.units import Unit
from lantoa_directory.usecases.acts import Acts, Effects
from lantoa_runtime.http import Caller, Day, KeyDep, Line, Page, PageLimit, Routes, StrictModel, allows, idempotent
from lantoa_runtime.http.conditions import COLLECTION
from lantoa_runtime.mongo import Aggregates, Document, newest_first

Orderer = Annotated[Caller, allows(UNIT_ACT)]
ActName = Annotated[Line, StringConstraints(min_length=1, max_length=100)]
Many = Annotated[list[Id], Field(min_length=1, max_length=200)]
One = Annotated[list[Id], Field(min_length=1, max_length=1)]


class NewUnitIn(StrictModel):
    """A unit that the act makes; what is left out is as it was at the first unit that goes into it."""

    name: Name
    code: Code | None = None
    kind: UnitKind | None = None
    parent: Id | None = None
    lat: Lat | None = None
    lon: Lon | None = None

    def unit(self) -> NewUnit:
        """The domain's form of it."""
        return NewUnit(**self.model_dump())


class _ActIn(StrictModel):
    date: Day
    """The first day on which it holds; it may lie in the past, and in the future, when it takes effect on that day."""
    act: ActName
    """The document that orders it, e.g. ``1687/NQ-UBTVQH15``."""


class MergeIn(_ActIn):
    """Units go into one, which may be there already or is made."""

    kind: Literal["merge"]
    sources: Many = Field(alias="from")
    into: Id | NewUnitIn


class SplitIn(_ActIn):
    """A unit goes into several; the first of them takes over its papers, people and devices."""

    kind: Literal["split"]
    sources: One = Field(alias="from")
    into: Annotated[list[Id | NewUnitIn], Field(min_length=2, max_length=50)]


class RenameIn(_ActIn):
    """A unit has another name from now on: it is followed by a new one, so that what was before keeps the old name."""

    kind: Literal["rename"]
    sources: One = Field(alias="from")
    into: NewUnitIn


class MoveIn(_ActIn):
    """Units get another parent and stay what they are."""

    kind: Literal["move"]
    sources: Many = Field(alias="from")
    into: Id


ActIn = Annotated[MergeIn | SplitIn | RenameIn | MoveIn, Field(discriminator="kind")]


class UnitRef(BaseModel):
    """A unit by its name."""

    id: str
    code: str
    name: str


class UnitEffect(BaseModel):
    """What happens to one unit.

    ``made`` and ``ended`` by the act; ``follows`` into another parent or superior, named by ``into``; with the opposite
    ``restored`` is in force again, ``void`` never was, and ``back`` hangs where it did.
    """

    unit: UnitRef
    what: Literal["made", "ended", "follows", "restored", "void", "back"]
    into: UnitRef | None = None


class GrantEffect(BaseModel):
    """A grant that goes from one unit to another, or back."""

    person_id: str
    name: str
    role: str
    unit: UnitRef
    into: UnitRef


class ActSummary(BaseModel):
    """An act. ``id`` is null in a preview; ``state`` is then ``preview``."""

    id: str | None
    kind: ActKind
    date: date
    act: str
    state: State | Literal["preview"]
    sources: list[UnitRef] = Field(serialization_alias="from")
    into: list[UnitRef]
    by_name: str | None = None
    at: datetime | None = None
    done_at: datetime | None = None
    reversed_by_name: str | None = None
    reversed_at: datetime | None = None


class ActOut(ActSummary):
    """An act with all that it does: to units, and to people's grants."""

    units: list[UnitEffect]
    people: list[GrantEffect]


def act_routes(acts: Acts, stored: Aggregates, units: Aggregates) -> Routes:
    """Acts. An administrator orders those over what lies below them; everybody of the staff sees which there were."""
    router = Routes(tags=["acts"])

    @router.post("/acts", response_model=ActOut)
    async def order_act(
        body: ActIn, caller: Orderer, key: KeyDep, request: Request, response: Response, dry_run: bool = False
    ) -> ActOut:
        """Merge, split, rename or move units by an act; with ``dry_run`` only say what that would do.

        Units and grants are dated at once; what hangs below the units, devices, programmes and playlists follow on the
        act's day.
        """
        wanted = _wanted(body)
        if dry_run:
            return _act_out(await acts.preview(caller, wanted))

        async def order(act_id: str) -> ActOut:
            return _act_out(await acts.order(caller, act_id, wanted))

        async def ordered(act_id: str) -> ActOut | None:
            act = await stored.load(act_id)
            return _act_out(await acts.effects(act)) if act else None

        records = request.app.state.service.db[COLLECTION]
        return await idempotent(request, response, records, caller, key, body, order, ordered)

    @router.post("/acts/{act_id}/reverse", response_model=ActOut)
    async def reverse_act(act_id: str, caller: Orderer, dry_run: bool = False) -> ActOut:
        """Take an act back: what it moved goes back, and nothing else. With ``dry_run`` the answer says what would be.

        Refused while a later act stands on it. Taken back twice is taken back once.
        """
        if dry_run:
            return _act_out(await acts.preview_reversal(caller, act_id), back=True)
        return _act_out(await acts.reverse(caller, act_id), back=True)

    @router.get("/acts", response_model=Page[ActSummary])
    async def list_acts(
        _: Reader, limit: PageLimit = 50, cursor: Annotated[str | None, Query(max_length=1000)] = None
    ) -> dict[str, Any]:
        """Acts, the last ordered first."""
        found, following = await newest_first(stored.collection, {}, "at", cursor, limit)
        ids = {unit_id for act in found for unit_id in (*act["from"], *act["into"])}
        named = {made["_id"]: made for act in found for made in act["made"]}
        named |= {unit["_id"]: unit for unit in await units.collection.find({"_id": {"$in": sorted(ids)}})}
        items = [ActSummary(**_about(act, lambda unit_id: _ref_of(named[unit_id]))) for act in found]
        return {"items": items, "next": following}

    @router.get("/acts/{act_id}", response_model=ActOut)
    async def one_act(act_id: str, caller: Reader) -> ActOut:
        """An act with what it did; the grants that it moved for those who may order such an act."""
        act = await acts.get(act_id)
        told = await acts.effects(act)
        return _act_out(told if acts.may_order(caller, told) else told.without_grants())

    return router


def _wanted(body: MergeIn | SplitIn | RenameIn | MoveIn) -> Wanted:
    into = body.into if isinstance(body.into, list) else [body.into]
    targets = tuple(target.unit() if isinstance(target, NewUnitIn) else target for target in into)
    return Wanted(body.kind, body.date, body.act, tuple(body.sources), targets)


def _ref_of(unit: Document) -> UnitRef:
    return UnitRef(id=unit["_id"], code=unit["code"], name=unit["name"])


def _about(act: Document, ref: Any) -> dict[str, Any]:
    names = ("kind", "date", "act", "state", "by_name", "at", "done_at", "reversed_by_name", "reversed_at")
    about = {name: act.get(name) for name in names}
    return {"id": act["_id"], **about, "sources": list(map(ref, act["from"])), "into": list(map(ref, act["into"]))}


def _act_out(told: Effects, *, back: bool = False) -> ActOut:
    plan, act = told.plan, told.act
    units: Mapping[str, Unit] = {**told.before, **told.after}
    back = back or (act is not None and act["state"] in ("reversing", "reversed"))

    def ref(unit_id: str) -> UnitRef:
        return UnitRef(id=unit_id, code=units[unit_id].code, name=units[unit_id].name)

    effects = [UnitEffect(unit=ref(unit.id), what="void" if back else "made") for unit in plan.made]
    effects += [
        UnitEffect(unit=ref(unit_id), what="restored" if back else "ended", into=None if back else ref(heir))
        for unit_id, heir in plan.heirs.items()
    ]
    effects += [
        UnitEffect(
            unit=ref(one.unit_id), what="back" if back else "follows", into=ref(one.before if back else one.after)
        )
        for one in plan.follows
    ]
    people = [
        GrantEffect(
            person_id=one.person_id,
            name=one.name,
            role=one.role,
            unit=ref(one.into if back else one.unit_id),
            into=ref(one.unit_id if back else one.into),
        )
        for one in told.grants
    ]
    if act is None:
        about: dict[str, Any] = {"id": None, "kind": plan.kind, "date": plan.date, "act": plan.act, "state": "preview"}
        about |= {"sources": list(map(ref, plan.sources)), "into": list(map(ref, plan.targets))}
    else:
        about = _about(act, ref)
    return ActOut(**about, units=effects, people=people)
