"""What happens to one delivered message: decode, handle, and let the error's class decide its fate."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from nats.aio.msg import Msg
from nats.errors import BadSubjectError, MaxPayloadError
from nats.errors import Error as NatsError
from nats.js.errors import BadRequestError
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from pydantic import BaseModel, ValidationError

from lantoa_contracts.catalogue import EventSpec
from lantoa_contracts.envelope import ACT_HEADERS, MSG_ID, TRACEPARENT, Act, Envelope
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Unavailable
from lantoa_runtime.telemetry import (
    EVENT_AGE,
    EVENT_SECONDS,
    EVENTS_IN_FLIGHT,
    EVENTS_PROCESSED,
    EVENTS_REDELIVERED,
    exemplar,
    failed,
    links_to,
    span_of,
    trace_context,
)

log = structlog.get_logger()

MOST_DELIVERIES = 50
"""A message that came back this often without an answer is dead-lettered unhandled: it may kill the process."""
_HEARTBEAT_SECONDS = 0.5
"""Several times within the shortest ``ack_wait`` in use (2 s in tests)."""
OUTCOMES = ("ack", "retry", "dead", "repeat")
_OUTAGES = (NatsError, TimeoutError, Unavailable)
_OUR_OWN_FAULTS = (MaxPayloadError, BadSubjectError, BadRequestError)
"""What NATS refuses because of what was asked, today and tomorrow."""
_WRONG_PATHS = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
"""Files that are not as the program thinks; every other error of the operating system is a disk or a network."""
_MOST_REMEMBERED = 1000
_KEPT = frozenset({TRACEPARENT, *ACT_HEADERS})
"""What a dead letter keeps of its headers besides the envelope, so that it can be put back as it was."""


def is_infrastructure(error: Exception) -> bool:
    """Whether something this process stands on was away: the message is not at fault and waits for as long as it takes.

    A programming error that only looks like one (a bad query, a document or message too large) is not.
    """
    # An error of MongoDB comes only where its driver is loaded; a service without a database does not load it.
    driver = sys.modules.get("lantoa_runtime.mongo.driver")
    if driver is not None and isinstance(error, driver.MongoError):
        return bool(driver.is_outage(error))
    if isinstance(error, OSError):
        return not isinstance(error, _WRONG_PATHS)
    return isinstance(error, _OUTAGES) and not isinstance(error, _OUR_OWN_FAULTS)


class EnvelopeRefused(AppError):
    """An event whose headers are missing or contradict its subject. Final."""

    def __init__(self, why: str) -> None:
        super().__init__("envelope-refused", 422, why=why)


class NeverAnswered(Exception):
    """A message came back again and again without an answer of any process."""


@dataclass(frozen=True)
class Meta:
    """What the envelope and the stream say about a message."""

    id: str
    subject: str
    time: datetime
    source: str
    deliveries: int
    device_id: str | None = None
    """Who sent it, for a device message: the server checked that the sender may use this subject."""
    type: str = ""
    """The event's CloudEvents type."""
    act: Act | None = None
    """Who of the staff did it; ``None`` when nobody did."""
    traceparent: str | None = None


Handler = Callable[[Any, Meta], Awaitable[None]]
DeadLetter = Callable[[str, bytes, dict[str, str]], Awaitable[None]]


def _device_of(spec: EventSpec, subject: str) -> str | None:
    return subject.split(".")[2] if spec.stream in ("ACK", "REPORTED") else None


def read_meta(spec: EventSpec, msg: Msg) -> Meta:
    """The message's envelope. A device has none: its id is its place in the stream, its time the stream's.

    A device may send any header, so none of its is read.

    Raises:
        EnvelopeRefused: an event without its envelope, or one of another type than its subject says.
    """
    stored, deliveries = msg.metadata.timestamp, msg.metadata.num_delivered
    device_id = _device_of(spec, msg.subject)
    if device_id:
        place = f"{msg.metadata.stream}:{msg.metadata.sequence.stream}"
        return Meta(place, msg.subject, stored, "device", deliveries, device_id)
    try:
        envelope = Envelope.from_headers(msg.headers or {})
    except (KeyError, ValueError) as error:
        raise EnvelopeRefused(f"{type(error).__name__} {error}") from error
    wide = spec.subject.endswith(".>")
    if (envelope.type != spec.type and not wide) or envelope.time.tzinfo is None:
        raise EnvelopeRefused(f"{envelope.type} {envelope.time.isoformat()}")
    return Meta(
        envelope.id,
        msg.subject,
        envelope.time,
        envelope.source,
        deliveries,
        type=envelope.type,
        act=envelope.act,
        traceparent=envelope.traceparent,
    )


