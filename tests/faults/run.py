"""The fault run: the whole platform under load while every process and server is killed, in turn and in random order.

``make faults`` runs it. At the end a table says whether what was acknowledged is found once, and whether what the
services confirmed, what the report counts and the proofs that it lists are the same. Exit code 1 on any difference.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from fault_clients import UNIT, Client, Tally, officer, take_quiz, write_item

from lantoa_calendar.periods import local_day, period_of
from lantoa_cli.layout import STATIONS
from lantoa_runtime.clock import Clock
from lantoa_testing import eventually
from lantoa_testing.platform import Platform, make_platform

SPEED = "20"
NATS_DOWN_S, DATABASE_DOWN_S = 60.0, 30.0
TASKS, QUIZ_TASK = ("05", "08"), "06"
CONTEST = "an-toan-truc-tuyen"
_BETWEEN_S = 3.0
_PAUSE_S = (6.0, 14.0)
"""Between random kills: a service on two busy cores needs about ten seconds to come back."""
_WRITERS, _CITIZENS = 4, 6
_SETTLE_S = 420.0


@dataclass
class Plan:
    """How much and how hard."""

    items: int
    entries: int
    seed: int
    outages: bool
    """Keep NATS and the database down for long, then go on killing at random until the work is done."""
    data: Path


@dataclass
class Row:
    """A line of the table: numbers that must be the same."""

    what: str
    numbers: dict[str, int]

    @property
    def holds(self) -> bool:
        """Whether they are."""
        return len(set(self.numbers.values())) == 1


@dataclass
class Killer:
    """Sends SIGKILL to processes of one platform, each by the id that its supervisor wrote down."""

    platform: Platform
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)

    def _strike(self, name: str) -> None:
        pid = self.platform.pids().get(name)
        if pid is not None:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            self.done[name] += 1

    async def each(self, names: Iterable[str]) -> None:
        """Kill one after the other; the supervisor starts each again."""
        for name in names:
            self._strike(name)
            await asyncio.sleep(_BETWEEN_S)

    async def keep_down(self, name: str, seconds: float) -> None:
        """Kill it again whenever it comes back."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._strike(name)
            await asyncio.sleep(0.1)

    async def at_random(self, names: list[str], stop: asyncio.Event) -> None:
        """Kill in random order until told to stop."""
        while not stop.is_set():
            self._strike(self.chance.choice(names))
            try:
                await asyncio.wait_for(stop.wait(), self.chance.uniform(*_PAUSE_S))
            except TimeoutError:
                continue


async def _is_open(anybody: Client) -> bool:
    contest = await anybody.get(f"/api/v1/contest/contests/{CONTEST}")
    return bool(contest["phase"] == "open")


