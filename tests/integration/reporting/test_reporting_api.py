"""Reports over HTTP: numbers by rights and period, down to proofs that are checked again."""

from datetime import datetime, timedelta
from itertools import product
from urllib.parse import quote

import pytest

from lantoa_calendar.periods import ZONE, local_day, period_of
from lantoa_contracts import catalogue
from lantoa_contracts.policy import EVERYWHERE
from lantoa_reporting.adapters import INDEXES, MongoEvidence, MongoUnits
from lantoa_reporting.consumers import fact_of
from lantoa_reporting.main import build
from lantoa_reporting.usecases.evidence import take_up
from lantoa_runtime.http import Caller
from lantoa_runtime.settings import RuntimeSettings
from lantoa_testing import eventually

MORNING = datetime(2026, 11, 20, 5, 0, tzinfo=ZONE)
YEAR = "plan75-2027"
PROVINCE, CAU_KE, LONG_DUC = "u-vinh-long", "u-cau-ke", "u-long-duc"
NO_OTHER = {"posts": 0, "attempts": 0}


def unit_row(unit_id: str, name: str) -> dict:
    return {"unit_id": unit_id, "unit_name": name, "former": False}


@pytest.fixture
async def filled(reporting, unit, device, caller, plan_file):
    """Three units, the plan, and 12 airings in Cầu Kè, 5 airings and 4 displays in Long Đức."""
    units, evidence = MongoUnits(reporting.service.db), MongoEvidence(reporting.service.db)
    for told in (
        unit(PROVINCE, "Tỉnh Vĩnh Long", (PROVINCE,), "province"),
        unit(CAU_KE, "Xã Cầu Kè", (PROVINCE, CAU_KE)),
        unit(LONG_DUC, "Phường Long Đức", (PROVINCE, LONG_DUC), "ward"),
    ):
        await units.apply(told.unit_id, told.ver, {"name": told.name, "kind": told.kind, "path": list(told.path)})
    for number in range(12):
        aired = device(1, CAU_KE).aired(number, MORNING + timedelta(hours=5 * number), 64.6)
        await take_up(evidence, fact_of(aired))
    for number in range(5):
        await take_up(evidence, fact_of(device(2, LONG_DUC).aired(number, MORNING, 30.0, ("08", "12"))))
    for number in range(4):
        await take_up(evidence, fact_of(device(3, LONG_DUC).displayed(number, MORNING + timedelta(days=1))))
    assert (await reporting.call("POST", "/plan", caller("admin", PROVINCE), plan_file))[0] == 200
    return reporting


async def get(service, path: str, who, **headers):
    status, body, _ = await service.call("GET", path, who, headers=headers)
    assert status == 200, body
    return body


async def every_proof(service, path: str, who) -> list[dict]:
    """All pages of a list of proofs."""
    found, cursor = [], ""
    while cursor is not None:
        mark = "&" if "?" in path else "?"
        page = await get(service, f"{path}{mark}limit=5&cursor={quote(cursor)}", who)
        assert len(page["items"]) <= 5
        found += page["items"]
        cursor = page["next"]
    return found


async def test_the_plan_is_imported_as_its_file_is_and_again_without_harm(filled, caller, plan_file):
    status, body, _ = await filled.call("POST", "/plan", caller("system", EVERYWHERE), plan_file)
    assert (status, body) == (200, {"tasks": 15})
    tasks = (await get(filled, f"/tasks?period={YEAR}", caller("reporter", PROVINCE)))["items"]
    assert [task["code"] for task in tasks] == [f"{number:02d}" for number in range(1, 16)]
    eighth = tasks[7]
    assert eighth["title"].startswith("Truyền thông trên đài truyền thanh")
    assert eighth["title_en"].startswith("Communication on district radio")
    assert (eighth["lead"], eighth["with"]) == (["S", "H*"], ["A*"])


async def test_the_province_sees_the_numbers_of_all(filled, caller):
    tasks = (await get(filled, f"/tasks?period={YEAR}", caller("reporter", PROVINCE)))["items"]
    numbers = {task["code"]: task["totals"] for task in tasks if any(task["totals"].values())}
    assert numbers == {
        "08": {"airings": 17, "airing_minutes": 15.4, "displays": 4, **NO_OTHER},
        "12": {"airings": 5, "airing_minutes": 2.5, "displays": 0, **NO_OTHER},
    }


async def test_a_task_opens_by_unit_by_day_and_by_channel(filled, caller):
    report = await get(filled, f"/tasks/08?period={YEAR}", caller("admin", PROVINCE))
    assert report["period"] == {"key": YEAR, "start": "2026-11-15", "end": "2027-11-14"}
    assert report["totals"] == {"airings": 17, "airing_minutes": 15.4, "displays": 4, **NO_OTHER}
    assert report["by_unit"] == [
        {**unit_row(LONG_DUC, "Phường Long Đức"), "airings": 5, "airing_minutes": 2.5, "displays": 4, **NO_OTHER},
        {**unit_row(CAU_KE, "Xã Cầu Kè"), "airings": 12, "airing_minutes": 12.9, "displays": 0, **NO_OTHER},
    ]
    assert [(day["day"], day["airings"], day["displays"]) for day in report["by_day"]] == [
        ("2026-11-20", 9, 0),
        ("2026-11-21", 5, 4),
        ("2026-11-22", 3, 0),
    ]
    assert [(row["channel"], row["airings"], row["displays"]) for row in report["by_channel"]] == [
        ("board", 0, 4),
        ("radio", 17, 0),
    ]


