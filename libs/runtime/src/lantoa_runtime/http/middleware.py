"""What every request passes through: a trace, a limit on the body, a duration."""

import re
import time
from typing import Any

from opentelemetry.trace import SpanKind
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lantoa_runtime.http.problems import problem, unexpected
from lantoa_runtime.telemetry import HTTP_METHODS, HTTP_SECONDS, exemplar, failed, span_of, trace_context

MOST_BODY_BYTES = 1024 * 1024
MOST_FILE_BYTES = 5 * MOST_BODY_BYTES
_FILES = re.compile(r"/api/v1/(fleet/uploads/.*|fleet/updates/files.*|content/items/[^/]+/pictures)")
"""Paths that take files."""
_READ = frozenset({b"traceparent", b"tracestate", b"content-encoding", b"content-length"})
_UNTRACED = ("/livez", "/readyz", "/metrics", "/api/v1/live")
"""Asked all the time, or open for hours: in durations and traces they would only hide the others."""


def most_body_bytes(path: str) -> int:
    """The largest body that is read at this path."""
    return MOST_FILE_BYTES if _FILES.fullmatch(path) else MOST_BODY_BYTES


class Chassis:
    """Pure ASGI, so that it costs microseconds and does not buffer streams."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"] in _UNTRACED:
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        method = scope["method"] if scope["method"] in HTTP_METHODS else "other"  # Anybody may send any word.
        status = 500
        answered = False
        seen = 0
        most = most_body_bytes(scope["path"])

        async def limited() -> Message:
            nonlocal seen
            if announced > most:
                raise HTTPException(413)  # Whoever says so much need not send it first.
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > most:
                    raise HTTPException(413)  # The one error that FastAPI lets through while it reads a body.
            return message

        async def watched(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = True
            await send(message)

        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _READ}
        announced = int(headers.get("content-length", 0))
        known = {"http.request.method": method if method in HTTP_METHODS else "_OTHER", "url.scheme": scope["scheme"]}
        with span_of(method, SpanKind.SERVER, known, trace_context(headers)) as span:
            try:
                if headers.get("content-encoding", "identity").lower() != "identity":
                    await problem(Request(scope), 415, "body-packed")(scope, receive, watched)
                else:
                    await self.app(scope, limited, watched)
            except Exception as error:
                if answered:
                    raise
                # Here and not in Starlette's outermost layer, so that it has its trace and is counted.
                await unexpected(Request(scope), error)(scope, receive, watched)
            finally:
                route = _route(scope)
                span.update_name(f"{method} {route}")
                span.set_attributes({"http.route": route, "http.response.status_code": status})
                if status >= 500:
                    failed(span, str(status))
                HTTP_SECONDS.labels(method, route, str(status)).observe(time.perf_counter() - started, exemplar())


def _route(scope: Scope) -> str:
    """The route's template: bounded, where a raw path is not."""
    route: Any = scope.get("route")
    return getattr(route, "path", "unmatched")
