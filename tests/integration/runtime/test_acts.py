"""A write says with its events who did it, from where, and what it made of the document."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lantoa_contracts.catalogue import ITEM_SUBMITTED
from lantoa_contracts.envelope import Act
from lantoa_contracts.events.content import ItemSubmitted
from lantoa_runtime.acting import Actor, acting, current_act, state_hash
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Aggregates, Change, Outgoing

LAN = Actor("p-lan", "203.0.113.9")
EVENT = Outgoing(ITEM_SUBMITTED, ItemSubmitted(item_id="i-1", ver=1, revision=1, unit_id="u", author_id="p-lan"))
FIELDS = {
    "title": "Tin Khmer: ព័ត៌មាន",
    "at": datetime(2026, 11, 27, 21, 0, 0, 123_999, timezone(timedelta(hours=7))),
    "path": ("u-p", "u-1"),
    "nested": {"b": [1, 2.5, None], "a": b"\x00\x01"},
}


class Stream:
    """Takes every message down."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []

    async def publish(self, subject, body, headers, way):
        self.headers.append(dict(headers))


@pytest.fixture
async def items(database):
    stream = Stream()
    made = Aggregates(database["items"], stream, Clock(), "lantoa/test")
    made.stream = stream
    yield made
    await made.drain()


async def acts(items):
    """Of every event by its id: those of different documents leave in no order among them."""
    await items.drain()
    return [Act.from_headers(headers) for headers in sorted(items.stream.headers, key=lambda one: one["ce-id"])]


async def test_every_write_of_a_person_carries_them_and_joins_on_to_the_one_before(items):
    with acting(LAN):
        await items.insert("i-1", FIELDS, [EVENT])
        await items.change("i-1", lambda _: Change({"title": "Tin"}, [EVENT], push={"story": [{"at": FIELDS["at"]}]}))
        loaded = await items.load("i-1")
        await items.save(loaded, {"nested": {}}, [EVENT], unset=("at",))
        await items.insert_all({"i-2": (FIELDS, [EVENT])})
    made, changed, last, other = await acts(items)
    assert {(act.actor, act.origin) for act in (made, changed, last, other)} == {("p-lan", "203.0.113.9")}
    assert (made.before, other.before) == ("", "")
    # What was hashed before it was stored is what is read back: times lose their microseconds on the way.
    assert (changed.before, last.before) == (made.after, changed.after)
    assert other.after == made.after
    assert last.after == state_hash(await items.load("i-1"))
    assert len({made.after, changed.after, last.after}) == 3


async def test_what_nobody_did_says_nobody_and_computes_nothing(items, monkeypatch):
    monkeypatch.setattr("lantoa_runtime.acting.state_hash", lambda _: pytest.fail("nobody asked for a hash"))
    await items.insert("i-1", FIELDS, [EVENT])
    document = await items.load("i-1")
    with acting(LAN):
        await items.save(document, {"title": "without an event"})
        await items.replay(await items.load("i-1"), [EVENT], "turn-1")
    assert await acts(items) == [None, None]
    assert current_act(None, dict) is None


def test_a_hash_is_of_what_is_said_and_not_of_our_bookkeeping():
    ours = {"_id": "i-1", "ver": 7, "outbox": [1], "ob_at": datetime.now(UTC), "ob_refused": []}
    assert state_hash({**FIELDS, **ours}) == state_hash(FIELDS) == state_hash({**FIELDS, "path": ["u-p", "u-1"]})
    assert state_hash({**FIELDS, "title": "Khác"}) != state_hash(FIELDS)
    half = FIELDS["at"].replace(microsecond=123_000)
    assert state_hash({**FIELDS, "at": half.astimezone(UTC)}) == state_hash(FIELDS)
