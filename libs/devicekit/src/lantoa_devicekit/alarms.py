"""An alarm that repeats is told once an hour, with how often it happened and why."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import structlog

from lantoa_contracts.device import Alarm

log = structlog.get_logger("lantoa.alarms")

AlarmCode = Literal[
    "signature_refused", "download_refused", "clock_off", "disk_full", "playback_failed", "temperature", "restarts"
]
EVERY_S = 3600.0


@dataclass(frozen=True)
class Due:
    """What is to be told now of a code."""

    count: int
    reasons: dict[str, int]


@dataclass
class AlarmLimiter:
    """Counts alarms by code. One forged broadcast must not make ten thousand devices raise ten thousand alarms. Pure.

    ``at_s`` arguments are a monotonic time in seconds.
    """

    every_s: float = EVERY_S
    _last: dict[AlarmCode, float] = field(default_factory=dict)
    _held: dict[AlarmCode, Counter[str]] = field(default_factory=dict)

    def note(self, code: AlarmCode, at_s: float, reason: str = "") -> Due | None:
        """Count one more; what to report now (with those held back since the last report), or None to hold back."""
        self._held.setdefault(code, Counter())[reason] += 1
        return self.due(code, at_s)

    def due(self, code: AlarmCode, at_s: float) -> Due | None:
        """What was held back, once the last report is long enough ago."""
        held, last = self._held.get(code), self._last.get(code)
        if not held or (last is not None and at_s - last < self.every_s):
            return None
        self._last[code] = at_s
        del self._held[code]
        return Due(held.total(), {reason: count for reason, count in sorted(held.items()) if reason})

    def held(self) -> list[AlarmCode]:
        """Codes of which something is held back."""
        return list(self._held)


class Alarms:
    """Raises a device's alarms: ``post`` makes them durable."""

    def __init__(self, every_s: float, now: Callable[[], datetime], post: Callable[[Alarm], Awaitable[None]]) -> None:
        self._limiter = AlarmLimiter(every_s)
        self._now = now
        self._post = post
        self._details: dict[AlarmCode, str] = {}
        self.refusals: Counter[str] = Counter()
        """Every document refused in the life of the process, by reason: ``diagnose`` tells them."""

    async def refused(self, channel: str, reason: str) -> None:
        """A document was not obeyed."""
        self.refusals[reason] += 1
        await self.raise_("signature_refused", f"{channel}: {reason}", reason)

    async def raise_(self, code: AlarmCode, detail: str, reason: str = "") -> None:
        """Raise an alarm, at most one each ``every_s`` of a code, with the count of those held back."""
        log.warning("alarm", code=code, detail=detail)
        self._details[code] = detail[:400]
        await self._tell(code, self._limiter.note(code, _monotonic(), reason))

    async def tend(self) -> None:
        """Tell what was held back and is due."""
        for code in self._limiter.held():
            await self._tell(code, self._limiter.due(code, _monotonic()))

    async def _tell(self, code: AlarmCode, due: Due | None) -> None:
        if due is None:
            return
        at = self._now()
        local_id = f"{code}.{int(at.timestamp() * 1000)}"
        detail = self._details[code]
        await self._post(
            Alarm(local_id=local_id, code=code, at=at, count=due.count, detail=detail, reasons=due.reasons)
        )


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
