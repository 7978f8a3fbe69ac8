"""What a client may do with a connection before there is a request, during its body, and after its answer."""

import asyncio
import contextlib
import json

import pytest
import uvicorn

from lantoa_cli.servers import free_port
from lantoa_gateway.api import connection
from lantoa_testing import eventually

PATIENCE = 60.0
"""For what is broken, not for what is slow."""


class Server:
    """A server that holds its clients to the limits, and what its application saw."""

    def __init__(self):
        self.requests = 0
        self.left = 0
        self.port = free_port()
        http = {"http": connection.Connection, "interface": "asgi3", "lifespan": "off"}
        config = uvicorn.Config(self.app, port=self.port, log_config=None, **http)
        self.server = uvicorn.Server(config)
        self.writers = []

    async def app(self, scope, receive, send):
        self.requests += 1
        size, more = 0, scope["path"] != "/unread"
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left += 1
                return
            size, more = size + len(message["body"]), message["more_body"]
        body = b"x" * 50_000_000 if scope["path"] == "/large" else b"%d bytes" % size
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body[:-1], "more_body": True})
        await send({"type": "http.response.body", "body": body[-1:]})

    @property
    def state(self):
        return self.server.server_state

    async def connect(self, said=b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        writer.write(said)
        return reader, writer

    async def works(self):
        reader, _ = await self.connect(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        return (await asyncio.wait_for(reader.read(), PATIENCE)).endswith(b"0 bytes")


@pytest.fixture
async def server():
    made = Server()
    serving = asyncio.create_task(made.server.serve())
    await eventually(lambda: made.server.started)
    yield made
    for writer in made.writers:
        writer.close()
    made.server.should_exit = True
    await serving


@contextlib.asynccontextmanager
async def dripping(writer, drop):
    """Send a little again and again."""

    async def drip():
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(drop)
                await writer.drain()
                await asyncio.sleep(0.02)

    task = asyncio.create_task(drip())
    yield
    task.cancel()
    await asyncio.wait({task})


async def answer_of(reader):
    """Everything until the other side closes: status and the problem's code."""
    said = b""
    with contextlib.suppress(ConnectionError):  # What we are still sending may cross the answer.
        said = await asyncio.wait_for(reader.read(), PATIENCE)
    head, _, body = said.partition(b"\r\n\r\n")
    return (int(head.split()[1]), json.loads(body)["code"]) if head else (None, None)


CUT = (None, None)
HEADS = {
    "never-ending": b"GET / HTTP/1.1\r\nhost: x\r\nx-a: ",
    "half a line": b"GET /liv",
    "nothing": b"",
    "blank lines": b"\r\n\r\n",
}


@pytest.mark.parametrize("head", HEADS)
async def test_a_head_that_does_not_come_ends_the_connection_and_nobody_else_s(server, monkeypatch, head):
    with monkeypatch.context() as short:
        short.setattr(connection, "HEAD_SECONDS", 0.3)
        reader, _ = await server.connect(HEADS[head])
        assert await answer_of(reader) in ((408, "gateway.too-slow"), CUT)
    assert await server.works()
    assert server.requests == 1


async def test_a_head_in_drops_gains_no_time_by_them(server, monkeypatch):
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.3)
    reader, writer = await server.connect(b"GET / HTTP/1.1\r\n")
    async with dripping(writer, b"x-a: b\r\n"):
        assert await answer_of(reader) in ((408, "gateway.too-slow"), CUT)


async def test_blank_lines_do_not_keep_an_idle_connection(server, monkeypatch):
    reader, writer = await server.connect(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await reader.readuntil(b"bytes")
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.3)
    writer.write(b"\r\n")
    # Blank lines stop uvicorn's own clock for idle connections.
    assert await asyncio.wait_for(reader.read(), PATIENCE) == b""


LARGE = {
    "many": b"".join(b"x-%d: y\r\n" % number for number in range(connection.MOST_HEADERS + 1)),
    "long": b"x-a: " + b"y" * connection.MOST_HEAD_BYTES + b"\r\n",
    "cookies": b"cookie: " + b"a=b; " * 8000 + b"\r\n",
}


@pytest.mark.parametrize("large", LARGE)
async def test_a_head_too_large_is_a_431_and_never_a_request(server, large):
    reader, _ = await server.connect(b"POST / HTTP/1.1\r\nhost: x\r\n" + LARGE[large] + b"content-length: 1\r\n\r\nx")
    assert await answer_of(reader) == (431, "gateway.head-too-large")
    assert server.requests == 0
    assert await server.works()


async def test_a_head_without_end_is_cut_when_it_is_too_large(server):
    reader, writer = await server.connect(b"GET / HTTP/1.1\r\nx-a: ")
    async with dripping(writer, b"y" * 4096):
        assert await answer_of(reader) in ((431, "gateway.head-too-large"), CUT)
    assert server.requests == 0


async def test_usual_heads_pass_piece_by_piece_and_one_after_the_other(server):
    head = f"GET / HTTP/1.1\r\nhost: x\r\ncookie: {'a=b; ' * 2000}\r\n\r\n".encode()
    body = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n" + b"x" * 100_000
    reader, writer = await server.connect()
    for piece in (head[:20], head[20:3000], head[3000:] + head, body[:100], body[100:70_000], body[70_000:] + head):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)
    for expected in (b"0", b"0", b"100000", b"0"):
        said = await asyncio.wait_for(reader.readuntil(b" bytes"), PATIENCE)
        assert said.endswith(b"\r\n\r\n" + expected + b" bytes")


async def test_a_body_that_stops_coming_is_left(server, monkeypatch):
    monkeypatch.setattr(connection, "BODY_SILENCE_SECONDS", 0.3)
    reader, _ = await server.connect(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf")
    assert await answer_of(reader) == CUT
    await eventually(lambda: server.left == 1 and not server.state.tasks)


async def test_a_slow_body_has_its_time_and_no_more(server, monkeypatch):
    monkeypatch.setattr(connection, "BODY_SECONDS", 0.5)
    reader, writer = await server.connect(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
    async with dripping(writer, b" "):
        assert await answer_of(reader) == CUT
    await eventually(lambda: server.left == 1 and not server.state.tasks)


async def test_a_body_that_nobody_reads_is_not_waited_for_once_it_is_answered(server, monkeypatch):
    head = b"POST /unread HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
    reader, writer = await server.connect(head % 60_000_000)
    await asyncio.wait_for(reader.readuntil(b"0 bytes"), PATIENCE)
    async with dripping(writer, b"x" * 10_000):
        assert await answer_of(reader) == CUT
    monkeypatch.setattr(connection, "_LINGER_SECONDS", PATIENCE)  # However late this test comes with the rest.
    reader, writer = await server.connect(head % 10)
    await asyncio.wait_for(reader.readuntil(b"0 bytes"), PATIENCE)
    writer.write(b"x" * 10 + b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await asyncio.wait_for(reader.readuntil(b"0 bytes"), PATIENCE)


async def test_who_does_not_take_the_answer_is_left(server, monkeypatch):
    monkeypatch.setattr(connection, "STALL_SECONDS", 0.3)
    await server.connect(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
    await eventually(lambda: server.requests)
    await eventually(lambda: not server.state.tasks and not server.state.connections)


async def test_connections_are_bounded(server, monkeypatch):
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 1)
    kept, _ = await server.connect()
    await eventually(lambda: len(server.state.connections) == 1)
    refused, _ = await server.connect(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert await answer_of(refused) == CUT
    assert not kept.at_eof()
    assert server.requests == 0
