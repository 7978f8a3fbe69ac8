"""A lean NATS client for a process that holds thousands of connections.

nats-py keeps several tasks and queues a connection. Here a connection is one protocol object without a task: what the
server sends is parsed as it arrives and handed on at once, in the order of arrival.
"""

import asyncio
import base64
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Self, TypeVar, cast

import nkeys

T = TypeVar("T")
_LINE = b"\r\n"
_CONNECT: Mapping[str, Any] = {
    "verbose": False,
    "pedantic": False,
    "lang": "lantoa-simulator",
    "version": "1",
    "protocol": 1,
    "headers": True,
    "no_responders": True,
    "echo": False,
}
_LONGEST_LINE = 1 << 16


class WireError(Exception):
    """The connection is gone, was refused, or gave no answer; the text is the server's where it said something."""


@dataclass(frozen=True, slots=True)
class Message:
    """What came in on a subscription. ``status`` is the number of a message without news."""

    subject: str
    data: bytes
    reply: str = ""
    status: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


Callback = Callable[[Message], None]


def read_headers(block: bytes) -> tuple[str, dict[str, str]]:
    """Status (or ``""``) and headers of a NATS header block, ``NATS/1.0[ status]`` and lines up to an empty one."""
    first, *lines = block.decode("utf-8", "replace").split("\r\n")
    headers = dict(line.split(":", 1) for line in lines if ":" in line)
    return first.removeprefix("NATS/1.0").strip()[:3], {name.strip(): value.strip() for name, value in headers.items()}


