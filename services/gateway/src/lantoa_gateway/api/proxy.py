"""What other services make: ``/api/v1/<service>/*`` and the public pages, through a streaming reverse proxy.

It is raw ASGI in front of the framework's routing, because a hop through a framework costs ten times it. Bodies pass
piece by piece in both directions. Services see only headers that are passed on by name, and a token that the gateway
has signed.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import aiohttp
import structlog
from opentelemetry.trace import Span
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from yarl import URL

from lantoa_gateway.adapters.services import RESPONSE_START_SECONDS, Upstream, Upstreams
from lantoa_gateway.api import cookie
from lantoa_gateway.api.limits import AskedTooOften, Fields, Limiter
from lantoa_gateway.domain import KEPT_BACK, PASSED_ON, passed_on, target_of
from lantoa_gateway.domain.admission import rank_of
from lantoa_gateway.usecases import Callers, Tokens
from lantoa_gateway.usecases.admission import Lines
from lantoa_runtime.errors import AppError, Unavailable
from lantoa_runtime.http import problems
from lantoa_runtime.http.auth import HEADER, Caller
from lantoa_runtime.http.middleware import most_body_bytes
from lantoa_runtime.http.pages import Pages
from lantoa_runtime.telemetry import answered, asking

log = structlog.get_logger()

_UNWATCHED_SECONDS = 0.05


class _Route:
    """What the chassis reads of a framework's route: the label of metrics and traces."""

    def __init__(self, path: str) -> None:
        self.path = path


