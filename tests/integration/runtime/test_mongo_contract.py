"""What the seam to MongoDB promises, on both drivers and the real server."""

import asyncio
import random
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lantoa_runtime.mongo import DuplicateKey, Index, ReadModel, UpdateResult


async def test_a_stored_document_comes_back_with_its_aware_time(database):
    at = datetime(2027, 11, 15, 1, 2, 3, 456000, UTC)
    await database["items"].insert_one({"_id": "a", "at": at, "tags": ["x"]})
    assert await database["items"].find_one({"_id": "a"}) == {"_id": "a", "at": at, "tags": ["x"]}
    assert await database["items"].find_one({"_id": "a"}, {"tags": 1}) == {"_id": "a", "tags": ["x"]}
    assert await database["items"].find_one({"_id": "b"}) is None


async def test_a_list_is_filtered_sorted_cut_and_projected(database):
    items = database["items"]
    for number in range(10):
        await items.insert_one({"_id": f"i{number}", "unit": "u1" if number % 2 else "u2", "n": number})
    assert [d["n"] for d in await items.find({"unit": "u1"}, {"n": 1}, sort=[("n", -1)], limit=3)] == [9, 7, 5]
    assert len(await items.find({"unit": "u1"})) == 5
    assert len(await items.find({})) == 10
    assert await items.count({"unit": "u2"}) == 5
    assert await items.count({}, limit=4) == 4


async def test_a_list_longer_than_a_batch_comes_whole(database):
    await asyncio.gather(*(database["items"].insert_one({"_id": n}) for n in range(250)))
    assert {d["_id"] for d in await database["items"].find({})} == set(range(250))


async def test_an_update_says_what_it_did(database):
    items = database["items"]
    assert await items.update_one({"_id": "a"}, {"$set": {"n": 1}}) == UpdateResult(0, 0)
    assert await items.update_one({"_id": "a"}, {"$set": {"n": 1}}, upsert=True) == UpdateResult(0, 0, "a")
    assert await items.update_one({"_id": "a"}, {"$set": {"n": 1}}) == UpdateResult(1, 0)
    assert await items.update_one({"_id": "a"}, [{"$set": {"n": {"$add": ["$n", 1]}}}]) == UpdateResult(1, 1)
    await items.replace_one({"_id": "a"}, {"m": 5})
    assert await items.find_one({"_id": "a"}) == {"_id": "a", "m": 5}
    await items.replace_one({"_id": "b"}, {"m": 6}, upsert=True)
    assert await items.delete_one({"_id": "a"}) == 1
    assert await items.delete_one({"_id": "a"}) == 0
    assert await items.delete_many({"m": {"$gt": 0}}) == 1


async def test_a_duplicate_names_the_key_that_is_taken(database):
    await database.ensure_indexes([Index("people", ("unit", "login"), unique=True)])
    people = database["people"]
    await people.insert_one({"_id": 1, "unit": "u", "login": "lan"})
    with pytest.raises(DuplicateKey) as taken:
        await people.insert_one({"_id": 1})
    assert dict(taken.value.key) == {"_id": 1}
    with pytest.raises(DuplicateKey) as taken:
        await people.insert_one({"_id": 2, "unit": "u", "login": "lan"})
    assert dict(taken.value.key) == {"unit": 1, "login": 1}
    await people.insert_one({"_id": 3, "unit": "u", "login": "ha"})
    with pytest.raises(DuplicateKey):
        await people.update_one({"_id": 3}, {"$set": {"login": "lan"}})


async def test_indexes_are_made_once_and_again_without_harm(database):
    wanted = [Index("a", ("x",), sparse=True), Index("a", ("y",), unique=True), Index("b", ("at",), ttl_seconds=60)]
    await database.ensure_indexes(wanted)
    await database.ensure_indexes(wanted)
    found = [index async for index in await _indexes(database["a"])]
    made = {index["name"]: (index.get("unique", False), index.get("sparse", False)) for index in found}
    assert made == {"_id_": (False, False), "x": (False, True), "y": (True, False)}
    assert [i["expireAfterSeconds"] async for i in await _indexes(database["b"]) if i["name"] == "at"] == [60]


async def _indexes(collection):
    cursor = collection.raw.list_indexes()
    return await cursor if asyncio.iscoroutine(cursor) else cursor


async def test_the_embedded_server_is_recognised_so_that_production_can_refuse_it(database):
    await database.ping()
    assert await database.is_embedded()


async def test_a_pool_of_four_lets_sixty_four_tasks_take_turns(open_database):
    database = await open_database(mongo_pool=4)
    await database["items"].insert_one({"_id": 1})
    turns = [0] * 64

    async def loop(number: int) -> None:
        while sum(turns) < 20 * len(turns):
            await database["items"].find_one({"_id": 1})
            turns[number] += 1

    await asyncio.gather(*(loop(number) for number in range(64)))
    assert max(turns) <= 2 * min(turns), "one that gets its turn gets it again before others had theirs"


async def test_the_newest_state_stays_whatever_comes_late_or_twice(database):
    units = ReadModel(database["units"])
    assert await units.get("u") is None
    assert await units.apply("u", 2, {"name": "two"})
    assert not await units.apply("u", 1, {"name": "one"})
    assert not await units.apply("u", 2, {"name": "again"})
    assert await units.apply("u", 3, {"name": "$three", "path": ["a", "u"]})
    stored = await units.get("u")
    assert (stored["ver"], stored["name"], stored["path"]) == (3, "$three", ["a", "u"])


async def test_a_part_that_came_first_waits_for_the_rest_and_is_not_undone_by_it(database):
    devices = ReadModel(database["devices"])
    await devices.apply("d", 2, {"unit_id": "new"})
    assert await devices.apply("d", 1, {"unit_id": "old", "public_key": "UX"})
    stored = await devices.get("d")
    assert (stored["ver"], stored["unit_id"], stored["public_key"]) == (2, "new", "UX")


async def test_twenty_first_events_at_once_leave_the_highest(database):
    units = ReadModel(database["units"])
    for turn in range(3):
        versions = random.Random(turn).sample(range(1, 21), 20)
        await asyncio.gather(*(units.apply(f"u{turn}", ver, {"name": f"v{ver}"}) for ver in versions))
        stored = await units.get(f"u{turn}")
        assert (stored["ver"], stored["name"]) == (20, "v20")


_FIELDS = st.dictionaries(
    st.sampled_from("abc"), st.one_of(st.integers(0, 9), st.none(), st.just("$a"), st.just({"$inc": 1})), min_size=1
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_FIELDS, min_size=1, max_size=5), st.randoms(use_true_random=False))
async def test_events_of_one_thing_give_one_state_in_any_order(database, states, rng):
    """Part or whole, each twice: as if they had come in the order of their versions."""
    units = ReadModel(database["units"])
    await units.collection.delete_many({})
    deliveries = list(enumerate(states, start=1)) * 2
    rng.shuffle(deliveries)
    for ver, fields in deliveries:
        await units.apply("u", ver, fields)
    expected: dict[str, object] = {}
    for fields in states:
        expected |= fields
    stored = await units.get("u")
    assert {name: stored[name] for name in stored if name in "abc"} == expected
    assert stored["ver"] == len(states)
