"""The fate of one message, by the class of what its handler raises."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from bson.errors import InvalidDocument
from nats.errors import MaxPayloadError, NoRespondersError
from nats.js.errors import ServiceUnavailableError
from pymongo.errors import (
    AutoReconnect,
    DocumentTooLarge,
    ExecutionTimeout,
    InvalidOperation,
    NetworkTimeout,
    OperationFailure,
    ServerSelectionTimeoutError,
    WriteError,
)

from lantoa_contracts.catalogue import DEVICE_AIRED, EVERY_EVENT, ITEM_SUBMITTED
from lantoa_contracts.envelope import Act, Envelope
from lantoa_contracts.events.content import ItemSubmitted
from lantoa_runtime.bus.delivery import MOST_DELIVERIES, Delivery, dead_headers, read_meta
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, NotReady, Unavailable
from lantoa_testing import eventually

BODY = ItemSubmitted(item_id="i", ver=1, revision=1, unit_id="u", author_id="p").model_dump_json().encode()
STORED = datetime(2027, 1, 2, tzinfo=UTC)
ENVELOPE = Envelope("i:1", "lantoa.content.item.submitted.v1", "lantoa/content", STORED - timedelta(seconds=1))


class Message:
    """What nats-py hands over, as far as a delivery looks at it."""

    def __init__(self, deliveries=1, data=BODY, seq=7, headers=None, subject="evt.content.item.submitted.v1"):
        self.data, self.subject = data, subject
        self.headers = ENVELOPE.headers() if headers is None else headers
        self.metadata = SimpleNamespace(
            stream="EVT",
            consumer="content-content-item-submitted",
            num_delivered=deliveries,
            sequence=SimpleNamespace(stream=seq),
            timestamp=STORED,
        )
        self.answers: list[object] = []

    async def ack(self):
        self.answers.append("ack")

    async def term(self):
        self.answers.append("term")

    async def nak(self, delay):
        self.answers.append(delay)

    async def in_progress(self):
        self.answers.append("working")


class Handled:
    """A delivery whose handler does what the test says, and the letters it wrote."""

    def __init__(self, error=None, infrastructure_wait=2.0):
        self.error = error
        self.calls = 0
        self.letters: list[tuple[str, bytes, dict[str, str]]] = []
        self.dlq_error: Exception | None = None
        self.delivery = Delivery(
            spec=ITEM_SUBMITTED,
            handler=self._handle,
            service="content",
            dead_letter=self._dead_letter,
            clock=Clock(),
            backoff=(0.5, 1.0, 2.0, 4.0),
            infrastructure_wait=infrastructure_wait,
        )

    async def _handle(self, event, meta):
        self.calls += 1
        if self.error is not None:
            raise self.error

    async def _dead_letter(self, subject, body, headers):
        if self.dlq_error is not None:
            raise self.dlq_error
        self.letters.append((subject, body, headers))

    async def answer(self, **message):
        """The last answer that the stream got for a message."""
        made = Message(**message)
        await self.delivery(made)
        return made.answers[-1]


async def test_what_was_handled_is_acknowledged():
    handled = Handled()
    assert await handled.answer() == "ack"
    assert handled.calls == 1


async def test_a_retryable_error_waits_longer_each_time_and_is_dead_at_the_fifth():
    handled = Handled(NotReady("unit"))
    assert [await handled.answer(deliveries=n) for n in range(1, 6)] == [0.5, 1.0, 2.0, 4.0, "term"]
    assert len(handled.letters) == 1


async def test_an_unforeseen_error_is_retried_like_a_retryable_one():
    assert await Handled(KeyError("x")).answer() == 0.5


@pytest.mark.parametrize("error", [AppError("content.never"), AppError("content.gone", 410)])
async def test_a_permanent_error_is_dead_at_once(error):
    handled = Handled(error)
    assert await handled.answer() == "term"
    assert len(handled.letters) == 1


@pytest.mark.parametrize("data", [b"", b"{not json", b"[]", b'{"item_id":"i"}', b"\xff\xfe"])
async def test_a_body_that_fits_no_model_is_dead_without_being_handled(data):
    handled = Handled()
    assert await handled.answer(data=data) == "term"
    assert handled.calls == 0
    assert handled.letters[0][1] == data


async def test_a_field_that_a_newer_producer_added_is_passed_over():
    handled = Handled()
    assert await handled.answer(data=BODY[:-1] + b',"x":1}') == "ack"


INFRASTRUCTURE = [
    ServerSelectionTimeoutError("x"),
    AutoReconnect("x"),
    NetworkTimeout("x"),
    OperationFailure("not primary", 10107),
    OperationFailure("disk full", 14031),
    ExecutionTimeout("too slow", 50),
    NoRespondersError(),
    ServiceUnavailableError(),
    ConnectionError(),
    TimeoutError(),
    OSError(28, "x"),
    Unavailable("n"),
]


@pytest.mark.parametrize("error", INFRASTRUCTURE, ids=lambda error: type(error).__name__)
async def test_an_outage_is_waited_out_however_long_it_is(error):
    handled = Handled(error)
    assert {await handled.answer(deliveries=n) for n in range(1, 3 * MOST_DELIVERIES)} == {2.0}
    assert handled.letters == []
    handled.error = None
    assert await handled.answer(deliveries=3 * MOST_DELIVERIES) == "ack"


PROGRAMMING = [
    OperationFailure("unknown operator: $foo", 2),
    WriteError("Document failed validation", 121),
    DocumentTooLarge("16 MB"),
    InvalidOperation("x"),
    InvalidDocument("cannot encode object"),
    MaxPayloadError(),
    FileNotFoundError(2, "x"),
    RuntimeError("x"),
]


@pytest.mark.parametrize("error", PROGRAMMING, ids=lambda error: type(error).__name__)
async def test_a_fault_of_our_own_that_looks_like_an_outage_is_dead_at_the_fifth(error):
    handled = Handled(error)
    assert [await handled.answer(deliveries=n) for n in range(1, 6)] == [0.5, 1.0, 2.0, 4.0, "term"]
    assert len(handled.letters) == 1


async def test_deliveries_of_an_outage_do_not_count_when_another_error_follows_it():
    handled = Handled(ConnectionError())
    for n in range(1, 31):
        await handled.answer(deliveries=n)
    handled.error = NotReady("unit")
    assert [await handled.answer(deliveries=n) for n in range(31, 36)] == [0.5, 1.0, 2.0, 4.0, "term"]


async def test_an_outage_of_one_message_excuses_no_other():
    handled = Handled(ConnectionError())
    await handled.answer(deliveries=40, seq=1)
    handled.error = NotReady("unit")
    assert await handled.answer(deliveries=5, seq=2) == "term"


async def test_a_message_that_kills_the_process_again_and_again_is_dead_before_it_is_handled():
    """The process died each time, so nothing is remembered of the deliveries before."""
    handled = Handled()
    assert await handled.answer(deliveries=MOST_DELIVERIES) == "ack"
    assert await handled.answer(deliveries=MOST_DELIVERIES + 1, seq=8) == "term"
    assert handled.calls == 1
    assert "NeverAnswered" in handled.letters[0][2]["Lt-Error"]


async def test_what_the_dead_letter_stream_does_not_take_is_not_given_up():
    handled = Handled(AppError("content.never"))
    handled.dlq_error = Unavailable("nats")
    assert await handled.answer() == 2.0
    handled.dlq_error = None
    assert await handled.answer(deliveries=2) == "term"
    assert len(handled.letters) == 1


async def test_a_dead_letter_says_where_it_came_from_and_why():
    handled = Handled(AppError("content.lạ", where="dòng 1\ndòng 2", more="x" * 900))
    parent = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    await handled.answer(deliveries=3, headers={**ENVELOPE.headers(), **parent, "Nats-Other": "x"})
    subject, body, headers = handled.letters[0]
    assert (subject, body) == ("dlq.content.content-content-item-submitted", BODY)
    error, at = headers.pop("Lt-Error"), headers.pop("Lt-At")
    assert error.isascii()
    assert "\n" not in error
    assert error.startswith("AppError: content.l")
    assert len(error) < 1000
    assert datetime.fromisoformat(at).tzinfo is not None
    assert headers == {
        **{name: value for name, value in ENVELOPE.headers().items() if name.startswith("ce-")},
        **parent,
        "Nats-Msg-Id": "EVT.content-content-item-submitted.7",
        "Lt-Origin-Subject": "evt.content.item.submitted.v1",
        "Lt-Origin-Stream": "EVT",
        "Lt-Origin-Seq": "7",
        "Lt-Durable": "content-content-item-submitted",
        "Lt-Deliveries": "3",
    }


async def test_a_long_handler_tells_the_stream_that_it_is_at_work():
    started = asyncio.Event()
    finish = asyncio.Event()

    async def handle(event, meta):
        started.set()
        await finish.wait()

    handled = Handled()
    handled.delivery.handler = handle
    message = Message()
    delivering = asyncio.create_task(handled.delivery(message))
    await eventually(lambda: message.answers.count("working") == 2)
    finish.set()
    await delivering
    assert message.answers[-1] == "ack"


async def test_a_repeat_that_comes_while_the_first_is_at_work_or_done_is_not_handled():
    go = asyncio.Event()
    calls = []

    async def handle(event, meta):
        calls.append(meta.deliveries)
        await go.wait()

    handled = Handled()
    handled.delivery.handler = handle
    first, second, third = Message(), Message(deliveries=2), Message(deliveries=3)
    delivering = asyncio.create_task(handled.delivery(first))
    await eventually(lambda: calls)
    await handled.delivery(second)
    assert second.answers == []
    go.set()
    await delivering
    await handled.delivery(third)
    assert (calls, first.answers[-1], third.answers) == ([1], "ack", ["ack"])


async def test_a_new_message_in_the_place_of_an_old_one_is_handled():
    """A stream that was made anew counts from one again."""
    handled = Handled()
    await handled.answer()
    later = Message()
    later.metadata.timestamp = STORED + timedelta(days=1)
    await handled.delivery(later)
    assert handled.calls == 2


async def test_a_handler_that_is_cancelled_answers_nothing_so_that_the_message_comes_back():
    started = asyncio.Event()
    cancelled = []

    async def handle(event, meta):
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    handled = Handled()
    handled.delivery.handler = handle
    message = Message()
    delivering = asyncio.create_task(handled.delivery(message))
    await started.wait()
    delivering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivering
    assert cancelled == [True]
    assert {"ack", "term"}.isdisjoint(message.answers)


def test_the_envelope_is_read_from_the_headers():
    meta = read_meta(ITEM_SUBMITTED, Message(deliveries=4))
    assert (meta.id, meta.source, meta.time, meta.deliveries) == ("i:1", "lantoa/content", ENVELOPE.time, 4)
    assert meta.device_id is None


def test_a_reader_of_every_event_takes_any_type_and_learns_who_did_it():
    act = Act("p-lan", "203.0.113.9", "", "ab" * 32)
    message = Message(headers=replace(ENVELOPE, act=act, traceparent="00-a-b-01").headers())
    meta = read_meta(EVERY_EVENT, message)
    assert (meta.type, meta.act, meta.traceparent) == (ENVELOPE.type, act, "00-a-b-01")
    assert read_meta(ITEM_SUBMITTED, Message()).act is None
    # What comes back out of the dead letters was still done by somebody.
    assert Act.from_headers(dead_headers(message, NotReady("x"), STORED)) == act


def test_a_device_is_named_by_the_subject_and_cannot_write_an_envelope():
    forged = Envelope("other:1", "x", "lantoa/fleet", datetime(2030, 1, 1, tzinfo=UTC)).headers()
    meta = read_meta(DEVICE_AIRED, Message(headers=forged, subject="dev.up.d-1.aired"))
    assert (meta.device_id, meta.id, meta.source, meta.time) == ("d-1", "EVT:7", "device", STORED)