class Proxy:
    """Innermost of the middleware: answers what a service makes, and leaves the rest to the gateway's own routes."""

    def __init__(
        self,
        app: ASGIApp,
        upstreams: Upstreams,
        callers: Callers,
        tokens: Tokens,
        pages: Pages,
        lines: Lines,
        limiter: Limiter,
    ) -> None:
        self.app = app
        self._upstreams = upstreams
        self._callers = callers
        self._tokens = tokens
        self._pages = pages
        self._lines = lines
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request. Errors of what people read are pages, those of what programs read are problems."""
        if scope["type"] != "http" or not passed_on(scope["path"]):
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        try:
            await self._pass_on(exchange)
        except (AppError, HTTPException) as error:
            if exchange.started:
                raise
            request = Request(scope)
            if not isinstance(error, AppError):
                error = AppError("body-too-large", error.status_code)
            page = not scope["path"].startswith("/api/")
            answer = self._pages.error(request, error) if page else problems.answer(request, error)
            if isinstance(error, AskedTooOften):
                answer.raw_headers += error.fields
            await answer(scope, receive, send)

    async def _pass_on(self, exchange: "_Exchange") -> None:
        scope = exchange.scope
        target = target_of(scope["path"])
        upstream = self._upstreams.of(target.service) if target else None
        if target is None or upstream is None or target.internal:
            raise AppError("no-such-address", 404)
        scope["route"] = _Route(target.label)
        headers, cookies = exchange.read_headers()
        shown = cookie.shown(cookies, exchange.authorization)
        caller = _seen(await self._callers.of(target, scope["method"], shown), scope)
        exchange.said = self._limiter.count(scope, target, caller, exchange.content_type)
        place = await self._lines.enter(rank_of(target.service, caller.signed_in), target.service)
        exchange.on_start = partial(self._lines.leave, place)
        try:
            headers.append((HEADER, self._tokens.token(caller, target.service)))
            with asking(scope["method"], upstream.base, target.label) as (span, carried):
                headers += carried.items()
                await exchange.run(upstream, headers, span)
        finally:
            exchange.start()


def _seen(caller: Caller, scope: Scope) -> Caller:
    """Somebody of the staff with the address from which they come, for the audit of what they do."""
    address = scope.get("client")
    return replace(caller, origin=address[0]) if address and caller.signed_in else caller


class _Exchange:
    """One request to a service and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.started = False
        self.said: Fields = ()
        """Header fields that the gateway adds to the answer."""
        self.content_type = ""
        self.on_start: Callable[[], None] | None = None
        self.authorization: str | None = None
        self._receive = receive
        self._send = send
        self._has_body = False
        self._sent = asyncio.Event()
        self._gone = False
        self._broken: Exception | None = None

    def start(self) -> None:
        """The answer begins, or there will be none: what waited for it may go on. Only the first call counts."""
        if self.on_start is not None:
            self.on_start()
            self.on_start = None

    def read_headers(self) -> tuple[list[tuple[str, str]], str]:
        """The headers to pass on, and the cookies, which are not.

        Raises:
            AppError: the body is too large.
        """
        headers, cookies = [], ""
        for name, value in self.scope["headers"]:
            if name in PASSED_ON:
                headers.append((name.decode("ascii"), value.decode("latin-1")))
            elif name == b"cookie":
                cookies = value.decode("latin-1")
            elif name == b"authorization":
                self.authorization = value.decode("latin-1")
            if name == b"content-length":
                self._has_body = value != b"0"
                if int(value) > most_body_bytes(self.scope["path"]):
                    raise AppError("body-too-large", 413)
            elif name == b"transfer-encoding":
                self._has_body = True
            elif name == b"content-type":
                self.content_type = headers[-1][1]
        return headers, cookies

    async def run(self, upstream: Upstream, headers: list[tuple[str, str]], span: Span) -> None:
        """Until the answer is through, the client is gone or the service is.

        Raises:
            Unavailable: the service gave no answer. An answer that breaks off midway closes the client's connection.
        """
        try:
            async with asyncio.timeout(RESPONSE_START_SECONDS) as patience:
                body = self._body(patience) if self._has_body else None
                if body is None:
                    self._sent.set()
                with self._watched(patience):
                    await self._pass(upstream, headers, span, body, patience)
        except (aiohttp.ClientError, TimeoutError) as error:
            if self._gone:
                return
            if self._broken is not None:
                raise self._broken from error
            log.warning("service did not answer", upstream=upstream.service, started=self.started, error=repr(error))
            if not self.started:
                raise Unavailable(upstream.service) from error

    async def _pass(
        self, upstream: Upstream, headers: list[tuple[str, str]], span: Span, body: Any, patience: asyncio.Timeout
    ) -> None:
        query = self.scope["query_string"]
        path = self.scope["raw_path"] + (b"?" + query if query else b"")
        url = URL(upstream.base + path.decode("utf-8", "replace"), encoded=True)
        method = self.scope["method"]
        async with upstream.client.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
            patience.reschedule(None)
            self.started = True
            self.start()
            answered(span, answer.status)
            shown = _shown(answer, upstream.base)
            await self._send({"type": "http.response.start", "status": answer.status, "headers": [*shown, *self.said]})
            more = True
            while more:
                piece = await answer.content.readany()
                more = not answer.content.at_eof()
                await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def _body(self, patience: asyncio.Timeout) -> AsyncIterator[bytes]:
        """The request's body; the wait for the answer begins anew with each piece."""
        try:
            more = True
            while more:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    self._gone = True
                    raise ConnectionResetError
                more = message.get("more_body", False)
                if not self.started and not patience.expired():
                    patience.reschedule(asyncio.get_running_loop().time() + RESPONSE_START_SECONDS)
                yield message.get("body", b"")
        except Exception as error:
            self._broken = error
            raise
        self._sent.set()

    @contextlib.contextmanager
    def _watched(self, patience: asyncio.Timeout) -> Iterator[None]:
        """Look for the client's leaving, but not at once: most answers are there before it is worth a task."""
        watch: asyncio.Task[None] | None = None

        def begin() -> None:
            nonlocal watch
            watch = asyncio.create_task(self._watch(patience))

        later = asyncio.get_running_loop().call_later(_UNWATCHED_SECONDS, begin)
        try:
            yield
        finally:
            later.cancel()
            if watch is not None:
                watch.cancel()

    async def _watch(self, patience: asyncio.Timeout) -> None:
        """When the client goes away, stop asking the service."""
        await self._sent.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        if not patience.expired():
            patience.reschedule(asyncio.get_running_loop().time())


def _shown(answer: aiohttp.ClientResponse, base: str) -> list[tuple[bytes, bytes]]:
    """The answer's headers as they leave."""
    shown = [(name, value) for name, value in ((n.lower(), v) for n, v in answer.raw_headers) if name not in KEPT_BACK]
    if answer.status // 100 == 3:
        # A service redirects to what it takes for its own address; nobody outside knows that one.
        inner = base.encode()
        shown = [(name, value.removeprefix(inner) if name == b"location" else value) for name, value in shown]
    if all(name != b"cache-control" for name, _ in shown):
        shown.append((b"cache-control", b"private, no-cache"))
    return shown
