"""Messages that wait on disk until a stream has acknowledged them: proofs and alarms."""

import asyncio
import contextlib
from collections.abc import Sequence

import structlog

from lantoa_devicekit.journal import Journal
from lantoa_devicekit.link import Link, LinkDown
from lantoa_devicekit.store import Waiting

log = structlog.get_logger("lantoa.outbox")

RETRY_S = 5.0
_BATCH = 10


class Outbox:
    """Sends what waits, oldest first, and again until acknowledged.

    What is urgent (acknowledgements) does not wait behind a backlog of proofs.
    """

    def __init__(self, journal: Journal, link: Link, urgent: str, retry_s: float = RETRY_S) -> None:
        """``urgent`` is the subject of messages that go first."""
        self._journal = journal
        self._link = link
        self._urgent = urgent
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
        after, all_sent = 0, await self._send_urgent()
        while self._link.up.is_set() and (batch := await self._journal.waiting(_BATCH, after)):
            all_sent &= await self._send(batch)
            all_sent &= await self._send_urgent()
            after = batch[-1].n
        return all_sent and self._link.up.is_set()

    async def _send_urgent(self) -> bool:
        return await self._send(await self._journal.waiting(_BATCH, 0, self._urgent))

    async def _send(self, messages: Sequence[Waiting]) -> bool:
        all_sent = True
        for message in messages:
            try:
                await self._link.publish(message.subject, message.payload)
            except LinkDown as error:
                log.warning("not_acknowledged", subject=message.subject, error=str(error))
                all_sent = False
                if not self._link.up.is_set():
                    return False
            else:
                await self._journal.acknowledged(message)
        return all_sent
