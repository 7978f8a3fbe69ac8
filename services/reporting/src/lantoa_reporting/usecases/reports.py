"""What reports answer, and to whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from lantoa_calendar.periods import Period, UnknownPeriod, local_day, period, period_of
from lantoa_calendar.text import sort_key
from lantoa_reporting.domain import Channel, Fact, Task, Totals, total, totals_by
from lantoa_reporting.usecases.evidence import CALENDAR, Verdict, check_proof, rebuild
from lantoa_reporting.usecases.ports import Evidence, Plan, Scope, Units
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Forbidden, NotFound, NotReady
from lantoa_runtime.http import Caller
from lantoa_runtime.http.auth import SYSTEM


def _require_signed_in(caller: Caller) -> None:
    if not caller.signed_in:
        raise AppError("sign-in-required", 401)


async def scope_of(units: Units, caller: Caller) -> Scope:
    """The units whose numbers a caller sees: those of the caller's grants and below; all for the province's reporters.

    Raises:
        AppError: ``sign-in-required`` for a stranger.
    """
    _require_signed_in(caller)
    overseen = [grant.unit_id for grant in caller.grants if grant.role in ("reporter", "admin")]
    if "province" in (await units.kinds(overseen)).values():
        return None
    return await units.below(caller.scopes)


async def require_province_admin(units: Units, caller: Caller) -> None:
    """Pass for the platform itself and for an administrator of the province.

    Raises:
        Forbidden: neither.
        NotReady: an administrator of a unit that the directory has not told of yet.
    """
    if any(grant.role == SYSTEM for grant in caller.grants):
        return
    administered = [grant.unit_id for grant in caller.grants if grant.role == "admin"]
    kinds = await units.kinds(administered)
    if "province" in kinds.values():
        return
    if set(administered) - kinds.keys():
        raise NotReady("unit")
    raise Forbidden


@dataclass(frozen=True)
class TaskNumbers:
    """A task and its numbers over a period; ``by_unit`` is in Vietnamese order of the units' names."""

    task: Task
    period: Period
    totals: Totals
    by_unit: list[tuple[str, str, Totals]]
    by_day: dict[str, Totals]
    by_channel: dict[str, Totals]


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
            return period_of(CALENDAR, local_day(self._clock.now()))
        try:
            return period(key)
        except UnknownPeriod:
            raise AppError("reporting.unknown-period", 404, period=key) from None

    async def periods(self, caller: Caller) -> list[Period]:
        """The periods in which there is evidence, and the current one; newest first.

        Raises:
            AppError: ``sign-in-required`` for a stranger.
        """
        _require_signed_in(caller)
        keys = {*await self._evidence.periods(), self.period(None).key}
        return sorted((period(key) for key in keys), key=lambda found: found.start, reverse=True)

    async def tasks(self, caller: Caller, period_key: str | None) -> list[tuple[Task, Totals]]:
        """Every task of the plan with its totals."""
        chosen = self.period(period_key)
        scope = await scope_of(self._units, caller)
        sums = totals_by(await self._evidence.tallies(None, chosen, scope), lambda key: key.task)
        return [(task, sums.get(task.code, Totals())) for task in await self._plan.tasks()]

    async def task(self, caller: Caller, code: str, period_key: str | None) -> TaskNumbers:
        """One task's numbers, whole and in parts.

        Raises:
            AppError: ``reporting.unknown-task``, ``reporting.unknown-period``.
        """
        chosen, task = self.period(period_key), await self._task(code)
        tallies = await self._evidence.tallies(code, chosen, await scope_of(self._units, caller))
        by_unit = totals_by(tallies, lambda key: key.unit_id)
        names = await self._units.names(by_unit)
        named = [(unit_id, names.get(unit_id, unit_id), sums) for unit_id, sums in by_unit.items()]
        return TaskNumbers(
            task=task,
            period=chosen,
            totals=total(tallies),
            by_unit=sorted(named, key=lambda row: (sort_key(row[1]), row[0])),
            by_day=totals_by(tallies, lambda key: key.day.isoformat()),
            by_channel=totals_by(tallies, lambda key: key.channel),
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
    ) -> tuple[list[Line], str | None]:
        """The facts behind a task's numbers, newest first, and where the next page starts.

        Raises:
            AppError: ``reporting.unknown-task``, ``reporting.unknown-period``.
        """
        chosen, task = self.period(period_key), await self._task(code)
        scope = await scope_of(self._units, caller)
        if unit_id is not None:
            scope = (unit_id,) if scope is None or unit_id in scope else ()
        first, last = (day, day) if day else (chosen.start, chosen.end)
        if day is not None and day not in chosen:
            return [], None
        found = await self._evidence.facts(task.code, first, last, scope, channel, before, limit + 1)
        page = found[:limit]
        lines = await self._lines(page)
        return lines, page[-1].order if len(found) > limit else None

    async def proof(self, caller: Caller, fact_id: str) -> tuple[Line, Verdict]:
        """One fact with its proof, checked now.

        Raises:
            NotFound: no such fact, or not for this caller.
        """
        fact = await self._evidence.fact(fact_id, await scope_of(self._units, caller))
        if fact is None:
            raise NotFound("proof")
        return (await self._lines([fact]))[0], check_proof(fact)

    async def import_plan(self, caller: Caller, tasks: Iterable[Task]) -> int:
        """Take up the plan's tasks over those with the same codes; how many tasks the plan has then.

        Raises:
            Forbidden: the caller is not the province's administrator.
        """
        await require_province_admin(self._units, caller)
        await self._plan.put(tasks)
        return len(await self._plan.tasks())

    async def rebuild(self, caller: Caller) -> tuple[int, int]:
        """Count every fact again; how many cells there are, and how many of them were wrong and are mended.

        Raises:
            Forbidden: the caller is not the province's administrator.
            StaleVersion: a cell kept changing; repeat.
        """
        await require_province_admin(self._units, caller)
        return await rebuild(self._evidence)

    async def _task(self, code: str) -> Task:
        task = await self._plan.task(code)
        if task is None:
            raise AppError("reporting.unknown-task", 404, task=code)
        return task

    async def _lines(self, facts: list[Fact]) -> list[Line]:
        names = await self._units.names(fact.unit_id for fact in facts)
        return [Line(fact, names.get(fact.unit_id, fact.unit_id)) for fact in facts]
