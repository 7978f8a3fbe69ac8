"""State and its events as one fact: the embedded outbox on the real database, with a stream that misbehaves."""

import asyncio
import random
from datetime import timedelta

import pytest

from lantoa_contracts.catalogue import ITEM_SUBMITTED
from lantoa_contracts.envelope import ID
from lantoa_contracts.events.content import ItemSubmitted
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import EventRefused, StaleVersion, Unavailable
from lantoa_runtime.mongo import Aggregates, Change, DuplicateKey, Index, Outgoing
from lantoa_runtime.mongo.aggregates import MOST_WAITING

NOW = timedelta(0)


class Stream:
    """A stream in the place of NATS: it fails as often as told, is slow, and drops what it has by its id."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.failures = 0
        self.pause: random.Random | None = None
        self.lost_answers = 0
        self.too_large: set[str] = set()

    async def publish(self, subject, body, headers, way):
        if self.pause is not None:
            await asyncio.sleep(self.pause.uniform(0, 0.004))
        if self.failures:
            self.failures -= 1
            raise Unavailable("nats")
        if headers[ID] in self.too_large:
            raise EventRefused("too large")
        if headers[ID] not in self.ids:
            self.ids.append(headers[ID])
        if self.lost_answers:
            self.lost_answers -= 1
            raise TimeoutError


@pytest.fixture
def stream():
    return Stream()


@pytest.fixture
async def items(database, stream):
    made = Aggregates(database["items"], stream, Clock(), "lantoa/test")
    await database.ensure_indexes([Aggregates.index("items")])
    yield made
    await made.drain()


def event(number: int = 1) -> Outgoing:
    return Outgoing(ITEM_SUBMITTED, ItemSubmitted(item_id=f"i-{number}", ver=1, revision=1, unit_id="u", author_id="p"))


def add_event(document):
    return Change({"n": document["n"] + 1 if document else 1}, [event()])


def ids(key: str, last: int) -> list[str]:
    return [f"{key}:{ver}" for ver in range(1, last + 1)]


async def stored(items, key="a"):
    return await items.collection.find_one({"_id": key})


async def test_many_documents_are_stored_at_once_and_those_that_are_there_stay_as_they_are(items, stream):
    await items.insert("k-3", {"title": "mine"}, [event()])
    wanted = {f"k-{number}": ({"title": "new"}, [event(number)]) for number in range(450)}
    assert await items.insert_all(wanted) == {"k-3"}
    await items.drain()
    assert await items.collection.count({}) == 450
    assert sorted(stream.ids) == sorted(f"k-{number}:1" for number in range(450))
    assert await items.collection.count({"ob_at": {"$exists": True}}) == 0
    assert (await stored(items, "k-3"))["title"] == "mine"


async def test_a_new_document_is_version_one_and_its_event_bears_key_and_version(items, stream):
    document = await items.insert("a", {"title": "t"}, [event()])
    assert document["ver"] == 1
    await items.drain()
    assert stream.ids == ["a:1"]


async def test_several_events_of_one_write_have_their_own_ids_in_order(items, stream):
    await items.insert("a", {}, [event(), event(), event()])
    await items.drain()
    assert stream.ids == ["a:1:0", "a:1:1", "a:1:2"]


async def test_a_second_document_under_one_id_is_refused(items):
    await items.insert("a", {})
    with pytest.raises(DuplicateKey):
        await items.insert("a", {})


async def test_a_save_sets_unsets_and_grows_and_returns_what_is_stored(items):
    document = await items.insert("a", {"x": 1, "y": 1, "log": ["one"]})
    saved = await items.save(document, {"x": 2}, unset=("y",), push={"log": ["two", "three"]})
    found = await stored(items)
    assert found == {"_id": "a", "ver": 2, "x": 2, "log": ["one", "two", "three"]}
    assert {name: saved[name] for name in found} == found
    assert "y" not in saved


async def test_the_second_writer_of_one_version_is_stale(items, stream):
    document = await items.insert("a", {"n": 1})
    await items.save(document, {"n": 2}, [event()])
    with pytest.raises(StaleVersion):
        await items.save(document, {"n": 3}, [event()])
    await items.drain()
    assert stream.ids == ["a:2"]
    assert (await stored(items))["n"] == 2


async def test_the_event_is_in_the_document_as_soon_as_the_state_is(items, stream):
    stream.failures = 10
    await items.insert("a", {"n": 1}, [event()])
    found = await stored(items)
    assert [entry["id"] for entry in found["outbox"]] == ["a:1"]
    assert found["ob_at"].tzinfo is not None


async def test_the_mark_for_the_sweeper_is_gone_exactly_when_nothing_waits(items, stream):
    """Looked at again and again while writes, failures and sweeps run."""
    stream.pause = random.Random(4)
    stream.failures = 6

    async def write() -> None:
        for _ in range(12):
            await items.change("a", add_event)
            await asyncio.sleep(0.002)

    writing = asyncio.create_task(write())
    while not writing.done():
        found = await stored(items)
        # An empty outbox may keep its mark for a moment (the sweeper takes it off), a full one is never without.
        assert not (found and found.get("outbox") and "ob_at" not in found)
        await asyncio.sleep(0)
    await writing
    await items.drain()
    await items.sweep(NOW)
    found = await stored(items)
    assert found["outbox"] == []
    assert "ob_at" not in found


async def test_a_mark_that_a_crash_left_on_an_empty_outbox_is_swept_off(items):
    await items.insert("a", {})
    now = Clock().now()
    await items.collection.update_one({"_id": "a"}, {"$set": {"outbox": [], "ob_at": now}})
    assert await items.sweep(NOW) == 1
    assert "ob_at" not in await stored(items)
    assert await items.sweep(NOW) == 0


async def test_forty_racing_writers_lose_nothing(items, stream):
    stream.pause = random.Random(1)
    await asyncio.gather(*(items.change("a", add_event) for _ in range(40)))
    await items.drain()
    assert (await stored(items))["n"] == 40
    assert stream.ids == ids("a", 40)


async def test_writers_in_four_processes_keep_one_order(open_database, stream):
    """Each process has its own connections and publishes by itself; the stream still has the versions in order."""
    stream.pause = random.Random(2)
    processes = []
    for _ in range(4):
        collection = (await open_database())["items"]
        processes.append(Aggregates(collection, stream, Clock(), "lantoa/test"))
    for _ in range(15):
        await asyncio.gather(*(process.change("a", add_event) for process in processes))
    for process in processes:
        await process.drain()
        await process.sweep(NOW)
    assert sorted(stream.ids, key=lambda id_: int(id_[2:])) == ids("a", 60)
    assert stream.ids == ids("a", 60)


async def test_order_is_kept_when_a_publish_fails_and_the_next_would_not(items, stream):
    for number in range(6):
        stream.failures = number % 2
        await items.change("a", add_event)
        await items.drain()
    await items.sweep(NOW)
    assert stream.ids == ids("a", 6)


async def test_order_is_kept_for_one_who_saves_what_a_save_gave_back(items, stream):
    document = await items.insert("a", {"n": 0})
    for number in range(6):
        stream.failures = number % 2
        document = await items.save(document, {"n": number}, [event()])
        await items.drain()
    await items.sweep(NOW)
    assert stream.ids == ids("a", 7)[1:]


async def test_an_answer_that_was_lost_is_published_again_under_the_same_id(items, stream):
    stream.lost_answers = 1
    await items.insert("a", {}, [event()])
    await items.drain()
    assert (await stored(items))["outbox"] != []
    await items.sweep(NOW)
    assert stream.ids == ["a:1"]
    assert (await stored(items))["outbox"] == []


async def test_the_sweeper_leaves_alone_what_is_young(items, stream):
    stream.failures = 1
    await items.insert("a", {}, [event()])
    await items.drain()
    assert await items.sweep(timedelta(seconds=60)) == 0
    assert await items.sweep(NOW) == 1
    assert stream.ids == ["a:1"]


async def test_the_sweeper_takes_the_leftovers_of_many_documents(items, stream):
    stream.failures = 110
    await asyncio.gather(*(items.insert(f"k{number}", {}, [event()]) for number in range(110)))
    await items.drain()
    taken = [await items.sweep(NOW) for _ in range(3)]
    assert taken == [100, 10, 0]
    assert sorted(stream.ids) == sorted(f"k{number}:1" for number in range(110))
    assert await items.collection.count({"ob_at": {"$exists": True}}) == 0


async def test_a_full_outbox_refuses_events_as_an_outage_but_not_other_writes(items, stream):
    stream.failures = 2
    await items.insert("a", {"n": 0}, [event()] * (MOST_WAITING - 1))
    await items.drain()
    await items.change("a", add_event)
    await items.drain()
    with pytest.raises(Unavailable):
        await items.change("a", add_event)
    found = await stored(items)
    assert (len(found["outbox"]), found["n"]) == (MOST_WAITING, 1)
    await items.save(found, {"title": "quiet"})
    await items.sweep(NOW)
    await items.change("a", add_event)
    await items.drain()
    assert len(stream.ids) == MOST_WAITING + 1


async def test_an_event_that_is_never_taken_is_set_aside_and_the_later_ones_of_its_document_go_their_way(items, stream):
    stream.too_large = {"a:2"}
    for _ in range(4):
        await items.change("a", add_event)
        await items.drain()
    assert stream.ids == ["a:1", "a:3", "a:4"]
    found = await stored(items)
    assert (found["outbox"], found["n"]) == ([], 4)
    assert "ob_at" not in found
    (aside,) = found["ob_refused"]
    assert (aside["id"], aside["subject"]) == ("a:2", ITEM_SUBMITTED.subject)
    assert "too large" in aside["error"]
    assert await items.sweep(NOW) == 0


async def test_an_event_that_is_never_taken_is_set_aside_by_the_sweeper_too(items, stream):
    stream.failures, stream.too_large = 1, {"a:1"}
    await items.change("a", add_event)
    await items.drain()
    assert await items.sweep(NOW) == 1
    assert stream.ids == []
    assert [aside["id"] for aside in (await stored(items))["ob_refused"]] == ["a:1"]


async def test_a_replay_of_many_leaves_out_what_is_never_taken_and_counts_by_name(items, stream):
    for number in range(5):
        await items.insert(f"k{number}", {"live": number != 3})
    stream.too_large = {"k1:turn:1"}

    async def events_of(document):
        return [event(int(document["_id"][1:]))]

    assert await items.replay_all({"live": True}, events_of, "turn") == {ITEM_SUBMITTED.name: 4}
    assert sorted(stream.ids) == ["k0:turn:1", "k2:turn:1", "k4:turn:1"]


async def test_a_change_that_wants_nothing_writes_nothing(items):
    document = await items.insert("a", {"n": 1})
    assert (await items.change("a", lambda _: None))["ver"] == document["ver"]
    assert await items.change("b", lambda _: None) is None


async def test_a_first_change_may_grow_a_list_that_is_not_there(items):
    await items.change("a", lambda _: Change({"n": 1}, push={"log": ["x"]}))
    assert (await stored(items))["log"] == ["x"]


async def test_another_key_that_is_taken_is_told_and_not_tried_again(items, database):
    await database.ensure_indexes([Index("items", ("login",), unique=True)])
    await items.insert("a", {"login": "lan"})
    await items.insert("b", {"login": "ha"})
    with pytest.raises(DuplicateKey):
        await items.change("b", lambda _: Change({"login": "lan"}))
    with pytest.raises(DuplicateKey):
        await items.change("c", lambda _: Change({"login": "lan"}))


async def test_a_replay_publishes_the_state_again_under_new_ids(items, stream):
    document = await items.insert("a", {}, [event()])
    await items.drain()
    await items.replay(document, [event()], "turn-1")
    await items.replay(document, [event()], "turn-1")
    assert stream.ids == ["a:1", "a:turn-1:1"]
    assert (await stored(items))["ver"] == 1
