"""What reports answer, and to whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from lantoa_calendar.periods import Period, UnknownPeriod, local_day, period, period_of
from lantoa_calendar.text import sort_key
from lantoa_contracts.policy import EVERYWHERE, NUMBERS_REBUILD, PLAN_WRITE, REPORT_OVERSEE, REPORT_READ, Permission
from lantoa_reporting.domain import (
    Channel,
    Fact,
    Task,
    Totals,
    View,
    as_now,
    total,
    total_of_all_tasks,
    totals_by,
    without_days,
    without_units,
)
from lantoa_reporting.usecases.evidence import CALENDAR, rebuild
from lantoa_reporting.usecases.ports import Evidence, Plan, Scope, Units
from lantoa_reporting.usecases.proofs import Verdict, check_proof
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Forbidden, NotFound, NotReady
from lantoa_runtime.http import Caller


async def scope_of(units: Units, caller: Caller) -> Scope:
    """The units whose numbers a caller sees: the caller's and those below; all for who oversees the province."""
    overseen = await units.some(caller.units(REPORT_OVERSEE))
    if any(unit.kind == "province" for unit in overseen.values()):
        return None
    return await units.below(caller.units(REPORT_READ))


async def require_of_province(units: Units, caller: Caller, permission: Permission) -> None:
    """Pass for the platform itself, and for who holds the permission over the province.

    Raises:
        Forbidden: neither.
        NotReady: over a unit that the directory has not told of yet.
    """
    held = set(caller.units(permission))
    known = await units.some(held)
    if EVERYWHERE in held or any(unit.kind == "province" for unit in known.values()):
        return
    if held - known.keys():
        raise NotReady("unit")
    raise Forbidden


@dataclass(frozen=True)
class Sight:
    """The units whose facts somebody sees, and under which unit each of them is shown (its own where not named)."""

    scope: Scope
    shown: Mapping[str, str] = field(default_factory=dict)

    def under(self, unit_id: str) -> str:
        """The unit under which a unit's facts are shown."""
        return self.shown.get(unit_id, unit_id)

    def narrowed(self, unit_id: str) -> "Sight":
        """What of it is shown under one unit."""
        members = {unit_id, *self.shown} if self.shown else {unit_id}
        seen = members if self.scope is None else members.intersection(self.scope)
        return Sight(tuple(sorted(member for member in seen if self.under(member) == unit_id)), self.shown)


@dataclass(frozen=True)
class TaskNumbers:
    """A task and its numbers over a period; ``by_unit`` is in Vietnamese order of the units' names.

    ``former`` are those of its units that are not in force today.
    """

    task: Task
    period: Period
    totals: Totals
    by_unit: list[tuple[str, str, Totals]]
    by_day: dict[str, Totals]
    by_channel: dict[str, Totals]
    former: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Summary:
    """Everything in a period, each fact taken once however many tasks it serves; how far the plan is covered."""

    period: Period
    totals: Totals
    tasks: int
    tasks_without_evidence: int


@dataclass(frozen=True)
class Line:
    """A fact with the name of its unit."""

    fact: Fact
    unit_name: str


