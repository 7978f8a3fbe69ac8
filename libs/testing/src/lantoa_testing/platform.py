"""The whole platform as `make up` starts it, under a test's hand: signed-in people, kills, the files it keeps."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import psutil

from lantoa_cli.demo import passwords
from lantoa_cli.layout import Layout, checkout, load_layout
from lantoa_testing.processes import eventually

_START_SECONDS = 240.0
_READY_LINE = "Dừng:"
_AWAY = 503
_PATIENCE_SECONDS = 60.0
QUICK: Mapping[str, str] = {
    "LANTOA_BACKOFF_SECONDS": "[0.2, 0.5, 1.0, 2.0]",
    "LANTOA_INFRASTRUCTURE_WAIT_SECONDS": "1",
    "LANTOA_SWEEP_SECONDS": "2",
    "LANTOA_WATCH_SECONDS": "2",
    "LANTOA_ACK_WAIT_SECONDS": "5",
    "LANTOA_FLEET_RECONCILE_S": "2",
    "LANTOA_FLEET_PRESENCE_S": "5",
    "LANTOA_BROADCAST_LEAD_MINUTES": "0.02",
    "LANTOA_DEVICE_HEARTBEAT_S": "2",
    "LANTOA_DEVICE_RECONNECT_MIN_S": "0.2",
    "LANTOA_DEVICE_RECONNECT_MAX_S": "2",
    "LANTOA_DEVICE_JITTER_S": "0",
    "LANTOA_DEVICE_RECONCILE_S": "2",
    "LANTOA_CHROMIUM": "",
}
"""Short waits for tests. No Chromium of its own: the tests open the board's page in theirs."""


@dataclass
class Answer:
    """Status, body and headers of a request."""

    status: int
    body: Any
    headers: Mapping[str, str]

    def ok(self) -> Any:
        """The body of an answer that must be a success.

        Raises:
            AssertionError: it was not.
        """
        assert self.status < 400, f"{self.status}: {self.body}"
        return self.body


@dataclass
class Person:
    """Somebody signed in through the gateway."""

    base: str
    http: aiohttp.ClientSession
    cookie: str = ""
    me: dict[str, Any] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, ver: int | None = None, **headers: str) -> Answer:
        """One request with the session's cookie; an Idempotency-Key goes with every POST."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent["Cookie"] = self.cookie
        if ver is not None:
            sent["If-Match"] = f'"{ver}"'
        if method == "POST":
            sent.setdefault("Idempotency-Key", uuid4().hex)
        async with self.http.request(method, self.base + path, json=body, headers=sent) as response:
            raw = await response.read()
            parsed = json.loads(raw) if "json" in response.content_type and raw else raw
            return Answer(response.status, parsed, response.headers)

    async def patient(self, method: str, path: str, body: Any = None, ver: int | None = None) -> Any:
        """The body of a request that is made again, under the same key, while a killed service comes back."""
        key = uuid4().hex

        async def tried() -> Answer | None:
            try:
                answer = await self.call(method, path, body, ver, Idempotency_Key=key)
            except aiohttp.ClientError:
                return None
            return None if answer.status == _AWAY else answer

        answer = await eventually(tried, _PATIENCE_SECONDS, every=0.3)
        assert isinstance(answer, Answer)
        return answer.ok()

    async def get(self, path: str) -> Any:
        """The body of a GET that must succeed."""
        return await self.patient("GET", path)


@dataclass
class Platform:
    """One running `lantoa up`."""

    layout: Layout
    env: Mapping[str, str]
    process: subprocess.Popen[str] | None = None
    lines: list[str] = field(default_factory=list)
    started_in: float = 0.0

    def start(self) -> None:
        """Start it and return when it has told where everything is.

        Raises:
            RuntimeError: it ended first; what it printed is in the message.
        """
        command = [sys.executable, "-m", "lantoa_cli.main", "up", "--data", str(self.layout.data)]
        began = time.monotonic()
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **self.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=checkout(),
        )
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith(_READY_LINE):
                self.started_in = time.monotonic() - began
                return
            if time.monotonic() - began > _START_SECONDS:
                break
        self.stop()
        raise RuntimeError("the platform did not start:\n" + "".join(self.lines[-30:]))

    def stop(self) -> None:
        """SIGTERM, as `make down` sends it, and wait for the end."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=60)
        self.process = None

    def pids(self) -> dict[str, int]:
        """Process ids by name, as they are now."""
        found: dict[str, int] = json.loads(self.layout.run_file.read_text())["children"]
        return found

    async def kill(self, name: str) -> None:
        """SIGKILL a process and return once the supervisor has started it again."""
        before = self.pids()[name]
        os.kill(before, signal.SIGKILL)
        await eventually(lambda: self.pids()[name] != before and psutil.pid_exists(self.pids()[name]), timeout=30)

    async def sign_in(self, http: aiohttp.ClientSession, login: str) -> Person:
        """A demo person's session."""
        person = Person(self.layout.gateway_url, http)
        secret = passwords(self.layout)[login]
        answer = await person.call("POST", "/auth/sign-in", {"login": login, "password": secret})
        person.me = answer.ok()["person"]
        person.cookie = answer.headers["Set-Cookie"].split(";")[0]
        return person

    async def command(self, *arguments: str) -> str:
        """Output of `lantoa ...`, which must succeed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "lantoa_cli.main",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "LANTOA_DATA": str(self.layout.data)},
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()
        return out.decode()


def make_platform(data: Path, **env: str) -> Platform:
    """A platform on free ports with short waits; not started."""
    return Platform(load_layout(checkout(), data, free_ports=True), {**QUICK, **env})
