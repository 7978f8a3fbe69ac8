"""The provisioner and the generated rights on a real server."""

import contextlib
from dataclasses import fields

import pytest
from nats.js.api import ConsumerConfig, DiscardPolicy, RePublish
from nats.js.errors import NotFoundError

from lantoa_contracts.streams import STREAMS, consumers
from lantoa_runtime.topology.apply import TopologyRefused, apply, consumer_config, diff, stream_config
from lantoa_testing import eventually

ACK_WAIT = 2.0
BY_NAME = {spec.name: spec for spec in STREAMS}


@pytest.fixture
async def js(nats_server):
    client = await nats_server.connect()
    yield client.jetstream(timeout=60)
    await client.close()


async def differences(js):
    return [(str(d.what), d.field) for d in await diff(js, ack_wait_seconds=ACK_WAIT)]


async def repair(js):
    return await apply(js, ack_wait_seconds=ACK_WAIT)


async def test_after_apply_nothing_differs_and_applying_again_changes_nothing(js):
    await repair(js)
    assert await differences(js) == []
    assert await repair(js) == []


async def test_every_stream_and_durable_of_the_contracts_is_there(js):
    for spec in STREAMS:
        info = await js.stream_info(spec.name)
        assert tuple(info.config.subjects) == spec.subjects
    for durable in consumers():
        info = await js.consumer_info(durable.stream, durable.durable)
        assert (info.config.filter_subject, info.config.max_deliver) == (durable.filter_subject, -1)


STREAM_DRIFTS = [
    ("EVT", "subjects", ["evt.>", "more.>"]),
    ("EVT", "max_bytes", 10_000_000),
    ("EVT", "max_age", 3600.0),
    ("EVT", "max_msg_size", 1000),
    ("EVT", "discard", DiscardPolicy.OLD),
    ("EVT", "max_msgs_per_subject", 5),
    ("EVT", "duplicate_window", 60.0),
    ("EVT", "allow_direct", False),
    ("ACK", "allow_rollup_hdrs", True),
    ("KV_desired", "republish", RePublish("$KV.desired.*", "elsewhere.{{wildcard(1)}}")),
]


@pytest.mark.parametrize(("stream", "field", "value"), STREAM_DRIFTS)
async def test_a_stream_that_drifted_is_told_and_repaired(js, stream, field, value):
    config = stream_config(BY_NAME[stream], 1)
    if field == "allow_rollup_hdrs":
        config.deny_purge = False
    setattr(config, field, value)
    await js.update_stream(config)
    assert (f"stream {stream}", field) in await differences(js)
    changed = await repair(js)
    assert (f"stream {stream}", field) in [(d.what, d.field) for d in changed]
    assert await differences(js) == []


async def test_a_stream_that_may_be_deleted_from_is_closed_again(js):
    """``deny_delete`` cannot be taken off a stream that has it: make one without."""
    await js.delete_stream("ACK")
    config = stream_config(BY_NAME["ACK"], 1)
    config.deny_delete = False
    await js.add_stream(config)
    assert ("stream ACK", "deny_delete") in await differences(js)
    await repair(js)
    assert await differences(js) == []
    assert (await js.stream_info("ACK")).config.deny_delete


HEADER_FLAGS = ["allow_msg_ttl", "allow_msg_schedules", "allow_msg_counter", "allow_atomic"]


@pytest.fixture
async def remade(js):
    """A test makes ACK otherwise than the contracts say; afterwards it is as they say."""
    await js.delete_stream("ACK")
    yield
    with contextlib.suppress(NotFoundError):
        await js.delete_stream("ACK")
    await repair(js)


@pytest.mark.parametrize("flag", HEADER_FLAGS)
async def test_a_stream_of_devices_that_lets_headers_act_is_told(js, remade, flag):
    config = stream_config(BY_NAME["ACK"], 1)
    config.discard = DiscardPolicy.OLD  # The server allows some of the flags only so.
    setattr(config, flag, True)
    if flag == "allow_msg_schedules":
        config.allow_rollup_hdrs = True
    await js.add_stream(config)
    assert ("stream ACK", flag) in await differences(js)


async def test_what_cannot_be_repaired_is_refused_in_a_sentence(js, remade):
    config = stream_config(BY_NAME["ACK"], 1)
    config.allow_msg_ttl = True
    await js.add_stream(config)
    with pytest.raises(TopologyRefused, match="the server refuses stream ACK"):
        await repair(js)


CONSUMER_DRIFTS = [
    ("filter_subject", "evt.content.item.approved.v1"),
    ("ack_wait", 60.0),
    ("max_deliver", 5),
    ("max_ack_pending", 7),
]


