"""An alarm that repeats is told once an hour, with how often it happened. Pure."""

from dataclasses import dataclass, field
from typing import Literal

AlarmCode = Literal["signature_refused", "download_refused", "clock_off", "disk_full", "playback_failed"]
EVERY_S = 3600.0


@dataclass
class AlarmLimiter:
    """Counts alarms by code. One forged broadcast must not make ten thousand devices raise ten thousand alarms."""

    every_s: float = EVERY_S
    _last: dict[str, float] = field(default_factory=dict)
    _held: dict[str, int] = field(default_factory=dict)

    def note(self, code: AlarmCode, at_s: float) -> int | None:
        """Count one more; the number to report now (with those held back since the last report), or None to hold back.

        ``at_s`` is a monotonic time in seconds.
        """
        count = self._held.get(code, 0) + 1
        last = self._last.get(code)
        if last is not None and at_s - last < self.every_s:
            self._held[code] = count
            return None
        self._last[code] = at_s
        self._held[code] = 0
        return count
