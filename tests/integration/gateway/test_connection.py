"""What a client may do with a connection before there is a request, during its body, and after its answer."""

import asyncio
import contextlib
import json

import pytest

from lantoa_gateway.api import connection
from lantoa_testing import eventually


@pytest.fixture
async def raw(door):
    """Open a connection and send bytes."""
    writers = []

    async def connect(said=b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", door.running.server.config.port)
        writers.append(writer)
        writer.write(said)
        return reader, writer

    yield connect
    for writer in writers:
        writer.close()


async def answer_of(reader):
    """Everything until the other side closes: status and problem."""
    head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else None, json.loads(body) if body else None


HEADS = {
    "never-ending": b"GET /livez HTTP/1.1\r\nhost: x\r\nx-a: ",
    "half a line": b"GET /liv",
    "nothing": b"",
    "blank lines": b"\r\n\r\n",
}


@pytest.mark.parametrize("head", HEADS)
async def test_a_head_that_does_not_come_ends_the_connection_and_nobody_else_s(door, raw, monkeypatch, head):
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.3)
    reader, _ = await raw(HEADS[head])
    status, problem = await answer_of(reader)
    assert (status, problem and problem["code"]) in ((408, "gateway.too-slow"), (None, None))
    assert (await door("GET", "/livez"))[0] == 200


async def test_a_head_in_drops_gains_no_time_by_them(raw, monkeypatch):
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.4)
    reader, writer = await raw(b"GET /livez HTTP/1.1\r\n")

    async def drip():
        while True:
            writer.write(b"x-a: b\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)

    dripping = asyncio.create_task(drip())
    try:
        assert (await answer_of(reader))[0] == 408
    finally:
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)


async def test_blank_lines_do_not_keep_an_idle_connection(raw, monkeypatch):
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.3)
    reader, writer = await raw(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
    await reader.readuntil(b"ok")
    writer.write(b"\r\n")
    assert await asyncio.wait_for(reader.read(), 4) == b""  # uvicorn's own clock, stopped by them, would say five.


LARGE = {
    "many": b"".join(b"x-%d: y\r\n" % number for number in range(connection.MOST_HEADERS + 1)),
    "long": b"x-a: " + b"y" * connection.MOST_HEAD_BYTES + b"\r\n",
    "cookies": b"cookie: " + b"a=b; " * 8000 + b"\r\n",
}


@pytest.mark.parametrize("large", LARGE)
async def test_a_head_too_large_is_a_431_and_never_a_request(door, raw, large):
    reader, _ = await raw(b"GET /api/v1/content/echo HTTP/1.1\r\nhost: x\r\n" + LARGE[large] + b"\r\n")
    status, problem = await answer_of(reader)
    assert (status, problem["code"]) == (431, "gateway.head-too-large")
    assert problem["title"] == "Phần đầu của yêu cầu quá lớn"
    assert not door.running.server.server_state.tasks


async def test_a_head_without_end_is_cut_when_it_is_too_large(raw):
    reader, writer = await raw(b"GET / HTTP/1.1\r\nx-a: ")
    for _ in range(12):
        writer.write(b"y" * 4096)
        await asyncio.sleep(0)
    assert (await answer_of(reader))[0] == 431


async def test_usual_heads_pass_piece_by_piece_and_one_after_the_other(door, raw):
    sid = await door.sign_in()
    head = f"GET /api/v1/content/echo HTTP/1.1\r\nhost: x\r\ncookie: __Host-sid={sid}; {'a=b; ' * 800}\r\n\r\n".encode()
    reader, writer = await raw()
    for piece in (head[:20], head[20:3000], head[3000:] + head):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.02)
    for _ in range(2):
        said = await asyncio.wait_for(reader.readuntil(b'"bytes":0}'), 10)
        assert b"200 OK" in said


async def test_a_body_that_stops_coming_frees_the_service(door, raw, monkeypatch):
    monkeypatch.setattr(connection, "BODY_SILENCE_SECONDS", 0.4)
    sid = await door.sign_in()
    head = f"POST /api/v1/content/echo HTTP/1.1\r\nhost: x\r\ncookie: __Host-sid={sid}\r\n"
    head += "content-type: application/json\r\ncontent-length: 100\r\n\r\nhalf"
    reader, _ = await raw(head.encode())
    await eventually(lambda: door.content.server.server_state.tasks)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    await eventually(lambda: not door.running.server.server_state.tasks)
    await eventually(lambda: not door.content.server.server_state.tasks)


async def test_a_slow_body_has_its_time_and_no_more(door, raw, monkeypatch):
    monkeypatch.setattr(connection, "BODY_SECONDS", 0.6)
    head = b"POST /auth/sign-in HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"
    reader, writer = await raw(head)

    async def drip():
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    dripping = asyncio.create_task(drip())
    try:
        assert await asyncio.wait_for(reader.read(), 10) == b""
    except ConnectionError:
        pass
    finally:
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)


async def test_who_does_not_take_the_answer_is_left(door, raw, monkeypatch):
    monkeypatch.setattr(connection, "STALL_SECONDS", 0.3)
    sid = await door.sign_in()
    ask = f"GET /api/v1/content/blob HTTP/1.1\r\nhost: x\r\ncookie: __Host-sid={sid}\r\n\r\n".encode()
    await raw(ask * 40)  # Forty megabytes, more than any buffer between.
    await eventually(lambda: door.running.server.server_state.tasks)
    await eventually(lambda: not door.running.server.server_state.tasks, timeout=15)


async def test_connections_are_bounded(door, raw, monkeypatch):
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", len(door.running.server.server_state.connections) + 1)
    kept, _ = await raw()
    await eventually(lambda: len(door.running.server.server_state.connections) == connection.MOST_CONNECTIONS)
    refused, _ = await raw(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(refused.read(), 10) == b""
    assert not kept.at_eof()
