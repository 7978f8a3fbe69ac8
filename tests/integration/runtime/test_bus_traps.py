"""The traps of JetStream, nats-py and FastStream, one by one, on a real server with the generated rights."""

import asyncio
import contextlib

import pytest
from faststream.nats import PullSub
from nats.js.api import ConsumerConfig
from nats.js.errors import NoStreamResponseError
from structlog.testing import capture_logs

from lantoa_cli.dlq import letters, redrive
from lantoa_contracts import catalogue
from lantoa_contracts.catalogue import ITEM_SUBMITTED
from lantoa_contracts.events.content import ItemSubmitted
from lantoa_runtime.bus import Bus
from lantoa_runtime.bus.bus import MisboundConsumers
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Unavailable
from lantoa_runtime.mongo import Outgoing
from lantoa_runtime.service import assemble
from lantoa_runtime.settings import RuntimeSettings
from lantoa_runtime.topology.apply import apply
from lantoa_testing import eventually

ACK_WAIT = 2.0
DURABLE = ITEM_SUBMITTED.durable("content")


def submitted(number: int = 1) -> ItemSubmitted:
    return ItemSubmitted(item_id=f"i-{number}", ver=1, revision=1, unit_id="u-1", author_id="p-1")


async def _idle(event, meta):
    """For what content consumes and these tests do not look at."""


class Content:
    """Content's handlers: what they saw, and what the test wants them to do."""

    def __init__(self):
        self.seen = []
        self.does = None

    def build(self, service):
        self.items = service.aggregates("items")

        @service.bus.on(ITEM_SUBMITTED)
        async def on_submitted(event, meta):
            self.seen.append((event.item_id, meta))
            if self.does is not None:
                await self.does(event)

        @service.bus.on(catalogue.UNIT_CHANGED)
        async def on_unit(event, meta):
            self.seen.append((event.unit_id, meta))

        service.bus.on(catalogue.ITEM_APPROVED)(_idle)
        service.bus.on(catalogue.ITEM_WITHDRAWN)(_idle)

    def ids(self):
        """What was seen, once or again: an acknowledgement that the server did not get brings a message back."""
        return {item_id for item_id, _ in self.seen}


@pytest.fixture
def content():
    return Content()


@contextlib.asynccontextmanager
async def unstarted(content, settings_for):
    """Content running without waiting for its readiness."""
    service = assemble("content", settings_for("content"))
    content.build(service)
    async with service.running():
        yield service


async def messages_out(client, seconds=1.0):
    before = client.stats["out_msgs"]
    await asyncio.sleep(seconds)  # Measures a rate: the time is the point.
    return client.stats["out_msgs"] - before


async def pending(events):
    info = await events.client.jetstream().consumer_info("EVT", DURABLE)
    return info.num_ack_pending


async def test_a_service_whose_rights_end_at_its_own_inbox_consumes(start_service, events, content):
    """FastStream does not hand its inbox prefix to pull subscriptions: the server would refuse the default one."""
    running = await start_service("content", RuntimeSettings, content.build)
    await events.publish(ITEM_SUBMITTED, submitted())
    await eventually(lambda: content.seen)
    subscriber = next(iter(running.service.bus._subscribers.values()))
    assert subscriber.extra_options["inbox_prefix"] == b"_INBOX_content."


async def test_a_service_without_its_durable_is_not_ready_and_does_not_spin(settings_for, events, content):
    js = events.client.jetstream()
    await js.delete_consumer("EVT", DURABLE)
    with capture_logs() as logs:
        async with unstarted(content, settings_for) as service:
            await eventually(lambda: any("missing or filters another" in str(line) for line in logs))
            assert DURABLE in await service.failures()
            assert await messages_out(service.bus.client) < 30
            await apply(js, ack_wait_seconds=ACK_WAIT)
            await eventually(lambda: service.bus.failures() == [])


