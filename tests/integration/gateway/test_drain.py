"""SIGTERM with everything under way: nothing fails, everybody goes on elsewhere."""

import asyncio

import aiohttp
import pytest

from lantoa_contracts.catalogue import ITEM_SUBMITTED
from lantoa_contracts.events.content import ItemSubmitted
from lantoa_testing import eventually
from lantoa_testing.front_door import UNIT, FrontDoor, StandIns, cookie, session_of
from lantoa_testing.live_pages import open_page

STREAMS, REQUESTS, PEOPLE = 500, 50, 100


@pytest.fixture
async def stand_ins():
    made = StandIns()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def doors(nats_server, stand_ins, tmp_path):
    """Two gateways, as replicas are. They would wait long for what does not end."""
    patient = {"LANTOA_DRAIN_SECONDS": "600"}
    made = [FrontDoor(tmp_path, nats_server, stand_ins.url, name, **patient) for name in ("one", "other")]
    await asyncio.gather(*(asyncio.to_thread(door.start) for door in made))
    yield made
    for door in made:
        door.kill()


async def test_five_hundred_streams_and_fifty_requests_survive_the_end_of_their_gateway(doors, stand_ins, events):
    one, other = doors
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def say(item_id):
            event = ItemSubmitted(item_id=item_id, ver=1, revision=1, unit_id=UNIT, author_id="p-1")
            await events.publish(ITEM_SUBMITTED, event)

        async def open_all(door, last_ids):
            opening = (open_page(session, door.url, session_of(n % PEOPLE), last) for n, last in enumerate(last_ids))
            return await asyncio.gather(*opening)

        async def request(number):
            async with session.get(f"{one.url}/api/v1/content/held", headers=cookie(number)) as answer:
                return answer.status, await answer.read()

        pages = await open_all(one, [""] * STREAMS)
        await say("i-first")
        await eventually(lambda: all(page.ids() == ["i-first"] for page in pages))
        under_way = [asyncio.create_task(request(number)) for number in range(REQUESTS)]
        await eventually(lambda: stand_ins.waiting["content"] == REQUESTS)

        ending = asyncio.create_task(one.terminate())
        await eventually(lambda: any(page.ended for page in pages))
        # Not later: a gateway gives up a service that says nothing for ten seconds.
        assert not any(task.done() for task in under_way)
        stand_ins.held.set()
        assert {status for status, _ in await asyncio.gather(*under_way)} == {200}
        await eventually(lambda: all(page.ended for page in pages))
        assert not any(page.broken for page in pages)
        assert all(500 <= page.retry <= 5000 for page in pages)
        assert len({page.retry for page in pages}) > STREAMS / 4, "they would all come back in one moment"
        await ending

        await say("i-meanwhile")
        again = await open_all(other, [page.last_id for page in pages])
        await say("i-last")
        await eventually(lambda: all(page.ids()[-1:] == ["i-last"] for page in again))
        assert all(page.ids() == ["i-meanwhile", "i-last"] for page in again), "one came back with a gap"
        await asyncio.gather(*(page.close() for page in again))
