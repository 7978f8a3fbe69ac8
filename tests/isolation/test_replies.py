"""Where a device points the answers to what it may ask: the attack table of two accounts, over each protocol.

Reply subjects are not checked against permissions; whoever answers writes where the device points. The rows are those
of the device topology notes, section 1; the outcome lies in ``build/isolation/replies.md``.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from matrix import write
from probes import aiomqtt_probe, nats_probe
from yard import Yard, barrier, yard

from lantoa_contracts.catalogue import UNIT_CHANGED
from lantoa_devicekit.documents import Reason, check_desired
from lantoa_signing.documents import KeySet, SigningKey
from lantoa_testing import eventually

pytestmark = [
    # nats-py leaves the socket of a refused or kicked client to the garbage collector ...
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # ... and passes aiohttp a timeout in its old form.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
DURABLE = UNIT_CHANGED.durable("reporting")
BODIES = {
    "nothing": None,
    "a sequence": b'{"seq":1000000}',
    "a filter": b'{"filter":"evt.>"}',
    "a request": b'{"no_wait":true}',
}
AIMS = (
    "$JS.API.STREAM.DELETE.EVT",
    "$JS.API.STREAM.DELETE.KV_desired",
    "$JS.API.STREAM.DELETE.KV_alert",
    "$JS.API.STREAM.PURGE.EVT",
    "$JS.API.STREAM.PURGE.ACK",
    "$JS.API.STREAM.MSG.DELETE.EVT",
    f"$JS.API.CONSUMER.DELETE.EVT.{DURABLE}",
    f"$JS.API.CONSUMER.MSG.NEXT.EVT.{DURABLE}",
    "$KV.desired.{far}",
    "$KV.alert.unit.u-2.alert",
    "$KV.alert.all.alert",
    "$KV.alert_book.x",
    "evt.fleet.device.claimed.v1",
    "dlq.x",
    "dev.up.{far}.aired",
    "dev.up.{far}.reported",
    "alert.rpc.issue",
    "$SYS.REQ.USER.AUTH",
)


@pytest.fixture
async def place(nats_server, tmp_path):
    async with yard(nats_server, tmp_path) as made:
        jetstream = made.platform.jetstream()
        for _ in range(5):
            await jetstream.publish("evt.directory.unit.changed.v1", b"{}")
        yield made
        for stream in ("EVT", "ACK", "REPORTED"):
            await jetstream.purge_stream(stream)


async def _state(made: Yard) -> Any:
    """What an attack could change: every stream with its messages, every durable with its place."""
    jetstream = made.platform.jetstream()
    streams = {
        info.config.name: (info.state.messages, info.state.last_seq)
        for info in await jetstream.streams_info()
        if info.config.name not in ("ACK", "REPORTED")
    }
    foreign = {
        subject: await _count(made, subject)
        for subject in (f"dev.up.{made.far.id}.aired", f"dev.up.{made.far.id}.reported")
    }
    durables = [(info.name, info.num_ack_pending, info.num_pending) for info in await jetstream.consumers_info("EVT")]
    return streams, foreign, sorted(durables)


async def _count(made: Yard, subject: str) -> int:
    stream = "REPORTED" if subject.endswith("reported") else "ACK"
    info = await made.platform.jetstream().stream_info(stream, subjects_filter=subject)
    return sum((info.state.subjects or {}).values())


def _vias(made: Yard) -> list[str]:
    """Everything that anybody answers to a device."""
    own = made.own.id
    return [
        f"$JS.API.DIRECT.GET.KV_desired.$KV.desired.{own}",
        "$JS.API.DIRECT.GET.KV_alert.$KV.alert.all.nothing",
        f"dev.up.{own}.aired",
        f"dev.up.{own}.reported",
        f"dev.rpc.{own}.snapshot",
    ]


async def _own_key(made: Yard, body: bytes | None) -> None:
    jetstream = made.platform.jetstream()
    await jetstream.purge_stream("KV_desired", subject=f"$KV.desired.{made.own.id}")
    if body is not None:
        await jetstream.publish(f"$KV.desired.{made.own.id}", body)


async def _ask(made: Yard, client: Any, aim: str) -> None:
    """Ask everything with the answer pointed at ``aim``; returns when all of it has been worked on."""
    for via in _vias(made):
        await client.publish(via, b"", reply=aim)
    for via in _vias(made):
        await client.request(via, b"", timeout=30)
    await barrier(client)
    await made.settle()


@pytest.mark.parametrize("websocket", [False, True], ids=["NATS", "WebSocket"])
async def test_answers_pointed_at_the_platform_change_nothing(place, websocket):
    lines = ["| an answer that says | pointed at | |", "|---|---|---|"]
    changed = []
    async with nats_probe(place, websocket=websocket) as probe:
        for what, body in BODIES.items():
            await _own_key(place, body)
            before = await _state(place)
            for aim in AIMS:
                aim = aim.format(far=place.far.id)
                await _ask(place, probe.client, aim)
                after = await _state(place)
                lines.append(f"| {what} | {aim} | {'nothing' if after == before else 'CHANGED'} |")
                if after != before:
                    changed.append((what, aim, before, after))
                before = after
    write(f"replies-{'websocket' if websocket else 'nats'}", "\n".join(lines))
    assert changed == []


async def test_inside_the_account_of_the_services_the_same_trick_works(place):
    """The control: what the table looks for does happen where there is no border."""
    await _own_key(place, b'{"seq":1000000}')
    before = await _state(place)
    await place.fleet.publish(_vias(place)[0], b"", reply="$JS.API.STREAM.PURGE.EVT")

    async def changed() -> bool:
        return await _state(place) != before

    await eventually(changed)


@pytest.mark.parametrize("websocket", [False, True], ids=["NATS", "WebSocket"])
async def test_what_reaches_another_device_is_refused_by_it(place, websocket):
    """The row that stays open; so every message to a device is signed. A document of one's own is for oneself."""
    aims = [f"dev.dn.{place.far.id}.cmd", f"dev.dn.{place.far.id}.desired", "dev.bc.unit.u-2.alert"]
    heard = {aim: await place.outside.client.subscribe(aim) for aim in aims}
    await barrier(place.outside.client)
    key = SigningKey(place.server.ring.fleet_file.read_bytes())
    async with nats_probe(place, websocket=websocket) as probe:
        for aim in aims:
            await _ask(place, probe.client, aim)
            bodies = [(await heard[aim].next_msg(30)).data for _ in _vias(place)]
            verdicts = {
                check_desired(body, KeySet({key.kid: key.public}), place.far.id, 0, datetime.now(UTC))
                for body in bodies
            }
            assert verdicts <= {Reason.MALFORMED, Reason.AUDIENCE, Reason.SIGNATURE}, aim


