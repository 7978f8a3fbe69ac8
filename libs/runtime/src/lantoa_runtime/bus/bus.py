"""The broker of one service: its durables, its way to publish, and the watch over both."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.annotations import NatsMessage
from faststream.nats.security import NatsNKey
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.js import JetStreamContext
from nats.js.errors import BadRequestError, NotFoundError

from lantoa_contracts.catalogue import EventSpec, consumed_by
from lantoa_runtime.bus.batches import BatchHandler, BatchReader
from lantoa_runtime.bus.delivery import OUTCOMES, Delivery, Handler
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import EventRefused, Unavailable
from lantoa_runtime.settings import RuntimeSettings
from lantoa_runtime.telemetry import (
    CONSUMER_ACK_PENDING,
    CONSUMER_ALIVE,
    CONSUMER_PENDING,
    CONSUMER_REDELIVERED,
    EVENTS_PROCESSED,
    EVENTS_PUBLISHED,
    EVENTS_REDELIVERED,
    sending,
)

log = structlog.get_logger()

_FETCH = PullSub(batch_size=8, timeout=5.0)
_WORKERS = 8
_PUBLISH_TIMEOUT = 5.0
_CANCEL_AGAIN = 0.5
_START_WAIT = 0.5
_TASKS_OF_A_SUBSCRIBER = 2
"""One fetches, one hands out (FastStream 0.7.8)."""


class MisboundConsumers(Exception):
    """Subscriptions, catalogue and server do not agree; the message names the differences."""


class Bus:
    """Publishes with acknowledgement, consumes through durables that the topology made, and knows whether both work."""

    def __init__(self, service: str, settings: RuntimeSettings, clock: Clock) -> None:
        self.service = service
        self._settings = settings
        self._clock = clock
        inbox = f"_INBOX_{service}"
        seed_file = settings.nats_seed_file
        self.broker = NatsBroker(
            settings.nats_url,
            name=f"lantoa-{service}",
            security=NatsNKey.from_seed(seed_file.read_text().strip()) if seed_file else None,
            inbox_prefix=inbox,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            connect_timeout=2,
            ping_interval=10,
            max_outstanding_pings=2,
            ack_policy=AckPolicy.MANUAL,
            apply_types=False,  # Our handlers want nothing injected, and looking for it is half of a message's cost.
            graceful_timeout=settings.drain_seconds,
            logger=None,
        )
        # The broker's own prefix does not reach pull subscriptions (FastStream 0.7.8): give it a second time.
        self._inbox = f"{inbox}.".encode()
        self._subscribers: dict[EventSpec, Any] = {}
        self._readers: dict[EventSpec, BatchReader] = {}
        self._alive: dict[str, bool] = {}
        self._started = False
        self._tasks: list[asyncio.Task[None]] = []

    # -- out ----------------------------------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        """The NATS client underneath.

        Raises:
            Unavailable: not connected now.
        """
        # The public accessor raises a bare error before the start.
        connection = self.broker._connection
        if connection is None or not connection.is_connected:
            raise Unavailable("nats")
        return connection

    @property
    def jetstream(self) -> JetStreamContext:
        """JetStream on that client.

        Raises:
            Unavailable: not connected now.
        """
        return self.client.jetstream(timeout=_PUBLISH_TIMEOUT)

    async def publish(self, subject: str, body: bytes, headers: Mapping[str, str], way: str = "direct") -> None:
        """Store a message in the stream that has its subject; returns after the stream's acknowledgement.

        Raises:
            EventRefused: larger than its stream or the server takes; it never will be stored.
            Unavailable, NatsError: not stored, or not known to be: publish it again with the same ``Nats-Msg-Id``.
        """
        bounded = subject.startswith(("evt.", "dlq."))
        template = subject if bounded else f"{subject.rpartition('.')[0]}.{{device_id}}"
        with sending(subject, template, headers, way) as sent:
            try:
                await self.jetstream.publish(subject, body, headers=sent, timeout=_PUBLISH_TIMEOUT)
            except (MaxPayloadError, BadRequestError) as error:
                raise EventRefused(f"{len(body)} bytes: {error}") from error
        EVENTS_PUBLISHED.labels(subject if subject.startswith("evt.") else subject.split(".")[0], way).inc()

    async def _dead_letter(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        await self.publish(subject, body, headers, "dead")

    # -- in -----------------------------------------------------------------------------------------------------

    def on(self, spec: EventSpec) -> Callable[[Handler], Handler]:
        """Register the handler of what the catalogue says this service consumes.

        Raises:
            MisboundConsumers: the catalogue does not name this service as a consumer.
        """
        self._claim(spec)

        def register(handler: Handler) -> Handler:
            delivery = Delivery(
                spec=spec,
                handler=handler,
                service=self.service,
                dead_letter=self._dead_letter,
                clock=self._clock,
                backoff=self._settings.backoff_seconds,
                infrastructure_wait=self._settings.infrastructure_wait_seconds,
            )

            async def deliver(message: Msg) -> None:
                await delivery(message)

            subscriber = self.broker.subscriber(
                spec.subject,
                stream=JStream(spec.stream, declare=False),
                durable=spec.durable(self.service),
                pull_sub=_FETCH,
                max_workers=_WORKERS,
                ack_policy=AckPolicy.MANUAL,
                inbox_prefix=self._inbox,
                decoder=_undecoded,
                title=spec.name,
            )
            subscriber(deliver)
            self._subscribers[spec] = subscriber
            return handler

        return register

    def in_batches(self, spec: EventSpec, handler: BatchHandler) -> None:
        """Handle what the catalogue says this service consumes many at a time.

        Raises:
            MisboundConsumers: the catalogue does not name this service as a consumer.
        """
        self._claim(spec)
        self._readers[spec] = BatchReader(
            spec=spec,
            handler=handler,
            service=self.service,
            dead_letter=self._dead_letter,
            clock=self._clock,
            client=lambda: self.client,
            infrastructure_wait=self._settings.infrastructure_wait_seconds,
        )

    def _claim(self, spec: EventSpec) -> None:
        if self.service not in spec.consumers:
            raise MisboundConsumers(f"{self.service} is not a consumer of {spec.name}")
        self._alive[spec.durable(self.service)] = False
        EVENTS_REDELIVERED.labels(spec.name)
        for outcome in OUTCOMES:
            EVENTS_PROCESSED.labels(spec.name, outcome)  # From the start: an alert sees the first one rise from 0.

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect and consume in the background, as long as it takes: HTTP must answer while NATS is away.

        Raises:
            MisboundConsumers: handlers and catalogue do not agree.
        """
        handled = {spec.name for spec in (*self._subscribers, *self._readers)}
        missing = {spec.name for spec in consumed_by(self.service)} - handled
        if missing:
            raise MisboundConsumers(f"no handler for {', '.join(sorted(missing))}")
        self._tasks.append(asyncio.create_task(self._run()))

    async def _run(self) -> None:
        while not self._started:
            try:
                await self.broker.connect()
                await self._check_and_bind()
                self._started = True
            except Exception as error:  # noqa: BLE001 - any failure to start is tried again, and readiness tells
                log.warning("bus not ready yet", error=repr(error))
                await asyncio.sleep(_START_WAIT)
        log.info("bus ready", consumers=len(self._alive))
        while True:
            await asyncio.sleep(self._settings.watch_seconds)
            await self._watch()

    async def _check_and_bind(self) -> None:
        for spec, subscriber in self._subscribers.items():
            if not await self._fits(spec):
                raise MisboundConsumers(f"durable {spec.durable(self.service)} is missing or filters another subject")
            if not subscriber.running:
                await subscriber.start()
            self._alive[spec.durable(self.service)] = True
            CONSUMER_ALIVE.labels(spec.durable(self.service)).set(1)
        for spec, reader in self._readers.items():
            if not await self._fits(spec):
                raise MisboundConsumers(f"durable {spec.durable(self.service)} is missing or filters another subject")
            self._tasks.append(asyncio.create_task(reader.run()))
            self._alive[spec.durable(self.service)] = True

    async def _fits(self, spec: EventSpec) -> bool:
        """Whether the server has the durable that the catalogue describes."""
        try:
            info = await self.jetstream.consumer_info(spec.stream, spec.durable(self.service), timeout=2.0)
        except NotFoundError:
            return False
        CONSUMER_PENDING.labels(spec.durable(self.service)).set(info.num_pending or 0)
        CONSUMER_ACK_PENDING.labels(spec.durable(self.service)).set(info.num_ack_pending or 0)
        CONSUMER_REDELIVERED.labels(spec.durable(self.service)).set(info.num_redelivered or 0)
        return bool(info.config.filter_subject == spec.subject)

    async def _watch(self) -> None:
        """A subscription whose durable vanished spins without a word, and a dead fetch task stays dead: look."""
        for spec, subscriber in self._subscribers.items():
            durable = spec.durable(self.service)
            try:
                fits = await self._fits(spec)
                if not fits and subscriber.running:
                    log.error("durable is gone or changed", durable=durable)
                    await subscriber.stop()
                elif fits and (not subscriber.running or not self._is_fetching(subscriber)):
                    log.warning("subscription is started again", durable=durable)
                    await subscriber.stop()
                    await subscriber.start()
                self._alive[durable] = fits
            except Exception as error:  # noqa: BLE001 - the watch must outlive whatever a look can raise
                log.warning("consumer not seen", durable=durable, error=repr(error))
                self._alive[durable] = False
            CONSUMER_ALIVE.labels(durable).set(int(self._alive[durable]))
        for spec, reader in self._readers.items():
            durable = spec.durable(self.service)
            try:
                self._alive[durable] = await self._fits(spec) and reader.running
            except Exception as error:  # noqa: BLE001 - as above
                log.warning("consumer not seen", durable=durable, error=repr(error))
                self._alive[durable] = False
            CONSUMER_ALIVE.labels(durable).set(int(self._alive[durable]))

    @staticmethod
    def _is_fetching(subscriber: Any) -> bool:
        """Whether its tasks live. FastStream starts a failed one again beside the dead one, which is cleared away."""
        subscriber.tasks[:] = [task for task in subscriber.tasks if not task.done()]
        return len(subscriber.tasks) >= _TASKS_OF_A_SUBSCRIBER

    def failures(self) -> list[str]:
        """What is not as it should be, for readiness; empty when all is well."""
        try:
            _ = self.client
        except Unavailable:
            return ["nats"]
        return [durable for durable, alive in self._alive.items() if not alive]

    async def finish(self) -> None:
        """Stop fetching and let the handlers that run finish; what they write can still be published."""
        waiting = {task for task in self._tasks if not task.done()}
        while waiting:
            # Again and again: nats-py can swallow a cancel together with the answer that came in that moment.
            for task in waiting:
                task.cancel()
            _, waiting = await asyncio.wait(waiting, timeout=_CANCEL_AGAIN)
        await asyncio.gather(*(subscriber.stop() for subscriber in self._subscribers.values() if subscriber.running))

    async def stop(self) -> None:
        """Finish and disconnect, also while NATS is away."""
        await self.finish()
        try:
            await self.broker.stop()
        except (NatsError, TimeoutError) as error:  # Nothing can be drained: what was not published is in its outbox.
            log.warning("nats was left without a word", error=repr(error))
            if self.broker._connection is not None:
                await self.broker._connection.close()


async def _undecoded(message: NatsMessage) -> Msg:
    """FastStream decodes before the handler runs; ours decodes itself, so that a bad body has one way to the DLQ."""
    return message.raw_message
