"""One change of the tree at a time: an act is worked out over all units, and written before the next one is."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta

from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError
from lantoa_runtime.mongo import Collection, DuplicateKey

_HELD_FOR = timedelta(seconds=60)
"""Longer than the largest change takes. Whoever died with the turn keeps the others waiting for so long."""
_WAIT_SECONDS = 10.0
_LOOK_SECONDS = 0.05


class Turn:
    """Held by one replica at a time. What is written under it may be written twice, so a lost turn harms nothing."""

    def __init__(self, records: Collection, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    @contextlib.asynccontextmanager
    async def taken(self, wait: float = _WAIT_SECONDS) -> AsyncIterator[None]:
        """Have the turn within; others wait.

        Raises:
            AppError: ``directory.tree-is-changing``: somebody else has had it for long; a retry helps.
        """
        holder = secrets.token_hex(8)
        await self._take(holder, wait)
        try:
            yield
        finally:
            await self._records.delete_one({"_id": "units", "holder": holder})

    async def _take(self, holder: str, wait: float) -> None:
        deadline = asyncio.get_running_loop().time() + wait
        while True:
            now = self._clock.now()
            await self._records.delete_one({"_id": "units", "until": {"$lte": now}})
            try:
                await self._records.insert_one({"_id": "units", "holder": holder, "until": now + _HELD_FOR})
            except DuplicateKey:
                if asyncio.get_running_loop().time() > deadline:
                    raise AppError("directory.tree-is-changing", 503, retryable=True) from None
                await asyncio.sleep(_LOOK_SECONDS)
            else:
                return
