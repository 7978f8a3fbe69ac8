"""How often a password was tried."""

import math
from datetime import datetime

from lantoa_directory.domain.signin import wait_until
from lantoa_runtime.errors import AppError
from lantoa_runtime.mongo import Collection, DuplicateKey

_RACES = 20


class TooManyAttempts(AppError):
    """This login or number was tried too often; ``seconds`` says when to try again."""

    def __init__(self, seconds: int, code: str = "directory.too-many-attempts") -> None:
        super().__init__(code, 429, retryable=True, seconds=seconds)
        self.seconds = seconds


class Attempts:
    """Failures in a row by what was tried; it waits, and is never locked."""

    def __init__(self, attempts: Collection) -> None:
        self._attempts = attempts

    async def count(self, attempt: str, now: datetime) -> None:
        """Count a failure before the password is tried, so that a hundred tries at once are not all the first.

        Raises:
            TooManyAttempts: it has to wait.
        """
        for _ in range(_RACES):
            seen = await self._attempts.find_one({"_id": attempt})
            if seen and seen["until"] is not None and seen["until"] > now:
                raise TooManyAttempts(math.ceil((seen["until"] - now).total_seconds()))
            failures = (seen["failures"] if seen else 0) + 1
            fields = {"failures": failures, "until": wait_until(now, failures), "at": now}
            try:
                if seen is None:
                    await self._attempts.insert_one({"_id": attempt, **fields})
                    return
                guard = {"_id": attempt, "failures": seen["failures"]}
                if (await self._attempts.update_one(guard, {"$set": fields})).matched:
                    return
            except DuplicateKey:
                continue
        raise TooManyAttempts(1)

    async def clear(self, attempt: str) -> None:
        """It was right: begin anew."""
        await self._attempts.delete_one({"_id": attempt})
