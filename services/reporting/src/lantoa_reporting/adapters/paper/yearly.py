"""The yearly report as DOCX in the form of Decree 30/2020/NĐ-CP, annex I."""

from collections.abc import Sequence
from typing import IO

from docx import Document
from docx.document import Document as Doc
from docx.enum.section import WD_SECTION
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_COLOR_INDEX
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.table import _Cell
from docx.text.paragraph import Paragraph

from lantoa_reporting.adapters.paper import word
from lantoa_reporting.adapters.paper.word import CENTER, FONT, JUSTIFY, LEFT, RIGHT, first, rule, shape, write
from lantoa_reporting.domain.bodies import NAMES, Letterhead
from lantoa_reporting.domain.paper import PLAN, PLAN_SUBJECT, YearlyReport, cells, long_day, results, short_day, whole
from lantoa_reporting.domain.typesetting import Style, name_lines, name_points, width_mm

PAGE_MM, TOP_MM, BOTTOM_MM, LEFT_MM, RIGHT_MM = (210, 297), 20, 20, 30, 15
TEXT_MM = PAGE_MM[0] - LEFT_MM - RIGHT_MM
HEAD_MM = (66, 99)
"""The header's columns: the motto's country line is 95.7 mm wide in 13 points."""
SLACK_MM = 1.5
"""What a line of the header leaves free of its column, for printers that set a little wider."""
BODY = 14
TASKS_MM = (10, 55, 33, 15, 15, 13, 12, 12)
UNITS_MM = (10, 80, 15, 17, 15, 14, 14)
PROOFS_MM = (18, 22, 125)

COUNTRY = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
MOTTO = "Độc lập - Tự do - Hạnh phúc"
NUMBERS = ("Lượt phát thanh", "Phút phát thanh", "Lượt hiển thị", "Bài trên web", "Lượt dự thi")


def write_yearly(report: YearlyReport, file: IO[bytes]) -> None:
    """Write the report into a file."""
    document = Document()
    _set_page(document, report)
    _head(document, report)
    _title(document, report)
    _body(document, report)
    _ending(document, report.head, report.copies)
    _annex(document, report, "I", "Kết quả theo đơn vị")
    _units(document, report)
    _annex(document, report, "II", "Minh chứng của từng số liệu")
    _proofs(document, report)
    document.save(file)


def _set_page(document: Doc, report: YearlyReport) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Mm(PAGE_MM[0]), Mm(PAGE_MM[1])
    section.top_margin, section.bottom_margin = Mm(TOP_MM), Mm(BOTTOM_MM)
    section.left_margin, section.right_margin = Mm(LEFT_MM), Mm(RIGHT_MM)
    section.header_distance = section.footer_distance = Mm(10)
    word.page_number(section, 13)
    style = document.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(BODY)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for script in ("eastAsia", "cs"):
        fonts.set(qn(f"w:{script}"), FONT)
    style.element.rPr.append(word.element("lang", val="vi-VN", eastAsia="vi-VN"))
    about = document.core_properties
    about.title, about.author, about.language = word.clean(report.subject), "Lan Tỏa", "vi-VN"
    about.created = about.modified = report.made_at.replace(tzinfo=None)
    about.comments = ""


def _head(document: Doc, report: YearlyReport) -> None:
    made = word.table(document, 2, HEAD_MM, borders=False, padding_mm=0)
    for row in made.rows:
        word.undivided(row)
    left, right = made.rows[0].cells
    _issuer(left, report.head)
    write(shape(first(right), CENTER), COUNTRY, 13, bold=True, whole=True)
    write(shape(right.add_paragraph(), CENTER), MOTTO, 14, bold=True, whole=True)
    rule(right.add_paragraph(), width_mm(MOTTO, 14, "bold"), HEAD_MM[1])
    number, place = made.rows[1].cells
    symbol = f"Số:        /BC-{report.head.symbol or '…'}"
    write(shape(first(number), CENTER, before=6), symbol, 13, whole=True)
    where = f"{report.head.place}, {long_day(report.day)}"
    size = 14 if width_mm(where, 14, "italic") <= HEAD_MM[1] - SLACK_MM else 13
    write(shape(first(place), CENTER, before=6), where, size, italic=True, whole=True)


def _issuer(cell: _Cell, head: Letterhead) -> None:
    paragraph = first(cell)
    if head.superior:
        for line, size in _name(head.superior, "regular"):
            write(shape(paragraph, CENTER), line, size, whole=True)
            paragraph = cell.add_paragraph()
    lines = _name(head.issuer, "bold")
    for line, size in lines:
        write(shape(paragraph, CENTER), line, size, bold=True, whole=True)
        paragraph = cell.add_paragraph()
    line, size = lines[-1]
    rule(paragraph, width_mm(line, size, "bold") * 0.45, HEAD_MM[0])


def _name(name: str, style: Style) -> list[tuple[str, float]]:
    """A body's name in lines that fit into the left column, each with its size: 13 points, else 12."""
    most = HEAD_MM[0] - SLACK_MM
    size = name_points(word.clean(name), (13, 12), style, most)
    return [(line, size) for line in name_lines(word.clean(name), size, style, most)]


