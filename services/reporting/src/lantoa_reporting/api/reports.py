"""Reports over HTTP, down to the single proof."""

import binascii
from base64 import b64decode, urlsafe_b64encode
from typing import Annotated

from fastapi import Query

from lantoa_contracts.base import Id
from lantoa_contracts.policy import NUMBERS_REBUILD, PLAN_WRITE, REPORT_READ
from lantoa_reporting.api.models import (
    FactOut,
    Imported,
    PeriodOut,
    PlanImport,
    ProofOut,
    Rebuilt,
    SummaryOut,
    TaskLine,
    TaskReport,
    fact_out,
    period_out,
    proof_out,
    summary_out,
    task_line,
    task_report,
)
from lantoa_reporting.domain import Channel, Task, View
from lantoa_reporting.usecases.reports import Reports
from lantoa_runtime.errors import AppError
from lantoa_runtime.http import Caller, Day, Page, PageLimit, Routes, allows

Reader = Annotated[Caller, allows(REPORT_READ)]
PeriodKey = Annotated[str | None, Query(max_length=40)]
ViewName = Annotated[View, Query(description="As the units were on each fact's day, or as they are today.")]


def _cursor(order: str | None) -> str | None:
    return urlsafe_b64encode(order.encode()).decode() if order else None


def _order(cursor: str | None) -> str | None:
    try:
        return b64decode(cursor, altchars=b"-_", validate=True).decode() if cursor else None
    except (binascii.Error, ValueError):
        raise AppError("bad-cursor", 400) from None


def router(reports: Reports) -> Routes:
    """The routes below ``/api/v1/reporting``."""
    routes = Routes()

    @routes.get("/periods")
    async def periods(_: Reader) -> Page[PeriodOut]:
        """The periods that can be reported on."""
        return Page(items=[period_out(found) for found in await reports.periods()])

    @routes.get("/summary")
    async def summary(caller: Reader, period: PeriodKey = None) -> SummaryOut:
        """What the caller's units have done in a period, and how many tasks still have no evidence."""
        return summary_out(await reports.summary(caller, period))

    @routes.get("/tasks")
    async def tasks(caller: Reader, period: PeriodKey = None, view: ViewName = "then") -> Page[TaskLine]:
        """The plan's tasks with their numbers in a period."""
        found = await reports.tasks(caller, period, view)
        return Page(items=[task_line(task, totals) for task, totals in found])

    @routes.get("/tasks/{code}")
    async def task(caller: Reader, code: str, period: PeriodKey = None, view: ViewName = "then") -> TaskReport:
        """One task with its numbers by unit, day and channel."""
        return task_report(await reports.task(caller, code, period, view))

    @routes.get("/tasks/{code}/proofs")
    async def proofs(
        caller: Reader,
        code: str,
        period: PeriodKey = None,
        unit_id: Id | None = None,
        channel: Channel | None = None,
        day: Day | None = None,
        view: ViewName = "then",
        cursor: Annotated[str | None, Query(max_length=400)] = None,
        limit: PageLimit = 50,
    ) -> Page[FactOut]:
        """The facts behind a task's numbers, the newest first."""
        lines, after = await reports.proofs(
            caller,
            code,
            period,
            unit_id=unit_id,
            channel=channel,
            day=day,
            before=_order(cursor),
            limit=limit,
            view=view,
        )
        return Page(items=[fact_out(line) for line in lines], next=_cursor(after))

    @routes.get("/proofs/{fact_id}")
    async def proof(caller: Reader, fact_id: str) -> ProofOut:
        """One fact with what it stands on, checked now."""
        return proof_out(*await reports.proof(caller, fact_id))

    @routes.post("/plan")
    async def import_plan(caller: Annotated[Caller, allows(PLAN_WRITE)], plan: PlanImport) -> Imported:
        """Take up the plan's tasks."""
        tasks = [Task(task.code, task.vi, task.en, tuple(task.lead), tuple(task.partners)) for task in plan.tasks]
        return Imported(tasks=await reports.import_plan(caller, tasks))

    @routes.post("/rebuild")
    async def rebuild(caller: Annotated[Caller, allows(NUMBERS_REBUILD)]) -> Rebuilt:
        """Count the numbers again from the facts; says what was mended."""
        cells, mended = await reports.rebuild(caller)
        return Rebuilt(cells=cells, mended=mended)

    return routes
