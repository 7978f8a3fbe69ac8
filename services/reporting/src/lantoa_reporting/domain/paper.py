"""The yearly report as it goes to paper: what was counted, from which evidence, in plain sentences."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from lantoa_calendar.periods import Period
from lantoa_reporting.domain.bodies import Letterhead
from lantoa_reporting.domain.cells import Totals
from lantoa_reporting.domain.facts import Channel, Fact
from lantoa_reporting.domain.plan import Task
from lantoa_reporting.domain.territory import View

PLAN = "Kế hoạch số 75/KH-UBND ngày 31 tháng 10 năm 2022 của Ủy ban nhân dân tỉnh Trà Vinh"
PLAN_SUBJECT = "truyền thông nâng cao nhận thức về chuyển đổi số đến năm 2025, định hướng đến năm 2030"
CHANNEL_NAMES: Mapping[Channel, str] = {
    "radio": "Truyền thanh",
    "board": "Bảng tin điện tử",
    "web": "Trang thông tin điện tử",
    "contest": "Cuộc thi trực tuyến",
}
_NUMBERS: Mapping[Channel, str] = {
    "radio": "airings",
    "board": "displays",
    "web": "posts",
    "contest": "attempts",
}


@dataclass(slots=True)
class Count:
    """A sum that grows fact by fact."""

    airings: int = 0
    airing_milliseconds: int = 0
    displays: int = 0
    posts: int = 0
    attempts: int = 0

    def add(self, fact: Fact) -> None:
        """Count one fact."""
        name = _NUMBERS[fact.channel]
        setattr(self, name, getattr(self, name) + 1)
        if fact.channel == "radio":
            self.airing_milliseconds += fact.milliseconds

    @property
    def totals(self) -> Totals:
        """The sum so far."""
        return Totals(self.airings, self.airing_milliseconds, self.displays, self.posts, self.attempts)


def evidence_sha256(fact_ids: Iterable[str]) -> str:
    """The hash of a set of evidence: SHA-256 (hex) over the fact ids in the order of their characters, one a line."""
    return hashlib.sha256("".join(f"{fact_id}\n" for fact_id in sorted(set(fact_ids))).encode()).hexdigest()


class Gathered:
    """Facts of several tasks, counted: for each task, for each unit, and all together with each fact once."""

    def __init__(self, codes: Iterable[str]) -> None:
        self._codes = frozenset(codes)
        self._ids: defaultdict[str, list[str]] = defaultdict(list)
        self._all = Count()
        self._by_task: defaultdict[str, Count] = defaultdict(Count)
        self._by_unit: defaultdict[str, Count] = defaultdict(Count)

    def add(self, code: str, fact: Fact, unit_id: str) -> None:
        """Count a fact for one of its tasks, under a unit."""
        self._ids[code].append(fact.fact_id)
        self._by_task[code].add(fact)
        # In sums over tasks a fact stands once: with the first of its tasks that the plan has.
        if code == min(self._codes.intersection(fact.tasks)):
            self._all.add(fact)
            self._by_unit[unit_id].add(fact)

    def of_task(self, code: str) -> Totals:
        """The numbers of a task."""
        return self._by_task[code].totals

    @property
    def all(self) -> Totals:
        """All facts, each once."""
        return self._all.totals

    @property
    def by_unit(self) -> dict[str, Totals]:
        """All facts, each once, by unit."""
        return {unit_id: count.totals for unit_id, count in self._by_unit.items()}

    def lines(self, code: str) -> int:
        """How many facts a task has."""
        return len(self._ids[code])

    def sha256(self, code: str | None = None) -> str:
        """The hash of a task's evidence, or of all."""
        return evidence_sha256(self._ids[code] if code else (one for ids in self._ids.values() for one in ids))


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task in the report: its lead bodies at the report's date, its numbers, its evidence by number and hash."""

    task: Task
    leads: str
    totals: Totals
    evidence: int
    evidence_sha256: str


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit in the report; ``former`` is one that is not in force at the report's date."""

    name: str
    former: bool
    totals: Totals


