"""Passwords as Argon2id hashes."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from lantoa_calendar.text import nfc

_AT_ONCE = 2


class Argon2Passwords:
    """Argon2id with the least parameters that OWASP's Password Storage Cheat Sheet names (19 MiB, 2 passes, 1 lane).

    Hashing runs in threads, few at once: a crowd at sign-in waits here instead of taking all cores and memory.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._nobody = self._hasher.hash("nobody has this password")
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        """The password in the form that is stored."""
        async with self._gate:
            return await asyncio.to_thread(self._hasher.hash, nfc(password))

    async def fits(self, stored: str | None, password: str) -> bool:
        """Whether the password is the stored one. Without one it costs the same and is ``False``."""
        async with self._gate:
            fits = await asyncio.to_thread(self._verify, stored or self._nobody, nfc(password))
        return fits and stored is not None

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