@pytest.mark.parametrize(("field", "value"), CONSUMER_DRIFTS)
async def test_a_durable_that_drifted_is_told_and_repaired(js, field, value):
    durable = consumers()[0]
    config = consumer_config(durable, ACK_WAIT)
    setattr(config, field, value)
    await js.add_consumer(durable.stream, config)
    assert await differences(js) == [(f"durable {durable.durable}", field)]
    await repair(js)
    assert await differences(js) == []


async def test_what_is_missing_is_made_and_what_is_too_much_stays(js):
    await js.delete_stream("EVT")
    await js.add_consumer("ACK", ConsumerConfig(durable_name="stranger", ack_policy="explicit"))
    missing = {what for what, field in await differences(js) if field == "existence"}
    assert missing == {"stream EVT"} | {f"durable {c.durable}" for c in consumers() if c.stream == "EVT"}
    await repair(js)
    assert await differences(js) == []
    assert (await js.consumer_info("ACK", "stranger")).name == "stranger"


def test_every_field_of_a_stream_spec_is_compared():
    """A field that is added to the contracts and forgotten in the comparison would drift unseen."""
    tested = {field for _, field, _ in STREAM_DRIFTS} | {"deny_delete"}
    renamed = {"rollup": "allow_rollup_hdrs"}
    assert {renamed.get(f.name, f.name) for f in fields(BY_NAME["EVT"])} - {"name"} == tested


class User:
    """A connection as one user of the installation, and what the server refused it."""

    def __init__(self):
        self.refused: list[str] = []
        self.client = None

    async def on_error(self, error):
        self.refused.append(str(error))

    async def publish_refused(self, subject, body=b"{}"):
        await self.client.publish(subject, body, reply="_INBOX_reporting.answer")
        await self.client.flush()
        await eventually(lambda: any(f'publish to "{subject.lower()}"' in text.lower() for text in self.refused))

    async def subscribe_refused(self, subject):
        await self.client.subscribe(subject)
        await self.client.flush()
        await eventually(lambda: any(f'subscription to "{subject.lower()}"' in text.lower() for text in self.refused))


@pytest.fixture
async def reporting(nats_server):
    user = User()
    user.client = await nats_server.connect("reporting", error_cb=user.on_error)
    yield user
    await user.client.close()


@pytest.mark.parametrize(
    "subject",
    [
        "$JS.API.STREAM.DELETE.EVT",
        "$JS.API.STREAM.PURGE.EVT",
        "$JS.API.STREAM.UPDATE.EVT",
        "$JS.API.STREAM.MSG.GET.EVT",
        "$JS.API.STREAM.NAMES",
        "$JS.API.INFO",
        "$JS.API.CONSUMER.CREATE.EVT.spy",
        "$JS.API.CONSUMER.DURABLE.CREATE.EVT.spy",
        "$JS.API.CONSUMER.DELETE.EVT.reporting-broadcast-airing-confirmed",
        "$JS.API.CONSUMER.MSG.NEXT.EVT.broadcast-content-item-approved",
        "$JS.ACK.EVT.broadcast-content-item-approved.1.1.1.1.1",
        "evt.fleet.device.claimed.v1",
        "evt.broadcast.airing.confirmed.v1",
        "dlq.broadcast.x",
        "$KV.desired.d-1",
        "$KV.alert.all.alert",
        "dev.up.d-1.aired",
        "dev.dn.d-1.desired",
        "dev.bc.all.alert",
        "_INBOX_fleet.x",
    ],
)
async def test_reporting_may_not_publish_there(reporting, subject):
    await reporting.publish_refused(subject)


@pytest.mark.parametrize(
    "subject", [">", "evt.>", "evt.content.item.approved.v1", "_INBOX_fleet.>", "_INBOX.>", "$KV.>", "dev.up.*.hb"]
)
async def test_reporting_may_not_listen_there(reporting, subject):
    await reporting.subscribe_refused(subject)


async def test_reporting_may_do_its_work(reporting, js):
    work = reporting.client.jetstream(timeout=60)
    durable = "reporting-broadcast-airing-confirmed"
    assert (await work.consumer_info("EVT", durable)).name == durable
    ack = await work.publish("evt.reporting.cell.changed.v1", b"{}")
    assert ack.stream == "EVT"
    assert (await work.publish("dlq.reporting.x", b"{}")).stream == "DLQ"
    assert reporting.refused == []


async def test_nothing_was_deleted_by_the_refused(js):
    for name in ("EVT", "DLQ", "KV_desired"):
        assert (await js.stream_info(name)).config.name == name
    with pytest.raises(NotFoundError):
        await js.consumer_info("EVT", "spy")
