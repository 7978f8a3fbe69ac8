"""How long `lantoa up` takes once it has been up before, and how much memory the running platform holds."""

import asyncio
import contextlib
import os
import statistics
from pathlib import Path

import psutil
from bench_rows import Row, row

from lantoa_testing.platform import Platform

START_AIM_S = 15.0
MEMORY_AIM_MB = 1000.0
_SETTLE_SECONDS = 5.0
BROWSER = "board-page"


def _pss_mb(pid: int) -> float:
    """Proportional set size of a process and all that it started, in MB of 1,000,000 bytes."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
                total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total * 1024 / 1_000_000


def memory(platform: Platform) -> dict[str, float]:
    """MB by process name; the supervisor alone, without the processes that it watches."""
    found = {name: _pss_mb(pid) for name, pid in platform.pids().items()}
    assert platform.process
    found["supervisor"] = _pss_mb(platform.process.pid) - sum(found.values())
    return found


def warm_starts(platform: Platform, rounds: int) -> Row:
    """``startup_warm_s``; the platform ran before, is stopped now, and runs when this returns."""
    seconds = []
    for _ in range(rounds):
        platform.stop()
        platform.start()
        seconds.append(platform.started_in)
    spread = ", ".join(f"{s:.1f}" for s in seconds)
    load = os.getloadavg()[0]
    note = f"`lantoa up` to its last line on earlier data; baseline is the aim; each: {spread}; load {load:.1f}"
    return row("startup_warm_s", statistics.median(seconds), START_AIM_S, "s", note)


async def memory_rows(platform: Platform) -> list[Row]:
    """``platform_pss_mb`` and, where there is a Chromium, ``chromium_pss_mb``."""
    await asyncio.sleep(_SETTLE_SECONDS)
    found = memory(platform)
    browser = found.pop(BROWSER, None)
    parts = ", ".join(f"{name} {mb:.0f}" for name, mb in sorted(found.items(), key=lambda part: -part[1]))
    note = "PSS of supervisor, services, NATS, database, stations, board agent after a warm start; baseline is the aim"
    made = [row("platform_pss_mb", sum(found.values()), MEMORY_AIM_MB, "MB", f"{note}; {parts}")]
    if browser is not None:
        note = "PSS of the board's Chromium; baseline is the rest of the platform"
        made.append(row("chromium_pss_mb", browser, sum(found.values()), "MB", note))
    return made
