"""Start processes in order, watch them, start again what died, stop all of it and leave nothing behind."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import aiohttp

from lantoa_cli.layout import Layout, Program
from lantoa_cli.servers import answers

_PR_SET_PDEATHSIG = 1
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0
_STABLE_SECONDS = 20.0
_STOP_SECONDS = 12.0
_BIGGEST_LOG = 20_000_000
_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """A supervisor that is killed must not leave children that hold ports and locks (Linux prctl)."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class DidNotStart(Exception):
    """A process ended or stayed unready; the message says which and quotes its log."""


class Child:
    """One process that is kept alive until told to stop."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self.log = log
        self.process: asyncio.subprocess.Process | None = None
        self.restarts = 0
        self._stopping = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it, and from now on start it again whenever it ends by itself."""
        await self._spawn()
        self._watcher = asyncio.create_task(self._watch())

    async def _spawn(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _BIGGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.program.env},
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops all in order.
                preexec_fn=_die_with_parent,
            )

    async def _watch(self) -> None:
        pause = _FIRST_PAUSE
        while self.process is not None:
            started = time.monotonic()
            await self.process.wait()
            if self._stopping.is_set():
                return
            self._kill_group()  # What it had started itself would live on beside its successor's.
            if time.monotonic() - started > _STABLE_SECONDS:
                pause = _FIRST_PAUSE
            await asyncio.sleep(pause)
            if self._stopping.is_set():
                return
            pause = min(pause * 2, _LONGEST_PAUSE)
            self.restarts += 1
            await self._spawn()

    @property
    def ended(self) -> bool:
        """Whether it is not running at this moment."""
        return self.process is None or self.process.returncode is not None

    def stop_soon(self) -> None:
        """Ask it to end and do not start it again."""
        self._stopping.set()
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)

    async def stopped(self) -> None:
        """Wait until it ended; kill it, and what it started, when it takes too long."""
        if self.process is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), _STOP_SECONDS)
            self._kill_group()
            await self.process.wait()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)

    def _kill_group(self) -> None:
        """Nothing of what it started stays."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:]) if self.log.exists() else ""


class Supervisor:
    """All processes of one installation."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.children: list[Child] = []

    async def start(self, programs: Iterable[Program]) -> list[Child]:
        """Start processes at once; they may not be ready yet."""
        started = [Child(program, self.layout.log(program.name)) for program in programs]
        for child in started:
            self.children.append(child)
            await child.start()
        self.write_state()
        return started

    async def until_listening(self, child: Child, port: int, seconds: float) -> None:
        """Wait for a server's port.

        Raises:
            DidNotStart: it ended or took too long.
        """
        deadline = time.monotonic() + seconds
        while not answers(port):
            if child.restarts or time.monotonic() > deadline:
                raise DidNotStart(f"{child.program.name} did not start:\n{child.tail()}")
            await asyncio.sleep(0.03)

    async def until_ready(self, children: Iterable[Child], seconds: float) -> None:
        """Wait until every process that has a health address answers 200 there.

        Raises:
            DidNotStart: one did not in time.
        """
        waiting = [child for child in children if child.program.health]
        deadline = time.monotonic() + seconds
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
            for child in waiting:
                while not await healthy(session, child.program.health or ""):
                    if time.monotonic() > deadline or child.restarts > 3:
                        raise DidNotStart(f"{child.program.name} is not ready:\n{child.tail()}")
                    await asyncio.sleep(0.1)

    def write_state(self) -> None:
        """Who runs under which pid, for `status` and `down`."""
        children = {c.program.name: c.process.pid for c in self.children if c.process is not None}
        whole = self.layout.run_file.with_suffix(".new")
        whole.write_text(json.dumps({"supervisor": os.getpid(), "children": children}))
        whole.replace(self.layout.run_file)  # Read by others at any moment: never half of it.

    async def stop(self) -> None:
        """Devices first, then services, the servers last."""
        servers = {"nats", "mongo"}
        for group in (
            [c for c in self.children if c.program.name not in servers],
            [c for c in self.children if c.program.name in servers],
        ):
            for child in reversed(group):
                child.stop_soon()
            await asyncio.gather(*(child.stopped() for child in group))
        self.children.clear()
        self.layout.run_file.unlink(missing_ok=True)

    async def watch(self, stop: asyncio.Event) -> None:
        """Keep the state file true until told to stop."""
        while not stop.is_set():
            self.write_state()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)


async def healthy(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether an address answers 200 now."""
    try:
        async with session.get(url) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def running_pid(layout: Layout) -> int | None:
    """The supervisor's pid while the platform runs."""
    try:
        pid: int = json.loads(layout.run_file.read_text())["supervisor"]
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, KeyError, ProcessLookupError, PermissionError):
        return None  # No file, or left by a crash: the pid is free again or another person's by now.
    return pid
