"""Many small messages at a time: fetched together, handled together, answered together.

FastStream hands out one message after another and a handler answers for one. Where tens of thousands come within
seconds and each is a line in a document that holds hundreds, writing once for all of them is what keeps up.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import BaseModel, ValidationError

from lantoa_contracts.catalogue import EventSpec
from lantoa_runtime.bus.delivery import DeadLetter, Meta, NeverAnswered, dead_headers, read_meta
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError
from lantoa_runtime.telemetry import EVENT_AGE, EVENTS_PROCESSED, EVENTS_REDELIVERED

log = structlog.get_logger()

_LARGEST = 1000
_GATHER_SECONDS = 0.2
"""How long a batch waits for more after its first message."""
_EXPIRES_SECONDS = 10.0
_AGAIN_SECONDS = 2.0
_MOST_DELIVERIES = 50
_PULL = json.dumps({"batch": _LARGEST, "expires": int(_EXPIRES_SECONDS * 1e9)}).encode()

Batch = Sequence[tuple[Any, Meta]]
BatchHandler = Callable[[Batch], Awaitable[Sequence[bool]]]
"""Handles messages and says of each whether it is done; what is not comes again. What it raises is all of them not."""


@dataclass
class BatchReader:
    """Reads one durable in batches."""

    spec: EventSpec
    handler: BatchHandler
    service: str
    dead_letter: DeadLetter
    clock: Clock
    client: Callable[[], Client]
    infrastructure_wait: float
    running: bool = False
    """Whether pulls are answered by the server, with messages or with the word that there are none."""

    def __post_init__(self) -> None:
        self._model: type[BaseModel] = self.spec.model
        self._queue: asyncio.Queue[Msg] = asyncio.Queue()
        self._coming = 0
        """How many messages the pull under way may still bring."""

    async def run(self) -> None:
        """Read until cancelled; whatever goes wrong is tried again."""
        while True:
            try:
                await self._read(self.client())
            except Exception as error:  # noqa: BLE001 - the reader must outlive whatever NATS can raise
                self.running = False
                log.warning("batches stopped", event_name=self.spec.name, error=repr(error))
                await asyncio.sleep(self.infrastructure_wait)

    async def _read(self, client: Client) -> None:
        self._queue, self._coming = asyncio.Queue(), 0
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox, cb=self._queue.put, pending_msgs_limit=-1, pending_bytes_limit=-1)
        self.running = True
        try:
            while not client.is_closed:
                batch = await self._fetch(client, inbox)
                if batch:
                    await self._handle(batch)
        finally:
            if client.is_connected:
                await subscription.unsubscribe()

    async def _fetch(self, client: Client, inbox: str) -> list[Msg]:
        """Some messages, or none when none came in time. A pull ends by a status, or when it is full."""
        loop = asyncio.get_running_loop()
        found: list[Msg] = []
        gathered_at: float | None = None
        while len(found) < _LARGEST:
            if self._coming <= 0 and self._queue.empty() and not found:
                subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.spec.stream}.{self.spec.durable(self.service)}"
                await client.publish(subject, _PULL, inbox)
                self._coming = _LARGEST
            left = _EXPIRES_SECONDS + _AGAIN_SECONDS if gathered_at is None else gathered_at - loop.time()
            try:
                message = await asyncio.wait_for(self._queue.get(), max(0.0, left))
            except TimeoutError:
                if gathered_at is None:  # Not even the word that the pull is over: it was lost.
                    self._coming, self.running = 0, False
                break
            self.running = True
            if "Status" in (message.headers or {}):
                self._coming = 0
                if not found:
                    break
                continue
            self._coming -= 1
            found.append(message)
            if gathered_at is None:
                gathered_at = loop.time() + _GATHER_SECONDS
        return found

    async def _handle(self, messages: list[Msg]) -> None:
        name = self.spec.name
        read: list[tuple[Any, Meta]] = []
        sound: list[Msg] = []
        for message in messages:
            if message.metadata.num_delivered > 1:
                EVENTS_REDELIVERED.labels(name).inc()
            try:
                read.append((self._model.model_validate_json(message.data, extra="ignore"), self._meta(message)))
                sound.append(message)
            except (ValidationError, AppError) as error:
                await self._dead(message, error)
        try:
            done = await self.handler(read)
        except Exception as error:  # noqa: BLE001 - none of them is handled, all come again
            log.warning("messages are tried again", event_name=name, count=len(sound), error=repr(error))
            done = [False] * len(sound)
        for message, (_, meta), is_done in zip(sound, read, done, strict=True):
            if is_done:
                await message.ack()
                EVENTS_PROCESSED.labels(name, "ack").inc()
                EVENT_AGE.labels(name).observe(max(0.0, (self.clock.now() - meta.time).total_seconds()))
            elif meta.deliveries < _MOST_DELIVERIES:
                await message.nak(delay=_AGAIN_SECONDS)
                EVENTS_PROCESSED.labels(name, "retry").inc()
            else:
                await self._dead(message, NeverAnswered())

    def _meta(self, message: Msg) -> Meta:
        return read_meta(self.spec, message)

    async def _dead(self, message: Msg, error: Exception) -> None:
        try:
            headers = dead_headers(message, error, self.clock.now())
            await self.dead_letter(f"dlq.{self.service}.{message.metadata.consumer}", message.data, headers)
        except Exception as refused:  # noqa: BLE001 - what the DLQ did not take must not be lost
            log.error("dead letter not stored", event_name=self.spec.name, refused=repr(refused))
            await message.nak(delay=self.infrastructure_wait)
            return
        log.error("message is dead", event_name=self.spec.name, error=repr(error))
        EVENTS_PROCESSED.labels(self.spec.name, "dead").inc()
        await message.term()
