"""How long to wait before the next try."""

import random
from collections.abc import Callable

_uniform: Callable[[float, float], float] = random.SystemRandom().uniform


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
