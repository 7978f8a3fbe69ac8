"""Many devices in one process: started together, counted together, some of them lost and back again."""

import asyncio
import contextlib
import random
import resource
from collections.abc import AsyncIterator, Sequence

from lantoa_testing.simulator.device import SimulatedDevice
from lantoa_testing.simulator.pace import Tally
from lantoa_testing.simulator.receiver import SimulatedReceiver

Simulated = SimulatedDevice | SimulatedReceiver
_random = random.SystemRandom()


def raise_file_limit() -> int:
    """As many open files as the system lets this process have; how many that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class SimulatedFleet:
    """Devices that live while the context of :meth:`running` is open."""

    def __init__(self, devices: Sequence[Simulated], tally: Tally) -> None:
        self.devices = list(devices)
        self.tally = tally
        tally.devices = len(self.devices)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run all. A fault in one, which is a fault of the simulator, ends the context with it."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(device.run()) for device in self.devices]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    def drop(self, share: float) -> list[Simulated]:
        """Cut the connections of a random share (0 to 1) of the devices that are connected; which."""
        connected = [device for device in self.devices if device.connected]
        chosen = _random.sample(connected, round(share * len(connected)))
        for device in chosen:
            device.drop()
        return chosen

    async def churn(self, percent_a_minute: float) -> None:
        """Lose so many of a hundred devices every minute, a few each second; for ever."""
        owed = 0.0
        while True:
            await asyncio.sleep(1)
            owed += self.tally.connected * percent_a_minute / 100 / 60
            if owed >= 1 and self.tally.connected:
                self.drop(int(owed) / self.tally.connected)
                owed %= 1