async def test_others_see_their_own_units_only(filled, caller):
    foreign = (await every_proof(filled, f"/tasks/12/proofs?period={YEAR}", caller("admin", PROVINCE)))[0]
    for who in (caller(role, CAU_KE) for role in ("reporter", "author", "admin")):
        report = await get(filled, f"/tasks/08?period={YEAR}", who)
        assert report["totals"] == {"airings": 12, "airing_minutes": 12.9, "displays": 0, **NO_OTHER}
        assert [row["unit_id"] for row in report["by_unit"]] == [CAU_KE]
        assert len(await every_proof(filled, f"/tasks/08/proofs?period={YEAR}", who)) == 12
        assert await every_proof(filled, f"/tasks/08/proofs?period={YEAR}&unit_id={LONG_DUC}", who) == []
        status, body, _ = await filled.call("GET", f"/proofs/{foreign['fact_id']}", who)
        assert (status, body["code"]) == (404, "not-found")


async def test_the_province_sees_facts_of_a_unit_that_the_directory_has_not_told_of(filled, device, caller):
    await take_up(MongoEvidence(filled.service.db), fact_of(device(4, "u-new").aired(1, MORNING, tasks=("01",))))
    report = await get(filled, f"/tasks/01?period={YEAR}", caller("reporter", PROVINCE))
    assert [(row["unit_id"], row["unit_name"], row["airings"]) for row in report["by_unit"]] == [("u-new", "u-new", 1)]
    assert (await get(filled, f"/tasks/01?period={YEAR}", caller("author", CAU_KE)))["by_unit"] == []


async def test_the_sum_over_the_listed_proofs_is_the_shown_number(filled, caller):
    who = caller("reporter", PROVINCE)
    report = await get(filled, f"/tasks/08?period={YEAR}", who)
    views = [("", report["totals"])]
    views += [(f"&unit_id={row['unit_id']}", row) for row in report["by_unit"]]
    views += [(f"&day={row['day']}", row) for row in report["by_day"]]
    views += [(f"&channel={row['channel']}", row) for row in report["by_channel"]]
    for narrowed, shown in views:
        listed = await every_proof(filled, f"/tasks/08/proofs?period={YEAR}{narrowed}", who)
        assert len({fact["fact_id"] for fact in listed}) == len(listed)
        aired = [fact for fact in listed if fact["channel"] == "radio"]
        minutes = round(sum(fact["seconds"] for fact in aired) / 60 + 1e-9, 1)
        assert (len(aired), minutes, len(listed) - len(aired)) == (
            shown["airings"],
            shown["airing_minutes"],
            shown["displays"],
        )
        assert [fact["started_at"] for fact in listed] == sorted((fact["started_at"] for fact in listed), reverse=True)


async def test_a_day_outside_the_period_has_no_proofs(filled, caller):
    who = caller("reporter", PROVINCE)
    assert await every_proof(filled, f"/tasks/08/proofs?period={YEAR}&day=2026-11-14", who) == []


async def test_the_periods_with_evidence_and_the_current_one_are_listed(filled, device, caller):
    early = device(1).aired(99, MORNING - timedelta(days=365 * 2))
    await take_up(MongoEvidence(filled.service.db), fact_of(early))
    listed = (await get(filled, "/periods", caller("author", CAU_KE)))["items"]
    now = period_of("plan75", local_day(filled.service.clock.now())).key
    assert {found["key"] for found in listed} == {"plan75-2025", YEAR, now}
    assert [found["start"] for found in listed] == sorted((found["start"] for found in listed), reverse=True)


@pytest.mark.parametrize(
    ("now", "key"),
    [
        (datetime(2026, 11, 14, 23, 55, tzinfo=ZONE), "plan75-2026"),
        (datetime(2026, 11, 15, 0, 0, tzinfo=ZONE), "plan75-2027"),
    ],
)
async def test_without_a_period_the_one_of_the_services_clock_is_meant(start_service, plan_file, caller, now, key):
    shift = (now - datetime.now(ZONE)).total_seconds()
    service = await start_service("reporting", RuntimeSettings, build, INDEXES, clock_shift_seconds=shift)
    await service.call("POST", "/plan", caller("system", EVERYWHERE), plan_file)
    assert (await get(service, "/tasks/08", caller("reporter", PROVINCE)))["period"]["key"] == key
    assert [found["key"] for found in (await get(service, "/periods", caller("author", CAU_KE)))["items"]] == [key]


