"""In front of everything: other sites' pages are turned away, every answer carries the headers browsers obey."""

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lantoa_gateway.domain import SESSIONLESS, is_foreign
from lantoa_runtime.http.problems import problem

log = structlog.get_logger()

_SECURITY = {
    b"content-security-policy": b"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    b"form-action 'self'; frame-src 'self'; frame-ancestors 'self'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(self), microphone=(self), payment=(), usb=(), geolocation=(self)",
}
_HSTS = {b"strict-transport-security": b"max-age=31536000"}


class Guard:
    """Pure ASGI. What an answer already says about its own security stays: a rendition's page is stricter."""

    def __init__(self, app: ASGIApp, production: bool) -> None:
        self.app = app
        self._headers = _SECURITY | (_HSTS if production else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def sealed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                said = {name.lower() for name, _ in message["headers"]}
                added = [(name, value) for name, value in self._headers.items() if name not in said]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        if scope["path"] not in SESSIONLESS and is_foreign(scope["method"], Headers(scope=scope)):
            refused = problem(Request(scope), 403, "gateway.foreign-site")
            await refused(scope, receive, sealed)
            return
        try:
            await self.app(scope, receive, sealed)
        except Exception as error:
            # The framework answers outside of this guard, that is without its headers.
            log.error("unexpected error", exc_info=error)
            if started:
                raise
            await problem(Request(scope), 500, "unexpected")(scope, receive, sealed)
