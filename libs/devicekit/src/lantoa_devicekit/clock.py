"""The server's time as this device knows it."""

from datetime import UTC, datetime, timedelta


def offset_ms(sent: datetime, received: datetime, server: datetime) -> int:
    """What to add to our clock, taking the server's answer to lie midway between question and arrival."""
    return round((server - (sent + (received - sent) / 2)) / timedelta(milliseconds=1))


class DeviceClock:
    """Wall clock plus the offset last measured against the server."""

    def __init__(self, offset: int = 0) -> None:
        self.offset_ms = offset

    def wall(self) -> datetime:
        """This machine's own idea of now (aware, UTC)."""
        return datetime.now(UTC)

    def now(self) -> datetime:
        """The server's now (aware, UTC)."""
        return self.wall() + timedelta(milliseconds=self.offset_ms)
