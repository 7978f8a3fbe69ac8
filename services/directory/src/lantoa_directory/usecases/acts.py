"""Order acts, let them take effect on their day, take them back.

An act is a document with a state. What it does is worked out once, written into it, and then done step by step; every
step may be done twice, so a crash in the middle is finished by :meth:`Acts.resume`.
"""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import structlog

from lantoa_calendar.periods import ZONE
from lantoa_contracts.catalogue import ACT_DONE, ACT_REVERSED, EventSpec
from lantoa_contracts.events.directory import ActDone, ActKind, ActReversed, Heir, Succession
from lantoa_contracts.policy import UNIT_ACT
from lantoa_directory.domain.acts import (
    ActRefused,
    Follow,
    Plan,
    Wanted,
    dated,
    effective,
    planned,
    reversed_units,
    with_latecomers,
)
from lantoa_directory.domain.units import Unit, UnitsRefused, differing, placed
from lantoa_directory.usecases.following import Followers, Moving
from lantoa_directory.usecases.records import unit_fields, unit_of
from lantoa_directory.usecases.turn import Turn
from lantoa_directory.usecases.units import all_units, store_units
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Conflict, Forbidden, Invalid, NotFound
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.mongo import Aggregates, Document, Outgoing

log = structlog.get_logger()
UNFINISHED = ("applying", "reversing")
PENDING = (*UNFINISHED, "waiting")
_Units = Mapping[str, Unit]


@dataclass(frozen=True)
class Effects:
    """What an act or its opposite does, or has done: to units, as they were and as they are to be, and to grants."""

    plan: Plan
    before: Mapping[str, Unit]
    after: Mapping[str, Unit]
    grants: Sequence[Moving]
    act: Document | None = None

    def without_grants(self) -> "Effects":
        """The same for those whom people's grants do not concern."""
        return replace(self, grants=())