async def test_an_unknown_period_is_a_problem_in_the_readers_language(filled, caller):
    who = caller("reporter", PROVINCE)
    paths = ("/tasks?period={}", "/tasks/08?period={}", "/tasks/08/proofs?period={}")
    for path, key in product(paths, ("plan75-27", "plan76-2027", "plan75-9999", "now")):
        status, body, headers = await filled.call("GET", path.format(key), who)
        assert (status, body["code"]) == (404, "reporting.unknown-period"), (path, key)
        assert headers["content-type"] == "application/problem+json"
        assert body["title"] == "Không có kỳ báo cáo này"
        assert key in body["detail"]
        _, body, _ = await filled.call("GET", path.format(key), who, headers={"accept-language": "en"})
        assert body["title"] == "No such report period"


async def test_unknown_tasks_and_broken_cursors_are_problems(filled, caller):
    who = caller("reporter", PROVINCE)
    status, body, _ = await filled.call("GET", "/tasks/77", who)
    assert (status, body["code"]) == (404, "reporting.unknown-task")
    assert "77" in body["detail"]
    status, body, _ = await filled.call("GET", "/tasks/08/proofs?cursor=%25%25%25", who)
    assert (status, body["code"]) == (400, "bad-cursor")


async def test_a_stranger_learns_nothing(filled):
    for path in ("/periods", "/tasks", "/tasks/08", "/tasks/08/proofs", "/proofs/airing:x:y"):
        status, body, _ = await filled.call("GET", path, Caller("anonymous", ""))
        assert (status, body["code"]) == (401, "sign-in-required")


@pytest.mark.parametrize("path", ["/plan", "/rebuild"])
async def test_only_the_platform_and_the_provinces_administrator_touch_plan_and_cells(filled, caller, plan_file, path):
    for who in (caller("reporter", PROVINCE), caller("admin", CAU_KE)):
        status, body, _ = await filled.call("POST", path, who, plan_file)
        assert (status, body["code"]) == (403, "forbidden")
    status, body, _ = await filled.call("POST", path, caller("admin", "u-untold"), plan_file)
    assert (status, body["retryable"]) == (409, True)


async def test_counting_again_changes_no_number(filled, caller):
    who = caller("admin", PROVINCE)
    before = await get(filled, f"/tasks/08?period={YEAR}", who)
    status, body, _ = await filled.call("POST", "/rebuild", who)
    assert (status, body["mended"]) == (200, 0)
    assert body["cells"] == 6
    assert await get(filled, f"/tasks/08?period={YEAR}", who) == before


async def test_a_proof_is_shown_with_its_chain_and_checked_now(filled, caller):
    who = caller("reporter", PROVINCE)
    for fact in await every_proof(filled, f"/tasks/08/proofs?period={YEAR}", who):
        shown = await get(filled, f"/proofs/{fact['fact_id']}", who)
        assert {name: shown[name] for name in fact} == fact
        assert (shown["signature_valid"], shown["doubts"]) == (True, [])
        assert shown["proof"]["kid"] == shown["device_public_key"]
        media = "audio_sha256" if fact["channel"] == "radio" else "slide_sha256"
        assert shown["chain"].keys() == {"rundown_sha256", media, "entry_id"}
        assert shown["chain"]["rundown_sha256"] == "c" * 64


@pytest.mark.parametrize(
    ("field", "value", "doubt"),
    [
        ("seconds", 6400.0, "seconds"),
        ("proof.sig", "A" * 86, "signature"),
        ("proof.media_sha256", "d" * 64, "audio_sha256"),
    ],
)
async def test_a_fact_that_somebody_changed_in_the_database_is_shown_as_not_proven(filled, caller, field, value, doubt):
    who = caller("reporter", PROVINCE)
    fact = (await every_proof(filled, f"/tasks/12/proofs?period={YEAR}", who))[0]
    await filled.service.db["facts"].update_one({"_id": fact["fact_id"]}, {"$set": {field: value}})
    shown = await get(filled, f"/proofs/{fact['fact_id']}", who)
    assert (shown["signature_valid"], shown["doubts"]) == (False, [doubt])


async def test_a_unit_keeps_its_newest_name_whatever_the_order_of_its_events(filled, events, unit, caller):
    await events.publish(catalogue.UNIT_CHANGED, unit(CAU_KE, "Xã Cầu Kè mới", (PROVINCE, CAU_KE), ver=3))
    await events.publish(catalogue.UNIT_CHANGED, unit(CAU_KE, "Xã Cầu Kè cũ", (PROVINCE, CAU_KE), ver=2))
    await events.publish(catalogue.UNIT_CHANGED, unit(LONG_DUC, "Phường Long Đức 2", (PROVINCE, LONG_DUC), ver=2))

    async def names() -> set[str]:
        report = await get(filled, f"/tasks/08?period={YEAR}", caller("reporter", PROVINCE))
        return {row["unit_name"] for row in report["by_unit"]}

    async def renamed() -> bool:
        return await names() == {"Xã Cầu Kè mới", "Phường Long Đức 2"}

    await eventually(renamed)