class Reports:
    """The questions that reports answer. A caller without rights over a unit does not learn of its facts."""

    def __init__(self, evidence: Evidence, plan: Plan, units: Units, clock: Clock) -> None:
        self._evidence = evidence
        self._plan = plan
        self._units = units
        self._clock = clock

    def period(self, key: str | None) -> Period:
        """The period of this key; without one the period of today.

        Raises:
            AppError: ``reporting.unknown-period``.
        """
        if key is None:
            return period_of(CALENDAR, self._today())
        try:
            return period(key)
        except UnknownPeriod:
            raise AppError("reporting.unknown-period", 404, period=key) from None

    async def periods(self) -> list[Period]:
        """The periods in which there is evidence, and the current one; newest first."""
        keys = {*await self._evidence.periods(), self.period(None).key}
        return sorted((period(key) for key in keys), key=lambda found: found.start, reverse=True)

    async def summary(self, caller: Caller, period_key: str | None) -> Summary:
        """What the caller's units have done, whatever the task.

        Raises:
            AppError: ``reporting.unknown-period``.
        """
        chosen = self.period(period_key)
        tallies = await self._evidence.tallies(None, chosen, await scope_of(self._units, caller))
        codes = {task.code for task in await self._plan.tasks()}
        missing = codes - {tally.task for tally in tallies}
        return Summary(chosen, total_of_all_tasks(tallies), len(codes), len(missing))

    async def tasks(self, caller: Caller, period_key: str | None, view: View = "then") -> list[tuple[Task, Totals]]:
        """Every task of the plan with its totals."""
        chosen = self.period(period_key)
        sight = await self._sight(caller, view)
        tallies = without_days(await self._evidence.tallies(None, chosen, sight.scope))
        sums = totals_by(tallies, lambda tally: tally.task)
        return [(task, sums.get(task.code, Totals())) for task in await self._plan.tasks()]

    async def task(self, caller: Caller, code: str, period_key: str | None, view: View = "then") -> TaskNumbers:
        """One task's numbers, whole and in parts.

        Raises:
            AppError: ``reporting.unknown-task``, ``reporting.unknown-period``.
        """
        chosen, task = self.period(period_key), await self._task(code)
        sight = await self._sight(caller, view)
        tallies = await self._evidence.tallies(code, chosen, sight.scope)
        of_units, of_days = without_days(tallies), without_units(tallies)
        by_unit = totals_by(of_units, lambda tally: sight.under(tally.unit_id))
        known = await self._units.some(by_unit)
        named = [
            (unit_id, known[unit_id].name if unit_id in known else unit_id, sums) for unit_id, sums in by_unit.items()
        ]
        today = self._today()
        return TaskNumbers(
            task=task,
            period=chosen,
            totals=total(of_units),
            by_unit=sorted(named, key=lambda row: (sort_key(row[1]), row[0])),
            by_day=totals_by(of_days, lambda tally: tally.day),
            by_channel=totals_by(of_units, lambda tally: tally.channel),
            former=frozenset(unit_id for unit_id, unit in known.items() if not unit.stands(today)),
        )

    async def proofs(
        self,
        caller: Caller,
        code: str,
        period_key: str | None,
        *,
        unit_id: str | None,
        channel: Channel | None,
        day: date | None,
        before: str | None,
        limit: int,
        view: View = "then",
    ) -> tuple[list[Line], str | None]:
        """The facts behind a task's numbers, newest first, and where the next page starts.

        Raises:
            AppError: ``reporting.unknown-task``, ``reporting.unknown-period``.
        """
        chosen, task = self.period(period_key), await self._task(code)
        sight = await self._sight(caller, view)
        scope = sight.scope if unit_id is None else sight.narrowed(unit_id).scope
        first, last = (day, day) if day else (chosen.start, chosen.end)
        if day is not None and day not in chosen:
            return [], None
        found = await self._evidence.facts(task.code, first, last, scope, channel, before, limit + 1)
        page = found[:limit]
        lines = await self._lines(page)
        return lines, page[-1].order if len(found) > limit else None

    async def proof(self, caller: Caller, fact_id: str) -> tuple[Line, Verdict]:
        """One fact with its proof, checked now; ``standing`` is doubted where it was taken back.

        Raises:
            NotFound: no such fact, or not for this caller in either view.
        """
        kept = await self._evidence.fact(fact_id, (await self._sight(caller, "now")).scope)
        if kept is None or kept.fact is None:
            raise NotFound("proof")
        verdict = check_proof(kept.fact)
        if not kept.standing:
            verdict = replace(verdict, doubts=("standing", *verdict.doubts))
        return (await self._lines([kept.fact]))[0], verdict

    async def import_plan(self, caller: Caller, tasks: Iterable[Task]) -> int:
        """Take up the plan's tasks over those with the same codes; how many tasks the plan has then.

        Raises:
            Forbidden: the caller is not the province's administrator.
        """
        await require_of_province(self._units, caller, PLAN_WRITE)
        await self._plan.put(tasks)
        return len(await self._plan.tasks())

    async def rebuild(self, caller: Caller) -> tuple[int, int]:
        """Count every fact again; how many cells there are, and how many of them were wrong and are mended.

        Raises:
            Forbidden: the caller is not the province's administrator.
            StaleVersion: a cell kept changing; repeat.
        """
        await require_of_province(self._units, caller, NUMBERS_REBUILD)
        return await rebuild(self._evidence)

    def _today(self) -> date:
        return local_day(self._clock.now())

    async def _sight(self, caller: Caller, view: View) -> Sight:
        """What a caller sees. ``now`` adds the units that went into those of the caller."""
        scope = await scope_of(self._units, caller)
        if view == "then":
            return Sight(scope)
        shown = as_now(await self._units.all(), self._today())
        if scope is not None:
            own = frozenset(scope)
            scope = tuple(sorted(own | {unit_id for unit_id, heir in shown.items() if heir in own}))
        return Sight(scope, shown)

    async def _task(self, code: str) -> Task:
        task = await self._plan.task(code)
        if task is None:
            raise AppError("reporting.unknown-task", 404, task=code)
        return task

    async def _lines(self, facts: list[Fact]) -> list[Line]:
        known = await self._units.some(fact.unit_id for fact in facts)
        return [Line(fact, known[fact.unit_id].name if fact.unit_id in known else fact.unit_id) for fact in facts]
