"""Devices that obey something older than they should: seen by their heartbeats, told again, counted."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from lantoa_fleet import telemetry
from lantoa_fleet.usecases.history import States
from lantoa_fleet.usecases.listing import Roster
from lantoa_runtime.clock import Clock

log = structlog.get_logger()

_AT_ONCE = 16
_MOST_A_TURN = 200


class Drift:
    """Desired against reported. A device that is away cannot drift: it reads its state when it comes."""

    def __init__(
        self,
        roster: Roster,
        states: States,
        tell: Callable[[str], Awaitable[None]],
        clock: Clock,
        lasting_seconds: float,
    ) -> None:
        self._roster = roster
        self._states = states
        self._tell = tell
        self._clock = clock
        self._lasting = timedelta(seconds=lasting_seconds)
        self._since: dict[str, datetime] = {}
        self._told: dict[str, datetime] = {}
        self.lasting: frozenset[str] = frozenset()
        """Devices that have been behind for too long."""

    def look(self) -> None:
        """Compare every device's last word with what it should obey."""
        now, before = self._clock.now(), self._since
        self._since = {}
        for device_id, row in self._roster.rows.items():
            state = self._states.get(device_id)
            if row.accepted and row.online and state is not None and state.beat.desired_seq < row.seq:
                self._since[device_id] = before.get(device_id, now)
        self._told = {device_id: at for device_id, at in self._told.items() if device_id in self._since}
        self.lasting = frozenset(one for one, since in self._since.items() if now - since >= self._lasting)

    async def heal(self) -> int:
        """Tell those that lag their state again, each once in a while; how many were told."""
        now = self._clock.now()
        due = [one for one in sorted(self.lasting) if one not in self._told or now - self._told[one] >= self._lasting]
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(device_id: str) -> None:
            async with gate:
                try:
                    await self._tell(device_id)
                except Exception as error:  # noqa: BLE001 - whatever kept it back, the next turn tries again
                    log.warning("device is not told again", device_id=device_id, error=repr(error))
                    return
            self._told[device_id] = now
            telemetry.RETOLD.inc()

        await asyncio.gather(*(one(device_id) for device_id in due[:_MOST_A_TURN]))
        return min(len(due), _MOST_A_TURN)