@dataclass
class Delivery:
    """Handles the messages of one subscription."""

    spec: EventSpec
    handler: Handler
    service: str
    dead_letter: DeadLetter
    clock: Clock
    backoff: Sequence[float]
    infrastructure_wait: float
    model: type[BaseModel] = field(init=False)
    _excused: dict[int, int] = field(default_factory=dict)
    """By place in the stream, the last delivery that failed because the infrastructure was away: none so far counts."""
    _running: set[tuple[int, datetime]] = field(default_factory=set)
    _handled: dict[tuple[int, datetime], None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model = self.spec.model

    async def __call__(self, msg: Msg) -> None:
        """Handle one message and answer the stream; whatever cannot be answered comes back after ``ack_wait``."""
        started = time.perf_counter()
        name = self.spec.name
        if msg.metadata.num_delivered > 1:
            EVENTS_REDELIVERED.labels(name).inc()
        template = self.spec.subject.replace("*", "{device_id}")
        context, attributes = self._context(msg), self._attributes(msg, template)
        with (
            EVENTS_IN_FLIGHT.labels(name).track_inprogress(),
            span_of(f"process {template}", SpanKind.CONSUMER, attributes, context, links_to(context)),
        ):
            outcome = await self._run(msg)
            EVENTS_PROCESSED.labels(name, outcome).inc()
            EVENT_SECONDS.labels(name).observe(time.perf_counter() - started, exemplar())

    def _context(self, msg: Msg) -> Context:
        """Where the message was made. A device may send any header, so a trace begins with what it sends."""
        return trace_context({} if _device_of(self.spec, msg.subject) else msg.headers or {})

    def _attributes(self, msg: Msg, template: str) -> dict[str, str | int]:
        """The semantic conventions' description of a delivery; never the id of a device."""
        attributes: dict[str, str | int] = {
            "messaging.system": "nats",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.template": template,
            "messaging.consumer.group.name": self.spec.durable(self.service),
            "messaging.message.body.size": len(msg.data),
            "lantoa.deliveries": msg.metadata.num_delivered,
        }
        if template == msg.subject:
            attributes["messaging.destination.name"] = msg.subject
            if msg.headers and MSG_ID in msg.headers:
                attributes["messaging.message.id"] = msg.headers[MSG_ID]
        return attributes

    async def _run(self, msg: Msg) -> str:
        """A message may wait for its worker longer than ``ack_wait``, and its repeat then stands in the same queue."""
        key = (msg.metadata.sequence.stream, msg.metadata.timestamp)
        if key in self._running:
            return "repeat"
        if key in self._handled:
            await msg.ack()
            return "repeat"
        self._running.add(key)
        try:
            outcome = await self._decide(msg)
        finally:
            self._running.discard(key)
        if outcome == "ack":
            self._handled[key] = None
            if len(self._handled) > _MOST_REMEMBERED:
                del self._handled[next(iter(self._handled))]
        return outcome

    async def _decide(self, msg: Msg) -> str:
        try:
            if self._counted(msg) > MOST_DELIVERIES:
                raise NeverAnswered
            await self._handle(msg)
        except Exception as error:  # noqa: BLE001 - the class of whatever was raised is what decides
            return await self._failed(msg, error)
        self._excused.pop(msg.metadata.sequence.stream, None)
        await msg.ack()
        return "ack"

    async def _handle(self, msg: Msg) -> None:
        meta = read_meta(self.spec, msg)
        # A producer may be newer than we are: a field we do not know is passed over.
        event = self.model.model_validate_json(msg.data, extra="ignore")
        working = asyncio.ensure_future(self.handler(event, meta))
        try:
            while not (await asyncio.wait({working}, timeout=_HEARTBEAT_SECONDS))[0]:
                await msg.in_progress()  # A long handler keeps its message, so that no second replica starts it.
        finally:
            if not working.done():
                working.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await working
        working.result()
        age = max(0.0, (self.clock.now() - meta.time).total_seconds())
        EVENT_AGE.labels(self.spec.name).observe(age, exemplar())

    def _counted(self, msg: Msg) -> int:
        """Deliveries since this process last saw the message fail because the infrastructure was away."""
        return msg.metadata.num_delivered - self._excused.get(msg.metadata.sequence.stream, 0)

    async def _failed(self, msg: Msg, error: Exception) -> str:
        failed(trace.get_current_span(), type(error).__name__)
        deliveries, place = msg.metadata.num_delivered, msg.metadata.sequence.stream
        wait = self._wait(error, self._counted(msg))
        if is_infrastructure(error):
            if len(self._excused) >= _MOST_REMEMBERED:
                self._excused.clear()  # Other replicas answered what is remembered here.
            self._excused[place] = deliveries
        context = {"event_name": self.spec.name, "deliveries": deliveries, "error": repr(error)}
        if wait is not None:
            log.warning("message is tried again", wait=wait, **context)
            await msg.nak(delay=wait)
            return "retry"
        try:
            headers = dead_headers(msg, error, self.clock.now())
            await self.dead_letter(f"dlq.{self.service}.{msg.metadata.consumer}", msg.data, headers)
        except Exception as refused:  # noqa: BLE001 - what the DLQ did not take must not be lost
            log.error("dead letter not stored", refused=repr(refused), **context)
            await msg.nak(delay=self.infrastructure_wait)
            return "retry"
        log.error("message is dead", **context)
        self._excused.pop(place, None)
        await msg.term()
        return "dead"

    def _wait(self, error: Exception, counted: int) -> float | None:
        """Seconds until the next try, or ``None`` when there is none."""
        if is_infrastructure(error):
            return self.infrastructure_wait
        if isinstance(error, ValidationError | NeverAnswered) or (isinstance(error, AppError) and not error.retryable):
            return None
        return self.backoff[counted - 1] if counted <= len(self.backoff) else None


def dead_headers(msg: Msg, error: Exception, now: datetime) -> dict[str, str]:
    """What a dead letter says of the message that it was."""
    metadata = msg.metadata
    kept = {name: value for name, value in (msg.headers or {}).items() if name.startswith("ce-") or name in _KEPT}
    return {
        **kept,
        "Nats-Msg-Id": f"{metadata.stream}.{metadata.consumer}.{metadata.sequence.stream}",
        "Lt-Origin-Subject": msg.subject,
        "Lt-Origin-Stream": metadata.stream,
        "Lt-Origin-Seq": str(metadata.sequence.stream),
        "Lt-Durable": metadata.consumer,
        "Lt-Deliveries": str(metadata.num_delivered),
        "Lt-Error": _one_line(f"{type(error).__name__}: {error}"),
        "Lt-At": now.isoformat(),
    }


def _one_line(text: str) -> str:
    """A header value: one line, ASCII, short."""
    return " ".join(text.split())[:400].encode("ascii", "backslashreplace").decode()
