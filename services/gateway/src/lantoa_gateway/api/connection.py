"""A connection's own limits, which uvicorn does not know: on headers, on silence, on how many there are.

An edge in front should hold to the same; whoever reaches the gateway without one meets these. uvicorn has no hook for
them, so this is its httptools protocol with a clock beside it. What arrives in one piece, as almost every request does,
starts no timer.
"""

import json
from asyncio import TimerHandle, Transport
from enum import Enum

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from lantoa_gateway.telemetry import CUT
from lantoa_runtime.http.problems import LANGUAGES, text

HEAD_SECONDS = 10.0
"""From a connection's begin, or a request's first byte, to the end of its headers."""
BODY_SILENCE_SECONDS = 20.0
BODY_SECONDS = 300.0
"""For a whole body: 5 MB over a bad mobile network take some minutes."""
_LINGER_SECONDS = 1.0
"""So long the client may take to read its answer; closed at once, it might lose it."""
STALL_SECONDS = 60.0
"""How long a client may take nothing of an answer."""
MOST_HEADERS = 100
MOST_HEAD_BYTES = 32 * 1024
MOST_CONNECTIONS = 8000
"""Of one process: a file descriptor and some kilobytes each."""


class _At(Enum):
    """Where in a request a connection is."""

    BETWEEN = 0
    HEAD = 1
    BODY = 2


class Connection(HttpToolsProtocol):
    """One client's connection."""

    flow: FlowControl
    _at = _At.BETWEEN
    _cut = False
    _read = 0
    """Bytes of the piece that is being parsed."""
    _head_bytes = 0
    _body_until = 0.0
    _timer: TimerHandle | None = None
    _stall: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            self._end("crowded")
        else:
            self._expect(HEAD_SECONDS, "slow-head")

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._expect(None)
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A piece of a request, of several, or of none."""
        if self._cut:
            return
        self._read = len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._at is _At.HEAD:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(431, "gateway.head-too-large")
            elif self._timer is None:
                self._expect(HEAD_SECONDS, "slow-head")
        elif self._at is _At.BODY and self.cycle.response_complete:
            pass  # It is answered already, and has its last second.
        elif self._at is _At.BODY:
            self._expect(min(BODY_SILENCE_SECONDS, self._body_until - self.loop.time()), "slow-body")
        elif self.cycle is not None and not self.cycle.response_complete:
            self._expect(None)
        elif self._timer is None:  # Blank lines between requests, which have stopped uvicorn's own clock.
            self._expect(HEAD_SECONDS, "slow-head")

    # -- what the parser tells ----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._at, self._head_bytes = _At.HEAD, 0

    def on_headers_complete(self) -> None:
        """The headers are there; a request begins, unless they are too many or too large."""
        if self._cut:
            return
        self._expect(None)
        if len(self.headers) > MOST_HEADERS or (
            self._head_bytes + self._read > MOST_HEAD_BYTES and self._size() > MOST_HEAD_BYTES
        ):
            self._refuse(431, "gateway.head-too-large")
            return
        self._at, self._body_until = _At.BODY, self.loop.time() + BODY_SECONDS
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if not self._cut:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there as a whole."""
        if not self._cut:
            self._at = _At.BETWEEN
            self._expect(None)
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is sent. A body that is still coming then is one that nobody wants."""
        super().on_response_complete()
        if self._at is _At.BODY:
            self._expect(_LINGER_SECONDS, "unwanted-body")

    # -- the client that does not take its answer ---------------------------------------------------------------

    def pause_writing(self) -> None:
        """The client takes nothing for now."""
        super().pause_writing()
        if self._stall is None:
            self._stall = self.loop.call_later(STALL_SECONDS, self._end, "slow-reader")

    def resume_writing(self) -> None:
        """It takes again."""
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        super().resume_writing()

    # -- ends ---------------------------------------------------------------------------------------------------

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _expect(self, seconds: float | None, reason: str = "") -> None:
        """Something is to come in this time; ``None`` for no hurry."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(max(0.0, seconds), self._late, reason)

    def _late(self, reason: str) -> None:
        self._timer = None
        if self._at is _At.BODY and self.flow.read_paused and self.loop.time() < self._body_until:
            self._expect(BODY_SILENCE_SECONDS, reason)  # It is we who do not read.
        elif self._at is _At.HEAD and (self.cycle is None or self.cycle.response_complete):
            self._refuse(408, "gateway.too-slow", reason)
        else:
            self._end(reason)

    def _refuse(self, status: int, code: str, reason: str = "large-head") -> None:
        """Answer before there is a request that the application could answer."""
        self._cut = True
        CUT.labels(reason).inc()
        title, detail = text("lantoa_gateway", LANGUAGES[0], code, {})
        body = {"type": f"urn:lantoa:error:{code}", "title": title, "status": status, "detail": detail, "code": code}
        content = json.dumps({**body, "retryable": False}, ensure_ascii=False).encode()
        head = f"content-type: application/problem+json\r\ncontent-language: {LANGUAGES[0]}\r\n"
        head += f"content-length: {len(content)}\r\nconnection: close\r\n\r\n"
        self._expect(None)
        self.transport.write(STATUS_LINE[status] + head.encode() + content)
        self.transport.close()

    def _end(self, reason: str) -> None:
        self._cut = True
        CUT.labels(reason).inc()
        self._expect(None)
        self.transport.abort()
