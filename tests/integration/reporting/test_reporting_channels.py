"""Four channels, then and now, corrected, damaged and told again: over real servers, handlers and routes."""

import random
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest

from lantoa_calendar.periods import ZONE, local_day
from lantoa_contracts import catalogue
from lantoa_contracts.events.content import PostConfirmed, PostUnconfirmed
from lantoa_contracts.policy import EVERYWHERE
from lantoa_reporting.adapters import MongoEvidence, MongoUnits
from lantoa_reporting.consumers import fact_of
from lantoa_reporting.usecases.evidence import take_back, take_up

YEAR = "plan75-2027"
CUT_OFF = datetime(2026, 11, 15, tzinfo=ZONE)
PROVINCE, X, Y = "u-vinh-long", "u-x", "u-y"
HEIRS = {"u-a": (X,), "u-b": ("u-a",), "u-c": (Y,), "u-d": (X, Y)}
SPECS = (
    catalogue.AIRING_CONFIRMED,
    catalogue.DISPLAY_CONFIRMED,
    catalogue.POST_CONFIRMED,
    catalogue.POST_UNCONFIRMED,
    catalogue.ATTEMPT_ACCEPTED,
    catalogue.UNIT_CHANGED,
)
PREFIX = {"radio": "airings", "board": "displays", "web": "posts", "contest": "attempts"}


def taken_back(post: PostConfirmed, ver: int) -> PostUnconfirmed:
    return PostUnconfirmed(
        post_id=post.post_id,
        ver=ver,
        channel="web",
        item_id=post.item_id,
        revision=post.revision,
        unit_id=post.unit_id,
        reason="edited",
        at=post.confirmed_at + timedelta(days=1),
    )


@pytest.fixture
def history(device, unit, posted, attempted) -> list[tuple]:
    """(spec, event): airings, displays, posts that come and go, attempts, mergers and a division."""
    draw = random.Random(75)
    places = [*HEIRS, X, Y]
    told: list[tuple] = []

    def some(number: int) -> tuple:
        tasks = tuple(sorted(draw.sample(("05", "08", "10"), draw.randint(1, 2))))
        return places[number % len(places)], CUT_OFF + timedelta(hours=draw.randint(-30, 50)), tasks

    for number in range(10):
        place, at, tasks = some(number)
        told.append((catalogue.AIRING_CONFIRMED, device(number + 1, place).aired(number, at, 61.7, tasks)))
        place, at, tasks = some(number + 1)
        told.append((catalogue.DISPLAY_CONFIRMED, device(number + 1, place).displayed(number, at, 10.0, tasks)))
        place, at, tasks = some(number + 2)
        told.append((catalogue.ATTEMPT_ACCEPTED, attempted(number, place, at, tasks)))
        place, at, tasks = some(number + 3)
        post = posted(number, place, at, tasks, ver=1)
        told.append((catalogue.POST_CONFIRMED, post))
        for ver in range(2, draw.randint(1, 4) + 1):
            again = (catalogue.POST_CONFIRMED, post.model_copy(update={"ver": ver}))
            told.append(draw.choice([again, (catalogue.POST_UNCONFIRMED, taken_back(post, ver))]))
    told.append((catalogue.UNIT_CHANGED, unit(PROVINCE, "Tỉnh Vĩnh Long", (PROVINCE,), "province")))
    units = [unit(place, f"Xã {place}", (PROVINCE, place)) for place in places]
    units += [unit(place, f"Xã {place}", (PROVINCE, place), ver=2, successors=heirs) for place, heirs in HEIRS.items()]
    told += [(catalogue.UNIT_CHANGED, made) for made in units]
    return told


