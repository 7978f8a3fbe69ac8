"""The bus on a real nats-server: what the traps of FastStream and nats-py would break."""

from typing import Any

from lantoa_contracts import catalogue
from lantoa_contracts.events.content import ItemSubmitted
from lantoa_contracts.events.directory import UnitChanged
from lantoa_runtime.bus import Meta
from lantoa_runtime.errors import AppError, NotReady
from lantoa_runtime.mongo import Change, Outgoing
from lantoa_runtime.service import Service
from lantoa_runtime.settings import RuntimeSettings
from lantoa_testing import eventually


def submitted(number: int = 1) -> ItemSubmitted:
    return ItemSubmitted(item_id=f"i-{number}", ver=1, revision=1, unit_id="u-1", author_id="p-1")


async def _idle(event: Any, meta: Meta) -> None:
    """For what content consumes and these tests do not look at."""


class Recorder:
    """Content's handlers, with a behaviour that a test chooses."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, Meta]] = []
        self.fail: Any = None

    def build(self, service: Service[RuntimeSettings]) -> None:
        self.items = service.aggregates("items")

        @service.bus.on(catalogue.ITEM_SUBMITTED)
        async def on_submitted(event: ItemSubmitted, meta: Meta) -> None:
            self.seen.append((event, meta))
            if self.fail is not None:
                raise self.fail

        @service.bus.on(catalogue.UNIT_CHANGED)
        async def on_unit(event: UnitChanged, meta: Meta) -> None:
            self.seen.append((event, meta))

        service.bus.on(catalogue.ITEM_APPROVED)(_idle)
        service.bus.on(catalogue.ITEM_WITHDRAWN)(_idle)


async def test_an_event_reaches_its_handler_with_its_envelope(start_service, events):
    recorder = Recorder()
    await start_service("content", RuntimeSettings, recorder.build)
    await events.publish(catalogue.ITEM_SUBMITTED, submitted(), "e-1")
    await eventually(lambda: recorder.seen)
    event, meta = recorder.seen[0]
    assert event == submitted()
    assert (meta.id, meta.source, meta.deliveries) == ("e-1", "lantoa/content", 1)


async def test_a_permanent_error_is_dead_at_the_first_delivery_and_keeps_its_origin(start_service, events):
    recorder = Recorder()
    recorder.fail = AppError("content.never")
    await start_service("content", RuntimeSettings, recorder.build)
    await events.publish(catalogue.ITEM_SUBMITTED, submitted(), "e-2")
    await eventually(lambda: events.dead("content"))
    assert len(recorder.seen) == 1


async def test_a_body_that_fits_no_model_is_dead_and_the_stream_flows_on(start_service, events):
    recorder = Recorder()
    await start_service("content", RuntimeSettings, recorder.build)
    await events.client.jetstream().publish(catalogue.ITEM_SUBMITTED.subject, b"{not json")
    await events.publish(catalogue.ITEM_SUBMITTED, submitted())
    await eventually(lambda: recorder.seen)
    assert await eventually(lambda: events.dead("content")) == [b"{not json"]


async def test_a_retryable_error_is_tried_five_times_with_growing_waits_then_dead(start_service, events):
    recorder = Recorder()
    recorder.fail = NotReady("device")
    await start_service("content", RuntimeSettings, recorder.build)
    await events.publish(catalogue.ITEM_SUBMITTED, submitted())
    await eventually(lambda: events.dead("content"))
    assert [meta.deliveries for _, meta in recorder.seen] == [1, 2, 3, 4, 5]


async def test_an_infrastructure_error_is_never_dead(start_service, events):
    recorder = Recorder()
    recorder.fail = ConnectionError("database away")
    await start_service("content", RuntimeSettings, recorder.build, infrastructure_wait_seconds=0.02)
    await events.publish(catalogue.ITEM_SUBMITTED, submitted())
    await eventually(lambda: len(recorder.seen) > 8)
    recorder.fail = None
    handled = len(recorder.seen)
    await eventually(lambda: len(recorder.seen) > handled)
    assert await events.dead("content") == []


async def test_a_write_and_its_event_are_one_fact(start_service, events):
    recorder = Recorder()
    running = await start_service("content", RuntimeSettings, recorder.build)
    items = recorder.items
    document = await items.insert("i-1", {"title": "a"}, [Outgoing(catalogue.ITEM_SUBMITTED, submitted())])
    await eventually(lambda: recorder.seen)
    assert recorder.seen[0][1].id == "i-1:1"

    async def nothing_waits():
        stored = await running.service.db["items"].find_one({"_id": document["_id"]})
        return stored["outbox"] == [] and "ob_at" not in stored

    await eventually(nothing_waits)


async def test_events_written_while_nats_is_away_arrive_in_order_when_it_is_back(start_service, events, nats_server):
    recorder = Recorder()
    running = await start_service("content", RuntimeSettings, recorder.build)
    nats_server.kill()
    await eventually(lambda: running.service.bus.failures())
    for number in range(5):
        await recorder.items.change(
            "i-9", lambda _, n=number: Change({"n": n}, [Outgoing(catalogue.ITEM_SUBMITTED, submitted(n))])
        )
    nats_server.start()
    # The stream has them in the order of their writes; handlers run side by side and may start in another.
    await eventually(lambda: {meta.id for _, meta in recorder.seen} == {f"i-9:{n}" for n in range(1, 6)})
    await eventually(lambda: events.client.is_connected)
    assert [event.item_id for event in await events.all(catalogue.ITEM_SUBMITTED)] == [f"i-{n}" for n in range(5)]


async def test_a_vanished_durable_makes_the_service_unready_until_it_is_back(start_service, events, nats_server):
    from lantoa_runtime.topology.apply import apply

    recorder = Recorder()
    running = await start_service("content", RuntimeSettings, recorder.build)
    durable = catalogue.ITEM_SUBMITTED.durable("content")
    await events.client.jetstream().delete_consumer("EVT", durable)
    await eventually(lambda: running.service.bus.failures() == [durable])
    await apply(events.client.jetstream(), ack_wait_seconds=2)
    await eventually(lambda: not running.service.bus.failures())
    await events.publish(catalogue.ITEM_SUBMITTED, submitted())
    await eventually(lambda: recorder.seen)
