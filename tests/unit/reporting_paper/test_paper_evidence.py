"""The list of evidence as a spreadsheet program opens it."""

import io
import zipfile
from datetime import date, datetime, time, timedelta

import pytest
from openpyxl import load_workbook
from paper_world import CAU_KE, LONG_DUC, MORNING, VINH_LONG, YEAR, World, fact, reporter

from lantoa_reporting.domain import Kept
from lantoa_reporting.usecases import papers
from lantoa_reporting.usecases.papers import EvidenceLine
from lantoa_runtime.errors import AppError, Forbidden, NotFound
from lantoa_runtime.http import Caller, Grant

HOSTILE = ('=HYPERLINK("http://x","y")', "+1+1", "-2", "@SUM(A1)", "\t=1", "http://example.org", "\x00\x1f<&>", "{=1}")


def opened(content: bytes, *, values: bool = False):
    book = load_workbook(io.BytesIO(content), data_only=values)
    return book["Tổng hợp"], book["Minh chứng"]


def rows(sheet) -> list[dict]:
    head, *lines = sheet.iter_rows(values_only=True)
    return [dict(zip(head, line, strict=True)) for line in lines]


def totals(cover) -> dict[str, tuple]:
    """The cover's table: by task, then ``Cộng ...``."""
    found, below = {}, False
    for row in cover.iter_rows(values_only=True):
        if below:
            found[row[0] or row[1]] = row[2:8]
        below = below or row[0] == "Nhiệm vụ"
    return found


async def filled() -> World:
    world = World()
    await world.take(*(fact(n, seconds=60.25, tasks=("05", "08")) for n in range(6)))
    await world.take(*(fact(100 + n, "board", unit_id=LONG_DUC, seconds=10.0) for n in range(4)))
    await world.take(*(fact(200 + n, "web", tasks=("06",)) for n in range(3)))
    return await world.take(fact(300, "contest"), fact(400, unit_id="u-29308-2022"))


async def test_lines_stand_newest_first_with_vietnamese_days_hours_and_channels():
    _, sheet = opened(await (await filled()).xlsx())
    lines = rows(sheet)
    moments = [datetime.combine(line["Ngày"].date(), line["Giờ"]) for line in lines]
    assert moments == sorted(moments, reverse=True)
    assert [line["TT"] for line in lines] == list(range(1, 22))
    oldest = lines[-1]
    assert (oldest["Ngày"].date(), oldest["Giờ"], oldest["Kênh"]) == (date(2026, 11, 20), time(5), "Truyền thanh")
    assert (oldest["Đơn vị (tại ngày có kết quả)"], oldest["Thời lượng (giây)"]) == ("Xã Cầu Kè", 60.25)
    assert (oldest["Mã minh chứng"], oldest["Địa chỉ minh chứng"]) == (
        "airing:d-1:e-0",
        "/#/proofs/airing%3Ad-1%3Ae-0",
    )
    assert {line["Kênh"] for line in lines} == {
        "Truyền thanh",
        "Bảng tin điện tử",
        "Trang thông tin điện tử",
        "Cuộc thi trực tuyến",
    }


async def test_the_cover_says_what_the_lines_add_up_to_and_what_the_reports_show():
    world = await filled()
    content = await world.xlsx()
    cover, sheet = opened(content, values=True)
    lines, shown = rows(sheet), totals(cover)
    for task, sums in await world.reports.tasks(reporter(VINH_LONG), YEAR):
        own = [line for line in lines if line["Nhiệm vụ"] == task.code]
        counted = tuple(sum(line[name] for line in own) for name in ("Lượt hiển thị", "Bài trên web", "Lượt dự thi"))
        assert counted == (sums.displays, sums.posts, sums.attempts)
        assert sum(line["Lượt phát thanh"] for line in own) == sums.airings
        assert sum(line["Giây phát thanh"] for line in own) * 1000 == pytest.approx(sums.airing_milliseconds)
        assert shown[task.code] == (len(own), sums.airings, sums.airing_minutes, *counted)
    assert shown["Cộng các dòng"] == (21, 13, 13.1, 4, 3, 1)
    # What the formulas come to is stored beside them, for readers that do not compute.
    assert shown["Cộng các dòng đang lọc ở trang Minh chứng"] == shown["Cộng các dòng"]


async def test_beside_the_totals_stand_formulas_that_follow_the_filter():
    cover, sheet = opened(await (await filled()).xlsx())
    formulas = totals(cover)["Cộng các dòng đang lọc ở trang Minh chứng"]
    assert formulas[0] == "=SUBTOTAL(102,'Minh chứng'!A2:A22)"
    assert formulas[2] == "=ROUND(SUBTOTAL(109,'Minh chứng'!K2:K22)/60,1)"
    heads = [cell.value for cell in sheet[1]]
    for formula, name in zip(
        (formulas[1], *formulas[3:]), ("Lượt phát thanh", "Lượt hiển thị", "Bài trên web", "Lượt dự thi"), strict=True
    ):
        letter = "ABCDEFGHIJKLMNOP"[heads.index(name)]
        assert formula == f"=SUBTOTAL(109,'Minh chứng'!{letter}2:{letter}22)"
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:P22")
    assert sheet.column_dimensions["H"].width > 40


