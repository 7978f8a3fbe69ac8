"""Three servers, three replicas of every stream, and the death of a leader."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from lantoa_runtime.topology.apply import diff
from lantoa_testing import eventually
from lantoa_testing.cluster import REPLICAS, Cluster
from lantoa_testing.servers import ACK_WAIT_SECONDS

ORDER = "$KV.alert.all.alert"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    made.start()
    yield made
    made.stop()


async def test_the_topology_lies_on_three_servers_and_outlives_a_leader(cluster: Cluster) -> None:
    await cluster.provision()
    leader = await cluster.leader("KV_alert")
    survivor = next(server for name, server in cluster.servers.items() if name != leader)
    client = await survivor.connect(max_reconnect_attempts=-1)
    js = client.jetstream(timeout=60)
    assert await diff(js, REPLICAS, ACK_WAIT_SECONDS) == []
    await js.publish(ORDER, b"before")

    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def hear(message: object) -> None:
        heard.put_nowait(getattr(message, "data", b""))

    listening = await survivor.connect()
    await listening.subscribe("dev.bc.all.alert", cb=hear)
    await listening.flush()
    await listening.flush()
    cluster.servers[leader].kill()
    await client.publish("dev.bc.all.alert", b"at once")

    async def stored() -> bool:
        with contextlib.suppress(NatsError, APIError, TimeoutError):
            await js.publish(ORDER, b"after", timeout=2)
            return True
        return False

    storing = asyncio.create_task(eventually(stored, every=0.2))
    # Core NATS does not wait for an election: the order is out before the bucket takes anything.
    assert await asyncio.wait_for(heard.get(), 60) == b"at once"
    assert not storing.done()
    await storing
    assert await cluster.leader("KV_alert", besides=leader) != leader

    async def everywhere() -> bool:
        """Whichever replica answers."""
        last = await client.request(f"$JS.API.DIRECT.GET.KV_alert.{ORDER}", b"", timeout=60)
        return last.data == b"after"

    await eventually(everywhere)

    cluster.servers[leader].start()

    await cluster.whole()
    await listening.close()
    await client.close()
