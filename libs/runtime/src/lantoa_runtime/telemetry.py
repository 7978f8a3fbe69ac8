"""Logs, metrics and traces. Metric names live here, labels are bounded (never a device, user or item)."""

import asyncio
import logging
import sys
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Gauge, Histogram

from lantoa_runtime.settings import RuntimeSettings
from lantoa_runtime.unrecorded import Unrecorded, UnrecordedProvider

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_AGE = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 15, 60, 300, 1800)

HTTP_SECONDS = Histogram(
    "lantoa_http_request_seconds",
    "Requests answered, by the whole template of the address",
    ["method", "route", "status"],
    buckets=_LATENCY,
)
EVENTS_PUBLISHED = Counter("lantoa_events_published_total", "Events acknowledged by the stream", ["event", "way"])
EVENTS_PROCESSED = Counter("lantoa_events_processed_total", "Deliveries handled", ["event", "outcome"])
EVENTS_REDELIVERED = Counter("lantoa_events_redelivered_total", "Deliveries that were not the first", ["event"])
EVENTS_IN_FLIGHT = Gauge("lantoa_events_in_flight", "Deliveries in the handler now", ["event"])
EVENT_SECONDS = Histogram("lantoa_event_handler_seconds", "Time in the handler", ["event"], buckets=_LATENCY)
EVENT_AGE = Histogram("lantoa_event_age_seconds", "From the event's time to its handling done", ["event"], buckets=_AGE)
OUTBOX_WAITING = Gauge("lantoa_outbox_waiting", "Documents with events that wait to be published", ["collection"])
OUTBOX_OLDEST = Gauge("lantoa_outbox_oldest_seconds", "Age of the oldest waiting event", ["collection"])
OUTBOX_REFUSED = Counter("lantoa_outbox_refused_total", "Events set aside that NATS will never take", ["collection"])
CONSUMER_PENDING = Gauge("lantoa_consumer_pending", "Messages not yet delivered", ["durable"])
CONSUMER_ACK_PENDING = Gauge("lantoa_consumer_ack_pending", "Messages delivered and not yet answered", ["durable"])
CONSUMER_REDELIVERED = Gauge("lantoa_consumer_redelivered", "Unanswered messages delivered more than once", ["durable"])
CONSUMER_ALIVE = Gauge("lantoa_consumer_alive", "1 while the durable answers and fits the catalogue", ["durable"])
MONGO_SECONDS = Histogram("lantoa_mongo_seconds", "Database operations", ["collection", "operation"], buckets=_LATENCY)
MONGO_WAIT = Histogram("lantoa_mongo_pool_wait_seconds", "Operations' wait for a connection", buckets=_LATENCY)
LOOP_LAG = Histogram("lantoa_event_loop_lag_seconds", "How late the event loop wakes a sleeper", buckets=_LATENCY)
BUILD_INFO = Gauge("lantoa_build_info", "1 for what runs here", ["component", "version"])

HTTP_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LOOP_SECONDS = 0.5
tracer: Tracer = Unrecorded()
_propagator = TraceContextTextMapPropagator()


def _trace_ids(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event


def configure_logs(service: str, level: str) -> None:
    """Every log line of this process, ours and the libraries', as one JSON object on stderr."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        _trace_ids,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("uvicorn.access", "faststream", "nats", "pymongo"):
        logging.getLogger(noisy).setLevel("WARNING")
    structlog.contextvars.bind_contextvars(service=service)


def trace_provider(service: str, settings: RuntimeSettings) -> "TracerProvider | UnrecordedProvider":
    """Traces always have ids, for the logs; they are recorded and exported where an OTLP endpoint is set."""
    if not settings.otlp_endpoint:
        return UnrecordedProvider()
    # Imported here: SDK and exporter cost start-up time and memory that most processes need not pay.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # Without a sampler of ours, the standard variable OTEL_TRACES_SAMPLER decides what is recorded.
    provider = TracerProvider(resource=Resource.create({"service.name": service, "service.namespace": "lantoa"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint}/v1/traces")))
    return provider


def configure_traces(service: str, settings: RuntimeSettings) -> None:
    """Make the traces of this process."""
    global tracer
    provider = trace_provider(service, settings)
    trace.set_tracer_provider(provider)
    tracer = provider.get_tracer("lantoa")


def exemplar() -> dict[str, str] | None:
    """The running trace as an observation's exemplar; ``None`` when nobody could look it up."""
    context = trace.get_current_span().get_span_context()
    if not context.trace_flags.sampled:
        return None
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


class _Marked:
    """A running span that what was raised inside marks. A class: as a generator it would cost twice as much."""

    __slots__ = ("_running", "_span")

    def __init__(self, running: AbstractContextManager[Span]) -> None:
        self._running = running

    def __enter__(self) -> Span:
        self._span = self._running.__enter__()
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            failed(self._span, kind.__name__)
        self._running.__exit__(kind, error, trace)


def span_of(
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, str | int],
    context: Context | None = None,
    links: tuple[Link, ...] = (),
) -> _Marked:
    """A span that is current inside. What was raised marks it with its class; its text may hold anything and does not.

    ``context`` ``None`` makes it a child of the running span.
    """
    running = tracer.start_as_current_span(
        name,
        context=context,
        kind=kind,
        attributes=dict(attributes),
        links=links,
        record_exception=False,
        set_status_on_exception=False,
    )
    return _Marked(running)


