"""A stream between what is told and a client that reads, does not read, or leaves."""

import asyncio

import pytest

from lantoa_gateway.api import live as api
from lantoa_gateway.api.live import LiveAnswer
from lantoa_gateway.domain.live import ABOUT, MOST_WAITING, Told, View
from lantoa_gateway.usecases.live import Live
from lantoa_testing import eventually

ALL = View(dict.fromkeys(ABOUT, frozenset({"u-1"})))


class Client:
    """The ASGI side of one connection; while ``deaf`` it takes nothing."""

    def __init__(self, live, subject="p-1", after=None):
        self.live = live
        self.stream = live.open(ALL, subject, "digest", after)
        self.bodies = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.left = asyncio.Event()
        answer = LiveAnswer(live, self.stream, 3600, lambda low, high: low)
        self.task = asyncio.create_task(answer({"type": "http"}, self.receive, self.send))

    async def receive(self):
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        await self.reads.wait()
        self.bodies.append(message)

    @property
    def text(self):
        return b"".join(message.get("body", b"") for message in self.bodies).decode()


def hint(number):
    return Told(number, ABOUT, None, ("x", str(number)), b"id: %d\n\n" % number)


@pytest.fixture
def live(monkeypatch):
    monkeypatch.setattr(api, "PACE_SECONDS", 0.01)
    made = Live(most=10)
    made.begin(0)
    return made


def say(live, numbers):
    for number in numbers:
        live.tell(hint(number))
        live.reach(number)


async def test_a_client_that_does_not_read_is_to_fetch_everything_and_the_others_have_all(live):
    deaf, reads = Client(live), Client(live, "p-2")
    await eventually(lambda: deaf.bodies and reads.bodies)
    deaf.reads.clear()
    for first in range(1, 3 * MOST_WAITING, 50):
        say(live, range(first, first + 50))
        await eventually(lambda last=first + 49: f"id: {last}\n" in reads.text)
    assert len(deaf.stream.waiting._hints) <= MOST_WAITING
    assert "resync" not in reads.text
    deaf.reads.set()
    await eventually(lambda: f"id: {3 * MOST_WAITING}\nevent: resync\n" in deaf.text)
    say(live, [500])
    await eventually(lambda: "id: 500\n" in deaf.text)
    for client in (deaf, reads):
        client.left.set()
        await client.task
    assert len(live) == 0


async def test_at_the_end_what_waits_is_sent_and_when_to_come_back(live):
    client = Client(live)
    await eventually(lambda: client.bodies)
    say(live, [1, 2])
    live.drain()
    await client.task
    assert client.text.endswith("id: 1\n\nid: 2\n\nretry: 500\n\n")
    assert client.bodies[-1]["more_body"] is False
    assert len(live) == 0


async def test_a_client_that_does_not_read_holds_no_end_up(live, monkeypatch):
    monkeypatch.setattr(api, "_LAST_SECONDS", 0.05)
    client = Client(live)
    await eventually(lambda: client.bodies)
    client.reads.clear()
    say(live, [1])
    live.drain()
    await asyncio.wait_for(client.task, 5)
    assert len(live) == 0


async def test_what_was_missed_comes_before_the_place_to_resume_from(live):
    say(live, [1, 2, 3])
    client = Client(live, after=1)
    await eventually(lambda: client.bodies)
    await eventually(lambda: "id: 2\n\nid: 3\n\n" in client.text)
    assert client.text == "retry: 1000\n\nid: 2\n\nid: 3\n\n"
    client.left.set()
    await client.task
