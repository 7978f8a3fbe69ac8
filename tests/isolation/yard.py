"""A real nats-server with the installation's accounts, the auth callout before it, and devices that stand in the yard.

The callout is fleet's own code over a snapshot file, without database: as it works when everything else is down. What
it grants can be widened by a parameter, to see that a fault there would be found.
"""

import asyncio
import contextlib
import gc
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aiohttp
from attacks import Place
from nats.aio.client import Client
from nats.errors import Error as NatsError

from lantoa_fleet.callout import responder as responder_module
from lantoa_fleet.callout.decision import Entry
from lantoa_fleet.callout.registry import Registry
from lantoa_fleet.callout.responder import Responder, Servers
from lantoa_fleet.callout.wire import Issuer, Sealer
from lantoa_fleet.domain.rights import Rights, rights_of
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import connect
from lantoa_runtime.settings import RuntimeSettings
from lantoa_signing import nkey
from lantoa_signing.documents import SigningKey
from lantoa_testing import eventually
from lantoa_testing.servers import NatsServer

Widen = Callable[[Rights], Rights]


@dataclass(frozen=True)
class Keyed:
    """A device: where it stands, its key, and the token of its twin on MQTT."""

    place: Place
    seed: str
    token: str

    @property
    def id(self) -> str:
        return self.place.device_id

    def entry(self) -> Entry:
        digest = hashlib.sha256(self.token.encode()).hexdigest()
        place = self.place
        return Entry(place.device_id, nkey.public_of(self.seed), True, place.path, digest, groups=place.groups)


def device(unit: str, group: str) -> Keyed:
    """A new device in a unit of the province."""
    seed = nkey.new_seed(secrets.token_bytes(32))
    place = Place(nkey.device_id(nkey.public_of(seed)), ("u-province", unit), (group,))
    return Keyed(place, seed, secrets.token_hex(16))


@dataclass
class Watcher:
    """Somebody who hears everything in one account."""

    client: Client
    heard: dict[bytes, set[str]] = field(default_factory=dict)
    """Subjects by body."""

    async def listen(self) -> None:
        async def note(message: Any) -> None:
            self.heard.setdefault(bytes(message.data), set()).add(message.subject)

        await self.client.subscribe(">", cb=note)
        await self.settle()

    async def settle(self) -> None:
        """All that the server has for it is here."""
        await barrier(self.client)


@dataclass
class Yard:
    """The server and who stands around it: an attacker, one in another commune, one beside it, and the watchers."""

    server: NatsServer
    own: Keyed
    far: Keyed
    near: Keyed
    platform: Client
    fleet: Client
    outside: Watcher
    """Hears everything in the devices' account."""
    inside: Watcher
    """Hears everything in the platform's account."""

    @property
    def others(self) -> tuple[Place, Place]:
        return self.far.place, self.near.place

    @property
    def websocket(self) -> str:
        return f"ws://127.0.0.1:{self.server.plan.websocket_port}"

    async def settle(self) -> None:
        """Whatever reached either account has been noted."""
        await self.platform.request("$JS.API.INFO", b"", timeout=30)
        await self.outside.settle()
        await self.inside.settle()

    async def connected(self, device_id: str) -> bool:
        """Whether the server has a connection of this device."""
        address = f"http://127.0.0.1:{self.server.plan.monitor_port}/connz?auth=1&limit=1024"
        async with aiohttp.ClientSession() as session, session.get(address) as answer:
            connections = (await answer.json())["connections"]
        return any(connection.get("authorized_user") == device_id for connection in connections)

    def arrived(self, body: bytes) -> set[str]:
        """Subjects on which a body was seen by anybody at all."""
        return self.outside.heard.get(body, set()) | self.inside.heard.get(body, set())


async def barrier(client: Client) -> None:
    """Everything sent before has been worked on by the server: twice, one flush of nats-py is none."""
    await client.flush()
    await client.flush()


