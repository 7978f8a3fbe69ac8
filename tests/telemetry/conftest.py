"""A collector in this process, the services' traces sent to it, and devices that enrol."""

import asyncio
import logging
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider

from lantoa_broadcast.main import build as build_broadcast
from lantoa_broadcast.settings import BroadcastSettings
from lantoa_broadcast.usecases.stores import INDEXES as BROADCAST_INDEXES
from lantoa_contracts.catalogue import UNIT_CHANGED
from lantoa_contracts.events.directory import UnitChanged
from lantoa_fleet.main import INDEXES as FLEET_INDEXES
from lantoa_fleet.main import build as build_fleet
from lantoa_fleet.settings import FleetSettings
from lantoa_runtime import telemetry
from lantoa_runtime.http.auth import Caller, Grant
from lantoa_runtime.settings import RuntimeSettings
from lantoa_signing import nkey
from lantoa_testing import eventually
from lantoa_testing.plugin import EventProbe, Running, StartService
from lantoa_testing.servers import NatsServer

# Helpers beside the tests are imported by name.
sys.path.insert(0, str(Path(__file__).parent))

PROVINCE, COMMUNE = "u-84", "u-29236"
TECHNICIAN = Caller("p-sa", "Thạch Thị Sa", (Grant("technician", PROVINCE),))


@dataclass
class Collector:
    """An OTLP/HTTP receiver on a port of its own; ``release`` cleared makes it hold its answers back."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    asked: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self, request: web.Request) -> web.Response:
        self.asked += 1
        body = ExportTraceServiceRequest.FromString(await request.read())
        await self.release.wait()
        self.spans += [s for r in body.resource_spans for scope in r.scope_spans for s in scope.spans]
        return web.Response(content_type="application/x-protobuf")


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    made = Collector()
    made.release.set()
    app = web.Application()
    app.router.add_post("/v1/traces", made.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    made.release.set()
    await runner.cleanup()


ExportTo = Callable[[str | None], TracerProvider]


@pytest.fixture
async def export_to(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ExportTo]:
    """Send what services in this process trace to an address, by the setting."""
    made: list[TracerProvider] = []

    def switch(address: str | None) -> TracerProvider:
        provider = telemetry.trace_provider("test", RuntimeSettings(otlp_endpoint=address))
        monkeypatch.setattr(telemetry, "tracer", provider.get_tracer("lantoa"))
        made.append(provider)
        return provider

    yield switch
    for provider in made:
        await asyncio.to_thread(provider.shutdown)


@pytest.fixture
def log_lines() -> Any:
    """Every log line of the test as the processes would write it."""
    lines: list[str] = []
    root = logging.getLogger()
    formatter = root.handlers[0].formatter

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    keep = Keep()
    keep.setFormatter(formatter)
    root.addHandler(keep)
    yield lines
    root.removeHandler(keep)


@dataclass
class Network:
    """Fleet and broadcast, and the way of a device into them."""

    fleet: Running
    broadcast: Running
    events: EventProbe

    async def enrol(self, seed: str) -> str:
        """A pending device; its claim code."""
        public, at = nkey.public_of(seed), datetime.now(UTC).isoformat()
        body = {"public_key": public, "kind": "radio", "model": "LT-S1", "at": at}
        signature = nkey.sign_with_seed(seed, f"enrol\n{public}\nradio\nLT-S1\n{at}").sig
        status, answer, _ = await self.fleet.call(
            "POST", "/enrolments", Caller("gateway", "anonymous"), {**body, "signature": signature}
        )
        assert status == 202, answer
        return str(answer["claim_code"])

    @staticmethod
    def place(code: str) -> dict[str, str]:
        return {"claim_code": code, "name": "Loa nhà ông Kim Sa Rây", "unit_id": COMMUNE, "site_type": "commune_office"}

    async def synced(self, device_id: str) -> Any:
        """The device's document, once its first rundown was signed and put into the bucket."""

        async def there() -> Any:
            device = await self.fleet.service.db["devices"].find_one({"_id": device_id})
            told = device is not None and device.get("radio") and device.get("kv_seq") == device["seq"]
            return device if told else None

        return await eventually(there)


@pytest.fixture
async def start_network(
    start_service: StartService, events: EventProbe, nats_server: NatsServer
) -> Callable[[], Awaitable[Network]]:
    async def start() -> Network:
        fleet = await start_service(
            "fleet",
            FleetSettings,
            build_fleet,
            FLEET_INDEXES,
            keys_folder=nats_server.ring.folder,
            reconcile_s=5.0,
            snapshot_s=1.0,
            alarm_s=1.0,
            roster_s=2.0,
            lease_s=1.5,
            update_s=1.0,
        )
        broadcast = await start_service("broadcast", BroadcastSettings, build_broadcast, BROADCAST_INDEXES)
        for unit_id, path in ((PROVINCE, (PROVINCE,)), (COMMUNE, (PROVINCE, COMMUNE))):
            event = UnitChanged(
                unit_id=unit_id, ver=1, code="1", name="Xã", kind="commune", path=path, valid_from=None, valid_to=None
            )
            await events.publish(UNIT_CHANGED, event, secrets.token_hex(8))

        async def known() -> bool:
            counts = [await running.service.db["units"].count({}) for running in (fleet, broadcast)]
            return counts == [2, 2]

        await eventually(known)
        return Network(fleet, broadcast, events)

    return start