def _title(document: Doc, report: YearlyReport) -> None:
    write(shape(document.add_paragraph(), CENTER, before=18, with_next=True), "BÁO CÁO", 14, bold=True)
    write(shape(document.add_paragraph(), CENTER, with_next=True), report.subject, 14, bold=True)
    rule(document.add_paragraph(), TEXT_MM * 0.35, TEXT_MM, after=12)
    to = shape(document.add_paragraph(), CENTER, before=6, after=12)
    write(to, f"Kính gửi: {report.head.addressee}", BODY)


def _paragraph(document: Doc, text: str, *, bold: bool = False, with_next: bool = False) -> Paragraph:
    paragraph = shape(document.add_paragraph(), JUSTIFY, after=6, first_line_mm=12.7, with_next=with_next)
    write(paragraph, text, BODY, bold=bold)
    return paragraph


def _blank(document: Doc, text: str) -> None:
    """A part that an officer writes: marked, so that nobody takes it for text of the report."""
    paragraph = shape(document.add_paragraph(), JUSTIFY, after=6, first_line_mm=12.7)
    write(paragraph, f"[{text}]", BODY, italic=True).font.highlight_color = WD_COLOR_INDEX.YELLOW


def _body(document: Doc, report: YearlyReport) -> None:
    opening = _paragraph(
        document,
        f"Thực hiện {PLAN} về {PLAN_SUBJECT}, {report.head.issuer} báo cáo kết quả thực hiện trong kỳ từ ngày "
        f"{short_day(report.period.start)} đến ngày {short_day(report.period.end)}{_until(report)} như sau:",
    )
    word.footnote(document, opening, _footnote(report))
    _paragraph(document, "I. KẾT QUẢ THỰC HIỆN", bold=True, with_next=True)
    for sentence in results(report):
        _paragraph(document, sentence)
    _paragraph(document, "Kết quả theo từng nhiệm vụ như sau:", with_next=True)
    _tasks(document, report)
    _note(
        document,
        "Một minh chứng phục vụ nhiều nhiệm vụ được tính ở mỗi nhiệm vụ đó; dòng tổng cộng tính mỗi minh chứng một "
        f"lần. Cơ quan chủ trì ghi theo tên tại ngày báo cáo: {_legend(report)}.",
    )
    _paragraph(document, "II. KHÓ KHĂN, VƯỚNG MẮC", bold=True, with_next=True)
    _blank(document, "Cơ quan báo cáo ghi khó khăn, vướng mắc và nguyên nhân tại đây")
    _paragraph(document, "III. ĐỀ XUẤT, KIẾN NGHỊ", bold=True, with_next=True)
    _blank(document, "Cơ quan báo cáo ghi đề xuất, kiến nghị tại đây")
    closing = f"Trên đây là báo cáo của {report.head.issuer}, kính gửi {report.head.addressee} xem xét, chỉ đạo./."
    _paragraph(document, closing, with_next=True)


def _until(report: YearlyReport) -> str:
    """That the period is not over, where it is not."""
    if report.day > report.period.end:
        return ""
    return f" (số liệu đến {report.made_at:%H} giờ {report.made_at:%M} phút ngày {short_day(report.day)})"


def _footnote(report: YearlyReport) -> str:
    view = "đơn vị tại ngày có kết quả" if report.view == "then" else "đơn vị hiện nay (đã quy về đơn vị kế thừa)"
    return (
        f"Số liệu tính từ minh chứng trên nền tảng Lan Tỏa, kỳ {report.period.key}, theo {view}, lập lúc "
        f"{report.made_at:%H:%M:%S} ngày {short_day(report.day)} (giờ Việt Nam). Mỗi số liệu mở ra minh chứng tại địa "
        f"chỉ nêu ở Phụ lục II. Mã băm của toàn bộ minh chứng (SHA-256 trên các mã minh chứng xếp theo thứ tự ký tự, "
        f"mỗi mã một dòng): {report.evidence_sha256}"
    )


def _legend(report: YearlyReport) -> str:
    selectors = {selector for row in report.tasks for selector in row.task.lead}
    names = {
        body.short: body.name
        for body in NAMES
        if body.selector in selectors and body.since <= report.day < body.until and body.short != body.name
    }
    return "; ".join(f"{short}: {name}" for short, name in names.items())


def _note(document: Doc, text: str) -> None:
    write(shape(document.add_paragraph(), JUSTIFY, before=3, after=9), text, 11, italic=True)


def _heading_row(row_cells: Sequence[_Cell], names: Sequence[str], size: float) -> None:
    for cell, name in zip(row_cells, names, strict=True):
        write(shape(first(cell), CENTER, before=2, after=2), name, size, bold=True)


def _tasks(document: Doc, report: YearlyReport) -> None:
    made = word.table(document, 1, TASKS_MM, borders=True, padding_mm=0.8)
    word.undivided(made.rows[0], heading=True)
    _heading_row(made.rows[0].cells, ("TT", "Nhiệm vụ", "Cơ quan chủ trì", *NUMBERS), 11)
    for row in report.tasks:
        texts = (row.task.code, row.task.title, row.leads, *cells(row.totals))
        _fill(word.add_row(made, TASKS_MM).cells, texts, (CENTER, LEFT, LEFT))
    total = word.add_row(made, TASKS_MM).cells
    _fill(total, ("", "Tổng cộng", "", *cells(report.totals)), (CENTER, LEFT, LEFT), bold=True)


