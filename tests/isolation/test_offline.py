"""48 hours without NATS and gateway: a station plays its plan, and every proof arrives once."""

import asyncio
import hashlib
import json
import os
import sys
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from matrix import write

from lantoa_cli.servers import free_port
from lantoa_contracts.device import RundownEntry, RundownSession
from lantoa_testing import eventually
from lantoa_testing.devices import DevicePlatform, opus
from lantoa_testing.stations import log_of

PROGRAM = Path(__file__).with_name("stepped_station.py")
SPEED, SHORT_S, LONG_S = 50.0, 2.0, 60.0
EVERY, SESSIONS = timedelta(hours=5), 11
KILLED_IN, POWER_CUT_AFTER = 3, 7
"""Sessions: one in which the station is killed while it plays, one after which the power goes."""


@pytest.fixture
async def platform(tmp_path):
    made = DevicePlatform(tmp_path)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


class AckEater:
    """Stands between the device and NATS. ``left`` times it lets a proof through and breaks before the answer."""

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self.left = 0
        self.eaten = 0
        self._to = port
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):
                onward, out = await asyncio.open_connection("127.0.0.1", self._to)
                ways = [asyncio.create_task(self._up(reader, out)), asyncio.create_task(self._down(onward, writer))]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    out.close()
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _up(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                out.write(data)

    async def _down(self, onward: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await onward.read(65_536):
                if self.left and b'"stream":"ACK"' in data:
                    self.left -= 1
                    self.eaten += 1
                    return
                writer.write(data)


class World:
    """The platform, the station's clock, and what the station wrote of itself."""

    def __init__(self, platform: DevicePlatform, folder: Path) -> None:
        self.platform = platform
        self.clock = folder / "clock"
        self.began = platform.now()
        self.set(self.began)
        self.eater = AckEater(platform.nats.port)

    def set(self, moment: datetime) -> None:
        """Make it this moment, here and at the platform."""
        ahead = moment - (self.platform.now() - self.platform.clock_ahead)
        self.platform.clock_ahead = ahead
        new = self.clock.with_suffix(".new")
        new.write_text(str(ahead.total_seconds()))
        new.replace(self.clock)

    def diary(self) -> list[tuple[str, str, int]]:
        """What started and stopped: (event or outcome, entry, attempt)."""
        lines = log_of(self.platform.data)
        return [(line.get("outcome", line["event"]), line["entry_id"], line["attempt"]) for line in lines]

    async def until(self, *what: tuple[str, str, int]) -> None:
        await eventually(lambda: set(what) <= set(self.diary()), 60)

    def accept(self, _: object) -> web.Response:
        answer = json.loads(self.platform.accept({}).text or "")
        return web.json_response({**answer, "nats_urls": [f"nats://127.0.0.1:{self.eater.port}"]})

    @asynccontextmanager
    async def station(self, speed: float = SPEED):
        """The real program in a process of its own; killed at the end, as by a power cut."""
        device = {"DATA": str(self.platform.data), "GATEWAY": self.platform.gateway.base, "HEARTBEAT_S": "0.5"}
        device |= {"RECONNECT_MIN_S": "0.05", "RECONNECT_MAX_S": "0.4", "JITTER_S": "0", "RECONCILE_S": "0.5"}
        device |= {"PRESTAGE_S": "0"}
        env = os.environ | {f"LANTOA_DEVICE_{name}": text for name, text in device.items()}
        env |= {"LANTOA_SPEED": str(speed), "LANTOA_TEST_CLOCK": str(self.clock)}
        with (self.platform.data / "station.err").open("ab") as errors:
            process = await asyncio.create_subprocess_exec(sys.executable, str(PROGRAM), env=env, stderr=errors)
            try:
                yield process
            finally:
                process.kill()
                await process.wait()


def _plan(world: World) -> list[RundownSession]:
    """Days of sessions, two entries each; one entry is long enough to be killed in."""
    short, other, long = opus(SHORT_S), opus(SHORT_S, 550.0), opus(LONG_S, 660.0)
    sessions = []
    for number in range(SESSIONS):
        audio = [long, other] if number == KILLED_IN else [short, other]
        entries = tuple(
            RundownEntry(
                entry_id=f"s-{number}-e{n}",
                item_id=f"i-{n}",
                revision=1,
                title=f"Bản tin {n}",
                media=world.platform.gateway.add(data, "audio/ogg"),
                seconds=LONG_S if data is long else SHORT_S,
            )
            for n, data in enumerate(audio)
        )
        starts_at = world.began + timedelta(hours=1) + number * EVERY
        sessions.append(RundownSession(session_id=f"s-{number}", starts_at=starts_at, entries=entries))
    return sessions


async def test_a_station_without_a_network_for_48_hours_plays_its_plan_and_every_proof_arrives_once(platform, tmp_path):
    world = World(platform, tmp_path)
    platform.gateway.enrolment = world.accept
    await world.eater.start()
    sessions = _plan(world)
    lost_at, back_at = sessions[0].starts_at + timedelta(minutes=5), sessions[-1].starts_at - timedelta(hours=1)
    assert back_at - lost_at > timedelta(hours=48)
    exp = world.began + timedelta(days=8)
    await platform.put(platform.desired(1, platform.rundown(1, *sessions), exp=exp))

    async def complete():
        reports = await platform.stored("reported", stream="REPORTED")
        return any(report["media_ready"] == report["media_wanted"] == 3 for report in reports)

    async def play(number: int) -> None:
        world.set(sessions[number].starts_at)
        await world.until(("aired", f"s-{number}-e0", 1), ("aired", f"s-{number}-e1", 1))

    async with world.station(SPEED / 5):  # So that the long one is not over before it is cut.
        await eventually(complete, 60)
        await play(0)
        await platform.until_proved(2)
        world.set(lost_at)
        await platform.nats.kill()
        await platform.gateway.stop()
        for number in range(1, KILLED_IN):
            await play(number)
        world.set(sessions[KILLED_IN].starts_at)
        await world.until(("start", f"s-{KILLED_IN}-e0", 1))
    async with world.station():
        await world.until(("cut", f"s-{KILLED_IN}-e0", 1), ("aired", f"s-{KILLED_IN}-e0", 2))
        await world.until(("aired", f"s-{KILLED_IN}-e1", 1))
        for number in range(KILLED_IN + 1, POWER_CUT_AFTER + 1):
            await play(number)
    async with world.station():
        for number in range(POWER_CUT_AFTER + 1, SESSIONS - 1):
            await play(number)
        world.set(back_at)
        world.eater.left = 3
        await platform.nats.start()
        await platform.gateway.start()
        await play(SESSIONS - 1)
        expected = {(f"s-{number}-e{n}.1", "aired") for number in range(SESSIONS) for n in (0, 1)}
        expected -= {(f"s-{KILLED_IN}-e0.1", "aired")}
        expected |= {(f"s-{KILLED_IN}-e0.1", "cut"), (f"s-{KILLED_IN}-e0.2", "aired")}

        async def arrived():
            proofs = await platform.until_proved(2)
            return {(proof["local_id"], proof["outcome"]) for proof in proofs} >= expected

        await eventually(arrived, 60, 0.2)
    await world.eater.stop()
    bodies = [json.dumps(body, sort_keys=True) for body in await platform.stored("aired")]
    proofs = await platform.until_proved(len(set(bodies)))
    assert {(proof["local_id"], proof["outcome"]) for proof in proofs} == expected
    # What came twice because its acknowledgement was lost is the same to the letter, so the ledger counts it once.
    assert world.eater.eaten == 3
    assert len(set(bodies)) == len(expected)
    again = len(bodies) - len(set(bodies))
    planned = {entry.entry_id: session.starts_at for session in sessions for entry in session.entries}
    late = [datetime.fromisoformat(proof["started_at"]) - planned[proof["entry_id"]] for proof in proofs]
    assert timedelta(0) <= min(late)
    assert max(late) < timedelta(seconds=LONG_S + 60)
    lines = [
        "| hours away | sessions played away | restarts | proofs | sent again, answer lost | arrived more than once |"
    ]
    away = (back_at - lost_at).total_seconds() / 3600
    lines += [
        "|---" * 6 + "|",
        f"| {away:.1f} | {SESSIONS - 2} | 2 | {len(expected)} | {world.eater.eaten} | {again} |",
    ]
    write("offline", "\n".join(lines))


CUT_AT = 8192


@pytest.mark.parametrize("restarted", [False, True], ids=["by itself", "after a restart"])
async def test_a_download_cut_at_8192_bytes_goes_on_there_and_is_verified(platform, restarted):
    data = os.urandom(300_000)
    session = platform.session([data], starts_in_s=86_400, seconds=10)
    sha256 = session.entries[0].media.sha256
    misdeeds = platform.gateway.misdeeds[sha256] = [f"drop {CUT_AT}"]
    await platform.put(platform.desired(1, platform.rundown(1, session)))
    part = platform.data / "media" / f"{sha256}.part"
    if restarted:
        misdeeds += ["expired"] * 1000  # The first device cannot go on.
        async with platform.device():
            await eventually(lambda: part.exists() and part.stat().st_size == CUT_AT)
        misdeeds.clear()
        platform.gateway.requests.clear()
    async with platform.device() as (_, orders):
        order = await orders.until(lambda order: sha256 in order.media)
    assert hashlib.sha256(order.media[sha256].read_bytes()).hexdigest() == sha256
    asked = [(wanted, status) for name, wanted, status in platform.gateway.requests if name == sha256]
    assert asked == ([] if restarted else [("", 200)]) + [(f"bytes={CUT_AT}-", 206)]
