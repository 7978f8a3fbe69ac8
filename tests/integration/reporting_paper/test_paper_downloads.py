"""Documents over HTTP: who gets them, under which name, with the numbers of the same interface."""

import asyncio
import io
from dataclasses import asdict
from urllib.parse import unquote

import pytest
from docx import Document
from openpyxl import load_workbook
from paper_world import CAU_KE, LONG_DUC, VINH_LONG, YEAR, fact, plan, territory

from lantoa_reporting.adapters import INDEXES, MongoEvidence, MongoPlan, MongoUnits
from lantoa_reporting.main import build
from lantoa_reporting.usecases.evidence import take_up
from lantoa_runtime.http import Caller, Grant
from lantoa_runtime.settings import RuntimeSettings

YEARLY, EVIDENCE = f"/documents/yearly.docx?period={YEAR}", f"/documents/evidence.xlsx?period={YEAR}"
OPEN_XML = "application/vnd.openxmlformats-officedocument."


def who(role: str, unit_id: str) -> Caller:
    return Caller("p-1", "Võ Thị Thu Hà", (Grant(role, unit_id),))


@pytest.fixture
async def filled(start_service):
    """The plan, four of the demo's units, and 14 facts of all channels."""
    reporting = await start_service("reporting", RuntimeSettings, build, INDEXES)
    db = reporting.service.db
    units, evidence = MongoUnits(db), MongoEvidence(db)
    known = territory()
    for unit_id in (VINH_LONG, CAU_KE, LONG_DUC, "u-29308-2022"):
        fields = {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(known[unit_id]).items()
        }
        days = {name: fields[name] and fields[name].isoformat() for name in ("valid_from", "valid_to")}
        await units.apply(unit_id, 1, {**fields, **days})
    await MongoPlan(db).put(plan())
    for number in range(6):
        await take_up(evidence, fact(number, tasks=("05", "08"), title="=1+1"))
        await take_up(evidence, fact(100 + number, "board", unit_id=LONG_DUC))
    await take_up(evidence, fact(200, "radio", unit_id="u-29308-2022"))
    return reporting


def lines(content: bytes) -> list[tuple]:
    return list(load_workbook(io.BytesIO(content))["Minh chứng"].iter_rows(min_row=2, values_only=True))


async def test_both_documents_carry_the_numbers_of_the_interface(filled):
    caller = who("reporter", VINH_LONG)
    _, tasks, _ = await filled.call("GET", f"/tasks?period={YEAR}", caller)
    (status, yearly, headers), (_, evidence, _) = await asyncio.gather(
        filled.call("GET", YEARLY, caller), filled.call("GET", EVIDENCE, caller)
    )
    assert (status, headers["content-type"]) == (200, f"{OPEN_XML}wordprocessingml.document")
    table = Document(io.BytesIO(yearly)).tables[1]
    shown = {row.cells[0].text: [cell.text for cell in row.cells[3:]] for row in table.rows[1:16]}
    written = lines(evidence)
    for task in tasks["items"]:
        sums = task["totals"]
        counts = [sums[name] for name in ("airings", "displays", "posts", "attempts")]
        own = [line for line in written if line[4] == task["code"]]
        assert [sum(line[place] for line in own) for place in (9, 11, 12, 13)] == counts
        airings, minutes, *rest = shown[task["code"]]
        assert [airings, *rest] == [str(count) for count in counts]
        assert float(minutes.replace(",", ".")) == sums["airing_minutes"]
    assert len(written) == 19


async def test_a_documents_name_is_plain_and_vietnamese(filled):
    for path, plain, full in (
        (YEARLY, f"bao-cao-{YEAR}-{CAU_KE}.docx", f"Báo cáo {YEAR} - Xã Cầu Kè.docx"),
        (EVIDENCE, f"minh-chung-{YEAR}-{CAU_KE}.xlsx", f"Minh chứng {YEAR} - Xã Cầu Kè.xlsx"),
    ):
        status, content, headers = await filled.call("GET", f"{path}&unit_id={CAU_KE}", who("approver", CAU_KE))
        assert status == 200
        assert headers["content-length"] == str(len(content))
        disposition = headers["content-disposition"]
        disposition.encode("ascii")
        assert disposition.startswith(f'attachment; filename="{plain}"; ')
        assert unquote(disposition.partition("filename*=UTF-8''")[2]) == full


async def test_a_unit_sees_itself_alone_and_as_now_also_what_went_into_it(filled):
    caller = who("reporter", CAU_KE)
    _, then, _ = await filled.call("GET", EVIDENCE, caller)
    _, now, _ = await filled.call("GET", f"{EVIDENCE}&view=now", caller)
    assert {line[5] for line in lines(then)} == {"Xã Cầu Kè"}
    assert {line[5] for line in lines(now)} == {"Xã Cầu Kè", "Thị trấn Cầu Kè"}
    assert {line[6] for line in lines(now)} == {"Xã Cầu Kè"}
    _, one, _ = await filled.call("GET", f"{EVIDENCE}&task=05", caller)
    assert {line[4] for line in lines(one)} == {"05"}
    assert {line[7] for line in lines(one)} == {"=1+1"}


REFUSALS = (
    (None, "", 401, "sign-in-required"),
    (Caller("c-1", "09•• ••• 123", (), True), "", 403, "forbidden"),
    (who("author", CAU_KE), "", 403, "forbidden"),
    (who("technician", VINH_LONG), f"&unit_id={CAU_KE}", 403, "forbidden"),
    (who("reporter", LONG_DUC), f"&unit_id={CAU_KE}", 403, "forbidden"),
    (who("approver", LONG_DUC), "&unit_id=u-29308-2022", 403, "forbidden"),
    (who("admin", VINH_LONG), "&unit_id=u-nowhere", 404, "not-found"),
    (who("admin", VINH_LONG), "&unit_id=u-29308-2022", 422, "reporting.unit-ended"),
    (who("admin", VINH_LONG), "&view=later", 422, None),
    (who("admin", VINH_LONG), "&unit_id=%7B%22%24gt%22%3A%22%22%7D", 422, None),
    (Caller("p", "P", (Grant("approver", CAU_KE), Grant("approver", LONG_DUC))), "", 422, "reporting.unit-needed"),
)


async def test_whoever_may_not_have_it_gets_a_problem_in_words(filled):
    for caller, query, status, code in REFUSALS:
        found, problem, headers = await filled.call("GET", YEARLY + query, caller)
        assert (found, headers["content-type"]) == (status, "application/problem+json"), query
        assert problem["detail"]
        assert code in (None, problem["code"])
    _, ended, _ = await filled.call("GET", f"{EVIDENCE}&unit_id=u-29308-2022", who("admin", VINH_LONG))
    assert [line[5] for line in lines(ended)] == ["Thị trấn Cầu Kè"]


async def test_a_wrong_period_or_task_is_a_problem_too(filled):
    caller = who("reporter", VINH_LONG)
    found = [
        await filled.call("GET", path, caller)
        for path in ("/documents/yearly.docx?period=plan75-9999", "/documents/evidence.xlsx?period=x&task=08")
    ]
    assert [(status, body["code"]) for status, body, _ in found] == [(404, "reporting.unknown-period")] * 2
    assert (await filled.call("GET", f"{EVIDENCE}&task=99", caller))[0] == 422
