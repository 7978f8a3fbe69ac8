"""Traces of a process that sends them nowhere: ids for its logs and for whom it asks, and nothing else.

The SDK does the same with a sampler that drops everything, at several times the cost of each span and of the start.
"""

import random
from contextvars import Token
from typing import Any

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    Tracer,
    TracerProvider,
    get_current_span,
    set_span_in_context,
)

_ids = random.Random()  # noqa: S311 - ids, no secrets
"""Its own: a library or a test that seeds the common one would make the same ids again."""


class _Current:
    """A span that is the running one inside of ``with``."""

    __slots__ = ("_context", "_span", "_token")

    def __init__(self, span: Span, context: Context | None) -> None:
        self._span = span
        self._context = context

    def __enter__(self) -> Span:
        self._token: Token[Context] = attach(set_span_in_context(self._span, self._context))
        return self._span

    def __exit__(self, *_: object) -> None:
        detach(self._token)


class Unrecorded(Tracer):
    """Spans that have ids and keep nothing."""

    def start_span(self, name: str, context: Context | None = None, *_: Any, **__: Any) -> Span:
        """A child of the span in ``context``, of the running one without, or the first of a new trace."""
        parent = get_current_span(context).get_span_context()
        trace_id = parent.trace_id if parent.is_valid else _ids.getrandbits(128)
        state = parent.trace_state if parent.is_valid else None
        return NonRecordingSpan(SpanContext(trace_id, _ids.getrandbits(64), False, trace_state=state))

    def start_as_current_span(  # type: ignore[override]  # a plain context manager: it runs at every request
        self, name: str, context: Context | None = None, *_: Any, **__: Any
    ) -> _Current:
        """The same, as the running span inside of ``with``."""
        return _Current(self.start_span(name, context), context)


class UnrecordedProvider(TracerProvider):
    """Gives tracers whose spans are not recorded."""

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        """A tracer; all are the same."""
        return Unrecorded()

    def shutdown(self) -> None:
        """Nothing is waiting to be sent."""
