"""A hop through the gateway against the service itself, at a constant rate that does not wait for answers."""

import asyncio
import json
import statistics
import time
from collections.abc import Mapping
from functools import partial

import aiohttp
import psutil
from bench_rows import Row, compared
from joserfc.jwk import OKPKey
from yarl import URL

from lantoa_runtime.http.auth import HEADER, Caller, Grant, TokenSigner
from lantoa_testing.platform import Platform

RATE = 300.0
LOGIN = "lan"
PATH = "/api/v1/directory/units/u-29242-2025"


class Block:
    """Durations of one block of requests, in milliseconds from when each was due to when its body was read."""

    def __init__(self) -> None:
        self.milliseconds: list[float] = []

    async def run(self, session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], count: int) -> None:
        """Send ``count`` requests, one every ``1 / RATE`` seconds, whatever the answers do.

        Raises:
            RuntimeError: an answer was not 200.
        """
        address = URL(url)
        loop = asyncio.get_running_loop()
        start = loop.time()

        async def request(due: float) -> None:
            async with session.get(address, headers=headers) as answer:
                await answer.read()
                if answer.status != 200:
                    raise RuntimeError(f"{url} answered {answer.status}")
            self.milliseconds.append((loop.time() - due) * 1000)

        async with asyncio.TaskGroup() as running:
            for number in range(count):
                due = start + number / RATE
                await asyncio.sleep(due - loop.time())
                running.create_task(request(due))

    @property
    def p99(self) -> float:
        """The 99th percentile."""
        return statistics.quantiles(self.milliseconds, n=100)[98]

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.milliseconds)


class Doors:
    """The two ways to one answer."""

    def __init__(self, platform: Platform, session: aiohttp.ClientSession, cookie: str, count: int) -> None:
        self._layout = platform.layout
        self._session = session
        self._count = count
        self._cookie = {"Cookie": cookie}
        key = OKPKey.import_key(json.loads(platform.layout.ring.gateway_file.read_text()))
        self._signer = TokenSigner(key)
        self._gateway = psutil.Process(platform.pids()["gateway"])
        self.gateway_cpu_ms: list[float] = []
        self.medians: dict[str, list[float]] = {"gateway": [], "direct": []}

    async def gateway(self) -> float:
        """p99 in ms through the gateway, with a session's cookie."""
        before = self._gateway.cpu_times()
        block = await self._block("gateway", f"{self._layout.gateway_url}{PATH}", self._cookie)
        after = self._gateway.cpu_times()
        used = after.user - before.user + after.system - before.system
        self.gateway_cpu_ms.append(used / self._count * 1000)
        return block.p99

    async def direct(self) -> float:
        """p99 in ms of the service, with the token that the gateway would send."""
        caller = Caller("p-lan", "Lan", (Grant("author", "u-29242-2025"),))
        token = self._signer.sign(caller, "directory", time.time())
        block = await self._block("direct", f"{self._layout.url('directory')}{PATH}", {HEADER: token})
        return block.p99

    async def _block(self, name: str, url: str, headers: Mapping[str, str]) -> Block:
        await Block().run(self._session, url, headers, 30)  # Connections and caches are warm on both sides.
        block = Block()
        await block.run(self._session, url, headers, self._count)
        self.medians[name].append(block.p50)
        return block


async def rows(platform: Platform, rounds: int, count: int) -> list[Row]:
    """``gateway_hop_p99`` and what the hop costs the gateway's processor."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        cookie = (await platform.sign_in(session, LOGIN)).cookie
        doors = Doors(platform, session, cookie, count)
        note = f"GET {PATH} with a session at {RATE:.0f}/s constant, {count} requests a block; aim <= 1.6"
        hop = await compared("gateway_hop_p99", partial(doors.gateway), partial(doors.direct), rounds, "ms", note)
    p50 = [statistics.median(doors.medians[name]) for name in ("gateway", "direct")]
    cpu = statistics.median(doors.gateway_cpu_ms)
    extra = f"p50 {p50[0]:.2f} against {p50[1]:.2f} ms; gateway {cpu:.2f} ms of processor a request"
    return [Row(hop.name, hop.ours, hop.baseline, hop.ratio, hop.unit, f"{hop.note}; {extra}")]