def failed(span: Span, why: str) -> None:
    """Mark a span as an error of a class: ``error.type`` of the semantic conventions."""
    span.set_attribute("error.type", why)
    span.set_status(Status(StatusCode.ERROR))


@contextmanager
def sending(subject: str, template: str, headers: Mapping[str, str], way: str) -> Iterator[dict[str, str]]:
    """The span of one publish, and the headers to send.

    A message that is sent at once carries this span: its consumers become its children. One that a sweep found later
    keeps the context of the write that made it, to which this span, in a trace of its own, is linked. Dead letters and
    what devices read keep their headers.
    """
    sent = dict(headers)
    made_by = trace_context(headers) if "traceparent" in headers else None
    creates = made_by is not None and way in ("direct", "replay")
    attributes: dict[str, str | int] = {
        "messaging.system": "nats",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.template": template,
        "lantoa.way": way,
    }
    if subject == template:
        attributes["messaging.destination.name"] = subject
    if "Nats-Msg-Id" in headers:
        attributes["messaging.message.id"] = headers["Nats-Msg-Id"]
    links = () if creates or made_by is None else links_to(made_by)
    context = made_by if creates else Context() if way == "swept" else None
    kind = SpanKind.PRODUCER if creates else SpanKind.CLIENT
    with span_of(f"send {template}", kind, attributes, context, links):
        if creates:
            _propagator.inject(sent)
        yield sent


@contextmanager
def asking(method: str, base: str, template: str) -> Iterator[tuple[Span, dict[str, str]]]:
    """The span of a request to another service, and the headers that carry it there.

    ``base`` is the service's address, ``template`` a path without ids and without a query.
    """
    method = method if method in HTTP_METHODS else "_OTHER"
    attributes = {"http.request.method": method, "url.template": template, **_server(base)}
    with span_of(f"{method} {template}", SpanKind.CLIENT, attributes) as span:
        carried: dict[str, str] = {}
        _propagator.inject(carried)
        yield span, carried


@cache
def _server(base: str) -> Mapping[str, str | int]:
    """The attributes of one of the few services that this process asks."""
    address = urlsplit(base)
    port = address.port or (443 if address.scheme == "https" else 80)
    return {"server.address": address.hostname or "", "server.port": port}


def answered(span: Span, status: int) -> None:
    """Note the status that a request of ours was answered with; to the one who asks, 4xx is an error too."""
    span.set_attribute("http.response.status_code", status)
    if status >= 400:
        failed(span, str(status))


def links_to(context: Context) -> tuple[Link, ...]:
    """A link to the span that a context carries; none when it carries none."""
    linked = trace.get_current_span(context).get_span_context()
    return (Link(linked),) if linked.is_valid else ()


async def watch_loop() -> None:
    """Measure until cancelled how late this loop wakes those who sleep: what blocks it delays everything."""
    while True:
        started = time.perf_counter()
        await asyncio.sleep(_LOOP_SECONDS)
        LOOP_LAG.observe(max(0.0, time.perf_counter() - started - _LOOP_SECONDS))


def current_traceparent() -> str | None:
    """The W3C ``traceparent`` of the running span, to be stored with an event."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def trace_context(headers: Mapping[str, str]) -> Context:
    """The trace context that a message or request carries, and nothing of the running one."""
    return _propagator.extract(dict(headers), Context()) if "traceparent" in headers else Context()


def trace_id() -> str | None:
    """The running trace's id in hex, for error answers."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
