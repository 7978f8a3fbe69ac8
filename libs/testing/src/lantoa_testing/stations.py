"""The station as a process of a test."""

import asyncio
import json
import os
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lantoa_testing.devices import DevicePlatform


@asynccontextmanager
async def running_station(platform: DevicePlatform, program: str, speed: float) -> AsyncIterator[Process]:
    """The station as a process of its own; what it plays is in ``<data>/played``."""
    device = {"DATA": str(platform.data), "GATEWAY": platform.gateway.base, "SINK": "null", "HEARTBEAT_S": "0.5"}
    device |= {"RECONNECT_MIN_S": "0.05", "RECONNECT_MAX_S": "0.4", "JITTER_S": "0", "RECONCILE_S": "0.5"}
    env = os.environ | {f"LANTOA_DEVICE_{name}": text for name, text in device.items()} | {"LANTOA_SPEED": str(speed)}
    with (platform.data / "station.err").open("ab") as errors:
        process = await asyncio.create_subprocess_exec(program, env=env, stderr=errors)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def log_of(data: Path) -> list[dict[str, Any]]:
    """What a station's null sink wrote down of all it played, in order; ``data`` is the station's folder."""
    path = data / "played" / "log.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
