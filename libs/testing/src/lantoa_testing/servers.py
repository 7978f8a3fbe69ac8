"""A real nats-server with the generated accounts."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client

from lantoa_cli.servers import Nats, answers, free_port
from lantoa_runtime.topology.apply import apply
from lantoa_runtime.topology.keys import ensure_keys
from lantoa_testing.processes import ServerProcess

ACK_WAIT_SECONDS = 2.0
_PATIENCE_SECONDS = 60.0
"""For what is broken, not for what is slow."""


@dataclass
class NatsServer(ServerProcess):
    """A running nats-server, the keys that made its configuration, and a provisioner's connection."""

    def __init__(self, nats_: Nats, log: Path) -> None:
        super().__init__("nats-server", nats_.command(), lambda: answers(nats_.port), log)
        self.plan = nats_
        self.ring = nats_.ring
        self.url = nats_.url

    async def connect(self, user: str = "topology", **options: Any) -> Client:
        """A connection as one of the installation's users, by its seed. It is back soon after the server is."""
        seed = self.ring.seed_file(user).read_text()
        options = {"reconnect_time_wait": 0.2, "max_reconnect_attempts": -1, **options}
        return await nats.connect(self.url, nkeys_seed_str=seed, inbox_prefix=f"_INBOX_{user}".encode(), **options)


async def provision(server: NatsServer, ack_wait_seconds: float = ACK_WAIT_SECONDS) -> None:
    """Make its streams and consumers."""
    client = await server.connect()
    await apply(client.jetstream(timeout=_PATIENCE_SECONDS), ack_wait_seconds=ack_wait_seconds)
    await client.close()


def nats_in(folder: Path) -> NatsServer:
    """A nats-server with all listeners on a folder's keys, which are made when they lack; it does not run yet."""
    ring = ensure_keys(folder / "keys")
    plan = Nats(
        folder / "nats",
        ring,
        port=free_port(),
        monitor_port=free_port(),
        websocket_port=free_port(),
        mqtt_port=free_port(),
    )
    return NatsServer(plan, folder / "nats.log")


def make_nats(folder: Path, ack_wait_seconds: float = ACK_WAIT_SECONDS) -> NatsServer:
    """A nats-server of one's own with all listeners, provisioned."""
    server = nats_in(folder)
    server.start()
    asyncio.run(provision(server, ack_wait_seconds))
    return server
