"""104 communes become 41 by acts of the directory: every count stays, as then and as now, and after the opposite."""

import asyncio
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lantoa_contracts.catalogue import AIRING_CONFIRMED, ATTEMPT_ACCEPTED, DISPLAY_CONFIRMED, POST_CONFIRMED
from lantoa_directory.main import INDEXES as DIRECTORY_INDEXES
from lantoa_directory.main import build as build_directory
from lantoa_directory.settings import DirectorySettings
from lantoa_runtime.http import Caller, Grant
from lantoa_testing import eventually

DEMO = json.loads((Path(__file__).parents[3] / "demo" / "units.json").read_text())
MERGER = "2025-07-01"
OLD, NEW = "u-84-2022", "u-86-2025"
OPERATOR = Caller("operator", "operator", (Grant("system", "*"), Grant("admin", OLD), Grant("admin", NEW)))
PERIOD = "plan75-2025"
TASKS = ("03", "08")


def _before():
    """The province as it was on 30 June 2025, and the new one, which has no commune yet."""
    old = [unit for unit in DEMO["units"] if unit["unit_id"].endswith("-2022") and unit["valid_to"] != "2024-12-31"]
    units = [{**unit, "valid_to": None} for unit in old]
    return units + [unit for unit in DEMO["units"] if unit["unit_id"] == NEW]


def _mergers():
    """Who goes into whom: the acts of the merger, as the law has them."""
    units = {unit["unit_id"]: unit for unit in DEMO["units"]}
    into = defaultdict(list)
    for link in DEMO["successors"]:
        if link["date"] == MERGER and link["unit_id"] != OLD:
            into[link["successor_id"]].append((link["unit_id"], link["act"]))
    for target, sources in sorted(into.items()):
        new = units[target]
        made = {"name": new["name"], "code": new["code"], "kind": new["kind"], "parent": NEW}
        act = {"kind": "merge", "date": MERGER, "act": sources[0][1], "into": made}
        yield {**act, "from": [one for one, _ in sources]}


@pytest.fixture
async def directory(start_service):
    # Nothing is left for its sweeper here, which would look for it thousands of times.
    return await start_service("directory", DirectorySettings, build_directory, DIRECTORY_INDEXES, sweep_seconds=10.0)


NUMBERS = ("airings", "airing_minutes", "displays", "posts", "attempts")


async def _counts(reporting, view):
    """Every number of the period, and every unit's numbers of every task; what is counted by channel, task and unit."""
    summary = (await reporting.call("GET", f"/summary?period={PERIOD}&view={view}", OPERATOR))[1]
    by_unit = {}
    for task in TASKS:
        _, told, _ = await reporting.call("GET", f"/tasks/{task}?period={PERIOD}&view={view}", OPERATOR)
        assert Counter(_numbers(told["totals"])) == sum((Counter(_numbers(row)) for row in told["by_unit"]), Counter())
        by_unit[task] = {row["unit_id"]: _numbers(row) for row in told["by_unit"]}
    return _numbers(summary["totals"]), by_unit


def _numbers(row):
    return {name: row[name] for name in NUMBERS if row[name]}


NAMES = {
    POST_CONFIRMED: "posts",
    AIRING_CONFIRMED: "airings",
    DISPLAY_CONFIRMED: "displays",
    ATTEMPT_ACCEPTED: "attempts",
}


def _expected(history):
    """What :func:`_counts` finds once all of a history is counted."""
    whole, by_unit = Counter(), {task: defaultdict(Counter) for task in TASKS}
    for spec, event in history:
        told = Counter({NAMES[spec]: 1} | ({"airing_minutes": 1.0} if spec is AIRING_CONFIRMED else {}))
        whole += told
        for task in event.tasks:
            by_unit[task][event.unit_id] += told
    return whole, by_unit


def _history(communes, device, posted, attempted):
    """Evidence of every channel in every commune, of no two neighbours the same amount."""
    day = datetime(2025, 3, 3, 3, tzinfo=UTC)
    for place, unit_id in enumerate(sorted(communes)):
        station = device(place + 1, unit_id)
        for turn in range(1 + place % 2):
            number = 10 * place + turn
            task = (TASKS[number % 2],)
            yield POST_CONFIRMED, posted(number, unit_id, day, tasks=task)
            yield AIRING_CONFIRMED, station.aired(number, day, seconds=60.0, tasks=task)
        yield DISPLAY_CONFIRMED, station.displayed(10 * place, day, tasks=TASKS)
        yield ATTEMPT_ACCEPTED, attempted(place, unit_id, day, tasks=("03",))


@pytest.mark.timeout(300)
async def test_every_count_is_kept_as_then_and_as_now_and_comes_back_with_the_opposite(
    directory, reporting, events, device, posted, attempted, plan_file
):
    units, mergers = _before(), list(_mergers())
    communes = [unit["unit_id"] for unit in units if unit["kind"] in ("commune", "ward", "town")]
    assert (len(communes), len(mergers)) == (104, 41)
    assert sorted(one for act in mergers for one in act["from"]) == sorted(communes)
    assert (await directory.call("POST", "/import", OPERATOR, {"units": units}))[0] == 200
    assert (await reporting.call("POST", "/plan", OPERATOR, plan_file))[0] == 200
    history = list(_history(communes, device, posted, attempted))
    for begin in range(0, len(history), 50):
        await asyncio.gather(*(events.publish(spec, event) for spec, event in history[begin : begin + 50]))
    before = _expected(history)

    async def taken_up():
        return await _counts(reporting, "then") == before

    await eventually(taken_up, every=1.0)
    assert await _counts(reporting, "now") == before
    done = []
    for turn, act in enumerate(mergers):
        status, told, _ = await directory.call("POST", "/acts", OPERATOR, act, {"Idempotency-Key": f"merger-{turn:04}"})
        assert (status, told["state"]) == (200, "done"), told
        done.append(told)
    heirs = {source["id"]: act["into"][0]["id"] for act in done for source in act["from"]}
    assert len(set(heirs.values())) == 41
    joined = {task: defaultdict(Counter) for task in TASKS}
    for task, rows in before[1].items():
        for unit_id, numbers in rows.items():
            joined[task][heirs[unit_id]].update(numbers)

    async def merged():
        return await _counts(reporting, "now") == (before[0], joined)

    await eventually(merged, every=1.0)
    assert await _counts(reporting, "then") == before
    for act in reversed(done):
        status, told, _ = await directory.call("POST", f"/acts/{act['id']}/reverse", OPERATOR)
        assert (status, told["state"]) == (200, "reversed"), told

    async def as_before():
        return await _counts(reporting, "now") == before

    await eventually(as_before, every=1.0)
    assert await _counts(reporting, "then") == before
    stored = await directory.service.db["units"].find({"_id": {"$in": communes}})
    assert all(unit["valid_to"] is None and unit["successors"] == [] for unit in stored)
