"""What a device can do to the platform and to others by pointing reply subjects: the table of two accounts.

Reply subjects are not checked against permissions: whoever answers a device writes where the device points. That is
why devices live in an account of their own.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeout

from lantoa_contracts.catalogue import DEVICE_AIRED, DEVICE_ONLINE, UNIT_CHANGED
from lantoa_devicekit.documents import Reason, check_command
from lantoa_signing.documents import KeySet, SigningKey
from lantoa_testing import eventually

# nats-py leaves the socket of a refused or kicked client to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

DURABLE = UNIT_CHANGED.durable("reporting")


@dataclass
class Attacker:
    """A field device with nothing but its own rights, and its victim."""

    fleet: Any
    own: Any
    victim: Any
    client: Client

    @property
    def get(self) -> str:
        """DIRECT.GET of its own key: what it may ask."""
        return f"$JS.API.DIRECT.GET.KV_desired.$KV.desired.{self.own.id}"

    @property
    def proof(self) -> str:
        """Its own proof: stored with an acknowledgement."""
        return f"dev.up.{self.own.id}.aired"

    @property
    def question(self) -> str:
        """Its question for the time, which fleet answers."""
        return f"dev.rpc.{self.own.id}.snapshot"

    async def own_key(self, body: bytes | None) -> None:
        """Make its own key hold something, or nothing."""
        jetstream = self.fleet.platform.jetstream()
        await jetstream.purge_stream("KV_desired", subject=f"$KV.desired.{self.own.id}")
        if body is not None:
            await jetstream.publish(f"$KV.desired.{self.own.id}", body)

    async def point(self, reply: str, *vias: str) -> None:
        """Ask all these with the answer pointed elsewhere; returns when the platform has worked on them."""
        for via in vias:
            await self.client.publish(via, b"{}", reply=reply)
        for via in vias:
            await self.client.request(via, b"{}", timeout=5)
        await self.own.barrier(self.client)
        await self.fleet.platform.request("$JS.API.INFO", b"", timeout=5)


@pytest.fixture
async def attacker(fleet: Any) -> Attacker:
    own, victim = await fleet.claimed("u-1"), await fleet.claimed("u-2")
    made = Attacker(fleet, own, victim, await own.connect())
    await fleet.events.wait(DEVICE_ONLINE)  # The last event that fleet itself has to tell.
    return made


async def _state(platform: Client) -> dict[str, Any]:
    """What an attack could change: each stream's messages, and the durables of EVT."""
    jetstream = platform.jetstream()
    streams = {
        info.config.name: (info.state.messages, info.state.last_seq)
        for info in await jetstream.streams_info()
        if info.config.name not in ("ACK", "ADV")
    }
    durables = [info.config.durable_name for info in await jetstream.consumers_info("EVT")]
    return {"streams": streams, "durables": sorted(filter(None, durables))}


async def test_the_same_trick_works_inside_the_account_of_the_services(attacker: Attacker) -> None:
    """The control: what the table's tests look for does happen where there is no border."""
    await attacker.own_key(b'{"seq":3}')
    jetstream = attacker.fleet.platform.jetstream()
    before = (await jetstream.stream_info("EVT")).state.first_seq
    inside = await attacker.fleet.nats.connect("fleet")
    await inside.publish(attacker.get, b"", reply="$JS.API.STREAM.PURGE.EVT")

    async def purged() -> bool:
        return bool((await jetstream.stream_info("EVT")).state.first_seq > before)

    await eventually(purged)
    await inside.close()


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.API.STREAM.DELETE.EVT",
        "$JS.API.STREAM.DELETE.KV_desired",
        "$JS.API.STREAM.PURGE.EVT",
        f"$JS.API.CONSUMER.DELETE.EVT.{DURABLE}",
    ],
)
async def test_an_empty_answer_pointed_at_the_streams_api_deletes_nothing(attacker: Attacker, reply: str) -> None:
    await attacker.own_key(None)
    before = await _state(attacker.fleet.platform)
    await attacker.point(reply, attacker.get)
    assert await _state(attacker.fleet.platform) == before


