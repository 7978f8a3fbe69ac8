"""Who signs in as whom, what a device may ask, what its headers, sizes and last wills do: over each protocol."""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import aiomqtt
import nkeys
import pytest
from matrix import write
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from probes import as_topic, mqtt_client, nats_probe, refuses
from yard import Keyed, Yard, barrier, sign_in, yard

from lantoa_fleet.domain.rights import BIGGEST_MESSAGE, MOST_SUBSCRIPTIONS
from lantoa_signing import nkey
from lantoa_signing.documents import b64
from lantoa_testing import eventually

pytestmark = [
    # nats-py leaves the socket of a refused or kicked client to the garbage collector ...
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # ... and passes aiohttp a timeout in its old form.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
BOTH = pytest.mark.parametrize("websocket", [False, True], ids=["NATS", "WebSocket"])


@pytest.fixture
async def place(nats_server, tmp_path):
    async with yard(nats_server, tmp_path) as made:
        yield made


async def _let_in(*, may: bool, attempt: Callable[[], Awaitable[bool]]) -> bool:
    """Whether somebody comes in; who may is given the time that a busy machine needs."""
    return bool(await eventually(attempt)) if may else await attempt()


async def _nats_in(made: Yard, keyed: Keyed, *, websocket: bool, **options) -> bool:
    try:
        url = made.websocket if websocket else made.server.url
        await (await sign_in(url, keyed.seed, keyed.id, [], **options)).close()
    except (NatsError, OSError):
        return False
    return True


async def _mqtt_in(made: Yard, keyed: Keyed, **changes) -> bool:
    try:
        async with mqtt_client(made, keyed, timeout=10, **changes):
            return True
    except aiomqtt.MqttError:
        return False


async def _mosquitto_in(made: Yard, *, client: str, user: str, token: str) -> bool:
    port, topic = str(made.server.plan.mqtt_port), f"dev/up/{user}/hb"
    words = ["-h", "127.0.0.1", "-p", port, "-V", "mqttv311", "-t", topic, "-n", "-q", "1"]
    words += ["-i", client, "-u", user, "-P", token]
    process = await asyncio.create_subprocess_exec("mosquitto_pub", *words, stderr=asyncio.subprocess.DEVNULL)
    return await asyncio.wait_for(process.wait(), 60) == 0


def _stolen(keyed: Keyed) -> dict[str, object]:
    """Another's public key with a signature of one's own over the server's nonce."""
    thief = nkeys.from_seed(nkey.new_seed(secrets.token_bytes(32)).encode())
    return {
        "nkeys_seed_str": None,
        "signature_cb": lambda nonce: b64(bytes(thief.sign(nonce.encode()))).encode(),
        "user_jwt_cb": lambda: bytearray(nkey.public_of(keyed.seed).encode()),
    }


async def test_nobody_signs_in_as_another_nor_by_a_door_that_is_not_his(place):
    own, far = place.own, place.far
    stranger = nkey.new_seed(secrets.token_bytes(32))
    by_token = {"nkeys_seed_str": None, "user": own.id, "password": own.token}
    tries: dict[str, tuple[bool, object]] = {}
    for name, websocket in (("NATS", False), ("WebSocket", True)):
        for what, may, options in (
            ("its own key", True, {}),
            ("an unknown key", False, {"nkeys_seed_str": stranger}),
            ("another's public key", False, _stolen(far)),
            ("its MQTT token", False, by_token),
            ("another's id and its own token", False, {**by_token, "user": far.id}),
            ("no key", False, {"nkeys_seed_str": None}),
        ):
            attempt = partial(_nats_in, place, own, websocket=websocket, **options)
            tries[f"{name}: {what}"] = may, await _let_in(may=may, attempt=attempt)
    for what, may, changes in (
        ("its id, client id and token", True, {}),
        ("a wrong token", False, {"password": "x"}),
        ("no token", False, {"password": None}),
        ("another's token", False, {"password": far.token}),
        ("another's id, its own token", False, {"username": far.id, "identifier": far.id}),
        ("another's client id", False, {"identifier": far.id}),
        ("a client id of the server's choice", False, {"identifier": "", "clean_session": True}),
        ("MQTT 5", False, {"protocol": aiomqtt.ProtocolVersion.V5}),
    ):
        tries[f"MQTT aiomqtt: {what}"] = may, await _let_in(may=may, attempt=partial(_mqtt_in, place, own, **changes))
    for what, may, client, user, token in (
        ("its id, client id and token", True, own.id, own.id, own.token),
        ("another's client id", False, far.id, own.id, own.token),
        ("another's id, its own token", False, far.id, far.id, own.token),
        ("a wrong token", False, own.id, own.id, "x"),
    ):
        attempt = partial(_mosquitto_in, place, client=client, user=user, token=token)
        tries[f"MQTT mosquitto: {what}"] = may, await _let_in(may=may, attempt=attempt)
    lines = ["| a device signs in with | let in |", "|---|---|"]
    lines += [f"| {what} | {'yes' if came_in else 'no'} |" for what, (_, came_in) in tries.items()]
    write("doors", "\n".join(lines))
    assert [what for what, (may, came_in) in tries.items() if may != came_in] == []


async def test_a_thief_of_a_client_id_does_not_throw_its_owner_out(place):
    """In MQTT a second client of the same id ends the first: so the id must be the device's own."""
    async with mqtt_client(place, place.far) as owner:
        assert not await _mqtt_in(place, place.own, identifier=place.far.id)
        topic = f"dev/dn/{place.far.id}/cmd"
        await owner.subscribe(topic)
        await place.platform.publish(f"dev.dn.{place.far.id}.cmd", b"still here")
        async with asyncio.timeout(60):
            assert (await anext(aiter(owner.messages))).payload == b"still here"


@BOTH
async def test_it_reads_its_own_state_and_the_alerts_granted_and_nothing_else_of_the_buckets(place, websocket):
    async with nats_probe(place, websocket=websocket) as probe:

        async def read(stream: str, key: str, body: bytes = b"", wait: float = 30):
            return await probe.client.request(f"$JS.API.DIRECT.GET.{stream}.{key}", body, timeout=wait)

        own = await read("KV_desired", f"$KV.desired.{place.own.id}")
        assert json.loads(json.loads(own.data)["p"])["aud"] == place.own.id
        for scope in place.own.place.scopes:
            for tail in ("alert", ">"):
                order = await read("KV_alert", f"$KV.alert.{scope}.{tail}")
                assert json.loads(json.loads(order.data)["p"])["aud"] == scope
        for stream, key in (
            ("KV_desired", f"$KV.desired.{place.near.id}"),
            ("KV_desired", "$KV.desired.*"),
            ("KV_alert", "$KV.alert.unit.u-2.alert"),
            ("KV_alert", "$KV.alert.grp.g-2.alert"),
            ("KV_alert", "$KV.alert.>"),
            ("REPORTED", f"dev.up.{place.own.id}.reported"),
        ):
            with pytest.raises(NatsTimeout):
                await read(stream, key, wait=0.1)
        # The question may carry wishes of its own where it names no subject: here it names one.
        for wish in (
            {"seq": 1},
            {"last_by_subj": f"$KV.desired.{place.far.id}"},
            {"next_by_subj": "$KV.desired.>", "seq": 1},
            {"multi_last": ["$KV.desired.>"], "batch": 100},
        ):
            answer = await read("KV_desired", f"$KV.desired.{place.own.id}", json.dumps(wish).encode())
            assert (answer.data, (answer.headers or {})["Status"]) == (b"", "408"), wish


POWERS = {
    "Nats-Rollup": "all",
    "Nats-TTL": "1s",
    "Nats-Incr": "1",
    "Nats-Schedule": "@every 1s",
    "Nats-Batch-Id": "b",
    "Nats-Expected-Stream": "EVT",
    "Nats-Expected-Last-Sequence": "999999",
    "Nats-Expected-Last-Subject-Sequence": "999999",
}


@BOTH
async def test_headers_have_no_power_over_streams(place, websocket):
    """MQTT 3.1.1 has none."""
    jetstream = place.platform.jetstream()
    await jetstream.purge_stream("ACK")
    others = [f"dev.up.{place.far.id}.{what}" for what in ("aired", "reported")]
    for subject in others:
        await jetstream.publish(subject, b"there before")
    async with nats_probe(place, websocket=websocket) as probe:
        for header, value in POWERS.items():
            for what in ("aired", "reported", "ack", "alarm"):
                subject = f"dev.up.{place.own.id}.{what}"
                answer = await probe.client.request(subject, b"{}", timeout=30, headers={header: value})
                assert "error" in json.loads(answer.data), (header, what)
        # A trace of its own message, sent to another.
        for aim in (f"dev.dn.{place.far.id}.cmd", "dev.bc.all.alert", "evt.fleet.device.claimed.v1"):
            headers = {"Nats-Trace-Dest": aim, "Nats-Trace-Only": "true"}
            await probe.client.publish(f"dev.up.{place.own.id}.aired", b"traced", headers=headers)
            await barrier(probe.client)
            await place.settle()
            heard = place.outside.heard | place.inside.heard
            assert not any(aim in subjects for body, subjects in heard.items() if b"traced" in body or b"hops" in body)
    assert (await jetstream.stream_info("ACK")).state.messages == 1
    stored = [
        await jetstream.get_last_msg(stream, subject)
        for stream, subject in zip(("ACK", "REPORTED"), others, strict=True)
    ]
    assert [message.data for message in stored] == [b"there before"] * 2


@BOTH
async def test_one_devices_message_ids_suppress_nobody_who_sends_none(place, websocket):
    """De-duplication is by stream, not by subject: so devicekit sends no id, and the ledger drops repeats."""
    jetstream = place.platform.jetstream()
    async with nats_probe(place, websocket=websocket) as probe:
        guess = {"Nats-Msg-Id": f"{place.far.id}:e-1.1"}
        await probe.client.request(f"dev.up.{place.own.id}.aired", b"first", timeout=30, headers=guess)
    far = await sign_in(place.server.url, place.far.seed, place.far.id, [])
    subject = f"dev.up.{place.far.id}.aired"
    answers = [await far.request(subject, b"real", timeout=30, headers=headers) for headers in (None, guess)]
    await far.close()
    assert [json.loads(answer.data).get("duplicate", False) for answer in answers] == [False, True]
    assert (await jetstream.get_last_msg("ACK", subject)).data == b"real"


@BOTH
async def test_size_and_number_are_limited_on_nats(place, websocket):
    subject = f"dev.up.{place.own.id}.hb"
    async with nats_probe(place, websocket=websocket) as probe:
        await probe.publish([(subject, b"x" * BIGGEST_MESSAGE)])
        await place.settle()
        assert place.arrived(b"x" * BIGGEST_MESSAGE)
        with suppress(NatsError):
            await probe.client.publish(subject, b"x" * (BIGGEST_MESSAGE + 1))
            await probe.client.flush(1)
        await eventually(lambda: probe.client.is_closed)
    await place.settle()
    assert not place.arrived(b"x" * (BIGGEST_MESSAGE + 1))
    async with nats_probe(place, websocket=websocket) as probe:
        for number in range(MOST_SUBSCRIPTIONS):
            await probe.client.subscribe(f"_INBOX_{place.own.id}.{number}")
        await barrier(probe.client)
        assert probe.client.is_connected
        with suppress(NatsError):
            await probe.client.subscribe(f"_INBOX_{place.own.id}.more")
            await probe.client.flush(1)
        await eventually(lambda: probe.client.is_closed)


async def test_size_and_number_are_limited_on_mqtt(place):
    topic, most = f"dev/up/{place.own.id}/hb", b"x" * (BIGGEST_MESSAGE - 64)  # The topic counts too.
    async with mqtt_client(place, place.own) as client:
        codes = [(await client.subscribe(f"dev/bc/all/{number}"))[0] for number in range(MOST_SUBSCRIPTIONS + 4)]
        assert [refuses(code) for code in codes] == [False] * MOST_SUBSCRIPTIONS + [True] * 4
        await client.publish(topic, most, qos=1)
    let_in = asyncio.Event()

    async def too_much() -> None:
        async with mqtt_client(place, place.own) as client:
            let_in.set()
            await client.publish(topic, b"x" * (BIGGEST_MESSAGE + 1), qos=1, timeout=1)

    with pytest.raises(aiomqtt.MqttError):
        await too_much()
    assert let_in.is_set()
    await place.settle()
    assert place.arrived(most)
    assert not place.arrived(b"x" * (BIGGEST_MESSAGE + 1))


async def test_a_receiver_that_takes_all_that_quality_1_offers_takes_nothing_of_what_others_need(place):
    """Every QoS 1 subscription is a JetStream consumer, and there are 200 in all; delivery is at QoS 0 anyhow."""
    topic = f"dev/dn/{place.far.id}/cmd"
    async with mqtt_client(place, place.own) as hostile, mqtt_client(place, place.far) as other:
        taken = [(await hostile.subscribe(f"dev/bc/all/{number}", qos=1))[0] for number in range(MOST_SUBSCRIPTIONS)]
        assert sum(not refuses(code) for code in taken) == MOST_SUBSCRIPTIONS // 2
        for qos in (1, 0):
            assert not refuses((await other.subscribe(topic, qos=qos))[0])
            await place.platform.publish(f"dev.dn.{place.far.id}.cmd", b"now")
            async with asyncio.timeout(60):
                message = await anext(aiter(other.messages))
            assert (message.payload, message.qos) == (b"now", 0)


async def test_a_last_will_is_no_louder_than_its_device(place):
    """What the server publishes for a device that died has the rights of that device."""
    own, far = place.own, place.far
    for topic, heard in (
        (f"dev/up/{own.id}/hb", True),
        (f"dev/up/{far.id}/aired", False),
        (f"dev/dn/{far.id}/cmd", False),
        ("dev/bc/all/alert", False),
        ("$KV/desired/x", False),
    ):
        body = f"last will on {topic}"
        words = ["-h", "127.0.0.1", "-p", str(place.server.plan.mqtt_port), "-V", "mqttv311", "-d"]
        words += ["-i", own.id, "-u", own.id, "-P", own.token, "-t", f"dev/dn/{own.id}/cmd"]
        words += ["--will-topic", topic, "--will-payload", body]
        process = await asyncio.create_subprocess_exec(
            "stdbuf", "-oL", "mosquitto_sub", *words, stdout=asyncio.subprocess.PIPE
        )
        while b"Subscribed" not in await asyncio.wait_for(process.stdout.readline(), 60):
            assert process.returncode is None
        process.kill()
        await process.wait()

        async def gone():
            return not await place.connected(own.id)

        await eventually(gone)
        await place.settle()
        if heard:
            await eventually(lambda body=body: place.arrived(body.encode()))
        else:
            assert not place.arrived(body.encode()), topic


async def test_a_forbidden_subscription_is_a_code_that_aiomqtt_does_not_raise(place):
    async with mqtt_client(place, place.own) as client:
        (refused,) = await client.subscribe(as_topic(f"dev.dn.{place.far.id}.desired"))
        (granted,) = await client.subscribe(as_topic(f"dev.dn.{place.own.id}.desired"))
    assert (refuses(refused), refuses(granted)) == (True, False)
