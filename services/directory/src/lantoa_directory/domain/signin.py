"""How long a sign-in waits and lasts."""

from datetime import datetime, timedelta

IDLE = timedelta(minutes=30)
"""A session ends when nobody used it for this long."""
ABSOLUTE = timedelta(hours=8)
"""A session ends this long after sign-in, used or not: a working day."""

FREE_FAILURES = 5
LONGEST_WAIT_SECONDS = 60


def wait_seconds(failures: int) -> int:
    """Seconds until a login may be tried again after this many failures in a row: none, then 1, 2, 4 ... 60."""
    if failures < FREE_FAILURES:
        return 0
    return min(LONGEST_WAIT_SECONDS, 1 << min(failures - FREE_FAILURES, 10))


def session_end(created_at: datetime, used_at: datetime) -> datetime:
    """When a session ends that was begun and last used at these moments."""
    return min(created_at + ABSOLUTE, used_at + IDLE)
