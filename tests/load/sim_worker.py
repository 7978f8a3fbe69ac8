"""One process of simulated devices for the benches: orders as JSON lines on stdin, answers as JSON lines on stdout."""

import asyncio
import contextlib
import gc
import json
import sys
import time
from collections import defaultdict
from dataclasses import replace
from typing import Any

import uvloop

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.device import AlertOrder
from lantoa_signing.documents import KeySet, open_key_set, unb64, verify_bytes
from lantoa_testing.processes import eventually
from lantoa_testing.simulator.device import SimulatedDevice, Trust
from lantoa_testing.simulator.fleet import SimulatedFleet, raise_file_limit
from lantoa_testing.simulator.pace import Pace, Tally, Who
from lantoa_testing.simulator.wire import Message

BASELINE = "baseline"
"""Last token of the subject on which the bare fan-out comes; every device hears it beside its orders."""


class Times:
    """When each device had checked what, on the clock that all processes of a machine share."""

    def __init__(self) -> None:
        self.by_what: dict[str, dict[str, float]] = defaultdict(dict)

    def note(self, what: str, device_id: str) -> None:
        self.by_what[what].setdefault(device_id, time.monotonic())


class BenchDevice(SimulatedDevice):
    """A device that also takes part in the bare fan-out: it checks the same signature, and nothing else."""

    def __init__(self, who: Who, trust: Trust, pace: Pace, tally: Tally, times: Times) -> None:
        super().__init__(who, trust, pace, tally)
        self._keys: KeySet = trust.keys
        self._times = times

    def on_broadcast(self, scope: str, message: Message) -> None:
        if message.subject.endswith(BASELINE):
            told = json.loads(message.data)
            verify_bytes(self._keys.keys[told["kid"]], told["p"].encode(), unb64(told["sig"]))
            self._times.note(BASELINE, self.who.device_id)
        else:
            super().on_broadcast(scope, message)


class Worker:
    """Answers each order when it is carried out."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.times = Times()
        self.tally = Tally(on_verified=self._verified)
        keys = open_key_set(SignedDocument.model_validate(config["key_set"]), unb64(config["root"]))
        pace = Pace(**config["pace"])
        trust = Trust(keys, tuple(config["urls"]))
        people = [Who(device_id, "radio", seed) for device_id, seed in config["devices"]]
        self.devices = [BenchDevice(who, trust, pace, self.tally, self.times) for who in people]
        self.dropped: set[str] = set()
        self._running: contextlib.AsyncExitStack | None = None

    def _verified(self, device_id: str, order: AlertOrder) -> None:
        for notice in order.notices:
            self.times.note(f"{notice.notice_id}.{notice.ver}", device_id)

    async def start(self, count: int, within: float) -> dict[str, Any]:
        """Start ``count`` devices, spread over ``within`` seconds; done when all are up. Seconds to each."""
        for device in self.devices:
            device.pace = replace(device.pace, first_within_s=within)
        self.tally.connected = self.tally.in_sync = 0
        began = time.monotonic()
        fleet = SimulatedFleet(self.devices[:count], self.tally)
        self._running = contextlib.AsyncExitStack()
        await self._running.enter_async_context(fleet.running())
        while self.tally.connected < count:
            await asyncio.sleep(0.01)
            if time.monotonic() - began > 120:
                return {"failed": count - self.tally.connected, "lost": dict(self.tally.lost)}
        took = time.monotonic() - began
        ups = [device.up_at - began for device in fleet.devices]  # type: ignore[union-attr]  # all are ours
        self._fleet = fleet
        gc.collect()
        gc.freeze()  # Thousands of devices share this process's collector, which no real device does.
        return {"seconds": took, "ups": ups, "lost": dict(self.tally.lost)}

    async def stop(self) -> dict[str, Any]:
        if self._running is not None:
            await self._running.aclose()
            self._running = None
        gc.unfreeze()
        return {}

    async def settle(self) -> dict[str, Any]:
        """All have reported their state and had their acknowledgements stored."""
        for _ in range(6000):  # Two minutes: what no stream stored is said again every minute.
            devices = self._fleet.devices
            waiting = sum(device.waiting for device in devices)  # type: ignore[union-attr]
            if self.tally.connected == self.tally.in_sync == len(devices) and not waiting:
                break
            await asyncio.sleep(0.02)
        return {"connected": self.tally.connected, "in_sync": self.tally.in_sync, "waiting": waiting}

    async def drop(self, share: float) -> dict[str, Any]:
        """Cut a share of the connections now; they come back by themselves."""
        self.dropped = {device.who.device_id for device in self._fleet.drop(share)}
        return {"dropped": len(self.dropped)}

    async def collect(self, what: str, count: int, patience: float) -> dict[str, Any]:
        """When each of ``count`` devices had checked it, and when it was let in last; waits for them so long."""
        with contextlib.suppress(AssertionError):
            await eventually(lambda: len(self.times.by_what[what]) >= count, patience, every=0.05)
        found = self.times.by_what.pop(what)
        up = {device.who.device_id: device.connected_at for device in self._fleet.devices}  # type: ignore[union-attr]
        rows = [(moment, up[device_id], device_id in self.dropped) for device_id, moment in found.items()]
        self.dropped = set()
        return {"rows": rows, "stages": dict(self.tally.alerts), "refused": dict(self.tally.refused)}

    async def counts(self) -> dict[str, Any]:
        """The tally as it stands."""
        return {"line": self.tally.line(), "stages": dict(self.tally.alerts), "lost": dict(self.tally.lost)}


async def main() -> None:
    """Work until stdin ends."""
    raise_file_limit()
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    worker = Worker(json.loads(await lines.readline()))
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    while line := await lines.readline():
        order = json.loads(line)
        answer = await getattr(worker, order.pop("do"))(**order)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    await worker.stop()


if __name__ == "__main__":
    uvloop.run(main())
