"""What devices say and ask on core NATS: heartbeats, the clock, addresses of files."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from lantoa_contracts.device import Heartbeat, ManifestAnswer, ManifestRequest, SnapshotAnswer
from lantoa_fleet.domain.devices import files_of
from lantoa_fleet.usecases.desired import DesiredWriter
from lantoa_fleet.usecases.history import States
from lantoa_fleet.usecases.updates import Updates
from lantoa_runtime.bus import Bus
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Unavailable
from lantoa_runtime.mongo import Collection
from lantoa_signing.documents import SigningKey
from lantoa_signing.media import signed_path

log = structlog.get_logger()

QUEUE = "fleet"
_ADDRESS_SECONDS = 900
_ANSWERED_AT_ONCE = 16
_MOST_WAITING = 1000


class DeviceCalls:
    """Listens to every device; replicas share the questions and all hear the heartbeats."""

    def __init__(
        self,
        bus: Bus,
        devices: Collection,
        states: States,
        desired: DesiredWriter,
        updates: Updates,
        key: SigningKey,
        clock: Clock,
        media_base: str,
    ) -> None:
        self._bus = bus
        self._devices = devices
        self._states = states
        self._desired = desired
        self._updates = updates
        self._key = key
        self._clock = clock
        self._media_base = media_base.rstrip("/")
        self._subscribed: Client | None = None
        self._gate = asyncio.Semaphore(_ANSWERED_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def turn(self) -> None:
        """One turn of the job: subscribe once the bus is connected.

        nats-py repeats the subscriptions itself when it reconnects; a new client needs them again.
        """
        client = self._bus.client
        if client is not self._subscribed:
            await client.subscribe("dev.up.*.hb", cb=self._on_beat)
            await client.subscribe("dev.rpc.*.snapshot", queue=QUEUE, cb=self._on_snapshot)
            await client.subscribe("dev.rpc.*.manifest", queue=QUEUE, cb=self._on_manifest)
            self._subscribed = client

    def failures(self) -> list[str]:
        """For readiness: empty while devices are heard."""
        return [] if self._subscribed is not None else ["device-calls"]

    async def close(self) -> None:
        """Let the answers under way finish."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _on_beat(self, message: Msg) -> None:
        device_id = _device_of(message)
        try:
            beat = Heartbeat.model_validate_json(message.data)
        except ValidationError:
            return
        self._states.hear(device_id, beat, self._clock.now())

    async def _on_snapshot(self, message: Msg) -> None:
        if message.reply:
            await message.respond(SnapshotAnswer(now=self._clock.now()).model_dump_json().encode())
        else:
            self._later(self._send_desired, message)

    async def _on_manifest(self, message: Msg) -> None:
        self._later(self._answer_manifest, message)

    def _later(self, answer: Callable[[Msg], Awaitable[None]], message: Msg) -> None:
        """Answer beside the subscription, whose next message would wait; over the limit devices ask again."""
        if len(self._tasks) >= _MOST_WAITING:
            return

        async def run() -> None:
            async with self._gate:
                try:
                    await answer(message)
                except Exception as error:  # noqa: BLE001 - the device asks again after its own timeout
                    log.warning("device not answered", subject=message.subject, error=repr(error))

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_desired(self, message: Msg) -> None:
        """An MQTT receiver has no reply subject and cannot read the bucket: its state is sent to where it listens."""
        await self.tell(_device_of(message))

    async def tell(self, device_id: str) -> None:
        """Send a device its signed state, brought up to date before, to where it listens.

        Raises:
            Unavailable, NatsError, MongoError: it was not sent.
        """
        await self._desired.write(device_id)
        signed = await self._desired.signed(device_id)
        if signed:
            await self._bus.client.publish(f"dev.dn.{device_id}.desired", signed)

    async def _answer_manifest(self, message: Msg) -> None:
        device_id = _device_of(message)
        wanted = ManifestRequest.model_validate_json(message.data).sha256
        device = await self._devices.find_one({"_id": device_id}, {"radio": 1, "board": 1})
        if device is None:
            raise Unavailable("device")
        own, expires = files_of(device), int(self._clock.now().timestamp()) + _ADDRESS_SECONDS
        own |= await self._updates.fetchable([sha256 for sha256 in wanted if sha256 not in own])
        answer = ManifestAnswer(
            urls={
                sha256: self._media_base + signed_path(self._key, sha256, device_id, expires)
                for sha256 in wanted
                if sha256 in own
            },
            refused=tuple(sha256 for sha256 in wanted if sha256 not in own),
        )
        await message.respond(answer.model_dump_json().encode())


def _device_of(message: Msg) -> str:
    return message.subject.split(".")[2]
