"""The one place that reads the wall clock."""

from datetime import UTC, datetime, timedelta


class Clock:
    """Time of day in UTC, shifted by a fixed amount where a demo or a test asked for it."""

    def __init__(self, shift_seconds: float = 0.0) -> None:
        self._shift = timedelta(seconds=shift_seconds)

    def now(self) -> datetime:
        """The time, aware, in UTC, cut to milliseconds (as MongoDB keeps it)."""
        moment = datetime.now(UTC) + self._shift
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
