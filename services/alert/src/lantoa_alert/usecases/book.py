"""What alert keeps, in memory and in its bucket: read at the start, followed ever after, written with what was seen.

Every kind of document can be merged, so two processes may write at once and a write may come late: memory is what
devices are served from, the bucket catches up.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import structlog

from lantoa_runtime.errors import Unavailable

log = structlog.get_logger()

_AT_ONCE = 64
_RACES = 20


@dataclass(frozen=True)
class Entry:
    """A value as the bucket has it. ``body`` is empty where the key was deleted."""

    key: str
    revision: int
    body: bytes


class Moved(Exception):
    """Another value is there than the one that was seen."""


class Bucket(Protocol):
    """A bucket of NATS, or its stand-in in a test."""

    async def after(self, revision: int, pattern: str) -> list[Entry]:
        """The newest values behind a revision, oldest first; empty when there are none."""

    async def last(self, key: str) -> Entry | None:
        """The newest value of a key."""

    async def put(self, key: str, body: bytes, over: int | None = None) -> int:
        """Store a value over the revision that was seen; the new revision.

        Raises:
            Moved: another one is there.
        """

    async def delete(self, key: str) -> None:
        """Forget a key."""


class Shelf(Protocol):
    """The documents of one kind in memory. Their keys are ``<root>.<shelf>.<rest>``."""

    def take(self, rest: str, body: bytes) -> bool:
        """Merge what the bucket has into memory; whether memory knows more than that now."""

    def body(self, rest: str) -> bytes:
        """What the bucket is to have."""


class Book:
    """Documents of every shelf, and which of them the bucket does not have yet."""

    def __init__(self, bucket: Bucket, root: str = "doc") -> None:
        self._bucket = bucket
        self._root = root
        self._shelves: dict[str, Shelf] = {}
        self._revisions: dict[str, int] = {}
        self._dirty: set[str] = set()
        self._writing: dict[str, asyncio.Task[None]] = {}
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._seen = 0
        self.loaded = False
        """Whether all that the bucket holds has been read once."""

    def put_up(self, name: str, shelf: Shelf) -> None:
        """Add a kind of documents."""
        self._shelves[name] = shelf

    @property
    def unstored(self) -> int:
        """How many documents the bucket does not have as memory has them."""
        return len(self._dirty | set(self._writing))

    async def follow(self) -> None:
        """Take up what others have written since the last time; the first time, everything.

        Raises:
            Unavailable, NatsError: the bucket does not answer.
        """
        while True:
            entries = await self._bucket.after(self._seen, f"{self._root}.>")
            if not entries:
                self.loaded = True
                return
            for entry in entries:
                self._seen = max(self._seen, entry.revision)
                self._take(entry)
            await asyncio.sleep(0)

    def _take(self, entry: Entry) -> None:
        if self._revisions.get(entry.key, 0) >= entry.revision:
            return
        self._revisions[entry.key] = entry.revision
        name, rest = self._split(entry.key)
        if entry.body and name in self._shelves and self._shelves[name].take(rest, entry.body):
            self._dirty.add(entry.key)

    def _split(self, key: str) -> tuple[str, str]:
        name, _, rest = key.removeprefix(f"{self._root}.").partition(".")
        return name, rest

    def mark(self, shelf: str, rest: str) -> str:
        """Memory has changed a document: it is to be written. Its key."""
        key = self.key(shelf, rest)
        self._dirty.add(key)
        return key

    def key(self, shelf: str, rest: str) -> str:
        """The key of a document."""
        return f"{self._root}.{shelf}.{rest}"

    def stored(self, shelf: str, rest: str) -> bool:
        """Whether the bucket has a document as memory has it."""
        key = self.key(shelf, rest)
        return key not in self._dirty and key not in self._writing

    async def save(self, keys: Iterable[str]) -> None:
        """Write documents and return when the bucket has them; what fails stays marked and is tried again.

        Raises:
            Unavailable, NatsError: the bucket does not have them all, or it is not known.
        """
        tasks = [self._task(key) for key in keys]
        if tasks:
            # Shielded: whoever waits may give up, the write goes on.
            await asyncio.gather(*(asyncio.shield(task) for task in tasks))

    def _task(self, key: str) -> asyncio.Task[None]:
        running = self._writing.get(key)
        if running is not None and not running.done() and key not in self._dirty:
            return running
        task = asyncio.create_task(self._write(key, running))
        self._writing[key] = task
        task.add_done_callback(lambda done: self._done(key, done))
        return task

    def _done(self, key: str, task: asyncio.Task[None]) -> None:
        if self._writing.get(key) is task:
            del self._writing[key]
        if not task.cancelled():
            task.exception()  # Seen: `flush` tries again.

    async def _write(self, key: str, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait({before})
        name, rest = self._split(key)
        shelf = self._shelves[name]
        async with self._gate:
            for _ in range(_RACES):
                if key not in self._dirty:
                    return
                self._dirty.discard(key)
                try:
                    over = self._revisions.get(key, 0)
                    revision = await self._bucket.put(key, shelf.body(rest), over)
                    self._revisions[key] = max(revision, self._revisions.get(key, 0))
                except Moved:
                    self._dirty.add(key)
                    entry = await self._bucket.last(key)
                    if entry:
                        self._revisions[key] = entry.revision
                        if entry.body:
                            shelf.take(rest, entry.body)
                except BaseException:
                    self._dirty.add(key)
                    raise
                else:
                    return
        raise Unavailable("alert_book")

    async def flush(self) -> None:
        """Try to write all that is still to be written; what fails is tried again the next time."""
        for error in await asyncio.gather(*(self._task(key) for key in list(self._dirty)), return_exceptions=True):
            if isinstance(error, Exception):
                log.warning("not stored yet", error=repr(error), waiting=self.unstored)
                return
