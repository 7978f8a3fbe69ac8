"""Reports over HTTP, down to the single proof."""

import binascii
from base64 import b64decode, urlsafe_b64encode
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from lantoa_calendar.periods import Period
from lantoa_contracts.base import Id, SignedDocument, TaskCode
from lantoa_reporting.domain import Channel, Task, Totals
from lantoa_reporting.usecases.evidence import Verdict
from lantoa_reporting.usecases.reports import Line, Reports
from lantoa_runtime.errors import AppError
from lantoa_runtime.http import CallerDep, Page, PageLimit

Text = Annotated[str, Field(min_length=1, max_length=500)]
Selectors = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=50)]
PeriodKey = Annotated[str | None, Query(max_length=40)]


class PlanTask(BaseModel):
    """A task as the plan's file has it."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    code: TaskCode
    vi: Text
    en: Text
    lead: Selectors
    partners: Selectors = Field(alias="with")


class PlanImport(BaseModel):
    """The plan's file as it is; reporting takes the tasks out of it."""

    model_config = ConfigDict(extra="ignore")

    tasks: Annotated[list[PlanTask], Field(min_length=1, max_length=50)]


class Imported(BaseModel):
    """How many tasks the plan has."""

    tasks: int


class Rebuilt(BaseModel):
    """How many cells were counted again, and how many of them had been wrong."""

    cells: int
    mended: int


class PeriodOut(BaseModel):
    """A period, its first and last day included."""

    key: str
    start: date
    end: date


class Numbers(BaseModel):
    """Airings, their minutes (one decimal) and displays."""

    airings: int
    airing_minutes: float
    displays: int


class TaskLine(BaseModel):
    """A task with its numbers."""

    code: str
    title: str
    title_en: str
    lead: list[str]
    partners: list[str] = Field(serialization_alias="with")
    totals: Numbers


class UnitNumbers(Numbers):
    """Numbers of one unit."""

    unit_id: str
    unit_name: str


class DayNumbers(Numbers):
    """Numbers of one day in Việt Nam."""

    day: str


class ChannelNumbers(Numbers):
    """Numbers of one channel."""

    channel: str


class TaskReport(TaskLine):
    """A task with its numbers in parts."""

    period: PeriodOut
    by_unit: list[UnitNumbers]
    by_day: list[DayNumbers]
    by_channel: list[ChannelNumbers]


class FactOut(BaseModel):
    """One fact."""

    fact_id: str
    channel: Channel
    item_id: str
    revision: int
    title: str
    tasks: list[str]
    topic: str
    unit_id: str
    unit_name: str
    device_id: str
    day: date
    started_at: datetime
    ended_at: datetime
    seconds: float


class ProofOut(FactOut):
    """One fact, the device's signed word for it, and what checking that word just now found."""

    proof: SignedDocument
    device_public_key: str
    signature_valid: bool
    """The device signed exactly this."""
    doubts: list[str]
    """Names of what does not hold."""
    chain: dict[str, str | None]


def _period(found: Period) -> PeriodOut:
    return PeriodOut(key=found.key, start=found.start, end=found.end)


def _numbers(totals: Totals) -> dict[str, Any]:
    return {"airings": totals.airings, "airing_minutes": totals.airing_minutes, "displays": totals.displays}


def _task(task: Task, totals: Totals) -> dict[str, Any]:
    return {
        "code": task.code,
        "title": task.title,
        "title_en": task.title_en,
        "lead": list(task.lead),
        "partners": list(task.partners),
        "totals": Numbers(**_numbers(totals)),
    }


def _fact(line: Line) -> dict[str, Any]:
    names = FactOut.model_fields.keys() - {"unit_name"}
    return {**{name: getattr(line.fact, name) for name in names}, "unit_name": line.unit_name}


def _proof(line: Line, verdict: Verdict) -> ProofOut:
    fact = line.fact
    media = "audio_sha256" if fact.channel == "radio" else "slide_sha256"
    return ProofOut(
        **_fact(line),
        proof=SignedDocument(kid=fact.proof.kid, p=fact.proof.p, sig=fact.proof.sig),
        device_public_key=fact.device_public_key,
        signature_valid=not verdict.doubts,
        doubts=list(verdict.doubts),
        chain={"rundown_sha256": verdict.rundown_sha256, media: fact.media_sha256, "entry_id": fact.entry_id},
    )


def _cursor(order: str | None) -> str | None:
    return urlsafe_b64encode(order.encode()).decode() if order else None


def _order(cursor: str | None) -> str | None:
    try:
        return b64decode(cursor, altchars=b"-_", validate=True).decode() if cursor else None
    except (binascii.Error, ValueError):
        raise AppError("bad-cursor", 400) from None


def router(reports: Reports) -> APIRouter:
    """The routes below ``/api/v1/reporting``."""
    routes = APIRouter()

    @routes.get("/periods")
    async def periods(caller: CallerDep) -> Page[PeriodOut]:
        """The periods that can be reported on."""
        return Page(items=[_period(found) for found in await reports.periods(caller)])

    @routes.get("/tasks")
    async def tasks(caller: CallerDep, period: PeriodKey = None) -> Page[TaskLine]:
        """The plan's tasks with their numbers in a period."""
        found = await reports.tasks(caller, period)
        return Page(items=[TaskLine(**_task(task, totals)) for task, totals in found])

    @routes.get("/tasks/{code}")
    async def task(caller: CallerDep, code: str, period: PeriodKey = None) -> TaskReport:
        """One task with its numbers by unit, day and channel."""
        found = await reports.task(caller, code, period)
        return TaskReport(
            **_task(found.task, found.totals),
            period=_period(found.period),
            by_unit=[UnitNumbers(unit_id=unit, unit_name=name, **_numbers(sums)) for unit, name, sums in found.by_unit],
            by_day=[DayNumbers(day=day, **_numbers(sums)) for day, sums in found.by_day.items()],
            by_channel=[ChannelNumbers(channel=name, **_numbers(sums)) for name, sums in found.by_channel.items()],
        )

    @routes.get("/tasks/{code}/proofs")
    async def proofs(
        caller: CallerDep,
        code: str,
        period: PeriodKey = None,
        unit_id: Id | None = None,
        channel: Channel | None = None,
        day: date | None = None,
        cursor: Annotated[str | None, Query(max_length=400)] = None,
        limit: PageLimit = 50,
    ) -> Page[FactOut]:
        """The facts behind a task's numbers, the newest first."""
        lines, after = await reports.proofs(
            caller, code, period, unit_id=unit_id, channel=channel, day=day, before=_order(cursor), limit=limit
        )
        return Page(items=[FactOut(**_fact(line)) for line in lines], next=_cursor(after))

    @routes.get("/proofs/{fact_id}")
    async def proof(caller: CallerDep, fact_id: str) -> ProofOut:
        """One fact with the device's signed word for it, checked now."""
        return _proof(*await reports.proof(caller, fact_id))

    @routes.post("/plan")
    async def import_plan(caller: CallerDep, plan: PlanImport) -> Imported:
        """Take up the plan's tasks."""
        tasks = [Task(task.code, task.vi, task.en, tuple(task.lead), tuple(task.partners)) for task in plan.tasks]
        return Imported(tasks=await reports.import_plan(caller, tasks))

    @routes.post("/rebuild")
    async def rebuild(caller: CallerDep) -> Rebuilt:
        """Count the numbers again from the facts; says what was mended."""
        cells, mended = await reports.rebuild(caller)
        return Rebuilt(cells=cells, mended=mended)

    return routes
