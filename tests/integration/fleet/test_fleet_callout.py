"""Signing in: over every listener, with the callout, the database or the server gone and back."""

import asyncio
import json
import secrets
from typing import Any

import aiomqtt
import nkeys
import pytest

from lantoa_signing import nkey
from lantoa_signing.documents import b64
from lantoa_testing import eventually

# nats-py leaves the socket of a refused or kicked client to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
STORM = 150


def _mqtt(fleet: Any, device: Any, password: str, identifier: str | None = None) -> aiomqtt.Client:
    return aiomqtt.Client(
        "127.0.0.1",
        fleet.nats.plan.mqtt_port,
        username=device.id,
        password=password,
        identifier=identifier or device.id,
        protocol=aiomqtt.ProtocolVersion.V311,
        timeout=30,
    )


async def _mqtt_refused(client: aiomqtt.Client) -> bool:
    try:
        async with client:
            return False
    except aiomqtt.MqttError:
        return True


async def _mqtt_granted(client: aiomqtt.Client, topic: str) -> bool:
    """Whether the server grants a subscription. It answers a refusal as a reason code, not as an error."""
    code = (await client.subscribe(topic, qos=0))[0]
    return (code if isinstance(code, int) else code.value) < 0x80


async def _mqtt_signed_in(fleet: Any, device: Any, token: str) -> bool:
    return not await _mqtt_refused(_mqtt(fleet, device, token))