async def sign_in(url: str, seed: str, device_id: str, errors: list[str], **options: Any) -> Client:
    """A device's plain connection.

    Raises:
        NatsError: it was refused.
    """

    async def note(error: Exception) -> None:
        errors.append(str(error).lower())

    client = Client()
    asked = {"nkeys_seed_str": seed, "inbox_prefix": f"_INBOX_{device_id}".encode(), **options}
    await client.connect(url, allow_reconnect=False, connect_timeout=10, error_cb=note, **asked)
    if not client.is_connected:
        await client.close()
        raise NatsError("refused")
    return client


def _all_rights(rights: Rights) -> Rights:
    return replace(rights, publish=(">",), subscribe=(">",))


def unchanged(rights: Rights) -> Rights:
    """What the callout really grants."""
    return rights


@asynccontextmanager
async def _callout(server: NatsServer, entries: Iterable[Entry], rights: Any, folder: Path) -> AsyncIterator[None]:
    file = folder / "registry.json"
    file.write_text(json.dumps({"devices": [asdict(entry) for entry in entries]}))
    database = connect(RuntimeSettings(mongo_url="mongodb://127.0.0.1:1"), "fleet")
    registry = Registry(database["devices"], file, Clock(), 300)
    registry.load_file()
    ring = server.ring
    made = Responder(
        server.url,
        ring.seed_file("callout").read_text().strip(),
        registry,
        Servers(server.url, ring.seed_file("sys").read_text().strip()),
        Issuer(ring.issuer_file.read_text().strip()),
        Sealer(ring.curve_file.read_bytes()),
    )
    with patch.object(responder_module, "rights_of", rights):
        work = asyncio.create_task(made.run())
        try:
            await eventually(lambda: not made.failures())
            yield
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await made.close()
            await database.close()


@asynccontextmanager
async def yard(server: NatsServer, folder: Path, widen: Widen = unchanged) -> AsyncIterator[Yard]:
    """Everybody at their place; ``widen`` changes what the attacker is granted."""
    own, far, near = device("u-1", "g-1"), device("u-2", "g-2"), device("u-1", "g-1")
    watching = device("u-9", "g-9")

    def rights(device_id: str, path: Iterable[str], groups: Iterable[str] = (), *, mqtt: bool) -> Rights:
        granted = rights_of(device_id, path, groups, mqtt=mqtt)
        if device_id == watching.id:
            return _all_rights(granted)
        return widen(granted) if device_id == own.id else granted

    entries = [keyed.entry() for keyed in (own, far, near, watching)]
    async with _callout(server, entries, rights, folder), contextlib.AsyncExitStack() as stack:

        async def closing(client: Client) -> Client:
            stack.push_async_callback(client.close)
            return client

        platform = await closing(await server.connect())
        inside = Watcher(await closing(await server.connect()))
        fleet = await closing(await server.connect("fleet"))
        outside = Watcher(await closing(await sign_in(server.url, watching.seed, watching.id, [])))
        await inside.listen()
        await outside.listen()

        async def answer(message: Any) -> None:
            if message.reply:
                await message.respond(b'{"now":"2026-01-01T00:00:00Z"}')

        await fleet.subscribe("dev.rpc.*.snapshot", cb=answer)
        await barrier(fleet)
        made = Yard(server, own, far, near, platform, fleet, outside, inside)
        await _fill(made)
        yield made
    gc.collect(1)  # What nats-py left, while its warnings are expected.


async def _fill(made: Yard) -> None:
    """Signed states and alerts, as they lie in the buckets."""
    jetstream = made.platform.jetstream()
    fleet, alert = (
        SigningKey(file.read_bytes()) for file in (made.server.ring.fleet_file, made.server.ring.alert_file)
    )
    for keyed in (made.own, made.far, made.near):
        document = fleet.sign(json.dumps({"aud": keyed.id}))
        await jetstream.publish(f"$KV.desired.{keyed.id}", document.model_dump_json().encode())
        for scope in keyed.place.scopes:
            order = alert.sign(json.dumps({"aud": scope}))
            await jetstream.publish(f"$KV.alert.{scope}.alert", order.model_dump_json().encode())
