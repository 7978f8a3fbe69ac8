"""What is asked on core NATS: receivers for the orders in force, key holders for a notice."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import TypeAdapter, ValidationError

from lantoa_alert.usecases.fanout import Voice
from lantoa_contracts.alert import Holder, HolderAnswer
from lantoa_runtime.bus import Bus
from lantoa_runtime.topology.conf import ALERT_ISSUE

log = structlog.get_logger()

_QUEUE = "alert"
_MOST_WAITING = 1000
_HOLDERS: TypeAdapter[list[Holder]] = TypeAdapter(list[Holder])


class Calls:
    """Listens; replicas share the questions."""

    def __init__(
        self,
        bus: Bus,
        voice: Voice,
        orders_for: Callable[[str], list[bytes]],
        holders: Callable[[bytes], Awaitable[HolderAnswer]],
    ) -> None:
        self._bus = bus
        self._voice = voice
        self._orders_for = orders_for
        self._holders = holders
        self._subscribed: Client | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def turn(self) -> None:
        """Subscribe once the bus is connected; nats-py repeats it when it reconnects, a new client needs it again."""
        client = self._bus.client
        if client is not self._subscribed:
            await client.subscribe("dev.rpc.*.alerts", queue=_QUEUE, cb=self._on_alerts)
            await client.subscribe(ALERT_ISSUE, queue=_QUEUE, cb=self._on_holders)
            self._subscribed = client

    def failures(self) -> list[str]:
        """For readiness: empty while devices and holders are heard."""
        return [] if self._subscribed is not None else ["alert-calls"]

    async def close(self) -> None:
        """Let the answers under way finish."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _on_alerts(self, message: Msg) -> None:
        self._later(self._send_orders, message)

    async def _on_holders(self, message: Msg) -> None:
        self._later(self._answer_holders, message)

    def _later(self, answer: Callable[[Msg], Awaitable[None]], message: Msg) -> None:
        """Answer beside the subscription, whose next message would wait; over the limit whoever asks asks again."""
        if len(self._tasks) >= _MOST_WAITING:
            return

        async def run() -> None:
            try:
                await answer(message)
            except Exception as error:  # noqa: BLE001 - whoever asked asks again
                log.warning("not answered", subject=message.subject, error=repr(error))

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_orders(self, message: Msg) -> None:
        """A receiver cannot read the bucket: its orders are sent to where it listens."""
        device_id = message.subject.split(".")[2]
        await self._voice.say((f"dev.dn.{device_id}.alert", body) for body in self._orders_for(device_id))

    async def _answer_holders(self, message: Msg) -> None:
        answer = await self._holders(message.data)
        await message.respond(answer.model_dump_json().encode())


def read_holders(file: Path | None) -> list[Holder]:
    """The key holders that are listed now; none where the list cannot be read."""
    if file is None:
        return []
    try:
        return _HOLDERS.validate_python(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        log.error("the list of key holders cannot be read", error=repr(error))
        return []
