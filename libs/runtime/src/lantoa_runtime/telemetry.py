"""Logs, metrics and traces. Metric names live here, labels are bounded (never a device, user or item)."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Gauge, Histogram

from lantoa_runtime.settings import RuntimeSettings

_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_AGE = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 15, 60, 300, 1800)

HTTP_SECONDS = Histogram(
    "lantoa_http_request_seconds", "Requests answered", ["method", "route", "status"], buckets=_LATENCY
)
EVENTS_PUBLISHED = Counter("lantoa_events_published_total", "Events acknowledged by the stream", ["event", "way"])
EVENTS_PROCESSED = Counter("lantoa_events_processed_total", "Deliveries handled", ["event", "outcome"])
EVENT_SECONDS = Histogram("lantoa_event_handler_seconds", "Time in the handler", ["event"], buckets=_LATENCY)
EVENT_AGE = Histogram("lantoa_event_age_seconds", "From the event's time to its handling done", ["event"], buckets=_AGE)
OUTBOX_WAITING = Gauge("lantoa_outbox_waiting", "Documents with events that wait to be published", ["collection"])
OUTBOX_OLDEST = Gauge("lantoa_outbox_oldest_seconds", "Age of the oldest waiting event", ["collection"])
CONSUMER_PENDING = Gauge("lantoa_consumer_pending", "Messages not yet delivered", ["durable"])
CONSUMER_ALIVE = Gauge("lantoa_consumer_alive", "1 while the durable answers and fits the catalogue", ["durable"])
MONGO_SECONDS = Histogram("lantoa_mongo_seconds", "Database operations", ["collection", "operation"], buckets=_LATENCY)

tracer = trace.get_tracer("lantoa")
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


def configure_traces(service: str, settings: RuntimeSettings) -> None:
    """Traces always have ids, for the logs; they are exported where an OTLP endpoint is set."""
    provider = TracerProvider(resource=Resource.create({"service.name": service, "service.namespace": "lantoa"}))
    if settings.otlp_endpoint:
        # Imported here: the exporter costs start-up time that most processes need not pay.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint}/v1/traces"))
        )
    trace.set_tracer_provider(provider)


def current_traceparent() -> str | None:
    """The W3C ``traceparent`` of the running span, to be stored with an event."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def trace_context(headers: Mapping[str, str]) -> Any:
    """The trace context that a message or request carries."""
    return _propagator.extract(dict(headers))


def trace_id() -> str | None:
    """The running trace's id in hex, for error answers."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
