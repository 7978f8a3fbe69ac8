"""Files by their content: stored once under their SHA-256, never changed. A folder or any bucket, through obstore."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from obstore.exceptions import GenericError
from obstore.store import LocalStore, ObjectStore, from_url

from lantoa_contracts.base import BlobRef
from lantoa_runtime.errors import NotFound, Unavailable

log = structlog.get_logger()

_CHUNK = 256 * 1024


class Blobs:
    """The platform's store of renditions, media and rundowns."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "file":
            Path(parts.path).mkdir(parents=True, exist_ok=True)
            self._store: ObjectStore = LocalStore(parts.path, mkdir=True)
        else:
            self._store = from_url(url, client_options={"timeout": timedelta(seconds=30)})

    @staticmethod
    def _key(sha256: str) -> str:
        return f"{sha256[:2]}/{sha256}"

    async def put(self, data: bytes, media_type: str) -> BlobRef:
        """Store a file; storing it again changes nothing. It is there whole or not at all.

        Raises:
            Unavailable: the disk is full or the bucket away; a later try may succeed.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        with _reaching():
            await self._store.put_async(self._key(sha256), data)
        return BlobRef(sha256=sha256, bytes=len(data), media_type=media_type)

    async def size(self, sha256: str) -> int:
        """Length in bytes.

        Raises:
            NotFound: no such file.
        """
        try:
            return int((await self._store.head_async(self._key(sha256)))["size"])
        except FileNotFoundError as error:
            raise NotFound("media") from error

    async def get(self, sha256: str) -> bytes:
        """The whole file.

        Raises:
            NotFound: no such file.
            Unavailable: the bucket is away.
        """
        try:
            with _reaching():
                return bytes(await (await self._store.get_async(self._key(sha256))).bytes_async())
        except FileNotFoundError as error:
            raise NotFound("media") from error

    async def stream(self, sha256: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` up to and not including ``end``, in pieces."""
        for offset in range(start, end, _CHUNK):
            piece = await self._store.get_range_async(self._key(sha256), start=offset, end=min(offset + _CHUNK, end))
            yield bytes(piece)


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except GenericError as error:
        # Its text goes on with a dump of the inner error.
        log.error("media store refuses", error=str(error).splitlines()[0])
        raise Unavailable("media") from error
