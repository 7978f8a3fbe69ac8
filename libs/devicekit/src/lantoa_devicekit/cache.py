"""Files by their sha256: fetched in parts if need be, taken only when whole and right."""

import asyncio
import contextlib
import errno
import hashlib
import os
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

import aiohttp
import structlog
from yarl import URL

from lantoa_contracts.base import BlobRef
from lantoa_contracts.device import ManifestAnswer
from lantoa_devicekit.alarms import AlarmCode
from lantoa_devicekit.backoff import wait_s
from lantoa_devicekit.files import settle
from lantoa_devicekit.link import LinkDown
from lantoa_devicekit.settings import DeviceSettings

log = structlog.get_logger("lantoa.cache")

FOLDER = "media"
_CHUNK = 256 * 1024
_MANIFEST_MAX = 200
ROOM_BYTES = 16 * 1024 * 1024
"""So much is freed at a time when the disk is full."""
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=20)
_NAME = re.compile(r"^[0-9a-f]{64}(\.part)?$")


class DownloadRefused(Exception):
    """What came is not the file that was asked for."""


class AddressRefused(Exception):
    """The signed address has expired or never opened this file."""


class Pace:
    """Holds the device's downloads together below a rate, so that a slow line stays usable."""

    def __init__(self, bytes_per_s: float) -> None:
        """0 for no limit."""
        self._rate = bytes_per_s
        self._free_at = 0.0

    async def spend(self, size: int) -> None:
        """Wait until so many bytes more may come."""
        if self._rate:
            now = asyncio.get_running_loop().time()
            self._free_at = max(now, self._free_at) + size / self._rate
            await asyncio.sleep(self._free_at - now)


