"""The gateway as a process of its own, in front of services that do what a test says."""

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from aiohttp import web

from lantoa_cli.servers import answers, free_port
from lantoa_runtime.clock import Clock
from lantoa_signing.documents import SigningKey, b64
from lantoa_testing.processes import ServerProcess
from lantoa_testing.servers import NatsServer

UNIT = "u-1"


def session_of(person: int) -> str:
    """A session id of one of the stand-in's people."""
    return f"{person:04d}".ljust(43, "x")


@dataclass
class StandIns:
    """A directory that knows everybody by the first digits of their session, and services that answer or wait."""

    held: asyncio.Event = field(default_factory=asyncio.Event)
    """Requests for ``.../held`` wait for it."""
    waiting: Counter[str] = field(default_factory=Counter)
    """How many wait, by service."""
    unit_of: dict[str, str] = field(default_factory=dict)
    """The unit of each person's grant, where it is not :data:`UNIT`."""
    ended: set[str] = field(default_factory=set)
    """Sessions and tokens that the directory knows no longer."""
    ends_at: dict[str, datetime] = field(default_factory=dict)
    """When a token ends; all others hold for an hour."""
    only: tuple[str, ...] | None = None
    """The permissions to which tokens are limited."""
    port: int = field(default_factory=free_port)
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where they listen."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen."""
        app = web.Application(client_max_size=100 << 20)
        app.router.add_post("/api/v1/directory/sessions/resolve", self._resolve)
        app.router.add_post("/api/v1/directory/tokens/resolve", self._resolve_token)
        app.router.add_get("/api/v1/directory/units", self._units)
        app.router.add_route("*", "/api/v1/{service}/held", self._hold)
        app.router.add_route("*", "/api/v1/{service}/plain", self._plain)
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=1024, reuse_address=True).start()

    async def stop(self) -> None:
        """Let whoever waits go, and end."""
        self.held.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _resolve(self, request: web.Request) -> web.Response:
        session_id = (await request.json())["session_id"]
        owns = {"factors": {"totp": False, "passkeys": 0, "recovery_left": 0}, "must_add_factor": False}
        return self._known(session_id, session_id, kind="person", **owns)

    async def _resolve_token(self, request: web.Request) -> web.Response:
        token = (await request.json())["token"]
        ends_at = self.ends_at.get(token, Clock().now() + timedelta(hours=1))
        return self._known(token, token.partition("_")[2], only=self.only, ends_at=ends_at.isoformat())

    def _known(self, shown: str, digits: str, **more: Any) -> web.Response:
        if shown in self.ended:
            return web.json_response({"title": "x"}, status=401, content_type="application/problem+json")
        person_id, now = f"p-{digits[:4]}", Clock().now().isoformat()
        grant = {"role": "author", "unit_id": self.unit_of.get(person_id, UNIT), "unit_name": "Xã"}
        person = {"id": person_id, "name": "Lan", "title": "", "grants": [grant], "signed_in_at": now}
        return web.json_response({"person": person, **more})

    async def _units(self, _: web.Request) -> web.Response:
        return web.json_response({"items": [{"id": UNIT, "ver": 1, "path": [UNIT]}], "next": None})

    async def _plain(self, request: web.Request) -> web.Response:
        size = len(await request.read())
        return web.json_response({"bytes": size})

    async def _hold(self, request: web.Request) -> web.Response:
        service = request.match_info["service"]
        self.waiting[service] += 1
        try:
            await self.held.wait()
        finally:
            self.waiting[service] -= 1
        return web.json_response({"held": True})


class FrontDoor(ServerProcess):
    """One gateway process on real NATS."""

    def __init__(self, folder: Path, nats: NatsServer, behind: str, name: str = "gateway", **over: str) -> None:
        """``behind`` is the address of every service."""
        ring, self.port = nats.ring, free_port()
        services = ("directory", "content", "alert", "reporting", "contest", "fleet")
        env = {
            **os.environ,
            "LANTOA_HTTP_PORT": str(self.port),
            "LANTOA_MEDIA_URL": f"file://{folder}/media",
            "LANTOA_NATS_URL": nats.url,
            "LANTOA_NATS_SEED_FILE": str(ring.seed_file("gateway")),
            "LANTOA_GATEWAY_UPSTREAMS": json.dumps(dict.fromkeys(services, behind)),
            "LANTOA_GATEWAY_KEY_FILE": str(ring.gateway_file),
            "LANTOA_GATEWAY_DEVICE_KEYS_FILE": str(ring.key_set_file),
            "LANTOA_GATEWAY_ROOT_PUBLIC": b64(SigningKey(ring.root_file.read_bytes()).public),
            **over,
        }
        command = [sys.executable, "-m", "lantoa_gateway.main", "serve", "--migrate"]
        super().__init__(name, command, lambda: answers(self.port), folder / f"{name}.log", env)
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def rss_mb(self) -> float:
        """What the process holds, in MB."""
        return float(psutil.Process(self.pid).memory_info().rss) / 1_000_000

    async def terminate(self) -> float:
        """SIGTERM; how many seconds it took to end."""
        started, process = time.monotonic(), self._process
        os.kill(self.pid, signal.SIGTERM)
        assert process is not None
        await asyncio.to_thread(process.wait, 60)
        return time.monotonic() - started


def cookie(person: int) -> dict[str, Any]:
    """The header that shows a session of one of the people."""
    return {"cookie": f"__Host-sid={session_of(person)}"}