class Acts:
    """The acts, over the directory's units and people."""

    def __init__(self, acts: Aggregates, units: Aggregates, followers: Followers, turn: Turn, clock: Clock) -> None:
        self._acts = acts
        self._units = units
        self._followers = followers
        self._turn = turn
        self._clock = clock

    # -- orders -------------------------------------------------------------------------------------------------

    async def preview(self, caller: Caller, wanted: Wanted) -> Effects:
        """What an act would do.

        Raises:
            Invalid: it cannot be.
            Forbidden: the caller does not administer all that it touches.
        """
        units = await all_units(self._units.collection)
        plan = await self._planned(caller, units, wanted)
        return Effects(plan, units, placed(effective(units, plan)), await self._followers.moving(plan))

    async def order(self, caller: Caller, act_id: str, wanted: Wanted) -> Effects:
        """Write an act down and do it, as far as its day has come.

        Raises:
            Invalid, Forbidden: as for :meth:`preview`.
            AppError: ``directory.tree-is-changing``; a retry helps.
            DuplicateKey: it was ordered already.
        """
        async with self._turn.taken():
            await self._finish()
            units: _Units = await all_units(self._units.collection)
            plan = await self._planned(caller, units, wanted)
            fields = {**_fields(plan), "state": "applying", "seq": await self._next(), "at": self._clock.now()}
            act = await self._acts.insert(act_id, {**fields, "by": caller.id, "by_name": caller.name})
            act, units = await self._apply(act, units)
        return await self._told(act, units)

    async def preview_reversal(self, caller: Caller, act_id: str) -> Effects:
        """What taking an act back would do.

        Raises:
            NotFound: no such act.
            Conflict: it is taken back already, or something stands on it.
            Forbidden: the caller does not administer all that it touches.
        """
        act = await self.get(act_id)
        units = await all_units(self._units.collection)
        plan = await self._may_reverse(caller, act, units)
        grants = await self._followers.moved(plan, act_id)
        return Effects(plan, units, placed(reversed_units(units, plan)), grants, act)

    async def reverse(self, caller: Caller, act_id: str) -> Effects:
        """Take an act back: what it moved goes back, and nothing else. One that is taken back already stays so.

        Raises:
            NotFound, Conflict, Forbidden: as for :meth:`preview_reversal`.
            AppError: ``directory.tree-is-changing``; a retry helps.
        """
        async with self._turn.taken():
            await self._finish()
            act = await self.get(act_id)
            units: _Units = await all_units(self._units.collection)
            if act["state"] != "reversed":
                await self._may_reverse(caller, act, units)
                who = {"reversed_by": caller.id, "reversed_by_name": caller.name}
                act = await self._acts.save(act, {"state": "reversing", **who})
                act, units = await self._undo(act, units)
        return await self._told(act, units)

    @contextlib.asynccontextmanager
    async def standing(self) -> AsyncIterator[frozenset[str]]:
        """Have the tree for oneself, with the units that acts stand on: a list given by hand overrules no act.

        Raises:
            AppError: ``directory.tree-is-changing``; a retry helps.
        """
        async with self._turn.taken():
            await self._finish()
            acts = await self._acts.collection.find({"state": {"$ne": "reversed"}}, {"touched": 1})
            yield frozenset(unit_id for act in acts for unit_id in act["touched"])

    # -- looking ------------------------------------------------------------------------------------------------

    async def get(self, act_id: str) -> Document:
        """An act.

        Raises:
            NotFound: there is none.
        """
        act = await self._acts.load(act_id)
        if act is None:
            raise NotFound("act")
        return act

    async def effects(self, act: Document) -> Effects:
        """What an act did, told by how the units are now."""
        return await self._told(act, await all_units(self._units.collection))

    async def _told(self, act: Document, units: Mapping[str, Unit]) -> Effects:
        plan = plan_of(act)
        # While it is being written, a unit that it makes may stand in the act alone.
        known = {unit.id: unit for unit in plan.made} | dict(units)
        return Effects(plan, known, known, await self._followers.moved(plan, act["_id"]), act)

    def may_order(self, caller: Caller, told: Effects) -> bool:
        """Whether the caller administers all that an act touches."""
        try:
            _check(caller, told.plan.kind, told.plan.sources, told.plan.targets, told.before)
        except Forbidden:
            return False
        return True

    async def overdue(self) -> int:
        """How many acts ought to be done or taken back and are not."""
        due = {"state": "waiting", "date": {"$lte": self._today().isoformat()}}
        return await self._acts.collection.count(
            {"state": {"$in": list(UNFINISHED)}}
        ) + await self._acts.collection.count(due)

    # -- by the clock -------------------------------------------------------------------------------------------

    async def resume(self) -> None:
        """Finish what a crash left in the middle, and let acts take effect whose day has come.

        Raises:
            MongoError, AppError: the next turn goes on.
        """
        if await self.overdue():
            async with self._turn.taken():
                await self._finish()

    async def _finish(self) -> None:
        for act in await self._acts.collection.find({"state": {"$in": list(PENDING)}}, sort=[("date", 1), ("seq", 1)]):
            if act["state"] == "waiting" and act["date"] > self._today().isoformat():
                continue
            step = {"applying": self._apply, "reversing": self._undo, "waiting": self._take_effect}[act["state"]]
            try:
                await step(act, await all_units(self._units.collection))
            except UnitsRefused as refused:  # The tree was changed by hand so that the act does not fit any more.
                log.error("act cannot take effect", act_id=act["_id"], code=refused.code, unit_id=refused.unit_id)

    # -- steps, each of which may be done twice -----------------------------------------------------------------

    async def _apply(self, act: Document, units: _Units) -> tuple[Document, _Units]:
        plan = plan_of(act)
        units = await self._written(units, dated(units, plan))
        await self._followers.follow(plan, act["_id"], act["by"], bodies=False)
        act = await self._acts.save(act, {"state": "waiting"})
        return await self._take_effect(act, units) if plan.date <= self._today() else (act, units)

    async def _take_effect(self, act: Document, units: _Units) -> tuple[Document, _Units]:
        plan = with_latecomers(units, plan_of(act))
        if plan != plan_of(act):
            act = await self._acts.save(act, _fields(plan))
        units = await self._written(units, effective(units, plan))
        await self._followers.follow(plan, act["_id"], act["by"], bodies=True)
        event = self._event(ACT_DONE, act, plan, units)
        return await self._acts.save(act, {"state": "done", "done_at": self._clock.now()}, [event]), units

    async def _undo(self, act: Document, units: _Units) -> tuple[Document, _Units]:
        plan = plan_of(act)
        units = await self._written(units, reversed_units(units, plan))
        await self._followers.back(plan, act["_id"])
        event = self._event(ACT_REVERSED, act, plan, units)
        return await self._acts.save(act, {"state": "reversed", "reversed_at": self._clock.now()}, [event]), units

    async def _written(self, before: _Units, after: _Units) -> _Units:
        """The units as they are once what differs is stored."""
        changed = differing(before, after)
        await store_units(self._units, changed)
        return {**after, **{unit.id: unit for unit in changed}}

    def _event(self, spec: EventSpec, act: Document, plan: Plan, units: Mapping[str, Unit]) -> Outgoing:
        made = ActDone if spec is ACT_DONE else ActReversed
        new = {unit.id for unit in plan.made}
        heirs = tuple(Heir(unit_id=one, path=units[one].path, made=one in new) for one in plan.targets)
        gone = tuple(Succession(unit_id=one, path=units[one].path, heirs=heirs) for one in plan.heirs)
        about = {"kind": plan.kind, "date": plan.date, "act": plan.act, "units": gone, "at": self._clock.now()}
        return Outgoing(spec, made(act_id=act["_id"], ver=act["ver"] + 1, **about))

    # -- checks -------------------------------------------------------------------------------------------------

    async def _planned(self, caller: Caller, units: Mapping[str, Unit], wanted: Wanted) -> Plan:
        _check(caller, wanted.kind, wanted.sources, (one for one in wanted.targets if isinstance(one, str)), units)
        found = await self._acts.collection.find({"state": "waiting"}, sort=[("date", 1), ("seq", 1)])
        try:
            plan = planned(units, wanted, [plan_of(act) for act in found])
        except ActRefused as refused:
            name = units[refused.unit_id].name if refused.unit_id in units else refused.unit_id
            raise Invalid(f"directory.{refused.code}", "/from", unit_id=refused.unit_id, name=name) from refused
        except UnitsRefused as refused:
            raise Invalid(f"directory.{refused.code}", "/into", unit_id=refused.unit_id) from refused
        for made in plan.made:
            caller.require(UNIT_ACT, units[made.parent].path if made.parent else ())
        return plan

    async def _may_reverse(self, caller: Caller, act: Document, units: Mapping[str, Unit]) -> Plan:
        plan = plan_of(act)
        _check(caller, plan.kind, plan.sources, plan.targets, units)
        if act["state"] == "reversed":
            raise Conflict("directory.act-reversed-already")
        later = {"touched": {"$in": act["touched"]}, "seq": {"$gt": act["seq"]}, "state": {"$ne": "reversed"}}
        standing = await self._acts.collection.find(later, sort=[("seq", -1)], limit=1)
        if standing:
            raise Conflict("directory.act-stands-on-it", act=standing[0]["act"], date=standing[0]["date"])
        made = {unit.id for unit in plan.made}
        ours = {one.unit_id for one in plan.follows}
        below = [unit for unit in units.values() if unit.parent in made and unit.id not in ours | made]
        if below:
            raise Conflict("directory.act-has-units", unit_id=below[0].id, name=below[0].name)
        return plan

    async def _next(self) -> int:
        newest = await self._acts.collection.find({}, {"seq": 1}, sort=[("seq", -1)], limit=1)
        return newest[0]["seq"] + 1 if newest else 1

    def _today(self) -> date:
        return self._clock.now().astimezone(ZONE).date()


