"""How long to wait before the next try."""

import random
from collections.abc import Callable

_uniform: Callable[[float, float], float] = random.Random().uniform  # noqa: S311 - spreads devices over time, no more


def ceiling(failures: int, min_s: float, max_s: float) -> float:
    """The longest wait after ``failures`` failures in a row: four times the least, then doubling up to ``max_s``."""
    return max(min_s, min(max_s, min_s * 4 * 2.0 ** min(failures, 30)))


def wait_s(failures: int, min_s: float, max_s: float) -> float:
    """A random wait between ``min_s`` and :func:`ceiling`.

    Never at once and never in step: a fleet that lost its server returns spread out (device topology notes, 5 and 6).
    """
    return _uniform(min_s, ceiling(failures, min_s, max_s))


def jitter(up_to_s: float) -> float:
    """A random wait from nothing to ``up_to_s``."""
    return _uniform(0.0, up_to_s)


def answer_after_s(within_s: float) -> float:
    """A random wait for an answer to what every device was told at once, ``within_s`` at most.

    The first third is left to the telling: thousands of answers would hold up the last who are told.
    """
    return _uniform(within_s / 3, within_s)


URGENT_S = 600.0
"""What is needed within this time is fetched at once."""


def longest_wait_s(needed_in_s: float, window_s: float) -> float:
    """How long a device may put off fetching what it needs in ``needed_in_s``: a random wait up to this spreads a
    province's downloads over the window."""
    return max(0.0, min(window_s, needed_in_s - URGENT_S))