class Parser:
    """Cuts the server's bytes into operations, wherever the network cut them.

    ``on_line(operation, rest)`` gets what has no payload; ``on_message(sid, message)`` the rest.
    """

    def __init__(self, on_line: Callable[[bytes, bytes], None], on_message: Callable[[int, Message], None]) -> None:
        self._on_line = on_line
        self._on_message = on_message
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take up what arrived.

        Raises:
            WireError: the server does not speak NATS.
        """
        buffer = self._rest + data if self._rest else data
        start, end = 0, len(buffer)
        while start < end:
            line_end = buffer.find(_LINE, start)
            if line_end < 0:
                if end - start > _LONGEST_LINE:
                    raise WireError("a line without an end")
                break
            operation, _, rest = buffer[start:line_end].partition(b" ")
            after = line_end + 2
            kind = operation.upper()
            if kind in (b"MSG", b"HMSG"):
                arguments = rest.split()
                stop = after + int(arguments[-1])
                if stop + 2 > end:
                    break
                self._message(kind == b"HMSG", arguments, buffer, after, stop)
                start = stop + 2
            else:
                start = after
                self._on_line(kind, rest)
        self._rest = buffer[start:]

    def _message(self, with_headers: bool, arguments: list[bytes], buffer: bytes, start: int, stop: int) -> None:
        subject, sid = arguments[0].decode(), int(arguments[1])
        reply = arguments[2].decode() if len(arguments) == (5 if with_headers else 4) else ""
        if not with_headers:
            self._on_message(sid, Message(subject, buffer[start:stop], reply))
            return
        body = start + int(arguments[-2])
        status, headers = read_headers(buffer[start:body])
        self._on_message(sid, Message(subject, buffer[body:stop], reply, status, headers))


class Wire(asyncio.Protocol):
    """One connection. Make it with :meth:`connect`; ``closed`` is set when it ends, ``error`` then says why."""

    def __init__(self, seed: str, name: str, inbox: str) -> None:
        self._seed = seed
        self._name = name
        self._inbox = inbox
        self._transport: asyncio.Transport | None = None
        self._parser = Parser(self._on_line, self._on_message)
        self._callbacks: dict[int, Callback] = {}
        self._subjects: dict[int, str] = {}
        self._answers: dict[str, Callback] = {}
        self._pongs: deque[asyncio.Future[None]] = deque()
        self._waiting: set[asyncio.Future[Any]] = set()
        self._numbers = count(1)
        self._introduced = False
        self.closed = asyncio.Event()
        self.error = ""
        self.refused: list[str] = []
        """The server's words on subjects that this user may not use."""

    @classmethod
    async def connect(cls, host: str, port: int, seed: str, name: str, inbox: str, timeout: float) -> Self:
        """Sign in with an nkey and wait until the server has let us in. Answers come on ``<inbox>.*``.

        Raises:
            WireError, OSError: it did not, in ``timeout`` seconds.
        """
        wire = cls(seed, name, inbox)
        try:
            async with asyncio.timeout(timeout):
                await asyncio.get_running_loop().create_connection(lambda: wire, host, port)
                await wire.round_trip(timeout)
        except (TimeoutError, WireError, OSError) as error:
            wire.close()
            raise WireError(wire.error or f"{type(error).__name__}: {error}") from error
        wire.subscribe(f"{inbox}.*", wire._on_answer)
        return wire

    # ---- saying

    def subscribe(self, subject: str, callback: Callback) -> None:
        """Hear a subject from the server's next turn on; whether we may is told in ``refused``."""
        sid = next(self._numbers)
        self._callbacks[sid] = callback
        self._subjects[sid] = subject
        self._write(b"SUB %b %d\r\n" % (subject.encode(), sid))

    def unsubscribe(self, subject: str) -> None:
        """Hear it no more."""
        for sid in [sid for sid, known in self._subjects.items() if known == subject]:
            del self._subjects[sid], self._callbacks[sid]
            self._write(b"UNSUB %d\r\n" % sid)

    def publish(self, subject: str, payload: bytes, reply: str = "") -> None:
        """Send; a connection that is gone swallows it."""
        where = f"{subject} {reply}" if reply else subject
        self._write(b"PUB %b %d\r\n%b\r\n" % (where.encode(), len(payload), payload))

    def ask(self, subject: str, payload: bytes, answered: Callback) -> str:
        """Send and have ``answered`` called with the answer; the key to :meth:`forget` it by."""
        key = str(next(self._numbers))
        self._answers[key] = answered
        self.publish(subject, payload, f"{self._inbox}.{key}")
        return key

    def forget(self, key: str) -> None:
        """Wait for this answer no more."""
        self._answers.pop(key, None)

    async def request(self, subject: str, payload: bytes, timeout: float) -> Message:
        """The answer to a request.

        Raises:
            WireError: none came in time, nobody answers there, or the connection ended.
        """
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        key = self.ask(subject, payload, lambda message: None if future.done() else future.set_result(message))
        try:
            message = await self._or_closed(future, timeout)
        finally:
            self.forget(key)
        if message.status == "503":
            raise WireError(f"nobody answers on {subject}")
        return message

    async def round_trip(self, timeout: float) -> None:
        """Return when the server has worked on all that was said before.

        Raises:
            WireError: it did not answer in time, or the connection ended.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pongs.append(future)
        if self._introduced:
            self._write(b"PING\r\n")
        await self._or_closed(future, timeout)

    def close(self) -> None:
        """End the connection, without a word."""
        if self._transport is not None:
            self._transport.abort()
        self.closed.set()

    # ---- hearing

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: the socket is open."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class.

    def data_received(self, data: bytes) -> None:
        """asyncio's: bytes came."""
        try:
            self._parser.feed(data)
        except (WireError, ValueError, IndexError) as error:
            self.error = f"not understood: {error!r}"
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's: the socket is closed."""
        self.error = self.error or (repr(exc) if exc else "closed")
        self.closed.set()
        for future in self._waiting:
            if not future.done():
                future.set_exception(WireError(self.error))
        self._pongs.clear()
        self._answers.clear()

    def _on_line(self, operation: bytes, rest: bytes) -> None:
        if operation == b"PING":
            self._write(b"PONG\r\n")
        elif operation == b"PONG":
            # The first round trip is part of the introduction, so answers come in the order of the questions.
            future = self._pongs.popleft() if self._pongs else None
            if future is not None and not future.done():
                future.set_result(None)
        elif operation == b"INFO":
            self._introduce(json.loads(rest))
        elif operation == b"-ERR":
            self._on_error(rest.decode("utf-8", "replace").strip("' "))
        elif operation != b"+OK":
            raise WireError(operation.decode("ascii", "replace"))

    def _introduce(self, info: Mapping[str, Any]) -> None:
        if self._introduced:
            return  # Servers send INFO again when their cluster changes.
        pair = nkeys.from_seed(self._seed.encode())
        signature = base64.urlsafe_b64encode(pair.sign(str(info.get("nonce", "")).encode())).rstrip(b"=").decode()
        options = {**_CONNECT, "name": self._name, "nkey": pair.public_key.decode(), "sig": signature}
        self._introduced = True
        self._write(b"CONNECT %b\r\nPING\r\n" % json.dumps(options).encode())

    def _on_error(self, text: str) -> None:
        if text.startswith("Permissions Violation"):
            self.refused.append(text)
        else:
            self.error = text  # The server closes the connection after any other error.

    def _on_message(self, sid: int, message: Message) -> None:
        callback = self._callbacks.get(sid)
        if callback is not None:
            callback(message)

    def _on_answer(self, message: Message) -> None:
        answered = self._answers.pop(message.subject.rpartition(".")[2], None)
        if answered is not None:
            answered(message)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def _or_closed(self, future: "asyncio.Future[T]", timeout: float) -> T:
        if self.closed.is_set():
            raise WireError(self.error or "closed")
        self._waiting.add(future)
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError as error:
            raise WireError(self.error or "no answer in time") from error
        finally:
            self._waiting.discard(future)
