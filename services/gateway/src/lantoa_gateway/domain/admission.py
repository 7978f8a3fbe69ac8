"""Who is let through when more ask than can be served: a fixed number at once, a short wait, then a clear refusal.

Each rank has places of its own at each service, so what one takes is never missing to another: an alert is refused for
too many alerts at most. Ranks below have fewer places, and their refusal costs microseconds. Pure: time is given, in
seconds, by any steady clock.
"""

from collections import deque
from enum import StrEnum
from typing import Generic, TypeVar

LONGEST_WAIT_SECONDS = 0.2
"""Whoever would wait longer is better told now to come back: waiting in line only makes everybody late."""


class Rank(StrEnum):
    """What a request is for, the most urgent first."""

    ALERT = "alert"
    STAFF = "staff"
    PUBLIC = "public"
    """Contests, public pages, devices: whoever is not staff."""
    REPORTS = "reports"


PLACES = {Rank.ALERT: 100, Rank.STAFF: 60, Rank.PUBLIC: 80, Rank.REPORTS: 8}
"""Requests to one service that wait for the begin of their answer at once."""


def rank_of(service: str, staff: bool) -> Rank:
    """The rank of a request to one service."""
    if not staff:
        return Rank.PUBLIC
    return {"alert": Rank.ALERT, "reporting": Rank.REPORTS}.get(service, Rank.STAFF)


T = TypeVar("T")


class Line(Generic[T]):
    """The places of one rank at one service, and who waits for one. ``T`` is whatever stands for who waits."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[tuple[float, T]] = deque()

    def enter(self) -> bool:
        """Take a place; whether there was one."""
        if self._free < 1 or self._waiting:
            return False
        self._free -= 1
        return True

    def wait(self, who: T, now: float) -> bool:
        """Stand in line; ``False`` when the line does not move: its first has waited too long."""
        if self._waiting and now - self._waiting[0][0] > LONGEST_WAIT_SECONDS:
            return False
        self._waiting.append((now, who))
        return True

    def give_up(self, who: T) -> None:
        """Leave the line."""
        self._waiting = deque(one for one in self._waiting if one[1] is not who)

    def leave(self) -> T | None:
        """Give a place back; who has it now, ``None`` for nobody."""
        if self._waiting:
            return self._waiting.popleft()[1]
        self._free += 1
        return None
