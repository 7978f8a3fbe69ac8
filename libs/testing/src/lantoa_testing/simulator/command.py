"""`lantoa fleet simulate`: devices against a running demo, with live counts."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from lantoa_cli.layout import Layout
from lantoa_testing.simulator.device import SimulatedDevice
from lantoa_testing.simulator.enlist import Roster
from lantoa_testing.simulator.fleet import Simulated, SimulatedFleet, raise_file_limit
from lantoa_testing.simulator.pace import Pace, Tally
from lantoa_testing.simulator.receiver import SimulatedReceiver

_LINE_SECONDS = 2.0
_LOGINS_A_SECOND = 300


@dataclass(frozen=True)
class Wish:
    """What is to be simulated. ``seconds`` 0 goes on until it is interrupted."""

    radios: int
    boards: int
    mqtt: int
    churn_percent: float
    seconds: float
    heartbeat_s: float


async def simulate(layout: Layout, wish: Wish, told: Callable[[str], None]) -> Tally:
    """Bring the devices in and let them live; the counts at the end.

    Raises:
        Refused: the platform does not run or did not let them in.
    """
    raise_file_limit()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        people, receivers, trust = await Roster(layout, http, told).enlist(wish.radios, wish.boards, wish.mqtt)
    total = len(people) + len(receivers)
    pace, tally = Pace(heartbeat_s=wish.heartbeat_s, first_within_s=total / _LOGINS_A_SECOND), Tally()
    devices: list[Simulated] = [SimulatedDevice(who, trust, pace, tally) for who in people if trust is not None]
    port = layout.ports["nats-mqtt"]
    devices += [SimulatedReceiver(who, "127.0.0.1", port, pace, tally) for who in receivers]
    fleet = SimulatedFleet(devices, tally)
    async with fleet.running():
        churning = asyncio.create_task(fleet.churn(wish.churn_percent))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wish.seconds or None):
                while True:
                    await asyncio.sleep(_LINE_SECONDS)
                    told(tally.line())
        churning.cancel()
        told(tally.line())
    return tally
