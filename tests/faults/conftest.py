"""Every service that reads events, in this process."""

import importlib
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lantoa_contracts.catalogue import EventSpec
from lantoa_runtime.bus import bus as bus_module
from lantoa_runtime.bus.delivery import Delivery
from lantoa_runtime.settings import RuntimeSettings
from lantoa_testing.plugin import EventProbe, Running, StartService
from lantoa_testing.servers import NatsServer

sys.path.insert(0, str(Path(__file__).parent))
from small_world import CURSED, settle


@dataclass
class Curse:
    """Whether handlers of what is cursed raise now."""

    lies: bool = True
    handled: list[str] = field(default_factory=list)


@pytest.fixture
def curse(monkeypatch: pytest.MonkeyPatch) -> Curse:
    """Put every handler of this process under it, and note which events were handled."""
    made = Curse()

    class UnderACurse(Delivery):
        def __post_init__(self) -> None:
            super().__post_init__()
            inner = self.handler

            async def handle(event: Any, meta: Any) -> None:
                if made.lies and CURSED in f"{meta.id} {meta.device_id}":
                    raise ZeroDivisionError("nobody foresaw this")
                await inner(event, meta)
                made.handled.append(meta.id)

            self.handler = handle

    monkeypatch.setattr(bus_module, "Delivery", UnderACurse)
    return made


StartReader = Callable[..., Awaitable[Running]]


@pytest.fixture
def start_reader(start_service: StartService, nats_server: NatsServer) -> StartReader:
    """Start one of the services by name, with the world of the examples in it unless it is to be empty."""
    own: Mapping[str, dict[str, Any]] = {
        "content": {"speech_command": ("true",), "public_url": "http://127.0.0.1:9"},
        "fleet": {"keys_folder": nats_server.ring.folder, "device_nats_urls": (nats_server.url,)},
    }

    async def start(name: str, *, empty: bool = False) -> Running:
        package = f"lantoa_{name}"
        main = importlib.import_module(f"{package}.main")
        settings_type: Any = RuntimeSettings
        try:
            settings = importlib.import_module(f"{package}.settings")
            settings_type = getattr(settings, f"{name.capitalize()}Settings")
        except ModuleNotFoundError:
            pass  # Reporting has no settings of its own.
        running = await start_service(name, settings_type, main.build, main.INDEXES, **own.get(name, {}))
        if not empty:
            await settle(running)
        return running

    return start


@pytest.fixture
def publish(events: EventProbe) -> Callable[..., Awaitable[int]]:
    """Put raw bytes on a spec's subject; their place in the stream."""

    async def put(spec: EventSpec, body: bytes, headers: Mapping[str, str] | None = None, device: str = "") -> int:
        subject = spec.subject.replace("*", device)
        ack = await events.js.publish(subject, body, headers=dict(headers or {}))
        return int(ack.seq)

    return put