async def test_a_title_that_looks_like_a_formula_or_an_address_stays_text():
    world = World()
    await world.take(*(fact(n, title=title) for n, title in enumerate(HOSTILE)))
    content = await world.xlsx()
    _, sheet = opened(content)
    titles = list(sheet["H"][1:])
    assert {cell.data_type for cell in titles} == {"s"}
    assert {cell.value for cell in titles} >= set(HOSTILE[:6])
    assert not [cell for cell in titles if cell.hyperlink]
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet2.xml")


async def test_one_task_has_only_its_lines():
    world = await filled()
    cover, sheet = opened(await world.xlsx(code="06"), values=True)
    assert {line["Nhiệm vụ"] for line in rows(sheet)} == {"06"}
    assert totals(cover)["06"] == totals(cover)["Cộng các dòng"] == (3, 0, 0, 0, 3, 0)
    with pytest.raises(AppError) as unknown:
        await world.xlsx(code="16")
    assert unknown.value.code == "reporting.unknown-task"


async def test_a_unit_of_today_gets_what_went_into_it_when_asked():
    world = await filled()
    _, then = opened(await world.xlsx(CAU_KE))
    _, now = opened(await world.xlsx(CAU_KE, view="now"))
    assert len(rows(now)) == len(rows(then)) + 1
    heired = rows(now)[0]
    assert (heired["Đơn vị (tại ngày có kết quả)"], heired["Tính cho đơn vị"]) == ("Thị trấn Cầu Kè", "Xã Cầu Kè")


async def test_an_empty_year_is_a_whole_workbook():
    cover, sheet = opened(await World().xlsx(period="plan75-2020"), values=True)
    assert rows(sheet) == []
    assert totals(cover)["Cộng các dòng"] == (0, 0, 0, 0, 0, 0)


async def test_three_thousand_lines_come_out_page_by_page_without_loss_or_repetition():
    world = World()
    # Many at one moment: what parts two pages is the order of ids.
    for number in range(3_000):
        one = fact(number, at=MORNING + timedelta(days=number // 150))
        world.evidence.known[one.fact_id] = Kept().confirmed(one)
    book = load_workbook(io.BytesIO(await world.xlsx(code="08")), read_only=True)
    found = [row[14] for row in book["Minh chứng"].iter_rows(min_row=2, values_only=True)]
    assert sorted(found) == sorted(world.evidence.known)
    assert len(found) == 3_000


async def test_too_many_lines_are_refused_with_their_number(monkeypatch):
    monkeypatch.setattr(papers, "MOST_LINES", 20)
    world = await filled()
    with pytest.raises(AppError) as refused:
        await world.xlsx()
    assert (refused.value.code, refused.value.params) == ("reporting.too-many-lines", {"lines": 21, "most": 20})
    assert len(rows(opened(await world.xlsx(code="06"))[1])) == 3


async def test_only_those_who_report_approve_audit_or_administer_a_unit_get_its_papers():
    world = World()

    async def asked(*grants: Grant, unit_id: str | None = None):
        return await world.papers.asked(Caller("p", "P", grants), YEAR, unit_id, "then")

    for role in ("reporter", "approver", "auditor", "admin"):
        assert (await asked(Grant(role, CAU_KE))).unit.unit_id == CAU_KE
        assert (await asked(Grant(role, VINH_LONG), unit_id=CAU_KE)).unit.unit_id == CAU_KE
        with pytest.raises(Forbidden):
            await asked(Grant(role, LONG_DUC), unit_id=CAU_KE)
    for role in ("author", "editor", "technician", "organiser"):
        with pytest.raises(Forbidden):
            await asked(Grant(role, CAU_KE))
        with pytest.raises(Forbidden):
            await asked(Grant(role, CAU_KE), unit_id=CAU_KE)
    with pytest.raises(NotFound):
        await asked(Grant("admin", VINH_LONG), unit_id="u-nowhere")
    with pytest.raises(AppError, match="unit-needed"):
        await asked(Grant("reporter", CAU_KE), Grant("reporter", LONG_DUC))
    with pytest.raises(Forbidden):
        await asked()


async def test_lines_of_one_moment_come_in_the_order_of_ids_backwards():
    world = World()
    await world.take(*(fact(n, at=MORNING, tasks=("05", "08")) for n in range(3)))
    asked = await world.papers.asked(reporter(VINH_LONG), YEAR, None, "then")
    tasks = await world.papers.tasks(asked, None)
    lines: list[EvidenceLine] = [line async for line in world.papers.evidence(asked, tasks)]
    assert [(line.line.fact.fact_id[-1], line.task) for line in lines] == [
        ("2", "05"),
        ("2", "08"),
        ("1", "05"),
        ("1", "08"),
        ("0", "05"),
        ("0", "08"),
    ]