async def test_a_service_whose_durable_filters_another_subject_does_not_consume(settings_for, events, content):
    js = events.client.jetstream()
    await js.delete_consumer("EVT", DURABLE)
    wrong = ConsumerConfig(durable_name=DURABLE, ack_policy="explicit", filter_subject="evt.content.item.approved.v1")
    await js.add_consumer("EVT", wrong)
    with capture_logs() as logs:
        async with unstarted(content, settings_for) as service:
            await eventually(lambda: any(DURABLE in str(line) for line in logs))
            assert DURABLE in await service.failures()
            await js.delete_consumer("EVT", DURABLE)
            await apply(js, ack_wait_seconds=ACK_WAIT)
            await eventually(lambda: service.bus.failures() == [])


async def test_a_durable_that_vanishes_under_a_running_service_does_not_make_it_spin(
    start_service, events, content, monkeypatch
):
    """A fetch that is under way hides the loss until it times out: make it short, then look."""
    monkeypatch.setattr("lantoa_runtime.bus.bus._FETCH", PullSub(batch_size=8, timeout=0.3))
    running = await start_service("content", RuntimeSettings, content.build)
    await events.client.jetstream().delete_consumer("EVT", DURABLE)
    await eventually(lambda: running.service.bus.failures() == [DURABLE])
    assert await messages_out(running.service.bus.client, 1.5) < 60
    await apply(events.client.jetstream(), ack_wait_seconds=ACK_WAIT)
    await eventually(running.ready)


def test_a_handler_that_the_catalogue_does_not_know_is_refused(settings_for):
    bus = Bus("gateway", settings_for("gateway"), Clock())
    with pytest.raises(MisboundConsumers):
        bus.on(ITEM_SUBMITTED)


async def test_a_service_that_leaves_an_event_unhandled_does_not_start(settings_for):
    bus = Bus("content", settings_for("content"), Clock())
    with pytest.raises(MisboundConsumers, match=r"content\.item\.submitted"):
        bus.start()


async def test_a_publish_that_no_stream_takes_is_an_error(start_service, events, content, nats_server):
    seed = nats_server.ring.seed_file("topology")  # Services have no right to such a subject.
    running = await start_service("content", RuntimeSettings, content.build, nats_seed_file=seed)
    with pytest.raises(NoStreamResponseError):
        await running.service.bus.publish("nobody.listens", b"{}", {})


async def test_a_publish_repeated_after_a_lost_answer_is_stored_once(start_service, events, content):
    running = await start_service("content", RuntimeSettings, content.build)
    document = await running.service.aggregates("items").insert("i", {})
    entry = content.items._entries("i", 1, [Outgoing(ITEM_SUBMITTED, submitted())])["outbox"][0]
    assert document["ver"] == 1
    for _ in range(3):
        await running.service.bus.publish(entry["subject"], entry["body"].encode(), entry["headers"])
    assert len(await events.all(ITEM_SUBMITTED)) == 1


async def test_a_handler_longer_than_the_ack_wait_handles_its_message_once(start_service, events, content):
    await start_service("content", RuntimeSettings, content.build)
    content.does = lambda _: asyncio.sleep(ACK_WAIT * 1.3)
    for number in range(12):  # More than there are workers: the last ones wait their turn longer than ack_wait.
        await events.publish(ITEM_SUBMITTED, submitted(number))

    async def all_done():
        return len(content.seen) >= 12 and await pending(events) == 0

    await eventually(all_done)
    assert sorted(item_id for item_id, _ in content.seen) == sorted(f"i-{n}" for n in range(12))
    assert {meta.deliveries for _, meta in content.seen} == {1}


async def test_a_handler_longer_than_the_ack_wait_is_not_begun_by_a_second_replica(start_service, events):
    replicas = [Content(), Content()]
    for replica in replicas:
        replica.does = lambda _: asyncio.sleep(ACK_WAIT * 1.3)
        await start_service("content", RuntimeSettings, replica.build)

    async def begun_once():
        """A machine that stands still for a second tells the server nothing: then it is tried once more."""
        for replica in replicas:
            replica.seen.clear()
        await events.publish(ITEM_SUBMITTED, submitted())
        await events.handled(ITEM_SUBMITTED, "content")
        return sum(len(replica.seen) for replica in replicas) == 1

    await eventually(begun_once)


