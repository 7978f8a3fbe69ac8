"""The simulator's lean NATS client, byte by byte and against a real server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_testing import eventually
from lantoa_testing.servers import NatsServer
from lantoa_testing.simulator.wire import Message, Parser, Wire, WireError

PATIENCE_S = 60.0
HEADERS = b"NATS/1.0\r\nNats-Sequence: 7\r\nA: b:c\r\n\r\n"
STREAM = (
    b'INFO {"nonce":"x"} \r\n'
    b"MSG dev.dn.d-1.cmd 3 5\r\nhe\r\nl\r\n"
    b"PING\r\n"
    + b"HMSG _INBOX_d-1.4 1 %d %d\r\n%bbody\r\n" % (len(HEADERS), len(HEADERS) + 4, HEADERS)
    + b"MSG a 2 back 0\r\n\r\n"
    + b"HMSG a 2 back 30 30\r\nNATS/1.0 404 No Messages\r\n\r\n\r\n\r\n"
    + b"-ERR 'Permissions Violation for Publish to \"x\"'\r\n+OK\r\n"
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=30).map(sorted))
def test_it_is_all_the_same_where_the_network_cuts(cuts: list[int]) -> None:
    lines: list[tuple[bytes, bytes]] = []
    messages: list[tuple[int, Message]] = []
    parser = Parser(lambda *line: lines.append(line), lambda *message: messages.append(message))
    for start, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True):
        parser.feed(STREAM[start:end])
    assert [line[0] for line in lines] == [b"INFO", b"PING", b"-ERR", b"+OK"]
    assert messages == [
        (3, Message("dev.dn.d-1.cmd", b"he\r\nl")),
        (1, Message("_INBOX_d-1.4", b"body", "", "", {"Nats-Sequence": "7", "A": "b:c"})),
        (2, Message("a", b"", "back")),
        (2, Message("a", b"\r\n"[:0], "back", "404")),
    ]


def test_what_is_not_nats_is_refused() -> None:
    parser = Parser(lambda *_: None, lambda *_: None)
    with pytest.raises(WireError):
        parser.feed(b"x" * 100_000)


@pytest.fixture
async def connect(nats_server: NatsServer) -> AsyncIterator[Callable[..., Any]]:
    opened: list[Wire] = []

    async def open_(user: str = "topology") -> Wire:
        seed = nats_server.ring.seed_file(user).read_text().strip()
        wire = await Wire.connect("127.0.0.1", nats_server.plan.port, seed, user, f"_INBOX_{user}", PATIENCE_S)
        opened.append(wire)
        return wire

    yield open_
    for wire in opened:
        wire.close()


async def test_it_hears_asks_and_is_answered(connect: Callable[..., Any], nats_server: NatsServer) -> None:
    wire, other = await connect(), await nats_server.connect()
    heard: list[Message] = []
    wire.subscribe("there.*", heard.append)
    await wire.round_trip(PATIENCE_S)
    big = bytes(range(256)) * 2000
    await other.publish("there.a", b"one", headers={"K": "v"})
    await other.publish("there.b", big)
    await eventually(lambda: len(heard) == 2)
    assert (heard[0].data, heard[0].headers, heard[1].data) == (b"one", {"K": "v"}, big)

    stored = await wire.request("dev.up.d-1.ack", b"{}", PATIENCE_S)
    assert json.loads(stored.data)["stream"] == "ACK"
    missing = await wire.request("$JS.API.DIRECT.GET.KV_desired.$KV.desired.d-none", b"", PATIENCE_S)
    assert missing.status == "404"
    with pytest.raises(WireError, match="nobody"):
        await wire.request("nobody.here", b"", PATIENCE_S)

    wire.unsubscribe("there.*")
    await wire.round_trip(PATIENCE_S)
    await other.publish("there.c", b"unheard")
    await other.flush()
    await wire.round_trip(PATIENCE_S)
    assert len(heard) == 2
    await other.close()


async def test_it_tells_what_is_forbidden_and_goes_on(connect: Callable[..., Any]) -> None:
    wire = await connect("holder")
    wire.subscribe("evt.>", lambda _: None)
    wire.publish("evt.fleet.x.y.v1", b"{}")
    await wire.round_trip(PATIENCE_S)
    assert len(wire.refused) == 2
    assert not wire.closed.is_set()


async def test_a_dead_server_is_an_error_with_words(connect: Callable[..., Any], nats_server: NatsServer) -> None:
    wire = await connect()
    waiting = asyncio.ensure_future(wire.request("$JS.API.INFO.nobody", b"", PATIENCE_S))
    nats_server.kill()
    with pytest.raises(WireError):
        await waiting
    await eventually(wire.closed.is_set)
    with pytest.raises(WireError):
        await wire.request("dev.up.d-1.ack", b"{}", PATIENCE_S)
    with pytest.raises(WireError, match="Connect"):
        await connect()
    nats_server.start()
