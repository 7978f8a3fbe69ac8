"""A fleet with its auth callout as a real process, and devices with keys of their own."""

import asyncio
import gc
import hashlib
import os
import secrets
import sys
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError

from lantoa_cli.servers import free_port
from lantoa_contracts.base import SignedDocument
from lantoa_contracts.catalogue import UNIT_CHANGED
from lantoa_contracts.device import Desired
from lantoa_contracts.events.directory import UnitChanged
from lantoa_fleet.main import INDEXES, build
from lantoa_fleet.settings import FleetSettings
from lantoa_runtime.http.auth import Caller, Grant
from lantoa_signing import nkey
from lantoa_signing.documents import SigningKey, verify
from lantoa_testing import ServerProcess, eventually
from lantoa_testing.plugin import EventProbe, Running, StartService, nats_like
from lantoa_testing.servers import NatsServer

REFRESH_S = 0.2
TECHNICIAN = Caller("p-tech", "Kỹ thuật viên", (Grant("technician", "u-province"),))
STRANGER = Caller("gateway", "anonymous")


class Callout(ServerProcess):
    """``python -m lantoa_fleet.callout`` on a port of its own."""

    def __init__(self, nats_: NatsServer, mongo_url: str, prefix: str, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        env = {
            **os.environ,
            "LANTOA_HTTP_PORT": str(self.port),
            "LANTOA_NATS_URL": nats_.url,
            "LANTOA_MONGO_URL": mongo_url,
            "LANTOA_MONGO_DATABASE_PREFIX": prefix,
            "LANTOA_KEYS_FOLDER": str(nats_.ring.folder),
            "LANTOA_FLEET_SNAPSHOT_FILE": str(folder / "registry.json"),
            "LANTOA_FLEET_CALLOUT_REFRESH_S": str(REFRESH_S),
            "LANTOA_FLEET_CALLOUT_RELOAD_S": "5",
        }
        command = [sys.executable, "-m", "lantoa_fleet.callout"]
        super().__init__("callout", command, self.ready, folder / "callout.log", env)

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except OSError:
            return False

    def logins(self, outcome: str) -> float:
        """How many requests it has answered in this way."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as answer:  # noqa: S310 - our own address
            lines = answer.read().decode().splitlines()
        wanted = f'lantoa_callout_logins_total{{outcome="{outcome}"}} '
        return next((float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted)), 0.0)


@dataclass
class FieldDevice:
    """A device as it stands in the field: its key, and plain NATS underneath."""

    url: str
    seed: str = field(default_factory=lambda: nkey.new_seed(secrets.token_bytes(32)))
    clients: list[Client] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    ver: int = 0
    code: str = "AAAA-AAAA"
    """What it shows: the platform's last word."""

    @property
    def public(self) -> str:
        return nkey.public_of(self.seed)

    @property
    def id(self) -> str:
        return nkey.device_id(self.public)

    def enrolment(self, **changes: Any) -> dict[str, Any]:
        body = {"public_key": self.public, "kind": "radio", "model": "LT-S1", "at": datetime.now(UTC).isoformat()}
        body |= {name: value for name, value in changes.items() if name != "signature"}
        text = "enrol\n{public_key}\n{kind}\n{model}\n{at}".format(**body)
        return {**body, "signature": changes.get("signature") or nkey.sign_with_seed(self.seed, text).sig}

    async def try_connect(self, url: str | None = None, **options: Any) -> Client | None:
        """A connection with this device's key, or ``None`` when it is refused."""

        async def note(error: Exception) -> None:
            self.errors.append(str(error))

        asked = {"nkeys_seed_str": self.seed, "inbox_prefix": f"_INBOX_{self.id}".encode(), **options}
        client = Client()
        try:
            await client.connect(url or self.url, allow_reconnect=False, connect_timeout=10, error_cb=note, **asked)
        except (NatsError, OSError) as error:
            self.errors.append(str(error))
        if not client.is_connected:
            with suppress(NatsError, OSError):
                await client.close()
            return None
        self.clients.append(client)
        return client

    async def connect(self, url: str | None = None) -> Client:
        """A connection, as soon as the callout knows the device."""
        found = await eventually(lambda: self.try_connect(url), 60, every=0.05)
        assert isinstance(found, Client)
        return found

    async def barrier(self, client: Client) -> None:
        """Everything sent before has been worked on by the server: twice, one flush of nats-py is none."""
        await client.flush()
        await client.flush()


@dataclass
class Fleet:
    """The running service, the callout beside it, and the tools to look behind them."""

    running: Running
    callout: Callout
    nats: NatsServer
    events: EventProbe
    platform: Client
    devices: list[FieldDevice] = field(default_factory=list)

    @property
    def documents(self) -> Any:
        return self.running.service.db["devices"]

    async def call(self, method: str, path: str, caller: Caller = TECHNICIAN, **more: Any) -> tuple[int, Any, Any]:
        return await self.running.call(method, path, caller, **more)

    def device(self) -> FieldDevice:
        made = FieldDevice(self.nats.url)
        self.devices.append(made)
        return made

    async def unit(self, unit_id: str, ver: int = 1, path: tuple[str, ...] | None = None) -> None:
        """Make a unit known, below the province unless its path says otherwise."""
        path = path or ("u-province", unit_id)
        event = UnitChanged(
            unit_id=unit_id, ver=ver, code="1", name=f"Xã {unit_id}", kind="commune", path=path,
            valid_from=None, valid_to=None,
        )  # fmt: skip
        await self.events.publish(UNIT_CHANGED, event, f"{unit_id}:{ver}:{secrets.token_hex(4)}")

        async def known() -> bool:
            unit = await self.running.service.db["units"].find_one({"_id": unit_id})
            return unit is not None and unit["ver"] >= ver

        await eventually(known)

    async def enrol(self, device: FieldDevice, **changes: Any) -> tuple[int, Any]:
        status, answer, _ = await self.call("POST", "/enrolments", STRANGER, json=device.enrolment(**changes))
        device.code = answer.get("claim_code", device.code)
        return status, answer

    def place(self, device: FieldDevice, unit_id: str, **more: Any) -> dict[str, Any]:
        """What a technician sends who reads the code off the device."""
        body = {"name": "Loa", "unit_id": unit_id, "site_type": "commune_office", "claim_code": device.code}
        return {**body, **more}

    async def claim(self, device: FieldDevice, unit_id: str, caller: Caller = TECHNICIAN) -> tuple[int, Any]:
        status, answer, _ = await self.call("POST", "/devices/claim", caller, json=self.place(device, unit_id))
        return status, answer

    async def claimed(self, unit_id: str = "u-1", **changes: Any) -> FieldDevice:
        """A device that a technician has put into a unit."""
        await self.unit(unit_id)
        device = self.device()
        assert (await self.enrol(device, **changes))[0] == 202
        status, answer = await self.claim(device, unit_id)
        assert status == 200, answer
        device.ver = answer["ver"]
        return device

    async def change(self, device: FieldDevice, verb: str, json_: Any = None) -> Any:
        """Move or revoke it as it stands."""
        headers = {"If-Match": f'"{device.ver}"'}
        status, answer, _ = await self.call("POST", f"/devices/{device.id}/{verb}", json=json_, headers=headers)
        assert status == 200, answer
        device.ver = answer["ver"]
        return answer

    async def token(self, device: FieldDevice) -> str:
        """Give a device the token of an MQTT receiver."""
        token = secrets.token_hex(16)
        fields = {"token_sha256": hashlib.sha256(token.encode()).hexdigest(), "rights_at": datetime.now(UTC)}
        await self.documents.update_one({"_id": device.id}, {"$set": fields})
        return token

    async def look(self, device: FieldDevice) -> dict[str, Any]:
        """The device as the API shows it."""
        status, answer, _ = await self.call("GET", f"/devices/{device.id}")
        assert status == 200, answer
        return dict(answer)

    async def desired(self, device: FieldDevice) -> Desired | None:
        """What stands signed in the bucket, its signature checked."""
        subject = f"$JS.API.DIRECT.GET.KV_desired.$KV.desired.{device.id}"
        answer = await self.platform.request(subject, b"", timeout=20)
        if (answer.headers or {}).get("Status"):
            return None
        key = SigningKey(self.nats.ring.fleet_file.read_bytes())
        return Desired.model_validate_json(verify(SignedDocument.model_validate_json(answer.data), key.public))

    async def wait_online(self, device: FieldDevice, online: bool = True) -> None:
        async def turned() -> bool:
            return bool((await self.look(device))["online"]) == online

        await eventually(turned)


@pytest.fixture(scope="session")
def nats_server(provisioned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """One for all modules here, and one callout on it: no device has the id of another test's."""
    with nats_like(provisioned, tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture(scope="session")
def callout(
    nats_server: NatsServer, mongo_url: str, database_prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callout]:
    """The callout of all modules here: what fleet's database holds changes under it."""
    process = Callout(nats_server, mongo_url, database_prefix, tmp_path_factory.mktemp("callout"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def fleet_settings(nats_server: NatsServer) -> dict[str, Any]:
    return {
        "keys_folder": nats_server.ring.folder,
        "callout_refresh_s": REFRESH_S,
        "device_nats_urls": (nats_server.url,),
        "media_base": "http://gateway.test",
        "reconcile_s": 0.5,
        "presence_s": 2.0,
    }


@pytest.fixture
async def start_fleet(start_service: StartService, fleet_settings: dict[str, Any]) -> Callable[..., Awaitable[Running]]:
    async def start(**changes: Any) -> Running:
        return await start_service("fleet", FleetSettings, build, INDEXES, **{**fleet_settings, **changes})

    return start


@pytest.fixture
async def fleet(
    events: EventProbe, start_fleet: Callable[..., Awaitable[Running]], callout: Callout, nats_server: NatsServer
) -> AsyncIterator[Fleet]:
    running = await start_fleet()
    platform = await nats_server.connect()
    made = Fleet(running, callout, nats_server, events, platform)
    yield made
    open_clients = [client for device in made.devices for client in device.clients if not client.is_closed]
    await asyncio.gather(*(client.close() for client in open_clients))
    gc.collect(1)  # What nats-py left of this test, while its warnings are expected.
    await platform.close()


@pytest.fixture
def field_device(nats_server: NatsServer) -> Callable[[], FieldDevice]:
    return lambda: FieldDevice(nats_server.url)


@pytest.fixture
def make_callout(nats_server: NatsServer, tmp_path: Path) -> Callable[[str, str], Callout]:
    """A callout of the test's own on a database of its own."""
    return lambda mongo_url, prefix: Callout(nats_server, mongo_url, prefix, tmp_path)