def _fill(
    row_cells: Sequence[_Cell], texts: Sequence[str], alignments: Sequence[WD_ALIGN_PARAGRAPH], *, bold: bool = False
) -> None:
    for place, (cell, text) in enumerate(zip(row_cells, texts, strict=True)):
        alignment = alignments[place] if place < len(alignments) else RIGHT
        write(shape(first(cell), alignment, before=2, after=2), text, 11, bold=bold)


def _ending(document: Doc, head: Letterhead, copies: Sequence[str]) -> None:
    widths = (TEXT_MM / 2, TEXT_MM / 2)
    made = word.table(document, 1, widths, borders=False, padding_mm=0)
    word.undivided(made.rows[0])
    left, right = made.rows[0].cells
    write(shape(first(left), LEFT), "Nơi nhận:", 12, bold=True, italic=True)
    for recipient in ("Như trên;", *(f"{name};" for name in copies), "Lưu: VT."):
        write(shape(left.add_paragraph(), LEFT), f"- {recipient}", 11)
    paragraph = first(right)
    for line in (head.authority, head.post):
        if line:
            write(shape(paragraph, CENTER), line, 14, bold=True)
            paragraph = right.add_paragraph()
    if not head.post:
        write(
            shape(paragraph, CENTER), "[QUYỀN HẠN, CHỨC VỤ]", 14, bold=True
        ).font.highlight_color = WD_COLOR_INDEX.YELLOW
        paragraph = right.add_paragraph()
    shape(paragraph, CENTER, before=80)
    write(paragraph, "[Họ và tên]", 14, bold=True).font.highlight_color = WD_COLOR_INDEX.YELLOW


def _annex(document: Doc, report: YearlyReport, number: str, title: str) -> None:
    section = document.add_section(WD_SECTION.NEW_PAGE)
    word.number_from_one(section)
    write(shape(document.add_paragraph(), CENTER, with_next=True), f"Phụ lục {number}", 14, bold=True)
    write(shape(document.add_paragraph(), CENTER, with_next=True), title.upper(), 14, bold=True)
    symbol = report.head.symbol or "…"
    origin = f"(Kèm theo Báo cáo số        /BC-{symbol} {long_day(report.day)}"
    paragraph = shape(document.add_paragraph(), CENTER, with_next=True)
    write(paragraph, origin, 13, italic=True, whole=True).add_break()
    write(paragraph, f"của {report.head.issuer})", 13, italic=True)
    rule(document.add_paragraph(), TEXT_MM * 0.35, TEXT_MM, after=12)


def _units(document: Doc, report: YearlyReport) -> None:
    made = word.table(document, 1, UNITS_MM, borders=True, padding_mm=0.8)
    word.undivided(made.rows[0], heading=True)
    _heading_row(made.rows[0].cells, ("TT", "Đơn vị", *NUMBERS), 11)
    for place, row in enumerate(report.units, start=1):
        texts = (str(place), f"{row.name} (*)" if row.former else row.name, *cells(row.totals))
        _fill(word.add_row(made, UNITS_MM).cells, texts, (CENTER, LEFT))
    _fill(word.add_row(made, UNITS_MM).cells, ("", "Tổng cộng", *cells(report.totals)), (CENTER, LEFT), bold=True)
    former = " (*) Đơn vị không còn tại ngày báo cáo." if any(row.former for row in report.units) else ""
    _note(document, f"Mỗi minh chứng tính một lần. Số phút làm tròn riêng ở từng dòng.{former}")


def _proofs(document: Doc, report: YearlyReport) -> None:
    _note(
        document,
        "Địa chỉ tính từ trang chủ của nền tảng. Mã băm là SHA-256 trên các mã minh chứng xếp theo thứ tự ký tự, mỗi "
        "mã một dòng; các mã này nằm ở cột “Mã minh chứng” của tệp minh chứng (XLSX) cùng kỳ, cùng đơn vị.",
    )
    made = word.table(document, 1, PROOFS_MM, borders=True, padding_mm=0.8)
    word.undivided(made.rows[0], heading=True)
    _heading_row(made.rows[0].cells, ("Nhiệm vụ", "Số minh chứng", "Địa chỉ và mã băm của minh chứng"), 11)
    narrow = "" if report.of_all else f"&unit_id={report.unit_id}"
    for row in report.tasks:
        row_cells = word.add_row(made, PROOFS_MM).cells
        address = f"/#/report/{row.task.code}/proofs?period={report.period.key}&view={report.view}{narrow}"
        text = address if row.evidence else "Không có minh chứng"
        _fill(row_cells, (row.task.code, whole(row.evidence), text), (CENTER, RIGHT, LEFT))
        if row.evidence:
            write(shape(row_cells[2].add_paragraph(), LEFT, after=2), row.evidence_sha256, 10)
