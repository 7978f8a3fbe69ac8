"""What can go wrong for the operator."""

from collections.abc import Mapping
from typing import Any


class Refused(Exception):
    """A service refused the operator: the message is its own words, ``problem`` its answer (RFC 9457), if any."""

    def __init__(self, message: str, problem: Any = None) -> None:
        super().__init__(message)
        self.problem = problem if isinstance(problem, Mapping) else None
