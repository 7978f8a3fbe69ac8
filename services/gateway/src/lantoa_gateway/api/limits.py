"""Whoever asks too often is told when to ask again; whoever does not is told how often they may."""

import math
import time

from starlette.types import Scope

from lantoa_gateway.domain import Target
from lantoa_gateway.domain.limits import ALL, Limits, allowance_of
from lantoa_gateway.telemetry import LIMITED
from lantoa_runtime.errors import AppError
from lantoa_runtime.http.auth import Caller

Fields = tuple[tuple[bytes, bytes], ...]


class AskedTooOften(AppError):
    """``fields`` are the header fields that say what holds."""

    def __init__(self, seconds: int, fields: Fields) -> None:
        super().__init__("gateway.asked-too-often", 429, retryable=True, seconds=seconds)
        self.fields = fields


class Limiter:
    """Counts what is passed on."""

    def __init__(self, times: float) -> None:
        self._limits = Limits(times)
        for allowance in ALL:
            LIMITED.labels(allowance.name)

    def count(self, scope: Scope, target: Target, caller: Caller, content_type: str) -> Fields:
        """Count a request; the header fields for its answer.

        Raises:
            AskedTooOften: beyond the allowance.
        """
        known = caller.signed_in or caller.citizen
        allowance = allowance_of(target, scope["path"], scope["method"], content_type, known)
        if allowance is None:
            return ()
        subject = caller.id if known else _address(scope)
        count = self._limits.count(allowance, subject, time.monotonic())
        if count.wait:
            LIMITED.labels(allowance.name).inc()
            raise AskedTooOften(math.ceil(count.wait), count.fields)
        return count.fields


def _address(scope: Scope) -> str:
    client: tuple[str, int] | None = scope.get("client")
    return client[0] if client else ""
