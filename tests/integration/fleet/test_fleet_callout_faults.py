"""The auth callout under faults: a replica killed in a storm, an answer that comes late, everything behind it gone."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from lantoa_devicekit import DeviceSettings
from lantoa_devicekit.clock import DeviceClock
from lantoa_devicekit.link import Hooks, Link, Received
from lantoa_testing import eventually

pytestmark = [
    # nats-py leaves the socket of a refused or kicked client to the garbage collector ...
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # ... and passes aiohttp a timeout in its old form.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
STORM, LATE, LATE_S = 150, 25, 4.0


async def _accepted(fleet: Any, count: int) -> list[Any]:
    """So many devices that stand in the registry as if claimed, and that the callout knows."""
    await fleet.unit("u-1")
    devices = [fleet.device() for _ in range(count)]
    now = fleet.running.service.clock.now()
    kind = {"name": "Loa", "kind": "radio", "rev": 1, "seq": 1, "last_seen": now}
    place = {**kind, "state": "accepted", "path": ["u-province", "u-1"], "unit_id": "u-1", "rights_at": now, "ver": 1}
    rows = [{"_id": device.id, "public_key": device.public, "claim_code": device.id, **place} for device in devices]
    await asyncio.gather(*(fleet.documents.insert_one(row) for row in rows))
    for device in (devices[0], devices[-1]):
        await (await device.connect()).close()
    return devices


@contextmanager
def _frozen(pid: int) -> Iterator[None]:
    """A process that is there and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_storm_goes_on_while_one_of_two_replicas_is_killed(
    fleet: Any, make_callout: Any, mongo_url: str, database_prefix: str
) -> None:
    other = make_callout(mongo_url, database_prefix)
    other.start()
    try:
        devices = await _accepted(fleet, STORM)
        before = other.logins("accepted")
        storm = [asyncio.create_task(device.connect()) for device in devices]
        await eventually(lambda: sum(task.done() for task in storm) >= STORM // 5, 60, 0.001)
        fleet.callout.kill()
        clients = await asyncio.gather(*storm)
        assert all(client.is_connected for client in clients)
        assert other.logins("accepted") > before
        assert other.logins("unreadable") == 0
    finally:
        other.stop()
        fleet.callout.restart()


@asynccontextmanager
async def _links(fleet: Any, devices: list[Any], folder: Path) -> AsyncIterator[list[Link]]:
    """The devices' own connections, as devicekit keeps them."""

    async def addresses(_: int) -> list[str]:
        return [fleet.nats.url]

    async def told(_: Received | int) -> None:
        pass

    async def nothing() -> None:
        pass

    hooks = Hooks(addresses, told, told, nothing, told, nothing)
    settings = DeviceSettings(folder, "http://gateway.test", "radio", reconnect_min_s=0.2, reconnect_max_s=2.0)
    links = [Link(settings, device.id, device.seed, DeviceClock(), hooks) for device in devices]
    running = [asyncio.create_task(link.run()) for link in links]
    try:
        yield links
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def test_devices_that_were_answered_four_seconds_late_come_back_by_themselves(fleet: Any, tmp_path: Path) -> None:
    """nats-py clients die for good there, or report a connection that is none: devicekit builds new ones."""
    devices = await _accepted(fleet, LATE)
    async with _links(fleet, devices, tmp_path) as links:
        await eventually(lambda: all(link.up.is_set() for link in links), 60)
        with _frozen(fleet.callout.pid):
            fleet.nats.restart()
            await eventually(lambda: not any(link.up.is_set() for link in links), 60)
            late_since = time.monotonic()
            await eventually(lambda: time.monotonic() - late_since > LATE_S, 30)
            assert not any(link.up.is_set() for link in links)
        await eventually(lambda: all(link.up.is_set() for link in links), 60)
        # Connected means that it is answered, not that a client says so.

        async def answered() -> bool:
            answers = await asyncio.gather(*(link.ask("snapshot", b"{}") for link in links), return_exceptions=True)
            return all(isinstance(answer, bytes) for answer in answers)

        await eventually(answered, 60)


async def test_with_fleet_stopped_and_the_database_hanging_known_devices_sign_in_over_every_protocol(
    fleet: Any, mongo_server: Any, start_fleet: Callable[..., Awaitable[Any]]
) -> None:
    """Also after the callout itself was killed: it serves from its file. Directory and gateway are not even there."""
    known, revoked = await fleet.claimed(), await fleet.claimed()
    token = await fleet.token(known)

    def mqtt(password: str) -> aiomqtt.Client:
        return aiomqtt.Client(
            "127.0.0.1",
            fleet.nats.plan.mqtt_port,
            username=known.id,
            password=password,
            identifier=known.id,
            protocol=aiomqtt.ProtocolVersion.V311,
            timeout=30,
        )

    async def mqtt_in(password: str = token) -> bool:
        try:
            async with mqtt(password):
                return True
        except aiomqtt.MqttError:
            return False

    await revoked.connect()
    await fleet.change(revoked, "revoke")
    await eventually(mqtt_in)

    async def out() -> bool:
        return await revoked.try_connect() is None

    await eventually(out)
    await fleet.running.stop()
    with _frozen(mongo_server[0].pid):
        for restarted in (False, True):
            if restarted:
                fleet.callout.restart()
            for url in (None, f"ws://127.0.0.1:{fleet.nats.plan.websocket_port}"):
                client = await known.connect(url)
                await client.close()
            await eventually(mqtt_in)
            assert not await mqtt_in("wrong")
            assert await revoked.try_connect() is None
    fleet.running = await start_fleet()