@dataclass(frozen=True, slots=True)
class YearlyReport:
    """The whole report.

    ``made_at`` is local; ``copies`` are bodies that get the report besides the addressee; ``of_all``: it is of the
    province, whose reporters see every unit without asking for one.
    """

    head: Letterhead
    unit_id: str
    of_all: bool
    period: Period
    view: View
    made_at: datetime
    totals: Totals
    tasks: Sequence[TaskRow]
    units: Sequence[UnitRow]
    evidence_sha256: str
    copies: tuple[str, ...] = ()

    @property
    def day(self) -> date:
        """The report's date."""
        return self.made_at.date()

    @property
    def subject(self) -> str:
        """What the report is about (trích yếu)."""
        return (
            "Kết quả thực hiện Kế hoạch số 75/KH-UBND về truyền thông nâng cao nhận thức về chuyển đổi số, "
            f"kỳ báo cáo từ ngày {short_day(self.period.start)} đến ngày {short_day(self.period.end)}"
        )


def whole(number: int) -> str:
    """A whole number as it is written in Vietnamese: ``1.234``."""
    return f"{number:,}".replace(",", ".")


def decimal(number: float) -> str:
    """A number with one decimal as it is written in Vietnamese: ``1.234,5``; nothing is ``0``."""
    return f"{number:,.1f}".translate(str.maketrans(",.", ".,")) if number else "0"


def short_day(day: date) -> str:
    """A day in figures: ``05/11/2026``."""
    return f"{day:%d/%m/%Y}"


def long_day(day: date) -> str:
    """A day in words as documents carry it: days below 10 and months 1 and 2 with a zero (Decree 30/2020, II.4b)."""
    month = f"{day.month:02d}" if day.month <= 2 else str(day.month)
    return f"ngày {day.day:02d} tháng {month} năm {day.year}"


def cells(totals: Totals) -> tuple[str, ...]:
    """Airings, minutes, displays, posts and attempts as they stand in a table."""
    counts = (totals.displays, totals.posts, totals.attempts)
    return (whole(totals.airings), decimal(totals.airing_minutes), *map(whole, counts))


def told(totals: Totals) -> str:
    """Numbers in words; what is nothing is not told."""
    parts = []
    if totals.airings:
        parts.append(f"{whole(totals.airings)} lượt phát thanh với {decimal(totals.airing_minutes)} phút")
    if totals.displays:
        parts.append(f"{whole(totals.displays)} lượt hiển thị trên bảng tin điện tử công cộng")
    if totals.posts:
        parts.append(f"{whole(totals.posts)} tin, bài trên trang thông tin điện tử")
    if totals.attempts:
        parts.append(f"{whole(totals.attempts)} lượt dự thi trực tuyến")
    return "; ".join(parts)


def results(report: YearlyReport) -> tuple[str, ...]:
    """The first part of the report in sentences, each of which the evidence bears out."""
    done = [row for row in report.tasks if row.evidence]
    missing = [row.task.code for row in report.tasks if not row.evidence]
    if not done:
        nothing = (
            f"Trong kỳ báo cáo, nền tảng chưa ghi nhận minh chứng nào đối với {len(report.tasks)} nhiệm vụ của "
            "Kế hoạch. Kết quả thực hiện ngoài nền tảng (nếu có) do cơ quan báo cáo bổ sung."
        )
        return (nothing,)
    where = f", thực hiện tại {whole(len(report.units))} đơn vị" if report.of_all else ""
    opening = (
        f"Trong kỳ báo cáo, {len(done)}/{len(report.tasks)} nhiệm vụ của Kế hoạch có kết quả được xác nhận bằng minh "
        f"chứng{where}, gồm: {told(report.totals)}."
    )
    each = [f"Nhiệm vụ {row.task.code} - {row.task.title}: {told(row.totals)}." for row in done]
    closing = (
        f"Các nhiệm vụ chưa có minh chứng trên nền tảng: {', '.join(missing)}. Kết quả thực hiện ngoài nền tảng "
        "(nếu có) do cơ quan báo cáo bổ sung."
    )
    return (opening, *each, *((closing,) if missing else ()))
