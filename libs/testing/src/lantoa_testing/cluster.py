"""Three real nats-servers that replicate every stream, on one machine."""

import asyncio
import contextlib
from pathlib import Path

from nats.errors import Error as NatsError
from nats.js.errors import APIError

from lantoa_cli.servers import Nats, free_port
from lantoa_contracts.streams import STREAMS
from lantoa_runtime.topology.apply import TopologyRefused, apply
from lantoa_runtime.topology.conf import ClusterPlan
from lantoa_runtime.topology.keys import KeyRing, ensure_keys
from lantoa_testing.processes import eventually
from lantoa_testing.servers import ACK_WAIT_SECONDS, NatsServer

REPLICAS = 3
_ELECTION_SECONDS = 60.0


class Cluster:
    """The servers by name, each with the generated accounts of one installation."""

    def __init__(self, folder: Path, ring: KeyRing | None = None) -> None:
        self.ring = ring or ensure_keys(folder / "keys")
        ports = {f"lantoa-{n}": free_port() for n in range(1, REPLICAS + 1)}
        self.servers: dict[str, NatsServer] = {}
        for name, port in ports.items():
            routes = tuple(f"nats://127.0.0.1:{other}" for other in ports.values() if other != port)
            plan = Nats(
                folder / name,
                self.ring,
                port=free_port(),
                monitor_port=free_port(),
                server_name=name,
                cluster=ClusterPlan(port, routes),
            )
            self.servers[name] = NatsServer(plan, folder / f"{name}.log")

    def start(self) -> None:
        """Start all and return once every one answers."""
        for server in self.servers.values():
            server.start()

    def stop(self) -> None:
        """End all that run."""
        for server in self.servers.values():
            server.stop()

    @property
    def urls(self) -> tuple[str, ...]:
        """Where clients connect."""
        return tuple(server.url for server in self.servers.values())

    async def provision(self) -> None:
        """Make every stream and durable with three replicas, as soon as the servers have chosen a leader.

        A leader that has not heard of all three yet refuses, as one would that stands alone.

        Raises:
            AssertionError: they did not.
        """
        client = await self._any().connect()

        async def applied() -> bool:
            with contextlib.suppress(NatsError, APIError, TimeoutError, TopologyRefused):
                await apply(client.jetstream(), REPLICAS, ACK_WAIT_SECONDS)
                return True
            return False

        await eventually(applied, _ELECTION_SECONDS, every=0.3)
        await client.close()

    async def leader(self, stream: str, besides: str = "") -> str:
        """Name of the server that leads a stream's replicas, as soon as there is one that is not ``besides``.

        Raises:
            AssertionError: there was none in time.
        """
        client = await self._any(besides).connect()

        async def found() -> str | None:
            with contextlib.suppress(NatsError, APIError, TimeoutError, asyncio.TimeoutError):
                cluster = (await client.jetstream().stream_info(stream)).cluster
                if cluster is not None and cluster.leader and cluster.leader != besides:
                    return cluster.leader
            return None

        name = await eventually(found, _ELECTION_SECONDS, every=0.1)
        await client.close()
        return str(name)

    async def whole(self) -> None:
        """Wait until every stream's replicas have all that its leader has.

        Raises:
            AssertionError: they did not in time.
        """
        client = await self._any().connect(max_reconnect_attempts=-1)

        async def current() -> bool:
            with contextlib.suppress(NatsError, APIError, TimeoutError):
                for spec in STREAMS:
                    cluster = (await client.jetstream().stream_info(spec.name)).cluster
                    if cluster is None or not all(peer.current for peer in cluster.replicas or ()):
                        return False
                return True
            return False

        await eventually(current, _ELECTION_SECONDS, every=0.2)
        await client.close()

    def _any(self, besides: str = "") -> NatsServer:
        return next(server for name, server in self.servers.items() if name != besides)