class Run:
    """One run, step by step, a line each."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.began = time.monotonic()
        self.tally = Tally()
        self.platform = make_platform(
            plan.data, LANTOA_SPEED=SPEED, LANTOA_GATEWAY_CITIZENS_PER_MINUTE="100000", LANTOA_CONTEST_ACK_SECONDS="1"
        )
        # The board's page is one of the processes to kill: the platform opens it itself.
        self.platform.env = {name: value for name, value in self.platform.env.items() if name != "LANTOA_CHROMIUM"}
        self.killer = Killer(self.platform, random.Random(plan.seed))

    def say(self, text: str) -> None:
        """A line with the seconds since the start."""
        sys.stdout.write(f"[{time.monotonic() - self.began:6.1f} s] {text}\n")
        sys.stdout.flush()

    async def __call__(self) -> list[Row]:
        """The table."""
        await asyncio.to_thread(self.platform.start)
        self.say(f"platform is up, seed {self.plan.seed}")
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=50)) as http:
            lan, hung, ha, vinh = [
                await officer(self.platform, http, self.tally, login) for login in ("lan", "hung", "ha", "vinh")
            ]
            await eventually(partial(_is_open, lan), every=0.2)
            await self._write_under_fire(http, lan, hung)
            await self._play_under_fire(lan)
            return await self._settled(lan, ha, vinh)

    # ---- load and kills

    async def _write_under_fire(self, http: aiohttp.ClientSession, lan: Client, hung: Client) -> None:
        stop = asyncio.Event()
        firing = asyncio.create_task(self._fire(stop))
        await asyncio.gather(
            _some_at_once(_WRITERS, range(self.plan.items), lambda n: write_item(lan, hung, n)),
            _some_at_once(
                _CITIZENS, range(self.plan.entries), lambda n: take_quiz(self.platform, http, self.tally, CONTEST, n)
            ),
        )
        stop.set()
        await firing
        self.say(
            f"{len(self.tally.approved)} items approved, {len(self.tally.attempts)} papers sealed, "
            f"{self.tally.repeats} requests asked again, {sum(self.killer.done.values())} kills"
        )

    async def _fire(self, stop: asyncio.Event) -> None:
        names = sorted(self.platform.pids())
        await self.killer.each(names)
        self.say(f"each killed in turn: {', '.join(names)}")
        if self.plan.outages:
            await self.killer.keep_down("nats", NATS_DOWN_S)
            self.say(f"NATS was down for {NATS_DOWN_S:.0f} s")
            await asyncio.sleep(_BETWEEN_S)
            await self.killer.keep_down("mongo", DATABASE_DOWN_S)
            self.say(f"the database was down for {DATABASE_DOWN_S:.0f} s")
            await self.killer.at_random(names, stop)

    async def _play_under_fire(self, lan: Client) -> None:
        async def all_planned() -> bool:
            sessions = await lan.pages(f"/api/v1/broadcast/sessions?unit_id={UNIT}")
            return {e["item_id"] for s in sessions for e in s["entries"]} >= self.tally.approved

        await eventually(all_planned, _SETTLE_S, every=1.0)
        await eventually(lambda: self._session(), _SETTLE_S, every=1.0)
        self.say("the session begins")
        stop = asyncio.Event()
        firing = asyncio.create_task(self.killer.at_random([STATIONS[0], "board-tra-vinh", "nats", "mongo"], stop))
        await asyncio.sleep(max(10.0, self.plan.items / 10))
        stop.set()
        await firing
        self.say(f"{sum(self.killer.done.values())} kills in all; now it is quiet")

    async def _session(self) -> bool:
        try:
            await self.platform.command("demo", "session", UNIT, "--in-seconds", "2")
        except AssertionError:
            return False  # A service was just killed.
        return True

    # ---- what came of it

    async def _settled(self, lan: Client, ha: Client, vinh: Client) -> list[Row]:
        rows: list[Row] = []

        async def all_hold() -> bool:
            rows[:] = await self._table(lan, ha, vinh)
            return all(row.holds for row in rows)

        try:
            await eventually(all_hold, _SETTLE_S, every=5.0)
        except AssertionError:
            self.say(f"not settled after {_SETTLE_S:.0f} s")
        return rows

    async def _table(self, lan: Client, ha: Client, vinh: Client) -> list[Row]:
        asked, tally = self.plan, self.tally
        items = await lan.pages(f"/api/v1/content/items?unit_id={UNIT}")
        found = Counter(item["id"] for item in items if item["title"].startswith("Tin số "))
        once = sum(found[item_id] == 1 for item_id in tally.items.values())
        approved = {item["id"] for item in items if item["state"] == "approved"}
        ledger = await vinh.pages(f"/api/v1/contest/contests/{CONTEST}/ledger")
        sealed = Counter((one["attempt_id"], one["receipt"]) for one in ledger)
        rows = [
            Row(
                "items", {"asked": asked.items, "acknowledged": len(tally.items), "found once": once, "all": len(found)}
            ),
            Row("approvals", {"acknowledged": len(tally.approved), "found": len(approved & tally.approved)}),
            Row(
                "papers",
                {
                    "asked": asked.entries,
                    "acknowledged": len(tally.attempts),
                    "found once": sum(sealed[paper] == 1 for paper in tally.attempts.items()),
                    "all": len(ledger),
                },
            ),
        ]
        period = period_of("plan75", local_day(Clock().now())).key
        confirmed = {
            "airings": await self._confirmed(lan, "broadcast/airings"),
            "displays": await self._confirmed(lan, "signboard/displays"),
            "posts": sum((item["post"] or {}).get("state") == "confirmed" for item in items),
            "attempts": len(ledger),
        }
        channels = {"airings": "radio", "displays": "board", "posts": "web", "attempts": "contest"}
        for number, channel in channels.items():
            for task in (QUIZ_TASK,) if number == "attempts" else TASKS:
                report = await ha.get(f"/api/v1/reporting/tasks/{task}?period={period}")
                proofs = await ha.pages(f"/api/v1/reporting/tasks/{task}/proofs?period={period}&channel={channel}")
                rows.append(
                    Row(
                        f"{number}, task {task}",
                        {
                            "expected": asked.entries if number == "attempts" else asked.items,
                            "confirmed": confirmed[number],
                            "report": report["totals"][number],
                            "by unit": sum(unit[number] for unit in report["by_unit"]),
                            "by day": sum(day[number] for day in report["by_day"]),
                            "proofs": len(proofs),
                            "different proofs": len({proof["fact_id"] for proof in proofs}),
                        },
                    )
                )
        letters = await self.platform.command(
            "dlq", "list", "--nats-url", self.platform.layout.nats.url, "--keys", str(self.platform.layout.ring.folder)
        )
        rows.append(Row("dead letters", {"allowed": 0, "found": len(letters.split("\n")) - 1}))
        return rows

    async def _confirmed(self, person: Client, what: str) -> int:
        rows = await person.pages(f"/api/v1/{what}?unit_id={UNIT}")
        return len({(row["item_id"], row["device_id"]) for row in rows if row["state"] == "confirmed"})


async def _some_at_once(limit: int, numbers: Iterable[int], work: Callable[[int], Awaitable[None]]) -> None:
    waiting = iter(numbers)

    async def worker() -> None:
        for number in waiting:
            await work(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(limit):
            group.create_task(worker())


def table(rows: list[Row]) -> str:
    """The rows as text."""
    lines = []
    for row in rows:
        numbers = "   ".join(f"{name} {number}" for name, number in row.numbers.items())
        lines.append(f"{'holds' if row.holds else 'FAILS':6} {row.what:20} {numbers}")
    return "\n".join(lines)


def main() -> int:
    """0 when everything holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--entries", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--no-outages", action="store_true", help="kill each once, and nothing is kept down")
    parser.add_argument("--data", type=Path, help="a fresh folder, which stays; a temporary one without")
    given: Any = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lantoa-faults-") as folder:
        plan = Plan(given.items, given.entries, given.seed, not given.no_outages, given.data or Path(folder) / "data")
        run = Run(plan)
        try:
            rows = asyncio.run(run())
        finally:
            run.platform.stop()
        run.say(f"kills: {json.dumps(run.killer.done)}")
        sys.stdout.write(table(rows) + "\n")
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
