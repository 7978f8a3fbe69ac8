"""What reports say over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from lantoa_calendar.periods import Period
from lantoa_contracts.base import SignedDocument, TaskCode
from lantoa_reporting.domain import Channel, DeviceWord, Fact, PageSeen, Priority, SealedAttempt, Task, Totals
from lantoa_reporting.usecases.proofs import Verdict
from lantoa_reporting.usecases.reports import Line, Summary, TaskNumbers

Text = Annotated[str, Field(min_length=1, max_length=500)]
Selectors = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=50)]


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
    """Airings, their minutes (one decimal), displays, posts and attempts, each counted apart."""

    airings: int
    airing_minutes: float
    displays: int
    posts: int
    attempts: int


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
    former: bool
    """The unit is not in force today."""


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


class SummaryOut(BaseModel):
    """Everything in a period, each fact once however many tasks it serves, and how far the plan is covered."""

    period: PeriodOut
    totals: Numbers
    tasks: int
    tasks_without_evidence: int


class FactOut(BaseModel):
    """One fact, under the unit of its day.

    What it does not have is empty: posts and attempts have no device; attempts no item and revision 0; only attempts
    have a contest.
    """

    fact_id: str
    channel: Channel
    item_id: str
    contest_id: str
    revision: int
    title: str
    priority: Priority
    tasks: list[str]
    topic: str
    unit_id: str
    unit_name: str
    device_id: str
    day: date
    at: datetime
    """The moment that it counts at: an attempt's submission, everything else's start."""
    started_at: datetime
    ended_at: datetime
    seconds: float


class PostProof(BaseModel):
    """Where a post was seen by a stranger, and what of it was compared."""

    url: str
    approval_sha256: str
    page_sha256: str
    confirmed_at: datetime


class ProofOut(FactOut):
    """One fact, what it stands on, and what checking that just now found."""

    valid: bool
    """What it stands on carries exactly this, and it was not taken back."""
    doubts: list[str]
    """Names of what does not hold."""
    proof: SignedDocument
    """The device's signed word for an airing or display; empty texts where no device speaks."""
    device_public_key: str
    signed: bool
    """False for the word of an MQTT receiver, which cannot sign: only its sign-in speaks for it."""
    signature_valid: bool
    """The same as ``valid``, by its older name; false where nobody signed."""
    post: PostProof | None
    attempt: dict[str, Any] | None
    """Every field that the contest sealed; ``receipt`` is the hash over the others without ``ver``."""
    chain: dict[str, str | None]


def period_out(found: Period) -> PeriodOut:
    """A period as it is shown."""
    return PeriodOut(key=found.key, start=found.start, end=found.end)


def _numbers(totals: Totals) -> dict[str, Any]:
    return {name: getattr(totals, name) for name in Numbers.model_fields}


def _task_fields(task: Task, totals: Totals) -> dict[str, Any]:
    return {
        "code": task.code,
        "title": task.title,
        "title_en": task.title_en,
        "lead": list(task.lead),
        "partners": list(task.partners),
        "totals": Numbers(**_numbers(totals)),
    }


def task_line(task: Task, totals: Totals) -> TaskLine:
    """A task in the list of tasks."""
    return TaskLine(**_task_fields(task, totals))


def task_report(found: TaskNumbers) -> TaskReport:
    """A task with its parts."""
    return TaskReport(
        **_task_fields(found.task, found.totals),
        period=period_out(found.period),
        by_unit=[
            UnitNumbers(unit_id=unit, unit_name=name, former=unit in found.former, **_numbers(sums))
            for unit, name, sums in found.by_unit
        ],
        by_day=[DayNumbers(day=day, **_numbers(sums)) for day, sums in found.by_day.items()],
        by_channel=[ChannelNumbers(channel=name, **_numbers(sums)) for name, sums in found.by_channel.items()],
    )


def summary_out(found: Summary) -> SummaryOut:
    """The summary as it is shown."""
    return SummaryOut(
        period=period_out(found.period),
        totals=Numbers(**_numbers(found.totals)),
        tasks=found.tasks,
        tasks_without_evidence=found.tasks_without_evidence,
    )


def _fact_fields(line: Line) -> dict[str, Any]:
    fact = line.fact
    names = FactOut.model_fields.keys() - {"unit_name"}
    return {
        **{name: getattr(fact, name) for name in names},
        "unit_name": line.unit_name,
        "device_id": fact.device_id or "",
        "item_id": fact.item_id or "",
        "contest_id": fact.contest_id or "",
        "revision": fact.revision or 0,
    }


def fact_out(line: Line) -> FactOut:
    """A fact in a list."""
    return FactOut(**_fact_fields(line))


def proof_out(line: Line, verdict: Verdict) -> ProofOut:
    """A fact with what it stands on."""
    fields = {
        "proof": SignedDocument(kid="", p="", sig=""),
        "device_public_key": "",
        "post": None,
        "attempt": None,
        "signed": True,
        **_fact_fields(line),
        **_proof_fields(line.fact, verdict),
    }
    return ProofOut(
        **fields,
        valid=not verdict.doubts,
        signature_valid=not verdict.doubts and fields["signed"],
        doubts=list(verdict.doubts),
    )


def _proof_fields(fact: Fact, verdict: Verdict) -> dict[str, Any]:
    match fact.proof:
        case DeviceWord() as word:
            media = "audio_sha256" if fact.channel == "radio" else "slide_sha256"
            return {
                "proof": SignedDocument(kid=word.kid, p=word.p, sig=word.sig),
                "device_public_key": word.device_public_key,
                "signed": word.signed,
                "chain": {
                    "rundown_sha256": verdict.rundown_sha256,
                    media: word.media_sha256,
                    "entry_id": word.entry_id,
                },
            }
        case PageSeen() as page:
            shown = {name: getattr(page, name) for name in PostProof.model_fields}
            hashes = {"approval_sha256": page.approval_sha256, "page_sha256": page.page_sha256}
            return {"post": PostProof(**shown), "chain": hashes}
        case SealedAttempt(fields):
            hashes = {name: str(fields[name]) for name in ("rules_sha256", "answer_key_sha256", "receipt")}
            return {"attempt": dict(fields), "chain": hashes}
