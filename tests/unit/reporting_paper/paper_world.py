"""The demo's plan and territory with facts in memory, and the documents made of them."""

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from reporting_memory import MemoryEvidence, MemoryUnits

from lantoa_calendar.periods import ZONE
from lantoa_reporting.adapters.paper.workbook import EvidenceBook
from lantoa_reporting.adapters.paper.yearly import write_yearly
from lantoa_reporting.domain import Channel, DeviceWord, Fact, Task, Unit
from lantoa_reporting.usecases.evidence import take_up
from lantoa_reporting.usecases.papers import Papers
from lantoa_reporting.usecases.reports import Reports
from lantoa_runtime.http import Caller, Grant

DEMO = Path(__file__).parents[3] / "demo"
YEAR = "plan75-2027"
MORNING = datetime(2026, 11, 20, 5, 0, tzinfo=ZONE)
VINH_LONG, TRA_VINH = "u-86-2025", "u-84-2022"
CAU_KE, LONG_DUC = "u-29308-2025", "u-29263-2025"
NO_WORD = DeviceWord(kid="k", p="", sig="", device_public_key="", session_id=None, entry_id="e", media_sha256="0" * 64)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def territory() -> dict[str, Unit]:
    """The demo's units and bodies."""
    told, people = (json.loads((DEMO / name).read_text()) for name in ("units.json", "people.json"))
    rows = {row["unit_id"]: row for row in (*told["units"], *people["bodies"])}
    heirs: dict[str, list[str]] = {}
    for link in told["successors"]:
        old, new = (link[name] for name in ("unit_id", "successor_id"))
        heirs.setdefault(old, []).append(new)

    def path(unit_id: str) -> tuple[str, ...]:
        parent = rows[unit_id]["parent"]
        return (*path(parent), unit_id) if parent else (unit_id,)

    return {
        unit_id: Unit(
            unit_id,
            row["name"],
            row["kind"],
            path(unit_id),
            _day(row["valid_from"]),
            _day(row["valid_to"]),
            tuple(heirs.get(unit_id, ())),
        )
        for unit_id, row in rows.items()
    }


def plan() -> list[Task]:
    """The plan's fifteen tasks."""
    tasks = json.loads((DEMO / "plan75.json").read_text())["tasks"]
    return [Task(row["code"], row["vi"], row["en"], tuple(row["lead"]), tuple(row["with"])) for row in tasks]


def fact(
    number: int,
    channel: Channel = "radio",
    *,
    at: datetime | None = None,
    seconds: float = 64.6,
    unit_id: str = CAU_KE,
    tasks: tuple[str, ...] = ("08",),
    title: str | None = None,
) -> Fact:
    """A fact whose proof nobody looks at here."""
    at = at or MORNING + timedelta(minutes=number)
    kind = {"radio": "airing", "board": "display", "web": "post", "contest": "attempt"}[channel]
    return Fact(
        fact_id=f"{kind}:d-1:e-{number}",
        channel=channel,
        unit_id=unit_id,
        device_id=None,
        item_id="i-1",
        revision=1,
        title=title or f"Bản tin số {number}",
        priority="normal",
        tasks=tasks,
        topic="skills",
        started_at=at,
        ended_at=at,
        seconds=seconds if channel in ("radio", "board") else 0.0,
        proof=NO_WORD,
    )


@dataclass
class MemoryPlan:
    """The plan's tasks."""

    rows: list[Task] = field(default_factory=plan)

    async def tasks(self) -> list[Task]:
        return self.rows

    async def task(self, code: str) -> Task | None:
        return next((row for row in self.rows if row.code == code), None)


@dataclass
class StandingClock:
    """A clock that stands still."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


@dataclass
class World:
    """Reports and papers over facts in memory, at one moment."""

    moment: datetime = datetime(2026, 11, 24, 1, 5, 31, tzinfo=UTC)
    units: dict[str, Unit] = field(default_factory=territory)
    evidence: MemoryEvidence = field(default_factory=MemoryEvidence)

    def __post_init__(self) -> None:
        told = MemoryUnits()
        for unit in self.units.values():
            told.tell(1, unit)
        clock = StandingClock(self.moment)
        self.reports = Reports(self.evidence, MemoryPlan(), told, clock)
        self.papers = Papers(self.reports, told, clock)

    async def take(self, *facts: Fact) -> "World":
        for one in facts:
            await take_up(self.evidence, one)
        return self

    async def yearly(self, unit_id: str = VINH_LONG, period: str = YEAR, view="then"):
        """The yearly report as a reporter of the unit gets it."""
        return await self.papers.yearly(await self.papers.asked(reporter(unit_id), period, unit_id, view))

    async def docx(self, *args, **kwargs) -> bytes:
        file = io.BytesIO()
        write_yearly(await self.yearly(*args, **kwargs), file)
        return file.getvalue()

    async def xlsx(self, unit_id: str = VINH_LONG, period: str = YEAR, view="then", code: str | None = None) -> bytes:
        asked = await self.papers.asked(reporter(unit_id), period, unit_id, view)
        tasks = await self.papers.tasks(asked, code)
        file = io.BytesIO()
        book = EvidenceBook(file)
        book.add([line async for line in self.papers.evidence(asked, tasks)])
        book.close(
            unit_name=asked.unit.name, period=asked.period, view=view, made_at=self.papers.now_local(), tasks=tasks
        )
        return file.getvalue()


def reporter(unit_id: str) -> Caller:
    return Caller("p-1", "Võ Thị Thu Hà", (Grant("reporter", unit_id),))
