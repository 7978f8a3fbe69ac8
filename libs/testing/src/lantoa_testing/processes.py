"""Real servers under a test's hand: started, killed, started again."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

_START_SECONDS = 60.0


class ServerProcess:
    """A server that a test may kill and bring back."""

    def __init__(
        self, name: str, command: list[str], ready: Callable[[], bool], log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._command = command
        self._ready = ready
        self._log = log
        self._env = dict(env) if env else None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return once it answers.

        Raises:
            RuntimeError: it ended or did not answer; the log's tail is in the message.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=self._env)
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, as a power cut to the process would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM and wait."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Kill it and start it again on the same data."""
        self.kill()
        self.start()

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    @property
    def pid(self) -> int:
        """Its process id.

        Raises:
            RuntimeError: it does not run.
        """
        if self._process is None:
            raise RuntimeError(f"{self.name} does not run")
        return self._process.pid


async def eventually(condition: Callable[[], object], timeout: float = 60.0, every: float = 0.02) -> object:
    """The first true result of ``condition`` (plain or async). The timeout is for what is broken, not for what is slow.

    Raises:
        AssertionError: it did not come true in time.
    """
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {timeout} s: {getattr(condition, '__name__', condition)}")
        await asyncio.sleep(every)
