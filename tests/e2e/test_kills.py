"""Every process killed in the middle of the work: nothing lost, nothing twice."""

from collections import Counter

import aiohttp
import pytest
import walk
from walk import STATION, UNIT

from lantoa_calendar.periods import local_day, period_of
from lantoa_testing import eventually
from lantoa_testing.platform import Platform

ITEMS = 20
BODY = "Bà con chú ý: lịch tiêm phòng cho đàn vật nuôi được niêm yết tại trụ sở."
pytestmark = pytest.mark.timeout(420)


async def _write_and_approve(platform: Platform, http: aiohttp.ClientSession) -> list[str]:
    """Twenty bulletins, while content, broadcast and fleet are killed."""
    lan, hung = [await platform.sign_in(http, login) for login in ("lan", "hung")]
    drafts = []
    for number in range(ITEMS):
        drafts.append((await walk.submitted(lan, number, BODY))["id"])
        if number == ITEMS // 2:
            await platform.kill("content")
    for number, item_id in enumerate(drafts):
        await walk.approved(hung, item_id, timeout=120)
        if number == ITEMS // 3:
            await platform.kill("broadcast")
        if number == ITEMS // 2:
            await platform.kill("fleet")
    return drafts


async def test_twenty_items_survive_the_kill_of_every_process(unhurried_platform, http, browser):
    platform = unhurried_platform
    board = await browser.new_page(viewport={"width": 1280, "height": 720})
    await board.goto(platform.layout.board_url)
    drafts = await _write_and_approve(platform, http)
    lan, ha = [await platform.sign_in(http, login) for login in ("lan", "ha")]

    async def all_planned():
        sessions = await walk.pages(lan, f"/api/v1/broadcast/sessions?unit_id={UNIT}")
        return {e["item_id"] for s in sessions for e in s["entries"]} >= set(drafts)

    await eventually(all_planned, 60, every=0.5)
    await platform.command("demo", "session", UNIT, "--in-seconds", "2")

    # The station dies while it plays, then NATS, then the database, while the rest of the session runs.
    def starts():
        return sum(line["event"] == "start" for line in walk.diary(platform))

    await eventually(lambda: starts() >= 3, 60)
    await platform.kill(STATION)
    await eventually(lambda: starts() >= 6, 60)
    await platform.kill("nats")
    await eventually(lambda: starts() >= 10, 60)
    await platform.kill("mongo")

    airings = await walk.confirmed(lan, "broadcast", "airings", ITEMS, 180)
    displays = await walk.confirmed(lan, "signboard", "displays", ITEMS, 180)
    assert Counter(row["item_id"] for row in airings) == Counter(drafts)
    assert Counter(row["item_id"] for row in displays) == Counter(drafts)

    outcomes = Counter(proof["outcome"] for row in airings for proof in row["proofs"])
    assert outcomes["aired"] == ITEMS
    assert outcomes["cut"] == 1, "the station was killed once while playing"

    period = period_of("plan75", local_day(walk.moment(airings[0]["started_at"]))).key
    wanted = dict.fromkeys(("airings", "displays", "posts"), ITEMS)
    for task in ("05", "08"):

        async def counted(task=task):
            totals = (await ha.get(f"/api/v1/reporting/tasks/{task}?period={period}"))["totals"]
            return totals if min(totals[name] for name in wanted) >= ITEMS else None

        totals = await eventually(counted, 60, every=0.5)
        assert {name: totals[name] for name in wanted} == wanted
        proofs = await walk.pages(ha, f"/api/v1/reporting/tasks/{task}/proofs?period={period}")
        assert len(proofs) == len({proof["fact_id"] for proof in proofs}) == 3 * ITEMS

    letters = await platform.command(
        "dlq", "list", "--nats-url", platform.layout.nats.url, "--keys", str(platform.layout.ring.folder)
    )
    assert letters.strip() == ""