@pytest.mark.parametrize("websocket", [False, True], ids=["NATS", "WebSocket"])
async def test_a_reply_subject_of_acknowledgements_is_refused_by_the_server(place, websocket):
    async with nats_probe(place, websocket=websocket) as probe:
        subject = f"dev.up.{place.own.id}.aired"
        stored = await _count(place, subject)
        await probe.client.publish(subject, b"{}", reply=f"$JS.ACK.EVT.{DURABLE}.1.1.1.1.0")
        await barrier(probe.client)
        assert any("$js.ack" in error for error in probe.errors)
        assert await _count(place, subject) == stored


async def test_over_mqtt_there_is_nothing_to_point(place):
    """MQTT 3.1.1 has no reply subject; what would be one in a body is text. The answer goes to the device itself."""
    before = await _state(place)
    replies = []

    async def note(message):
        replies.append(message.reply)

    await place.fleet.subscribe(f"dev.rpc.{place.own.id}.manifest", cb=note)
    await barrier(place.fleet)
    async with aiomqtt_probe(place) as probe:
        for aim in AIMS:
            body = json.dumps({"reply": aim.format(far=place.far.id), "reply_to": aim}).encode()
            mine = [
                f"dev.up.{place.own.id}.aired",
                f"dev.rpc.{place.own.id}.manifest",
                f"dev.up.{place.own.id}.reported",
            ]
            await probe.publish([(subject, body) for subject in mine])
    await eventually(lambda: len(replies) == len(AIMS))
    assert set(replies) == {""}
    assert await _state(place) == before