class MediaCache:
    """A bounded folder of verified files. A name without ``.part`` is a promise that the content fits the hash."""

    def __init__(
        self,
        settings: DeviceSettings,
        http: aiohttp.ClientSession,
        manifest: Callable[[Sequence[str]], Awaitable[ManifestAnswer]],
        base: Callable[[], str],
        alarm: Callable[[AlarmCode, str], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._folder = settings.data / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._http = http
        self._manifest = manifest
        self._base = base
        self._alarm = alarm
        self._slots = asyncio.Semaphore(settings.downloads)
        self._manifest_lock = asyncio.Lock()
        self._fetching: set[str] = set()
        self._addresses: dict[str, str] = {}
        self._verified: set[str] = set()
        self._needed: frozenset[str] = frozenset()
        self._held: Counter[str] = Counter()
        self._pace = Pace(settings.rate_kib_s * 1024)

    def path(self, sha256: str) -> Path:
        """Where the file lies, or will lie."""
        return self._folder / sha256

    async def has(self, ref: BlobRef) -> bool:
        """Whether the file is here and right; its hash is checked again once in the life of the process."""
        if ref.sha256 in self._verified:
            return True
        return self.path(ref.sha256).exists() and await self.intact(ref.sha256)

    async def intact(self, sha256: str) -> bool:
        """Whether a file that should be here is, looked at again; one that is not is forgotten and can be fetched."""
        self._verified.discard(sha256)
        path = self.path(sha256)
        try:
            if await asyncio.to_thread(_sha256, path) == sha256:
                self._verified.add(sha256)
                return True
        except OSError as error:
            log.warning("stored_file_unreadable", sha256=sha256, error=str(error))
        log.warning("stored_file_damaged", sha256=sha256)
        path.unlink(missing_ok=True)
        return False

    def need(self, sha256s: Iterable[str]) -> None:
        """Which files the current rundown needs; the others may go when room is short or when they are old."""
        self._needed = frozenset(sha256s)
        for sha256 in self._needed:
            if self.path(sha256).exists():
                os.utime(self.path(sha256))

    @contextlib.contextmanager
    def holding(self, sha256s: Collection[str]) -> Iterator[None]:
        """Within it these files are needed too, whatever the rundown says."""
        self._held.update(sha256s)
        try:
            yield
        finally:
            self._held.subtract(sha256s)

    async def get(self, ref: BlobRef, tries: int | None = None) -> Path:
        """The file's path once it is here and verified; tries for ever, with growing waits, until cancelled.

        With ``tries`` it gives up when so many answers were no such file; a lost connection is not counted.

        Raises:
            DownloadRefused: only with ``tries``.
        """
        failures = refusals = 0
        while not await self.has(ref):
            try:
                self._fetching.add(ref.sha256)
                async with self._slots:
                    await self._fetch(ref)
                break
            except (DownloadRefused, AddressRefused) as error:
                self._addresses.pop(ref.sha256, None)
                if isinstance(error, DownloadRefused):
                    await self._alarm("download_refused", f"{ref.sha256}: {error}")
                refusals += 1
                if refusals == tries:
                    raise DownloadRefused(str(error)) from error
            except (aiohttp.ClientError, TimeoutError, LinkDown) as error:
                log.info("download_failed", sha256=ref.sha256, error=f"{type(error).__name__}: {error}")
            except OSError as error:
                await self._disk_trouble(error)
            finally:
                self._fetching.discard(ref.sha256)
            await asyncio.sleep(wait_s(failures, self._settings.reconnect_min_s, self._settings.reconnect_max_s))
            failures += 1
        return self.path(ref.sha256)

    def make_room(self) -> None:
        """Remove what no current rundown needs until :data:`ROOM_BYTES` are free again: broken off downloads first,
        then what nobody has needed for longest."""
        room = 0
        for path in self._spare():
            room += path.stat().st_size
            self._remove(path)
            if room >= ROOM_BYTES:
                return

    def tidy(self, now_s: float | None = None) -> None:
        """Remove what no current rundown needs and nobody needed for the keeping time."""
        oldest = (time.time() if now_s is None else now_s) - self._settings.keep_media_s
        for path in self._spare():
            if path.stat().st_mtime < oldest:
                self._remove(path)

    def _spare(self) -> list[Path]:
        """What may go, in the order in which it goes."""
        needed = self._needed | self._fetching | {sha256 for sha256, count in self._held.items() if count > 0}
        files = [path for path in self._folder.iterdir() if _NAME.match(path.name)]
        spare = [path for path in files if path.name.removesuffix(".part") not in needed]
        return sorted(spare, key=lambda path: (path.suffix != ".part", path.stat().st_mtime))

    def _remove(self, path: Path) -> None:
        self._verified.discard(path.name)
        path.unlink()

    async def _disk_trouble(self, error: OSError) -> None:
        log.error("disk_trouble", error=str(error))
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return
        await asyncio.to_thread(self.make_room)
        await self._alarm("disk_full", str(error))

    async def _fetch(self, ref: BlobRef) -> None:
        part = self.path(ref.sha256).with_suffix(".part")
        have = part.stat().st_size if part.exists() else 0
        try:
            if have < ref.bytes or not part.exists():
                await self._download(ref, part, have, await self._address(ref.sha256))
            await asyncio.to_thread(_check, part, ref)
        except DownloadRefused:
            part.unlink(missing_ok=True)
            raise
        await asyncio.to_thread(settle, part, self.path(ref.sha256))
        self._verified.add(ref.sha256)

    async def _download(self, ref: BlobRef, part: Path, have: int, address: str) -> None:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        url = URL(urljoin(self._base(), address), encoded=True)
        async with self._http.get(url, headers=headers, timeout=_TIMEOUT) as response:
            if response.status in (401, 403, 404, 410):
                raise AddressRefused(str(response.status))
            fits = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            if response.status == 416 or (response.status == 206 and not fits):
                raise DownloadRefused("the answer is not the part that was missing")
            response.raise_for_status()
            resumed = response.status == 206
            size = have if resumed else 0
            # Written on the loop: a write left behind in a thread by a cancelled download would spoil the next one.
            with _open(part, append=resumed) as file:
                async for chunk in response.content.iter_chunked(_CHUNK):
                    size += len(chunk)
                    if size > ref.bytes:
                        break
                    file.write(chunk)
                    await self._pace.spend(len(chunk))
        if size > ref.bytes:
            raise DownloadRefused("longer than it should be")

    async def _address(self, sha256: str) -> str:
        async with self._manifest_lock:
            if sha256 not in self._addresses:
                wanted = [sha256, *sorted(self._fetching - self._addresses.keys() - {sha256})]
                answer = await self._manifest(wanted[:_MANIFEST_MAX])
                self._addresses.update(answer.urls)
        try:
            return self._addresses[sha256]
        except KeyError as error:
            raise AddressRefused("not in the manifest") from error


def _open(part: Path, *, append: bool) -> BinaryIO:
    return part.open("ab" if append else "wb")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(part: Path, ref: BlobRef) -> None:
    size = part.stat().st_size
    if size != ref.bytes:
        raise DownloadRefused(f"{size} bytes instead of {ref.bytes}")
    if _sha256(part) != ref.sha256:
        raise DownloadRefused("another content")
