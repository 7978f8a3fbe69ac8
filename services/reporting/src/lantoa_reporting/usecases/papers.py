"""The yearly report and the list of evidence: gathered from the same facts that the reports show."""

import heapq
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date

from lantoa_calendar.periods import ZONE, Period, local_day
from lantoa_calendar.text import sort_key
from lantoa_contracts.policy import PAPER_MAKE
from lantoa_reporting.domain import Task, Totals, Unit, View, as_now
from lantoa_reporting.domain.bodies import leads, letterhead, names_of
from lantoa_reporting.domain.paper import Gathered, TaskRow, UnitRow, YearlyReport
from lantoa_reporting.usecases.ports import Units
from lantoa_reporting.usecases.reports import Line, Reports, scope_of
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Forbidden, NotFound
from lantoa_runtime.http import Caller, Grant

MOST_LINES = 250_000
"""Lines of evidence that one document takes; a worksheet holds 1,048,575 below its header."""
_PAGE = 1_000


@dataclass(frozen=True)
class Asked:
    """What a document is asked for, checked: ``reader`` is the caller seen as a reporter of this unit alone."""

    reader: Caller
    unit: Unit
    period: Period
    view: View
    units: dict[str, Unit]
    shown: dict[str, str]

    def under(self, unit_id: str) -> str:
        """The unit under which a unit's facts are shown."""
        return self.shown.get(unit_id, unit_id)

    def name(self, unit_id: str) -> str:
        """A unit's name, its id while it is not known."""
        return self.units[unit_id].name if unit_id in self.units else unit_id


@dataclass(frozen=True)
class EvidenceLine:
    """A fact as it serves one task; ``shown_as`` is the name of the unit that it is shown under."""

    task: str
    line: Line
    shown_as: str


class Papers:
    """What is put on paper, for who may make papers of a unit."""

    def __init__(self, reports: Reports, units: Units, clock: Clock) -> None:
        self._reports = reports
        self._units = units
        self._clock = clock

    async def asked(self, caller: Caller, period_key: str | None, unit_id: str | None, view: View) -> Asked:
        """Check what is asked for. Without a unit it is the one that the caller reports for.

        Raises:
            AppError: ``reporting.unknown-period``, ``reporting.unit-needed``.
            NotFound: no such unit.
            Forbidden: the caller may not make papers there, nor oversees the province.
        """
        period = self._reports.period(period_key)
        units = await self._units.all()
        unit = units.get(unit_id or _own_unit(caller, units, local_day(self._clock.now())))
        if unit is None:
            raise NotFound("unit")
        if await scope_of(self._units, caller) is not None:
            caller.require(PAPER_MAKE, unit.path)
        reader = Caller(caller.id, caller.name, (Grant("reporter", unit.unit_id),))
        shown = as_now(units, local_day(self._clock.now())) if view == "now" else {}
        return Asked(reader, unit, period, view, units, shown)

    async def yearly(self, asked: Asked) -> YearlyReport:
        """The yearly report of a unit, with the names of bodies as they are on the day it is made.

        Its numbers are counted from the very facts whose hash it carries.

        Raises:
            AppError: ``reporting.unit-ended``: a body that is no more signs nothing; ``reporting.too-many-lines``.
        """
        made_at = self._clock.now().astimezone(ZONE)
        day = made_at.date()
        if not asked.unit.stands(day):
            raise AppError("reporting.unit-ended", 422, unit=asked.unit.name)
        tasks = [task for task, _ in await self._few_enough(asked, None)]
        gathered = Gathered(task.code for task in tasks)
        for task in tasks:
            async for line in self._lines_of(asked, task.code):
                gathered.add(task.code, line.fact, asked.under(line.fact.unit_id))
        rows = [
            TaskRow(
                task=task,
                leads=leads(task.lead, day),
                totals=gathered.of_task(task.code),
                evidence=gathered.lines(task.code),
                evidence_sha256=gathered.sha256(task.code),
            )
            for task in tasks
        ]
        by_name = sorted(gathered.by_unit.items(), key=lambda found: (sort_key(asked.name(found[0])), found[0]))
        return YearlyReport(
            head=letterhead(asked.units, asked.unit, day),
            unit_id=asked.unit.unit_id,
            of_all=asked.unit.kind == "province",
            period=asked.period,
            view=asked.view,
            made_at=made_at,
            totals=gathered.all,
            tasks=rows,
            units=[
                UnitRow(asked.name(unit_id), unit_id in asked.units and not asked.units[unit_id].stands(day), totals)
                for unit_id, totals in by_name
            ],
            evidence_sha256=gathered.sha256(),
            copies=tuple(body.name for body in names_of("S", day)[1:]) if asked.unit.kind == "province" else (),
        )

    async def tasks(self, asked: Asked, code: str | None) -> list[Task]:
        """The tasks whose evidence is listed: one or all of the plan.

        Raises:
            AppError: ``reporting.unknown-task``, ``reporting.too-many-lines``.
        """
        return [task for task, _ in await self._few_enough(asked, code)]

    async def evidence(self, asked: Asked, tasks: list[Task]) -> AsyncIterator[EvidenceLine]:
        """Every fact of these tasks, once for each of them that it serves; the newest first, then by task."""
        streams = {task.code: self._lines_of(asked, task.code) for task in tasks}
        heads: list[tuple[_Newest, str, Line]] = []
        for code, stream in streams.items():
            async for line in stream:
                heads.append((_Newest(line.fact.order), code, line))
                break
        heapq.heapify(heads)
        while heads:
            _, code, line = heads[0]
            yield EvidenceLine(code, line, asked.name(asked.under(line.fact.unit_id)))
            following = await anext(streams[code], None)
            if following is None:
                heapq.heappop(heads)
            else:
                heapq.heapreplace(heads, (_Newest(following.fact.order), code, following))

    def now_local(self) -> str:
        """The moment at which a document is made, local, as it is written: ``24/11/2026 08:05:31``."""
        return f"{self._clock.now().astimezone(ZONE):%d/%m/%Y %H:%M:%S}"

    async def _few_enough(self, asked: Asked, code: str | None) -> list[tuple[Task, Totals]]:
        found = await self._reports.tasks(asked.reader, asked.period.key, asked.view)
        chosen = [(task, totals) for task, totals in found if code in (None, task.code)]
        if not chosen and code is not None:
            raise AppError("reporting.unknown-task", 404, task=code)
        lines = sum(totals.airings + totals.displays + totals.posts + totals.attempts for _, totals in chosen)
        if lines > MOST_LINES:
            raise AppError("reporting.too-many-lines", 422, lines=lines, most=MOST_LINES)
        return chosen

    async def _lines_of(self, asked: Asked, code: str) -> AsyncIterator[Line]:
        before: str | None = None
        while True:
            page, before = await self._reports.proofs(
                asked.reader,
                code,
                asked.period.key,
                unit_id=None,
                channel=None,
                day=None,
                before=before,
                limit=_PAGE,
                view=asked.view,
            )
            for line in page:
                yield line
            if before is None:
                return


class _Newest(str):
    """An order that sorts the newest first."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


def _own_unit(caller: Caller, units: Mapping[str, Unit], day: date) -> str:
    """The one unit of today that the caller reports for; whoever follows a former unit holds its papers beside."""
    own = caller.units(PAPER_MAKE)
    if not own:
        raise Forbidden
    standing = [unit_id for unit_id in own if unit_id not in units or units[unit_id].stands(day)]
    if len(own) > 1 and len(standing) != 1:
        raise AppError("reporting.unit-needed", 422)
    return own[0] if len(own) == 1 else standing[0]
