"""How quickly a revoked or moved device is off, over each protocol; measured into ``build/isolation/cut.md``."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from nats.errors import Error as NatsError

from lantoa_testing import eventually

pytestmark = [
    # nats-py leaves the socket of a refused or kicked client to the garbage collector ...
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # ... and passes aiohttp a timeout in its old form.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
TABLE = Path(__file__).parents[3] / "build" / "isolation" / "cut.md"
EACH, IN_A_ROW = 3, 100
GENEROUS_S = 3.0
"""Under a second is what is promised."""
Off = Callable[[], Awaitable[object]]


def _mqtt(fleet: Any, device: Any, token: str) -> aiomqtt.Client:
    return aiomqtt.Client(
        "127.0.0.1",
        fleet.nats.plan.mqtt_port,
        username=device.id,
        password=token,
        identifier=device.id,
        protocol=aiomqtt.ProtocolVersion.V311,
        timeout=30,
    )


async def _mqtt_signed_in(client: aiomqtt.Client, stack: AsyncExitStack) -> bool:
    try:
        await stack.enter_async_context(client)
    except aiomqtt.MqttError:
        return False
    return True


async def _connected(fleet: Any, device: Any, protocol: str, stack: AsyncExitStack) -> Off:
    """Sign a device in; what returns once it has been thrown out."""
    if protocol != "MQTT":
        url = None if protocol == "NATS" else f"ws://127.0.0.1:{fleet.nats.plan.websocket_port}"
        client = await device.connect(url)
        return lambda: eventually(lambda: client.is_closed, 60, 0.001)
    token, made = await fleet.token(device), []

    async def signed_in() -> bool:
        made.append(_mqtt(fleet, device, token))
        return await _mqtt_signed_in(made[-1], stack)

    await eventually(signed_in)

    async def off() -> None:
        with pytest.raises(aiomqtt.MqttError):
            async with asyncio.timeout(60):
                await anext(aiter(made[-1].messages))

    return off


async def _out_after(fleet: Any, protocol: str, verb: str) -> float:
    """Seconds from the technician's request to the end of the connection."""
    device = await fleet.claimed("u-1")
    async with AsyncExitStack() as stack:
        off = await _connected(fleet, device, protocol, stack)
        await fleet.wait_online(device)
        waiting = asyncio.create_task(off())
        await asyncio.sleep(0)
        started = time.monotonic()
        await fleet.change(device, verb, {"unit_id": "u-2"} if verb == "move" else None)
        await waiting
        took = time.monotonic() - started
        stack.pop_all()  # A connection that was cut has nothing left to close.
    return took


async def test_a_revoked_or_moved_device_is_off_in_under_a_second_over_each_protocol(fleet: Any) -> None:
    await fleet.unit("u-2")
    rows = ["| protocol | | times | median ms | slowest ms |", "|---|---|---|---|---|"]
    slowest = 0.0  # Of the quickest of each: the others may tell of a machine that does ten things at once.
    for protocol in ("NATS", "WebSocket", "MQTT"):
        for verb in ("revoke", "move"):
            times = [await _out_after(fleet, protocol, verb) for _ in range(EACH)]
            slowest = max(slowest, min(times))
            median, most = statistics.median(times) * 1000, max(times) * 1000
            rows.append(f"| {protocol} | {verb} | {EACH} | {median:.0f} | {most:.0f} |")
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert slowest < GENEROUS_S


async def test_a_revoked_device_that_hammers_the_door_hears_nothing_and_stays_out(fleet: Any) -> None:
    """A callout with its last snapshot may let it in once more: then it is cut at the server's word of it."""
    device = await fleet.claimed("u-1")
    await device.connect()
    await fleet.wait_online(device)
    ended, refusals, heard = asyncio.Event(), [0], []

    async def hammer() -> None:
        while not ended.is_set():
            client = await device.try_connect()
            if client is None:
                refusals[0] += 1
                continue
            refusals[0] = 0
            try:
                subscription = await client.subscribe(f"dev.dn.{device.id}.cmd")
                heard.append(await subscription.next_msg(timeout=20))
            except NatsError:
                continue

    hammering = asyncio.create_task(hammer())
    await fleet.change(device, "revoke")
    # Long after every callout has refreshed.
    await eventually(lambda: refusals[0] >= IN_A_ROW, 60)
    await fleet.platform.publish(f"dev.dn.{device.id}.cmd", b"nobody hears this")
    await fleet.platform.flush()
    ended.set()
    await hammering
    assert heard == []


async def test_a_moved_device_comes_back_with_the_rights_of_its_new_place(fleet: Any) -> None:
    await fleet.unit("u-2")
    device = await fleet.claimed("u-1")
    client = await device.connect()
    await fleet.wait_online(device)
    await fleet.change(device, "move", {"unit_id": "u-2"})
    await eventually(lambda: client.is_closed)

    async def grants(unit: str) -> bool:
        again = await device.connect()
        device.errors.clear()
        with suppress(NatsError):  # It may be cut once more, having come before the change was everywhere.
            await again.subscribe(f"dev.bc.unit.{unit}.>")
            await device.barrier(again)
        granted = again.is_connected and not device.errors
        with suppress(NatsError):
            await again.close()
        return granted

    await eventually(lambda: grants("u-2"))
    assert not await grants("u-1")
