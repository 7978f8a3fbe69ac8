"""The evidence as XLSX, line by line as it is read, so that its length does not matter to memory."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import IO
from urllib.parse import quote

import xlsxwriter  # type: ignore[import-untyped]  # it has neither stubs nor a py.typed

from lantoa_calendar.periods import ZONE, Period
from lantoa_reporting.domain import Task, Totals, View
from lantoa_reporting.domain.paper import CHANNEL_NAMES, Count, evidence_sha256, short_day
from lantoa_reporting.usecases.papers import EvidenceLine

COVER, LINES = "Tổng hợp", "Minh chứng"
COLUMNS = (
    ("TT", 7),
    ("Ngày", 11),
    ("Giờ", 9),
    ("Kênh", 22),
    ("Nhiệm vụ", 9),
    ("Đơn vị (tại ngày có kết quả)", 28),
    ("Tính cho đơn vị", 28),
    ("Tiêu đề", 60),
    ("Thời lượng (giây)", 12),
    ("Lượt phát thanh", 11),
    ("Giây phát thanh", 12),
    ("Lượt hiển thị", 11),
    ("Bài trên web", 11),
    ("Lượt dự thi", 11),
    ("Mã minh chứng", 60),
    ("Địa chỉ minh chứng", 70),
)
_FIRST_SUM = 9
_SUM_LETTERS = "JKLMN"
_SUMS = ("radio", "seconds", "board", "web", "contest")


class EvidenceBook:
    """A workbook that is written while its lines come: :meth:`add` them newest first, then :meth:`close`."""

    def __init__(self, file: IO[bytes]) -> None:
        # Text is only ever written by write_string: what looks like a formula or an address stays text.
        self._book = xlsxwriter.Workbook(file, {"constant_memory": True})
        self._bold = self._book.add_format({"bold": True, "text_wrap": True, "valign": "vcenter", "border": 1})
        self._title = self._book.add_format({"bold": True, "font_size": 14})
        self._day = self._book.add_format({"num_format": "dd/mm/yyyy"})
        self._time = self._book.add_format({"num_format": "hh:mm:ss"})
        self._seconds = self._book.add_format({"num_format": "#,##0.0##"})
        self._whole = self._book.add_format({"num_format": "#,##0"})
        self._minutes = self._book.add_format({"num_format": "#,##0.0"})
        self._cover = self._book.add_worksheet(COVER)
        self._lines = self._book.add_worksheet(LINES)
        self._counts: defaultdict[str, Count] = defaultdict(Count)
        self._ids: defaultdict[str, list[str]] = defaultdict(list)
        self._all = Count()
        self._row = 0
        for place, (name, width) in enumerate(COLUMNS):
            self._lines.set_column(place, place, width)
            self._lines.write_string(0, place, name, self._bold)
        self._lines.freeze_panes(1, 0)

    def add(self, lines: Iterable[EvidenceLine]) -> None:
        """Write lines below those that are there."""
        for line in lines:
            self._row += 1
            self._write(self._row, line)

    def _write(self, row: int, line: EvidenceLine) -> None:
        fact, sheet = line.line.fact, self._lines
        self._counts[line.task].add(fact)
        self._all.add(fact)
        self._ids[line.task].append(fact.fact_id)
        at = fact.at.astimezone(ZONE).replace(tzinfo=None)
        sheet.write_number(row, 0, row)
        sheet.write_datetime(row, 1, at.date(), self._day)
        sheet.write_datetime(row, 2, at.time(), self._time)
        texts = (CHANNEL_NAMES[fact.channel], line.task, line.line.unit_name, line.shown_as, fact.title)
        for place, text in enumerate(texts, start=3):
            sheet.write_string(row, place, text)
        seconds = fact.milliseconds / 1000
        sheet.write_number(row, 8, seconds, self._seconds)
        for place, name in enumerate(_SUMS, start=_FIRST_SUM):
            number = seconds * (fact.channel == "radio") if name == "seconds" else int(fact.channel == name)
            sheet.write_number(row, place, number, self._seconds if name == "seconds" else self._whole)
        sheet.write_string(row, 14, fact.fact_id)
        sheet.write_string(row, 15, f"/#/proofs/{quote(fact.fact_id, safe='')}")

    def close(self, *, unit_name: str, period: Period, view: View, made_at: str, tasks: Sequence[Task]) -> None:
        """Write the cover, whose totals are those of the lines, and finish the file."""
        self._lines.autofilter(0, 0, max(self._row, 1), len(COLUMNS) - 1)
        cover = self._cover
        for place, width in enumerate((14, 62, 13, 13, 13, 13, 13, 13, 68)):
            cover.set_column(place, place, width)
        cover.write_string(0, 0, "Minh chứng kết quả thực hiện Kế hoạch số 75/KH-UBND", self._title)
        told = (
            ("Đơn vị", unit_name),
            ("Kỳ", f"{period.key}: từ ngày {short_day(period.start)} đến ngày {short_day(period.end)}"),
            ("Tính theo", "đơn vị tại ngày có kết quả" if view == "then" else "đơn vị hiện nay"),
            ("Lập lúc", f"{made_at} (giờ Việt Nam)"),
            ("Ghi chú", "Một minh chứng phục vụ nhiều nhiệm vụ có một dòng ở mỗi nhiệm vụ; giờ theo UTC+7."),
        )
        for row, (name, text) in enumerate(told, start=1):
            cover.write_string(row, 0, name)
            cover.write_string(row, 1, text)
        names = ("Nhiệm vụ", "Tên", "Số dòng", "Lượt phát thanh", "Phút phát thanh", "Lượt hiển thị", "Bài trên web")
        row = len(told) + 2
        for place, name in enumerate((*names, "Lượt dự thi", "Mã băm của minh chứng (SHA-256)")):
            cover.write_string(row, place, name, self._bold)
        for task in tasks:
            row += 1
            cover.write_string(row, 0, task.code)
            cover.write_string(row, 1, task.title)
            self._numbers(row, self._counts[task.code].totals)
            cover.write_string(row, 8, evidence_sha256(self._ids[task.code]))
        cover.write_string(row + 1, 1, "Cộng các dòng", self._bold)
        self._numbers(row + 1, self._all.totals)
        cover.write_string(row + 2, 1, "Cộng các dòng đang lọc ở trang Minh chứng", self._bold)
        self._subtotals(row + 2)
        self._book.close()

    def _subtotals(self, row: int) -> None:
        """Sums that follow the filter of the lines; what they come to now stands beside the formula in the file."""
        totals, last = self._all.totals, max(self._row, 1) + 1

        def subtotal(place: int) -> str:
            letter = _SUM_LETTERS[place]
            return f"SUBTOTAL(109,'{LINES}'!{letter}2:{letter}{last})"

        formulas = (
            (f"SUBTOTAL(102,'{LINES}'!A2:A{last})", self._whole, self._row),
            (subtotal(0), self._whole, totals.airings),
            (f"ROUND({subtotal(1)}/60,1)", self._minutes, totals.airing_minutes),
            (subtotal(2), self._whole, totals.displays),
            (subtotal(3), self._whole, totals.posts),
            (subtotal(4), self._whole, totals.attempts),
        )
        for place, (formula, form, value) in enumerate(formulas, start=2):
            self._cover.write_formula(row, place, f"={formula}", form, value)

    def _numbers(self, row: int, totals: Totals) -> None:
        lines = totals.airings + totals.displays + totals.posts + totals.attempts
        whole = ((2, lines), (3, totals.airings), (5, totals.displays), (6, totals.posts), (7, totals.attempts))
        for place, number in whole:
            self._cover.write_number(row, place, number, self._whole)
        self._cover.write_number(row, 4, totals.airing_minutes, self._minutes)
