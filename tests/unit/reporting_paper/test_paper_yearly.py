"""The yearly report as a word processor opens it."""

import asyncio
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import qn
from docx.shared import Pt
from paper_world import CAU_KE, LONG_DUC, MORNING, TRA_VINH, VINH_LONG, YEAR, World, fact, reporter

from lantoa_reporting.domain import Unit
from lantoa_reporting.domain.paper import evidence_sha256
from lantoa_reporting.domain.typesetting import width_mm
from lantoa_runtime.errors import AppError

TWIPS = 1440 / 25.4
COUNTRY, MOTTO = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc"


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def opened(content: bytes):
    return Document(io.BytesIO(content))


def whole_text(document) -> str:
    """All text of the document in the order of reading."""
    paragraphs = document.element.body.iter(qn("w:p"))
    return plain("\n".join("".join(node.text or "" for node in p.iter(qn("w:t"))) for p in paragraphs))


def footnote(document) -> str:
    blob = document.part.part_related_by(RELATIONSHIP_TYPE.FOOTNOTES).blob.decode()
    return re.sub("<[^>]+>", "", blob)


async def filled(**kwargs) -> World:
    """1,300 airings and what the other channels brought, in two communes and one that is no more."""
    world = World(**kwargs)
    await world.take(
        *(fact(n, at=MORNING + timedelta(days=n // 50), seconds=60.02, tasks=("05", "08")) for n in range(1_300))
    )
    await world.take(*(fact(2_000 + n, "board", unit_id=LONG_DUC) for n in range(4)))
    await world.take(*(fact(3_000 + n, "web", tasks=("06",), unit_id=LONG_DUC) for n in range(3)))
    await world.take(*(fact(4_000 + n, "contest", tasks=("08",), unit_id=LONG_DUC) for n in range(2)))
    return await world.take(fact(5_000, tasks=("08",), unit_id="u-29308-2022"))


@pytest.fixture(scope="module")
def world():
    return asyncio.run(filled())


@pytest.fixture(scope="module")
def document(world):
    return opened(asyncio.run(world.docx()))


async def test_the_page_is_that_of_the_decree(document):
    for section in document.sections:
        lengths = ("page_width", "page_height", "top_margin", "bottom_margin", "left_margin", "right_margin")
        assert [round(getattr(section, name).mm, 1) for name in lengths] == [210, 297, 20, 20, 30, 15]
    style = document.styles["Normal"]
    assert (style.font.name, style.font.size) == ("Times New Roman", Pt(14))
    fonts = style.element.rPr.rFonts
    assert {fonts.get(qn(f"w:{script}")) for script in ("ascii", "hAnsi", "eastAsia", "cs")} == {"Times New Roman"}
    assert {run.font.name for p in document.paragraphs for run in p.runs} == {None}


async def test_pages_are_numbered_in_the_middle_above_but_the_first_of_each_part_is_not(document):
    first, *annexes = document.sections
    header = first.header.paragraphs[0]
    assert header.alignment == WD_ALIGN_PARAGRAPH.CENTER
    assert "".join(node.text for node in header._p.iter(qn("w:instrText"))).strip() == "PAGE"
    assert {run.font.size for run in header.runs} == {Pt(13)}
    for section in document.sections:
        assert section.different_first_page_header_footer
        assert "".join(p.text for p in section.first_page_header.paragraphs) == ""
    assert len(annexes) == 2
    for section in annexes:
        assert section.header.is_linked_to_previous
        assert section._sectPr.find(qn("w:pgNumType")).get(qn("w:start")) == "1"


def header_lines(document):
    """Each line of the header with its size, its weight and the width of its column."""
    for row in document.tables[0].rows:
        for cell in row.cells:
            for paragraph in cell.paragraphs:
                for run in paragraph.runs:
                    if run.text:
                        yield paragraph, run, cell.width.mm


@pytest.mark.parametrize(
    ("unit_id", "name"),
    [
        (VINH_LONG, None),
        (CAU_KE, None),
        ("u-29516-2025", None),
        ("b-so-vhttdl-2025", None),
        ("b-x", "Ủy ban Mặt trận Tổ quốc Việt Nam tỉnh Vĩnh Long"),
        ("b-x", "Trung tâm Văn hóa, Thông tin và Truyền thanh\x07 khu vực Duyên hải tỉnh Vĩnh Long"),
    ],
)
async def test_no_line_of_the_header_can_wrap(unit_id, name):
    world = World()
    if name:
        world.units[unit_id] = Unit(unit_id, name, "body", (VINH_LONG, unit_id), None, None)
        world = World(units=world.units)
    document = opened(await world.docx(unit_id))
    table = document.tables[0]
    assert [cell.width.mm for cell in table.rows[0].cells] == pytest.approx([66, 99], abs=0.05)
    properties = table._tbl.tblPr
    assert properties.find(qn("w:tblLayout")).get(qn("w:type")) == "fixed"
    assert {side.get(qn("w:w")) for side in properties.find(qn("w:tblCellMar"))} == {"0"}
    lines = list(header_lines(document))
    assert len(lines) >= 5
    for _, run, column in lines:
        assert " " not in run.text
        style = "bold" if run.bold else "italic" if run.italic else "regular"
        assert width_mm(run.text, run.font.size.pt, style) <= column - 1


async def test_the_header_names_country_motto_body_number_place_and_day_in_their_sizes(document):
    told = {
        plain(run.text): (run.font.size.pt, bool(run.bold), bool(run.italic)) for _, run, _ in header_lines(document)
    }
    assert told == {
        "UBND TỈNH VĨNH LONG": (13, False, False),
        "SỞ KHOA HỌC": (13, True, False),
        "VÀ CÔNG NGHỆ": (13, True, False),
        COUNTRY: (13, True, False),
        MOTTO: (14, True, False),
        "Số:        /BC-SKHCN": (13, False, False),
        "Vĩnh Long, ngày 24 tháng 11 năm 2026": (14, False, True),
    }
    number, place = document.tables[0].rows[1].cells
    assert plain(number.text).startswith("Số:")
    assert plain(place.text).startswith("Vĩnh Long,")


async def test_rules_are_drawn_and_as_long_as_the_decree_wants(document):
    rules = [
        (cell.width.mm, paragraph)
        for cell in document.tables[0].rows[0].cells
        for paragraph in cell.paragraphs
        if paragraph._p.pPr.find(qn("w:pBdr")) is not None
    ]
    lengths = [
        column - paragraph.paragraph_format.left_indent.mm - paragraph.paragraph_format.right_indent.mm
        for column, paragraph in rules
    ]
    issuer = width_mm("VÀ CÔNG NGHỆ", 13, "bold")
    assert issuer / 3 <= lengths[0] <= issuer / 2
    assert lengths[1] == pytest.approx(width_mm(MOTTO, 14, "bold"), abs=0.1)
    assert "__" not in whole_text(document)
    assert not [run for p in document.paragraphs for run in p.runs if run.underline]


async def test_the_report_has_its_three_parts_and_marks_what_the_officer_writes(document):
    texts = [plain(paragraph.text) for paragraph in document.paragraphs]
    for part in ("BÁO CÁO", "I. KẾT QUẢ THỰC HIỆN", "II. KHÓ KHĂN, VƯỚNG MẮC", "III. ĐỀ XUẤT, KIẾN NGHỊ"):
        assert texts.count(part) == 1
    assert "Kính gửi: Ủy ban nhân dân tỉnh Vĩnh Long" in texts
    for number in (2, 3):
        part = next(place for place, text in enumerate(texts) if text.startswith(f"{'I' * number}. "))
        blank = document.paragraphs[part + 1]
        assert blank.text.startswith("[")
        assert blank.runs[0].font.highlight_color is not None
    assert "chưa có minh chứng trên nền tảng: 01, 02, 03, 04, 07, 09" in whole_text(document)


async def test_body_text_is_justified_with_an_indent_and_space_between(document):
    paragraph = next(p for p in document.paragraphs if p.text.startswith("Thực hiện Kế hoạch"))
    form = paragraph.paragraph_format
    assert form.alignment == WD_ALIGN_PARAGRAPH.JUSTIFY
    assert form.first_line_indent.mm == pytest.approx(12.7, abs=0.05)
    assert form.space_after >= Pt(6)
    assert {run.font.size for run in paragraph.runs if run.text} == {Pt(14)}


async def test_numbers_in_the_sentences_are_those_of_the_evidence(document):
    text = whole_text(document)
    assert "3/15 nhiệm vụ của Kế hoạch có kết quả được xác nhận bằng minh chứng, thực hiện tại 3 đơn vị" in text
    assert "1.301 lượt phát thanh với 1.301,5 phút; 4 lượt hiển thị trên bảng tin điện tử công cộng" in text
    assert "3 tin, bài trên trang thông tin điện tử; 2 lượt dự thi trực tuyến." in text


async def test_the_table_of_tasks_repeats_its_heading_and_divides_no_row(document, world):
    for table in document.tables[1:2] + document.tables[3:]:
        heading, *rows = table.rows
        assert heading._tr.trPr.find(qn("w:tblHeader")) is not None
        assert all(row._tr.trPr.find(qn("w:cantSplit")) is not None for row in table.rows)
        assert all(row._tr.trPr.find(qn("w:tblHeader")) is None for row in rows)
        assert sum(cell.width.mm for cell in heading.cells) == pytest.approx(165, abs=0.2)
    tasks = document.tables[1]
    assert [cell.text for cell in tasks.rows[0].cells][:3] == ["TT", "Nhiệm vụ", "Cơ quan chủ trì"]
    assert [row.cells[0].text for row in tasks.rows[1:16]] == [f"{number:02d}" for number in range(1, 16)]
    report = await world.yearly()
    shown = {row.cells[0].text: [cell.text for cell in row.cells[3:]] for row in tasks.rows[1:]}
    assert shown["08"] == ["1.301", "1.301,5", "4", "0", "2"]
    assert shown["05"] == ["1.300", "1.300,4", "0", "0", "0"]
    assert shown[""] == ["1.301", "1.301,5", "4", "3", "2"]
    by_interface = await world.reports.tasks(reporter(VINH_LONG), YEAR)
    assert {row.task.code: row.totals for row in report.tasks} == {task.code: sums for task, sums in by_interface}


async def test_the_annex_by_unit_marks_those_that_are_no_more(document, world):
    rows = [[cell.text for cell in row.cells] for row in document.tables[3].rows[1:]]
    assert [row[1] for row in rows] == ["Phường Long Đức", "Thị trấn Cầu Kè (*)", "Xã Cầu Kè", "Tổng cộng"]
    now = opened(await world.docx(view="now"))
    rows = [[cell.text for cell in row.cells] for row in now.tables[3].rows[1:]]
    assert [row[1:3] for row in rows] == [["Phường Long Đức", "0"], ["Xã Cầu Kè", "1.301"], ["Tổng cộng", "1.301"]]
    assert "(đã quy về đơn vị kế thừa)" in footnote(now)


async def test_the_signature_stands_at_the_right_and_the_recipients_at_the_left(document):
    left, right = document.tables[2].rows[0].cells
    assert [paragraph.text for paragraph in left.paragraphs] == [
        "Nơi nhận:",
        "- Như trên;",
        "- Sở Văn hóa, Thể thao và Du lịch;",
        "- Lưu: VT.",
    ]
    head, *rest = left.paragraphs
    assert (head.runs[0].font.size, head.runs[0].bold, head.runs[0].italic) == (Pt(12), True, True)
    assert {paragraph.runs[0].font.size for paragraph in rest} == {Pt(11)}
    post, name = (paragraph for paragraph in right.paragraphs if paragraph.text)
    assert (post.text, post.runs[0].font.size, post.runs[0].bold) == ("GIÁM ĐỐC", Pt(14), True)
    assert (name.text, name.runs[0].font.size, name.runs[0].bold) == ("[Họ và tên]", Pt(14), True)
    assert name.paragraph_format.space_before >= Pt(60)


async def test_a_commune_signs_on_behalf_of_its_committee_and_counts_only_itself(world):
    document = opened(await world.docx(CAU_KE))
    right = document.tables[2].rows[0].cells[1]
    assert [p.text for p in right.paragraphs if p.text] == ["TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH", "[Họ và tên]"]
    assert "Kính gửi: Sở Khoa học và Công nghệ tỉnh Vĩnh Long" in whole_text(document)
    assert [cell.text for cell in document.tables[1].rows[-1].cells[3:]] == ["1.300", "1.300,4", "0", "0", "0"]
    assert f"/#/report/08/proofs?period={YEAR}&view=then&unit_id={CAU_KE}" in whole_text(document)


async def test_bodies_bear_the_names_of_the_reports_day():
    old = opened(await World(datetime(2024, 11, 10, tzinfo=UTC)).docx(TRA_VINH, "plan75-2024"))
    text = whole_text(old)
    assert "SỞ THÔNG TIN" in text
    assert "/BC-STTTT" in text
    assert "Trà Vinh, ngày 10 tháng 11 năm 2024" in text
    assert "KH&CN" not in text
    new = whole_text(opened(await World().docx()))
    assert "Sở Khoa học và Công nghệ" in new
    assert "TT&TT" not in new
    assert "Sở VHTTDL: Sở Văn hóa, Thể thao và Du lịch" in new


async def test_the_footnote_tells_how_numbers_open_and_seals_the_evidence(document, world):
    note = footnote(document)
    assert "kỳ plan75-2027, theo đơn vị tại ngày có kết quả, lập lúc 08:05:31 ngày 24/11/2026" in note
    known = world.evidence.known
    assert evidence_sha256(known) in note
    assert document.element.body.find(f".//{qn('w:footnoteReference')}").get(qn("w:id")) == "1"
    eighth = evidence_sha256(fact_id for fact_id, kept in known.items() if "08" in kept.fact.tasks)
    row = document.tables[4].rows[8]
    assert row.cells[1].text == "1.307"
    assert row.cells[2].text == f"/#/report/08/proofs?period={YEAR}&view=then\n{eighth}"


async def test_the_hash_changes_with_the_evidence_and_not_with_its_order():
    facts = [fact(n) for n in range(5)]
    one, other = World(), World()
    await one.take(*facts)
    await other.take(*reversed(facts))
    assert (await one.yearly()).evidence_sha256 == (await other.yearly()).evidence_sha256
    await other.take(fact(6))
    assert (await one.yearly()).evidence_sha256 != (await other.yearly()).evidence_sha256


async def test_an_empty_year_says_so_in_a_whole_document():
    document = opened(await World().docx(period="plan75-2020"))
    text = whole_text(document)
    assert "nền tảng chưa ghi nhận minh chứng nào đối với 15 nhiệm vụ" in text
    assert text.count("Không có minh chứng") == 15
    assert [cell.text for cell in document.tables[1].rows[-1].cells] == ["", "Tổng cộng", "", "0", "0", "0", "0", "0"]


async def test_a_body_that_is_no_more_signs_nothing(world):
    with pytest.raises(AppError) as refused:
        await world.yearly("u-29308-2022")
    assert (refused.value.code, refused.value.http_status) == ("reporting.unit-ended", 422)


async def test_a_year_is_cut_at_midnight_in_viet_nam():
    world = World()
    last = datetime(2026, 11, 14, 16, 59, 59, tzinfo=UTC)
    await world.take(fact(1, at=last), fact(2, at=last + timedelta(seconds=1)), fact(3, at=MORNING))
    assert (await world.yearly(period="plan75-2026")).totals.airings == 1
    assert (await world.yearly()).totals.airings == 2
