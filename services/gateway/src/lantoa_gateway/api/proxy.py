"""``/api/v1/<service>/*``: a streaming reverse proxy in raw ASGI, because a hop through a framework costs ten times it.

Bodies pass piece by piece in both directions. Services see only headers that are passed on by name, and a token that
the gateway has signed.
"""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import structlog
from opentelemetry.trace import Span
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send
from yarl import URL

from lantoa_gateway.adapters import RESPONSE_START_SECONDS, Upstreams
from lantoa_gateway.api import cookie
from lantoa_gateway.domain import KEPT_BACK, PASSED_ON, Target, target_of
from lantoa_gateway.usecases import Sessions, Tokens
from lantoa_runtime.errors import AppError, Unavailable
from lantoa_runtime.http.auth import HEADER, Caller
from lantoa_runtime.http.middleware import MOST_BODY_BYTES
from lantoa_runtime.telemetry import answered, asking

log = structlog.get_logger()

_ANONYMOUS = Caller("anonymous", "")


class Proxy:
    """Mounted at ``/api/v1``."""

    def __init__(self, upstreams: Upstreams, sessions: Sessions, tokens: Tokens) -> None:
        self._upstreams = upstreams
        self._sessions = sessions
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on.

        Raises:
            AppError: no such address, not signed in, too large, or the service does not answer.
        """
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        target = target_of(scope["path"])
        base = self._upstreams.address(target.service) if target else None
        if target is None or base is None or target.internal:
            raise AppError("no-such-address", 404)
        scope["route"] = SimpleNamespace(path=f"/api/v1/{target.service}/*")  # The label of metrics: bounded.
        incoming = Headers(scope=scope)
        if int(incoming.get("content-length", "0")) > MOST_BODY_BYTES:
            raise AppError("body-too-large", 413)
        headers = [(name, value) for name, value in scope["headers"] if name in PASSED_ON]
        headers.append(
            (HEADER.encode(), self._tokens.token(await self._caller(target, incoming), target.service).encode())
        )
        with asking(scope["method"], base, scope["route"].path) as (span, carried):
            headers += [(name.encode(), value.encode()) for name, value in carried.items()]
            await _Exchange(scope, receive, send, target.service, base, span).run(self._upstreams.client, headers)

    async def _caller(self, target: Target, incoming: Headers) -> Caller:
        if target.public:
            return _ANONYMOUS
        return (await cookie.person(incoming, self._sessions)).caller


class _Exchange:
    """One request to a service and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, service: str, base: str, span: Span) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._service = service
        self._base = base
        self._span = span
        self._sent = asyncio.Event()
        self._gone = False
        self._started = False
        self._broken: Exception | None = None

    async def run(self, client: aiohttp.ClientSession, headers: list[tuple[bytes, bytes]]) -> None:
        """Until the answer is through, the client is gone or the service is.

        Raises:
            Unavailable: the service gave no answer. An answer that breaks off midway closes the client's connection.
        """
        said = dict(self._scope["headers"])
        has_body = said.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in said
        try:
            async with asyncio.timeout(RESPONSE_START_SECONDS) as patience:
                body = self._body(patience) if has_body else None
                if body is None:
                    self._sent.set()
                watch = asyncio.create_task(self._watch(patience))
                try:
                    await self._pass(client, headers, body, patience)
                finally:
                    watch.cancel()
        except (aiohttp.ClientError, TimeoutError) as error:
            if self._gone:
                return
            if self._broken is not None:
                raise self._broken from error
            log.warning("service did not answer", upstream=self._service, started=self._started, error=repr(error))
            if not self._started:
                raise Unavailable(self._service) from error

    async def _pass(
        self, client: aiohttp.ClientSession, headers: list[tuple[bytes, bytes]], body: Any, patience: asyncio.Timeout
    ) -> None:
        query = self._scope["query_string"]
        path = self._scope["raw_path"] + (b"?" + query if query else b"")
        url = URL(self._base + path.decode("utf-8", "replace"), encoded=True)
        sent = [(name.decode("ascii"), value.decode("latin-1")) for name, value in headers]
        async with client.request(self._scope["method"], url, headers=sent, data=body, allow_redirects=False) as answer:
            patience.reschedule(None)
            self._started = True
            answered(self._span, answer.status)
            await self._send({"type": "http.response.start", "status": answer.status, "headers": self._shown(answer)})
            async for piece in answer.content.iter_any():
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            await self._send({"type": "http.response.body", "body": b""})

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
                if not self._started and not patience.expired():
                    patience.reschedule(asyncio.get_running_loop().time() + RESPONSE_START_SECONDS)
                yield message.get("body", b"")
        except Exception as error:
            self._broken = error
            raise
        self._sent.set()

    async def _watch(self, patience: asyncio.Timeout) -> None:
        """When the client goes away, stop asking the service."""
        await self._sent.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        if not patience.expired():
            patience.reschedule(asyncio.get_running_loop().time())

    def _shown(self, answer: aiohttp.ClientResponse) -> list[tuple[bytes, bytes]]:
        shown = [(name.lower(), value) for name, value in answer.raw_headers]
        shown = [(name, value) for name, value in shown if name not in KEPT_BACK]
        if answer.status // 100 == 3:
            # A service redirects to what it takes for its own address; nobody outside knows that one.
            base = self._base.encode()
            shown = [(name, value.removeprefix(base) if name == b"location" else value) for name, value in shown]
        if all(name != b"cache-control" for name, _ in shown):
            shown.append((b"cache-control", b"private, no-cache"))
        return shown
