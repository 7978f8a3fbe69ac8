"""Plain MQTT 3.1.1 receivers: made with a token, moved, grouped, revoked like every device."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
import pytest

from lantoa_contracts.catalogue import DEVICE_CLAIMED, DEVICE_REKEYED
from lantoa_testing import eventually

# nats-py leaves the socket of a refused or kicked client to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
PLACE = {"name": "Loa MQTT", "unit_id": "u-1", "site_type": "hamlet", "groups": ["Ven biển"]}


async def _make(fleet: Any, key: str | None = None, **changes: Any) -> tuple[int, Any, Any]:
    headers = {"Idempotency-Key": key or secrets.token_hex(8)}
    return await fleet.call("POST", "/receivers", json={**PLACE, **changes}, headers=headers)  # type: ignore[no-any-return]


@asynccontextmanager
async def _client(fleet: Any, device_id: str, token: str) -> AsyncIterator[aiomqtt.Client]:
    client = aiomqtt.Client(
        "127.0.0.1", fleet.nats.plan.mqtt_port, username=device_id, password=token, identifier=device_id,
        protocol=aiomqtt.ProtocolVersion.V311, timeout=30,
    )  # fmt: skip
    async with client:
        yield client


async def _lets_in(fleet: Any, device_id: str, token: str) -> bool:
    try:
        async with _client(fleet, device_id, token):
            return True
    except aiomqtt.MqttError:
        return False


async def test_a_receiver_is_made_once_and_its_token_is_told_once_and_kept_by_nobody(fleet: Any) -> None:
    await fleet.unit("u-1")
    status, made, _ = await _make(fleet, "the-same-key")
    assert status == 201, made
    device_id, token = made["device_id"], made["token"]
    status, again, headers = await _make(fleet, "the-same-key")
    assert (again["device_id"], again["token"], headers["Idempotent-Replay"]) == (device_id, None, "true")
    document = await fleet.documents.find_one({"_id": device_id})
    assert token not in repr(document)
    event = await fleet.events.wait(DEVICE_CLAIMED)
    assert (event.link, event.public_key, event.groups) == ("mqtt", "", ("ven-bien",))
    await eventually(lambda: _lets_in(fleet, device_id, token))
    assert not await _lets_in(fleet, device_id, "wrong")
    device = fleet.device()
    assert await device.try_connect(user=device_id, password=token, nkeys_seed_str=None) is None, "only over MQTT"


async def test_a_receiver_hears_its_groups_and_asks_for_its_state_and_alerts(fleet: Any) -> None:
    await fleet.unit("u-1")
    _, made, _ = await _make(fleet)
    device_id, token = made["device_id"], made["token"]
    await eventually(lambda: _lets_in(fleet, device_id, token))
    asked = await fleet.platform.subscribe(f"dev.rpc.{device_id}.alerts")
    async with _client(fleet, device_id, token) as client:
        for topic in (f"dev/dn/{device_id}/desired", f"dev/dn/{device_id}/alert", "dev/bc/grp/ven-bien/alert"):
            await client.subscribe(topic, qos=1)
        await client.publish(f"dev/rpc/{device_id}/snapshot", b"", qos=1)
        await client.publish(f"dev/rpc/{device_id}/alerts", b"", qos=1)
        assert (await asked.next_msg(timeout=30)).data == b""
        await fleet.platform.publish("dev.bc.grp.ven-bien.alert", b"to the group")
        await fleet.platform.publish(f"dev.dn.{device_id}.alert", b"to it alone")
        heard: dict[str, bytes] = {}
        async with asyncio.timeout(60):
            async for message in client.messages:
                heard[str(message.topic)] = bytes(message.payload)
                if len(heard) == 3:
                    break
    assert heard["dev/bc/grp/ven-bien/alert"] == b"to the group"
    assert heard[f"dev/dn/{device_id}/alert"] == b"to it alone"
    assert b"alert_scopes" in heard[f"dev/dn/{device_id}/desired"]


async def test_a_new_token_cuts_who_came_with_the_old_one(fleet: Any) -> None:
    await fleet.unit("u-1")
    _, made, _ = await _make(fleet)
    device_id, old = made["device_id"], made["token"]
    await eventually(lambda: _lets_in(fleet, device_id, old))

    async def listen() -> None:
        async with _client(fleet, device_id, old) as client:
            async for _ in client.messages:
                pass

    listening = asyncio.create_task(listen())

    async def online() -> bool:
        return bool((await fleet.documents.find_one({"_id": device_id})).get("online"))

    await eventually(online)
    status, made, _ = await fleet.call("POST", f"/receivers/{device_id}/token")
    assert status == 200, made
    told = await fleet.events.wait(DEVICE_REKEYED, lambda event: event.device_id == device_id)
    assert (told.unit_id, made["token"] in told.model_dump_json()) == ("u-1", False)
    with pytest.raises(aiomqtt.MqttError):
        await asyncio.wait_for(listening, 60)

    async def only_the_new() -> bool:
        return await _lets_in(fleet, device_id, made["token"]) and not await _lets_in(fleet, device_id, old)

    await eventually(only_the_new, 60)
    device = await fleet.claimed()
    status, answer, _ = await fleet.call("POST", f"/receivers/{device.id}/token")
    assert (status, answer["code"]) == (409, "fleet.not-a-receiver")
