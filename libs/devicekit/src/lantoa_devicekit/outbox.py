"""Messages that wait on disk until a stream has acknowledged them: proofs and alarms."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import structlog

from lantoa_devicekit.link import Link, LinkDown
from lantoa_devicekit.store import Store

log = structlog.get_logger("lantoa.outbox")

P = ParamSpec("P")
T = TypeVar("T")

RETRY_S = 5.0
_BATCH = 50


class Disk:
    """Runs the journal's short calls on one thread of their own, in the order they are asked for."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``call`` returns or raises. Once begun it is carried out even if the caller is cancelled."""
        return await asyncio.wrap_future(self._thread.submit(call, *args, **kwargs))

    def close(self) -> None:
        """Wait for what was asked for, then end the thread."""
        self._thread.shutdown()


class Outbox:
    """Sends what waits, oldest first, and again until acknowledged."""

    def __init__(self, disk: Disk, store: Store, link: Link, retry_s: float = RETRY_S) -> None:
        self._disk = disk
        self._store = store
        self._link = link
        self._retry_s = retry_s
        self._more = asyncio.Event()
        self._idle = asyncio.Event()

    def wake(self) -> None:
        """Something new waits."""
        self._idle.clear()
        self._more.set()

    async def run(self) -> None:
        """Send for ever."""
        while True:
            await self._link.up.wait()
            self._more.clear()
            if await self._send_all() and not self._more.is_set():
                self._idle.set()
                await self._more.wait()
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._retry_s):
                        await self._more.wait()

    async def drained(self) -> None:
        """Returns when nothing waits any more."""
        await self._idle.wait()

    async def _send_all(self) -> bool:
        """Whether everything that waited was acknowledged. A message that is refused does not hold up the next."""
        after, all_sent = 0, True
        while batch := await self._disk.run(self._store.waiting, _BATCH, after):
            for message in batch:
                after = message.n
                try:
                    await self._link.publish(message.subject, message.payload)
                except LinkDown as error:
                    log.warning("not_acknowledged", subject=message.subject, error=str(error))
                    all_sent = False
                    if not self._link.up.is_set():
                        return False
                else:
                    await self._disk.run(self._store.acknowledged, message.n)
        return all_sent