async def test_a_stop_lets_the_running_handler_finish_and_publish_what_it_wrote(
    start_service, events, content, monkeypatch
):
    running = await start_service("content", RuntimeSettings, content.build)
    go = asyncio.Event()
    publish = running.service.bus.publish

    async def slowly(*arguments):
        await asyncio.sleep(0.2)
        await publish(*arguments)

    monkeypatch.setattr(running.service.bus, "publish", slowly)

    async def slow(event):
        await go.wait()
        content.does = None
        await content.items.insert("written", {}, [Outgoing(ITEM_SUBMITTED, submitted(2))])

    content.does = slow
    await events.publish(ITEM_SUBMITTED, submitted(1))
    await eventually(lambda: content.seen)
    stopping = asyncio.create_task(running.stop())
    await eventually(lambda: running.service.draining)
    assert "draining" in await running.service.failures()
    go.set()
    await stopping
    assert [event.item_id for event in await events.all(ITEM_SUBMITTED)] == ["i-1", "i-2"]
    js = events.client.jetstream()
    first = (await js.stream_info("EVT")).state.first_seq

    async def acknowledged():
        return (await js.consumer_info("EVT", DURABLE)).ack_floor.stream_seq >= first

    await eventually(acknowledged)


async def test_a_stop_while_nats_is_away_is_quick_and_clean(start_service, events, content, nats_server):
    running = await start_service("content", RuntimeSettings, content.build, drain_seconds=600.0)
    ended = asyncio.Event()

    async def last():
        ended.set()

    running.service.on_stop(last)
    nats_server.kill()
    try:
        await eventually(lambda: running.service.bus.failures() == ["nats"])
        await asyncio.wait_for(running.stop(), 60)  # It does not wait for what cannot come.
        assert ended.is_set()
    finally:
        nats_server.start()


async def test_consumption_goes_on_after_a_restart_of_the_server(start_service, events, content, nats_server):
    running = await start_service("content", RuntimeSettings, content.build)
    await events.publish(ITEM_SUBMITTED, submitted(1))
    await eventually(lambda: content.ids() == {"i-1"})
    nats_server.restart()
    await eventually(lambda: events.client.stats["reconnects"])
    await events.publish(ITEM_SUBMITTED, submitted(2))
    await eventually(lambda: content.ids() == {"i-1", "i-2"})
    await eventually(running.ready)


async def test_a_publish_while_nats_is_away_says_so_at_once(settings_for):
    bus = Bus("content", settings_for("content", nats_url="nats://127.0.0.1:1"), Clock())
    with pytest.raises(Unavailable):
        await bus.publish(ITEM_SUBMITTED.subject, b"{}", {})
    assert bus.failures() == ["nats"]


async def test_a_dead_letter_that_is_redriven_reaches_its_handler_again(start_service, events, content):
    await start_service("content", RuntimeSettings, content.build)

    async def refuse(event):
        raise AppError("content.never", why="thử")

    content.does = refuse
    event_id = await events.publish(ITEM_SUBMITTED, submitted(1))
    js = events.client.jetstream()
    (letter,) = await eventually(lambda: letters(js))
    assert letter.headers["Lt-Durable"] == DURABLE
    assert letter.headers["ce-id"] == event_id
    assert letter.headers["Lt-Error"].startswith("AppError: content.never")
    content.does = None
    await redrive(js, letter)
    await eventually(lambda: len(content.seen) >= 2)
    assert {meta.id for _, meta in content.seen} == {event_id}
    assert await letters(js) == []


async def test_a_redriven_letter_that_fails_again_is_a_new_letter(start_service, events, content):
    await start_service("content", RuntimeSettings, content.build)

    async def refuse(event):
        raise AppError("content.never")

    content.does = refuse
    await events.publish(ITEM_SUBMITTED, submitted(1))
    js = events.client.jetstream()
    (letter,) = await eventually(lambda: letters(js))
    await redrive(js, letter)
    (again,) = await eventually(lambda: letters(js))
    assert again.seq != letter.seq
    assert again.data == letter.data