def _check(caller: Caller, kind: ActKind, sources: Iterable[str], targets: Iterable[str], units: _Units) -> None:
    """An administrator of what lies above everything that an act touches; a root is the operator's.

    ``targets`` are units that take over, or the new parent of a move; what is unknown is for others to refuse.

    Raises:
        Forbidden: somebody else.
    """
    for unit_id in sources:
        if unit_id in units:
            caller.require(UNIT_ACT, units[unit_id].path[:-1])
    for unit_id in targets:
        if unit_id in units:
            path = units[unit_id].path
            caller.require(UNIT_ACT, path if kind == "move" else path[:-1])


def _fields(plan: Plan) -> dict[str, Any]:
    return {
        "kind": plan.kind,
        "date": plan.date.isoformat(),
        "act": plan.act,
        "from": list(plan.sources),
        "into": list(plan.targets),
        "made": [{"_id": unit.id, **unit_fields(unit)} for unit in plan.made],
        "follows": [asdict(one) for one in plan.follows],
        "touched": sorted(plan.touched),
    }


def plan_of(act: Document) -> Plan:
    """The plan of a stored act."""
    return Plan(
        kind=act["kind"],
        date=date.fromisoformat(act["date"]),
        act=act["act"],
        sources=tuple(act["from"]),
        targets=tuple(act["into"]),
        made=tuple(unit_of(made) for made in act["made"]),
        follows=tuple(Follow(**one) for one in act["follows"]),
    )
