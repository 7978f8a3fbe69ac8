"""From an event to every open page: through the gateway, and through the barest server that could do it."""

import asyncio
import statistics
import sys
from functools import partial
from pathlib import Path

import psutil
from bench_rows import Row, compared

from lantoa_cli.servers import answers, free_port
from lantoa_contracts.catalogue import ITEM_SUBMITTED
from lantoa_contracts.events.content import ItemSubmitted
from lantoa_testing import eventually
from lantoa_testing.front_door import UNIT, FrontDoor, StandIns, session_of
from lantoa_testing.live_pages import LIVE
from lantoa_testing.plugin import EventProbe
from lantoa_testing.processes import ServerProcess
from lantoa_testing.servers import make_nats

CLIENTS, EVENTS = 500, 40
_APART_SECONDS = 0.2
_PEOPLE = 100


class _Page(asyncio.Protocol):
    """A client that does nothing but note when each event came."""

    def __init__(self, request: bytes, came: dict[str, list[float]]) -> None:
        self._request = request
        self._came = came
        self._rest = b""
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note every event in a piece."""
        self.open = True
        now = asyncio.get_running_loop().time()
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            if line.startswith(b"data: {"):
                self._came[line.partition(b'"id":"')[2].partition(b'"')[0].decode()].append(now)


class _Side:
    """One server and its pages."""

    def __init__(self, name: str, server: ServerProcess, port: int) -> None:
        self.name = name
        self.server = server
        self.port = port
        self.cpu_ms: list[float] = []
        self.medians: list[float] = []

    async def block(self, events: EventProbe, number: int) -> float:
        """p99 in ms from before an event is published to a page's having it.

        Raises:
            AssertionError: a page missed one.
        """
        loop = asyncio.get_running_loop()
        ids = [f"i-{self.name}-{number}-{turn}" for turn in range(EVENTS)]
        came: dict[str, list[float]] = {item_id: [] for item_id in ids}
        opened = []
        for page in range(CLIENTS):
            head = f"GET {LIVE} HTTP/1.1\r\nhost: x\r\ncookie: __Host-sid={session_of(page % _PEOPLE)}\r\n\r\n"
            opened.append(await loop.create_connection(partial(_Page, head.encode(), came), "127.0.0.1", self.port))
        await eventually(lambda: all(page.open for _, page in opened), timeout=60)
        process = psutil.Process(self.server.pid)
        before, said = process.cpu_times(), {}
        for item_id in ids:
            said[item_id] = loop.time()
            event = ItemSubmitted(item_id=item_id, ver=1, revision=1, unit_id=UNIT, author_id="p-1")
            await events.publish(ITEM_SUBMITTED, event)
            await asyncio.sleep(_APART_SECONDS)
        await eventually(lambda: all(len(times) == CLIENTS for times in came.values()), timeout=60)
        after = process.cpu_times()
        used = after.user - before.user + after.system - before.system
        self.cpu_ms.append(used / (CLIENTS * EVENTS) * 1000)
        for transport, _ in opened:
            transport.close()
        late = [(time - said[item_id]) * 1000 for item_id, times in came.items() for time in times]
        self.medians.append(statistics.median(late))
        return statistics.quantiles(late, n=100)[98]


async def rows(folder: Path, rounds: int) -> list[Row]:
    """``sse_fanout_p99``."""
    server = await asyncio.to_thread(make_nats, folder)
    stand_ins = StandIns()
    await stand_ins.start()
    door, port = FrontDoor(folder, server, stand_ins.url), free_port()
    seed = server.ring.seed_file("gateway")
    command = [sys.executable, str(Path(__file__).with_name("sse_bare.py")), server.url, str(seed), str(port)]
    bare = ServerProcess("bare", command, lambda: answers(port), folder / "bare.log")
    sides = _Side("gateway", door, door.port), _Side("bare", bare, port)
    try:
        for side in sides:
            await asyncio.to_thread(side.server.start)
        events = EventProbe(await server.connect())
        turns = iter(range(10_000))

        async def measure(side: _Side) -> float:
            return await side.block(events, next(turns))

        note = (
            f"{CLIENTS} pages x {EVENTS} events, all delivered; baseline: a bare asyncio server, no sessions or rights"
        )
        ours, held = (partial(measure, side) for side in sides)
        made = await compared("sse_fanout_p99", ours, held, rounds, "ms", note)
        await events.client.close()
    finally:
        for side in sides:
            side.server.kill()
        await stand_ins.stop()
        server.stop()
    p50 = [statistics.median(side.medians) for side in sides]
    cpu = [statistics.median(side.cpu_ms) * 1000 for side in sides]
    extra = (
        f"p50 {p50[0]:.1f} against {p50[1]:.1f} ms; {cpu[0]:.0f} against {cpu[1]:.0f} us of processor a page and event"
    )
    return [Row(made.name, made.ours, made.baseline, made.ratio, made.unit, f"{made.note}; {extra}")]
