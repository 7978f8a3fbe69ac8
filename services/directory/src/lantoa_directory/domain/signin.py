"""How long a sign-in waits and lasts, who needs a second factor, which passwords are too weak."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from lantoa_calendar.text import fold

IDLE = timedelta(minutes=30)
"""A session ends when nobody used it for this long."""
ABSOLUTE = timedelta(hours=8)
"""A session ends this long after sign-in, used or not: a working day."""
RECENT = timedelta(minutes=15)
"""How fresh a sign-in must be to change what somebody signs in with."""
MOST_SESSIONS = 20
"""Sessions of one person at once; one more ends the oldest."""

FREE_FAILURES = 5
LONGEST_WAIT_SECONDS = 60
LONGEST_FACTOR_WAIT_SECONDS = 900
"""Guessing a code needs the password: whoever is kept waiting this long is not kept out by a stranger."""

TICKET_LIFE = timedelta(minutes=5)
"""From the password to the second factor, and from a question to a key to its answer."""
TICKET_TRIES = 5

SECURED_ROLES = frozenset({"approver", "technician", "admin"})
"""Whoever makes the province's loudspeakers speak needs a second factor."""

SHORTEST_PASSWORD = 10
_FEWEST_DIFFERENT = 5


def wait_until(now: datetime, failures: int, longest: int = LONGEST_WAIT_SECONDS) -> datetime | None:
    """When the next try is let after so many failures in a row: at once, then in 1, 2, 4 ... up to ``longest`` seconds.

    ``None`` for at once, and not ``now``: a try that began before this one and is counted after it need not wait.
    """
    if failures < FREE_FAILURES:
        return None
    return now + timedelta(seconds=min(longest, 1 << min(failures - FREE_FAILURES, 10)))


def session_end(created_at: datetime, used_at: datetime) -> datetime:
    """When a session ends that was begun and last used at these moments."""
    return min(created_at + ABSOLUTE, used_at + IDLE)


def is_secured(roles: Iterable[str]) -> bool:
    """Whether somebody with these roles needs a second factor."""
    return not SECURED_ROLES.isdisjoint(roles)


def is_weak(password: str, login: str) -> bool:
    """Whether a new password is one that is guessed early: short, of few letters, or about the login.

    Length counts and composition does not (NIST SP 800-63B, 3.1.1.2).
    """
    plain, name = fold(password), fold(login)
    return len(password) < SHORTEST_PASSWORD or len(set(plain)) < _FEWEST_DIFFERENT or plain.startswith(name)
