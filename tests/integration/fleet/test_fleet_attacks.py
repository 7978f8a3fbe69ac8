"""What a device can do to the running callout, and a service to the platform; the table of both accounts is in
``tests/isolation``."""

import hashlib
from typing import Any

import pytest
from nats.aio.client import Client

# nats-py leaves the socket of a refused or kicked client to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


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


async def test_an_answer_pointed_at_the_callout_does_not_reach_it(fleet: Any) -> None:
    own = await fleet.claimed("u-1")
    client = await own.connect()
    before = fleet.callout.logins("unreadable")
    for via in (f"dev.up.{own.id}.aired", f"dev.rpc.{own.id}.snapshot"):
        await client.publish(via, b"{}", reply="$SYS.REQ.USER.AUTH")
        await client.request(via, b"{}", timeout=30)
    await own.barrier(client)
    assert fleet.callout.logins("unreadable") == before


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