@pytest.mark.parametrize("body", [b'{"seq":3}', b'{"filter":"evt.>"}'])
async def test_an_answer_of_its_own_choice_pointed_at_the_streams_api_purges_nothing(
    attacker: Attacker, body: bytes
) -> None:
    await attacker.own_key(body)
    before = await _state(attacker.fleet.platform)
    await attacker.point("$JS.API.STREAM.PURGE.EVT", attacker.get, attacker.proof, attacker.question)
    assert await _state(attacker.fleet.platform) == before


async def test_answers_pointed_at_state_alerts_and_events_are_stored_nowhere(attacker: Attacker) -> None:
    await attacker.own_key(b'{"seq":3}')
    before = await _state(attacker.fleet.platform)
    for reply in (
        f"$KV.desired.{attacker.victim.id}",
        "$KV.alert.unit.u-2.alert",
        "evt.fleet.device.claimed.v1",
        "dlq.x",
        f"dev.up.{attacker.victim.id}.reported",
    ):
        await attacker.point(reply, attacker.get, attacker.proof, attacker.question)
    assert await _state(attacker.fleet.platform) == before


async def test_an_answer_pointed_at_anothers_proof_is_not_that_ones_proof(attacker: Attacker) -> None:
    await attacker.own_key(b'{"seq":3}')
    reply = f"dev.up.{attacker.victim.id}.aired"
    await attacker.point(reply, attacker.get, attacker.proof, attacker.question)
    assert await attacker.fleet.events.bodies("ACK", reply) == []
    assert len(await attacker.fleet.events.bodies("ACK", attacker.proof)) == 2


async def test_an_answer_pointed_at_another_device_arrives_and_is_refused_by_it(attacker: Attacker) -> None:
    """The one row that stays open: so every message to a device is signed, and this one is not."""
    victim = await attacker.victim.connect()
    heard = await victim.subscribe(f"dev.dn.{attacker.victim.id}.cmd")
    alerts = await victim.subscribe("dev.bc.unit.u-2.alert")
    await attacker.victim.barrier(victim)
    await attacker.own_key(b'{"aud":"' + attacker.victim.id.encode() + b'"}')
    await attacker.point(f"dev.dn.{attacker.victim.id}.cmd", attacker.get)
    await attacker.point("dev.bc.unit.u-2.alert", attacker.get)
    key = SigningKey(attacker.fleet.nats.ring.fleet_file.read_bytes())
    for subscription in (heard, alerts):
        forged = await subscription.next_msg(timeout=5)
        keys = KeySet({key.kid: key.public})
        assert check_command(forged.data, keys, attacker.victim.id, datetime.now(UTC)) is Reason.MALFORMED


async def test_a_reply_subject_of_acknowledgements_is_refused_by_the_server(attacker: Attacker) -> None:
    before = await _state(attacker.fleet.platform)
    stored = len(await attacker.fleet.events.bodies("ACK", attacker.proof))
    await attacker.client.publish(attacker.proof, b"{}", reply=f"$JS.ACK.EVT.{DURABLE}.1.1.1.1.0")
    await attacker.own.barrier(attacker.client)
    assert any("$js.ack" in error.lower() for error in attacker.own.errors)
    assert len(await attacker.fleet.events.bodies("ACK", attacker.proof)) == stored
    assert await _state(attacker.fleet.platform) == before


async def test_an_answer_pointed_at_the_callout_does_not_reach_it(attacker: Attacker) -> None:
    before = attacker.fleet.callout.logins("unreadable")
    await attacker.own_key(b"x")
    await attacker.point("$SYS.REQ.USER.AUTH", attacker.get, attacker.proof, attacker.question)
    assert attacker.fleet.callout.logins("unreadable") == before


