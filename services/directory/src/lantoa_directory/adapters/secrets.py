"""Passwords as Argon2id hashes; secrets that must be read again, sealed; the demo's way to hand out codes."""

import asyncio
import base64
import hmac
import json
import os
import secrets
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lantoa_calendar.text import nfc
from lantoa_runtime.clock import Clock

_AT_ONCE = 2
_KEY_BYTES = 32
_NONCE_BYTES = 12


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


class SecretBox:
    """Secrets that are kept encrypted (AES-256-GCM), and digests that nobody guesses without the key.

    Two keys are made of the one in the file, one for each use. What is sealed says whose it is, and opens for
    nobody else.
    """

    def __init__(self, file: Path) -> None:
        key = file.read_bytes()
        if len(key) != _KEY_BYTES:
            raise ValueError(f"{file} does not hold {_KEY_BYTES} bytes")
        self._box = AESGCM(hmac.digest(key, b"seal", "sha256"))
        self._pepper = hmac.digest(key, b"digest", "sha256")

    def seal(self, secret: bytes, about: str) -> str:
        """The secret in the form that is stored."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + self._box.encrypt(nonce, secret, about.encode())).decode()

    def open(self, sealed: str, about: str) -> bytes:
        """Undo :meth:`seal`.

        Raises:
            ValueError: another key, another owner, or something was changed.
        """
        whole = base64.b64decode(sealed)
        try:
            return self._box.decrypt(whole[:_NONCE_BYTES], whole[_NONCE_BYTES:], about.encode())
        except InvalidTag as error:
            raise ValueError("what was sealed does not open") from error

    def digest(self, text: str, about: str) -> str:
        """The form in which a code of few letters is compared and cannot be guessed from."""
        return hmac.digest(self._pepper, f"{about}\n{text}".encode(), "sha256").hex()


class CodesFile:
    """The demo's sender of codes: a JSON line ``{at, phone, code}`` for each, in a file for its owner's eyes only."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = file
        self._clock = clock

    async def send(self, phone: str, code: str) -> None:
        """Write one code down.

        Raises:
            OSError: the file cannot be written.
        """
        line = json.dumps({"at": self._clock.now().isoformat(), "phone": phone, "code": code})
        await asyncio.to_thread(self._append, f"{line}\n".encode())

    def _append(self, line: bytes) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