async def test_unknown_pending_and_foreign_keys_are_refused_at_once(fleet: Any) -> None:
    pending, unknown, known = fleet.device(), fleet.device(), await fleet.claimed()
    await fleet.enrol(pending)
    await (await known.connect()).close()
    before = fleet.callout.logins("refused")
    assert await pending.try_connect() is None
    assert await unknown.try_connect() is None
    # The known device's public key with another key's signature over the nonce.
    thief = nkeys.from_seed(nkey.new_seed(secrets.token_bytes(32)).encode())

    def sign(nonce: str) -> bytes:
        return b64(bytes(thief.sign(nonce.encode()))).encode()

    def name() -> bytearray:
        return bytearray(known.public.encode())

    refused = await known.try_connect(nkeys_seed_str=None, signature_cb=sign, user_jwt_cb=name)
    assert refused is None
    assert await unknown.try_connect(nkeys_seed_str=None, user=known.id, password="x") is None
    # Each was answered with a refusal: none was left to wait.
    await eventually(lambda: fleet.callout.logins("refused") >= before + 4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # nats-py passes aiohttp a timeout in its old form.
async def test_a_device_signs_in_over_websocket_with_the_same_rights(fleet: Any) -> None:
    device = await fleet.claimed()
    client = await device.connect(f"ws://127.0.0.1:{fleet.nats.plan.websocket_port}")
    answer = await client.request(f"dev.rpc.{device.id}.snapshot", b"{}", timeout=30)
    assert "now" in json.loads(answer.data)
    await fleet.wait_online(device)
    await fleet.change(device, "revoke")
    await eventually(lambda: client.is_closed)


async def test_an_mqtt_receiver_signs_in_by_token_and_hears_what_is_its_own(fleet: Any) -> None:
    device, other = await fleet.claimed(), await fleet.claimed()
    token = await fleet.token(device)
    await eventually(lambda: _mqtt_signed_in(fleet, device, token))
    async with _mqtt(fleet, device, token) as client:
        assert await _mqtt_granted(client, f"dev/dn/{device.id}/desired")
        for topic in (f"dev/dn/{other.id}/desired", "dev/dn/#", "$MQTT/sub/#", "dev/bc/unit/u-2/alert"):
            assert not await _mqtt_granted(client, topic), topic
        await client.publish(f"dev/rpc/{device.id}/snapshot", b"{}", qos=1)
        message = await asyncio.wait_for(anext(aiter(client.messages)), 30)
        assert json.loads(json.loads(message.payload)["p"])["aud"] == device.id
        await client.publish(f"dev/up/{device.id}/aired", b"mine", qos=1)
        await client.publish(f"dev/up/{other.id}/aired", b"forged", qos=1)
        await client.publish(f"dev/up/{device.id}/displayed", b"end", qos=1)

    async def all_stored() -> bool:
        return await fleet.events.bodies("ACK", "dev.up.*.displayed") == [b"end"]

    await eventually(all_stored)
    assert await fleet.events.bodies("ACK", "dev.up.*.aired") == [b"mine"]


async def test_an_mqtt_receiver_with_another_token_name_or_client_id_is_refused(fleet: Any) -> None:
    device, other = await fleet.claimed(), await fleet.claimed()
    token = await fleet.token(device)
    await eventually(lambda: _mqtt_signed_in(fleet, device, token))
    assert await _mqtt_refused(_mqtt(fleet, device, "wrong"))
    assert await _mqtt_refused(_mqtt(fleet, other, token))
    assert await _mqtt_refused(_mqtt(fleet, device, token, identifier=other.id))
    assert await device.try_connect(nkeys_seed_str=None, user=device.id, password=token) is None


async def test_a_revoked_mqtt_receiver_is_cut_and_refused(fleet: Any) -> None:
    device = await fleet.claimed()
    token = await fleet.token(device)
    await eventually(lambda: _mqtt_signed_in(fleet, device, token))

    async def stay_connected() -> None:
        async with _mqtt(fleet, device, token) as client:
            await fleet.wait_online(device)
            await fleet.change(device, "revoke")
            await asyncio.wait_for(anext(aiter(client.messages)), 30)

    with pytest.raises(aiomqtt.MqttError):
        await stay_connected()

    async def refused() -> bool:
        return await _mqtt_refused(_mqtt(fleet, device, token))

    await eventually(refused)


async def test_very_many_devices_sign_in_at_once(fleet: Any) -> None:
    await fleet.unit("u-1")
    devices = [fleet.device() for _ in range(STORM)]
    now = fleet.running.service.clock.now()
    place = {"state": "accepted", "path": ["u-province", "u-1"], "unit_id": "u-1", "rights_at": now, "ver": 1}
    rows = [{"_id": device.id, "public_key": device.public, "claim_code": device.id, **place} for device in devices]
    await asyncio.gather(*(fleet.documents.insert_one(row) for row in rows))
    for device in (devices[0], devices[-1]):
        await (await device.connect()).close()
    # Like a real device, one that a busy machine did not answer in time asks again.
    clients = await asyncio.gather(*(device.connect() for device in devices))
    assert all(client is not None and client.is_connected for client in clients)
    asked = (
        client.request(f"dev.rpc.{device.id}.snapshot", b"", timeout=30)
        for client, device in zip(clients, devices, strict=True)
    )
    assert len(await asyncio.gather(*asked)) == STORM

    async def all_online() -> bool:
        return len(await fleet.documents.find({"online": True}, {"_id": 1})) == STORM

    await eventually(all_online, timeout=60)


async def test_two_replicas_share_the_sign_ins_and_one_of_them_is_enough(
    fleet: Any, make_callout: Any, mongo_url: str, database_prefix: str
) -> None:
    devices = [await fleet.claimed() for _ in range(12)]
    second = make_callout(mongo_url, database_prefix)
    second.start()
    try:
        before = [replica.logins("accepted") for replica in (fleet.callout, second)]
        for _ in range(2):
            clients = await asyncio.gather(*(device.connect() for device in devices))
            await asyncio.gather(*(client.close() for client in clients))

        def shares() -> list[float]:
            replicas = zip((fleet.callout, second), before, strict=True)
            return [replica.logins("accepted") - was for replica, was in replicas]

        await eventually(lambda: sum(shares()) >= 2 * len(devices))
        assert all(shares()), shares()
        fleet.callout.kill()
        last = await devices[0].connect()
        await fleet.wait_online(devices[0])
        await fleet.change(devices[0], "revoke")
        await eventually(lambda: last.is_closed)

        async def out() -> bool:
            return await devices[0].try_connect() is None

        await eventually(out)
        fleet.callout.start()
    finally:
        second.stop()


async def test_without_the_callout_services_connect_and_devices_come_back_when_it_does(fleet: Any) -> None:
    device = await fleet.claimed()
    stays = await device.connect()
    fleet.callout.kill()
    service = await fleet.nats.connect("content")
    assert service.is_connected
    await service.close()
    assert (await stays.request(f"dev.rpc.{device.id}.snapshot", b"{}", timeout=30)).data
    fleet.callout.start()
    assert (await device.connect()).is_connected


async def test_a_restarted_nats_is_asked_for_its_new_name_and_devices_sign_in_again(fleet: Any) -> None:
    device = await fleet.claimed()
    await device.connect()
    await fleet.wait_online(device)
    fleet.nats.restart()
    client = await device.connect()
    await eventually(fleet.running.ready)
    await fleet.wait_online(device)
    await fleet.change(device, "revoke")
    await eventually(lambda: client.is_closed)
