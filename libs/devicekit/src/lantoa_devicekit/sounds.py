"""The sounds of alerts: collected in parts from broadcasts, completed from the bucket, kept by their sha256."""

import asyncio
import errno
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import structlog

from lantoa_contracts.base import BlobRef
from lantoa_devicekit.files import write_durably

log = structlog.get_logger("lantoa.sounds")

FOLDER = "alerts"
"""Apart from the media: nothing that makes room ever touches it."""
MAX_BYTES = 1024 * 1024
PART_BYTES = 48 * 1024
_MAX_PARTS = 4 * MAX_BYTES // PART_BYTES

Fetch = Callable[[str, str, int], Awaitable[bytes | None]]
"""Part ``n`` of a sound in a scope, from the bucket; None when it is not there."""


class SoundRefused(Exception):
    """The parts do not make the sound that the order names."""


class Sounds:
    """A small folder of verified sounds, and the parts of those that notices in force still wait for."""

    def __init__(self, data: Path, no_room: Callable[[str], Awaitable[None]]) -> None:
        """``no_room`` is told when a sound found no room on the disk; it may make some."""
        self._folder = data / FOLDER
        self._no_room = no_room
        self._parts: dict[str, dict[int, bytes]] = {}
        self._wanted: dict[str, BlobRef] = {}
        self._here: set[str] = set()

    def path(self, sha256: str) -> Path | None:
        """Where the sound lies, if it is here and right."""
        return self._folder / sha256 if sha256 in self._here else None

    async def want(self, sounds: Iterable[BlobRef]) -> None:
        """What notices in force need: the rest is forgotten."""
        self._wanted = {sound.sha256: sound for sound in sounds}
        self._parts = {sha256: parts for sha256, parts in self._parts.items() if sha256 in self._wanted}
        found = await asyncio.to_thread(self._look, self._wanted.keys() - self._here)
        self._here = (self._here | found) & self._wanted.keys()  # One may have become whole meanwhile.

    def missing(self) -> list[BlobRef]:
        """Wanted and not here; what is too big to be an alert's sound is not waited for."""
        return [
            sound for sha256, sound in self._wanted.items() if sha256 not in self._here and sound.bytes <= MAX_BYTES
        ]

    async def heard(self, sha256: str, n: int, data: bytes) -> bool:
        """Take a part from a broadcast, which anybody may have sent; whether the sound is now whole and right."""
        sound = self._wanted.get(sha256)
        if sound is None or sha256 in self._here or not 0 <= n < _MAX_PARTS or len(data) > PART_BYTES:
            return False
        self._parts.setdefault(sha256, {})[n] = data
        try:
            return await self._complete(sound)
        except SoundRefused:
            return False  # Somebody's part is false: the bucket's will do.

    async def fetch(self, sound: BlobRef, scope: str, fetch: Fetch) -> bool:
        """Complete a sound from the bucket; whether it is here now.

        Raises:
            SoundRefused: the bucket's parts do not fit the signed order.
        """
        for trusted in (False, True):
            parts = {} if trusted else self._parts.get(sound.sha256, {})
            self._parts[sound.sha256] = parts
            n = 0
            while sum(map(len, parts.values())) < sound.bytes and n < _MAX_PARTS:
                if n not in parts:
                    part = await fetch(scope, sound.sha256, n)
                    if sound.sha256 in self._here:
                        return True  # The broadcast was quicker.
                    if not part:
                        break
                    parts[n] = part
                n += 1
            try:
                return await self._complete(sound)
            except SoundRefused:
                if trusted:
                    raise
        return False

    async def _complete(self, sound: BlobRef) -> bool:
        parts = self._parts[sound.sha256]
        if sum(map(len, parts.values())) < sound.bytes:
            return False
        whole = b"".join(parts[n] for n in sorted(parts))
        if len(whole) != sound.bytes or hashlib.sha256(whole).hexdigest() != sound.sha256:
            parts.clear()
            raise SoundRefused(sound.sha256)
        await self._write(sound.sha256, whole)
        self._parts.pop(sound.sha256, None)
        self._here.add(sound.sha256)
        return True

    async def _write(self, sha256: str, whole: bytes) -> None:
        for last in (False, True):
            try:
                await asyncio.to_thread(self._settle, sha256, whole)
            except OSError as error:
                if last or error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                await self._no_room(str(error))
            else:
                return

    def _settle(self, sha256: str, whole: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        write_durably(self._folder / sha256, whole)

    def _look(self, wanted: set[str]) -> set[str]:
        here = set()
        for path in self._folder.iterdir() if self._folder.exists() else ():
            if path.suffix:
                continue  # One that is being written.
            if path.name not in self._wanted:
                path.unlink()
            elif path.name in wanted and hashlib.sha256(path.read_bytes()).hexdigest() == path.name:
                here.add(path.name)
        return here