async def test_a_device_cannot_publish_as_another_or_as_the_platform(attacker: Attacker) -> None:
    before = await _state(attacker.fleet.platform)
    other = attacker.victim.id
    for subject in (
        f"dev.up.{other}.aired",
        f"dev.up.{other}.hb",
        f"dev.rpc.{other}.manifest",
        f"dev.dn.{other}.desired",
        "dev.bc.all.alert",
        f"$KV.desired.{other}",
        f"$KV.desired.{attacker.own.id}",
        "evt.fleet.device.claimed.v1",
        "$JS.API.STREAM.DELETE.EVT",
        "$JS.API.STREAM.NAMES",
        "$JS.API.INFO",
        f"$JS.API.DIRECT.GET.KV_desired.$KV.desired.{other}",
        "$JS.API.DIRECT.GET.KV_desired",
        "$JS.API.DIRECT.GET.KV_alert.$KV.alert.unit.u-2.alert",
    ):
        attacker.own.errors.clear()
        await attacker.client.publish(subject, b"{}")
        await attacker.own.barrier(attacker.client)
        assert any("permissions violation for publish" in error.lower() for error in attacker.own.errors), subject
    assert await _state(attacker.fleet.platform) == before
    assert await attacker.fleet.events.bodies(DEVICE_AIRED.stream, f"dev.up.{other}.aired") == []


async def test_a_device_cannot_listen_to_another(attacker: Attacker) -> None:
    other = attacker.victim.id
    for subject in (
        f"dev.dn.{other}.desired",
        "dev.dn.*.desired",
        "dev.dn.>",
        f"_INBOX_{other}.>",
        "_INBOX_fleet.>",
        "dev.bc.unit.u-2.alert",
        "dev.up.*.aired",
        ">",
    ):
        attacker.own.errors.clear()
        await attacker.client.subscribe(subject)
        await attacker.own.barrier(attacker.client)
        assert any("permissions violation for subscription" in error.lower() for error in attacker.own.errors), subject


async def test_asking_for_anothers_state_gets_no_answer(attacker: Attacker) -> None:
    with pytest.raises(NatsTimeout):
        await attacker.client.request(
            f"$JS.API.DIRECT.GET.KV_desired.$KV.desired.{attacker.victim.id}", b"", timeout=0.5
        )
    own = await attacker.client.request(attacker.get, b"", timeout=5)
    assert json.loads(json.loads(own.data)["p"])["aud"] == attacker.own.id


async def test_headers_with_power_over_a_stream_are_refused_on_a_devices_messages(attacker: Attacker) -> None:
    for header, value in (
        ("Nats-Rollup", "all"),
        ("Nats-TTL", "1s"),
        ("Nats-Incr", "1"),
        ("Nats-Schedule", "@every 1s"),
        ("Nats-Batch-Id", "b"),
    ):
        answer = await attacker.client.request(attacker.proof, b"{}", timeout=5, headers={header: value})
        assert "error" in json.loads(answer.data), header
    assert await attacker.fleet.events.bodies("ACK", attacker.proof) == []


async def test_a_service_has_its_own_rights_and_no_others(fleet: Any) -> None:
    errors: list[str] = []

    async def note(error: Exception) -> None:
        errors.append(str(error))

    before = await _state(fleet.platform)
    client = await fleet.nats.connect("reporting", error_cb=note)
    device = "d-" + hashlib.sha256(b"x").hexdigest()[:20]
    for subject in (
        "$JS.API.STREAM.DELETE.EVT",
        "$JS.API.STREAM.PURGE.EVT",
        "$JS.API.CONSUMER.CREATE.EVT",
        "evt.fleet.device.claimed.v1",
        f"$KV.desired.{device}",
        "$KV.alert.all.alert",
        "dev.bc.all.alert",
        f"dev.dn.{device}.cmd",
        "dlq.fleet.x",
    ):
        errors.clear()
        await client.publish(subject, b"{}")
        await client.flush()
        await client.flush()
        assert any("permissions violation for publish" in error.lower() for error in errors), subject
    for subject in ("_INBOX_fleet.>", "dev.rpc.*.snapshot", "evt.>", "$KV.desired.*"):
        errors.clear()
        await client.subscribe(subject)
        await client.flush()
        await client.flush()
        assert any("permissions violation for subscription" in error.lower() for error in errors), subject
    assert await _state(fleet.platform) == before
    await client.close()