async def tell(events, history, seed: int) -> None:
    """Publish a history in some order, a third of it twice, and wait until all is handled."""
    draw = random.Random(seed)
    published = history + draw.sample(history, len(history) // 3)
    draw.shuffle(published)
    for spec, event in published:
        await events.publish(spec, event)

    for spec in SPECS:
        await events.handled(spec, "reporting")
    assert await events.dead("reporting") == []


async def get(service, path: str, who) -> dict:
    status, body, _ = await service.call("GET", path, who)
    assert status == 200, body
    return body


async def walk(service, path: str, who, limit: int = 100) -> list[dict]:
    """Every page of a list of proofs."""
    found, cursor = [], ""
    while cursor is not None:
        page = await get(service, f"{path}&limit={limit}&cursor={quote(cursor)}", who)
        found += page["items"]
        cursor = page["next"]
    assert len({fact["fact_id"] for fact in found}) == len(found)
    return found


def sums_of(listed: list[dict]) -> dict:
    """What a list of proofs adds up to."""
    sums = {name: sum(fact["channel"] == channel for fact in listed) for channel, name in PREFIX.items()}
    milliseconds = sum(round(fact["seconds"] * 1000) for fact in listed if fact["channel"] == "radio")
    return {**sums, "airing_minutes": (milliseconds + 3_000) // 6_000 / 10}


async def the_reports(service, who, view: str, *, walked: bool) -> dict:
    """A caller's reports; ``walked``: after each number was compared with the proofs listed behind it."""
    listed = (await get(service, f"/tasks?period={YEAR}&view={view}", who))["items"]
    shown = {task["code"]: task["totals"] for task in listed}
    reports = {}
    for code in ("05", "08", "10"):
        report = reports[code] = await get(service, f"/tasks/{code}?period={YEAR}&view={view}", who)
        assert report["totals"] == shown[code]
        if not walked:
            continue
        path = f"/tasks/{code}/proofs?period={YEAR}&view={view}"
        assert sums_of(await walk(service, path, who, limit=7)) == report["totals"]
        for part, field in (("unit", "unit_id"), ("day", "day"), ("channel", "channel")):
            for row in report[f"by_{part}"]:
                behind = await walk(service, f"{path}&{field}={row[field]}", who)
                assert sums_of(behind) == {name: row[name] for name in report["totals"]}
    return reports


async def everything(service, caller, *, walked: bool = True) -> dict:
    """All reports of the province and of one commune of today, and what the cells hold."""
    cells = await service.service.db["cells"].find({"count": {"$gt": 0}})
    return {
        "summary": await get(service, f"/summary?period={YEAR}", caller("reporter", PROVINCE)),
        "periods": await get(service, "/periods", caller("reporter", PROVINCE)),
        **{
            f"{unit_id} {view}": await the_reports(service, caller("reporter", unit_id), view, walked=walked)
            for unit_id in (PROVINCE, X)
            for view in ("then", "now")
        },
        "cells": {cell["_id"]: (sorted(cell["facts"]), cell["count"], cell["milliseconds"]) for cell in cells},
    }


def expected(history) -> dict[str, dict]:
    """The province's facts of each task by the highest version of each, counted straight from the events."""
    last: dict[str, tuple] = {}
    for number, (spec, event) in enumerate(history):
        if spec is not catalogue.UNIT_CHANGED:
            key = getattr(event, "post_id", str(number))
            if key not in last or last[key][1].ver < event.ver:
                last[key] = (spec, event)
    names = dict(zip(SPECS[:3], ("airings", "displays", "posts"), strict=True)) | {SPECS[4]: "attempts"}
    counted: dict[str, dict] = {code: dict.fromkeys(PREFIX.values(), 0) for code in ("05", "08", "10")}
    for spec, event in last.values():
        if spec in names and local_day(fact_of(event).at) >= CUT_OFF.date():
            for code in event.tasks:
                counted[code][names[spec]] += 1
    return counted


async def test_numbers_are_closed_over_proofs_and_equal_after_damage_and_after_everything_was_told_again(
    reporting, events, caller, plan_file, history
):
    await reporting.call("POST", "/plan", caller("system", EVERYWHERE), plan_file)
    await tell(events, history, seed=1)
    before = await everything(reporting, caller)

    for code, wanted in expected(history).items():
        for view in ("then", "now"):
            totals = before[f"{PROVINCE} {view}"][code]["totals"]
            assert {name: totals[name] for name in wanted} == wanted
    now = {row["unit_id"]: row["former"] for row in before[f"{PROVINCE} now"]["08"]["by_unit"]}
    assert now == {X: False, Y: False, "u-d": True}
    then = {row["unit_id"]: row["former"] for row in before[f"{PROVINCE} then"]["08"]["by_unit"]}
    assert then == {place: place in HEIRS for place in (*HEIRS, X, Y)}
    assert [row["unit_id"] for row in before[f"{X} now"]["08"]["by_unit"]] == [X]
    assert before[f"{X} now"]["08"]["totals"]["posts"] > before[f"{X} then"]["08"]["totals"]["posts"]

    db, admin = reporting.service.db, caller("admin", PROVINCE)
    ids = sorted(before["cells"])
    for key in ids[::5]:
        await db["cells"].delete_one({"_id": key})
    for key in ids[1::5]:
        await db["cells"].update_one({"_id": key}, {"$inc": {"count": 3}, "$push": {"facts": "airing:ghost"}})
    await db["sheets"].delete_many({"unit_id": "u-c"})
    status, body, _ = await reporting.call("POST", "/rebuild", admin)
    assert (status, body["mended"] >= len(ids[::5]) + len(ids[1::5])) == (200, True)
    assert await everything(reporting, caller, walked=False) == before
    assert (await reporting.call("POST", "/rebuild", admin))[1]["mended"] == 0

    for name in ("facts", "cells", "sheets", "units", "periods"):
        await db[name].delete_many({})
    assert sum((await get(reporting, "/tasks/08", caller("reporter", PROVINCE)))["totals"].values()) == 0
    await tell(events, history, seed=2)
    assert await everything(reporting, caller) == before


@pytest.fixture
async def told(reporting, unit, posted, attempted, plan_file, caller):
    """The province, a commune, one post and one attempt."""
    units, evidence = MongoUnits(reporting.service.db), MongoEvidence(reporting.service.db)
    for made in (unit(PROVINCE, "Tỉnh Vĩnh Long", (PROVINCE,), "province"), unit(X, "Xã X", (PROVINCE, X))):
        await units.apply(made.unit_id, made.ver, made.model_dump(mode="json", exclude={"unit_id", "ver"}))
    await take_up(evidence, fact_of(posted(1, X, CUT_OFF, ("05", "08"))))
    await take_up(evidence, fact_of(attempted(1, X, CUT_OFF + timedelta(hours=1))))
    await reporting.call("POST", "/plan", caller("system", EVERYWHERE), plan_file)
    return reporting


async def test_a_post_opens_to_its_address_and_hashes_until_it_is_taken_back(told, posted, caller):
    who = caller("reporter", X)
    (line,) = await walk(told, f"/tasks/08/proofs?period={YEAR}", who)
    assert (line["channel"], line["title"], line["priority"]) == ("web", "Bản tin số 1", "normal")
    shown = await get(told, f"/proofs/{line['fact_id']}", who)
    assert (shown["valid"], shown["doubts"], shown["device_id"], shown["attempt"]) == (True, [], "", None)
    assert shown["post"]["url"] == "https://lantoa.example.vn/tin/i-1"
    assert shown["chain"] == {"approval_sha256": f"{1:064x}", "page_sha256": "d" * 64}
    evidence = MongoEvidence(told.service.db)
    await take_back(evidence, "post:web-i-1-1", 3)
    assert await walk(told, f"/tasks/08/proofs?period={YEAR}", who) == []
    shown = await get(told, f"/proofs/{line['fact_id']}", who)
    assert (shown["valid"], shown["doubts"]) == (False, ["standing"])
    await take_up(evidence, fact_of(posted(1, X, CUT_OFF, ("05", "08"), ver=4)))
    assert [fact["fact_id"] for fact in await walk(told, f"/tasks/08/proofs?period={YEAR}", who)] == [line["fact_id"]]


async def test_an_attempt_opens_to_every_sealed_field_and_its_receipt_is_computed_again(told, caller):
    who = caller("reporter", X)
    (line,) = await walk(told, f"/tasks/10/proofs?period={YEAR}", who)
    assert (line["contest_id"], line["item_id"], line["device_id"]) == ("q-1", "", "")
    shown = await get(told, f"/proofs/{line['fact_id']}", who)
    assert (shown["valid"], shown["doubts"]) == (True, [])
    assert shown["attempt"]["score"] == 1
    assert shown["attempt"]["receipt"] == shown["chain"]["receipt"]
    facts = told.service.db["facts"]
    await facts.update_one({"_id": line["fact_id"]}, {"$set": {"proof.fields.score": 3}})
    assert (await get(told, f"/proofs/{line['fact_id']}", who))["doubts"] == ["receipt"]
    await facts.update_one({"_id": line["fact_id"]}, {"$set": {"proof.fields.score": 1, "unit_id": PROVINCE}})
    shown = await get(told, f"/proofs/{line['fact_id']}", caller("reporter", PROVINCE))
    assert (shown["valid"], shown["doubts"]) == (False, ["unit_id"])


async def test_the_summary_takes_each_fact_once_and_counts_the_tasks_without_evidence(told, caller):
    shown = await get(told, f"/summary?period={YEAR}", caller("reporter", X))
    assert shown["totals"] == {"airings": 0, "airing_minutes": 0.0, "displays": 0, "posts": 1, "attempts": 1}
    assert (shown["tasks"], shown["tasks_without_evidence"]) == (15, 12)
    assert shown["period"]["key"] == YEAR
