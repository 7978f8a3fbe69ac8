"""What waits in documents to be published: sent at once, pulled when the stream has it, swept when a crash left it.

A document holds its unpublished events in ``outbox``, oldest first, and in ``ob_at`` since when; what NATS will never
take is in ``ob_refused``.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

import structlog

from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import EventRefused
from lantoa_runtime.mongo.driver import Collection, MongoError
from lantoa_runtime.telemetry import OUTBOX_OLDEST, OUTBOX_REFUSED, OUTBOX_WAITING

log = structlog.get_logger()

_MOST_SET_ASIDE = 20
_SWEEP_BATCH = 100
_PUBLISHING_AT_ONCE = 32
_MOST_UNPULLED = 10
_LINGER_SECONDS = 0.05


class Publisher(Protocol):
    """What the outbox needs of the bus."""

    async def publish(self, subject: str, body: bytes, headers: Mapping[str, str], way: str) -> None:
        """Store one message in its stream, or raise."""


@dataclass
class _Turn:
    """What this process publishes of one document now, and what it knows of its outbox."""

    queue: list[Mapping[str, Any]] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    """Ids that are queued, or were published in this turn."""
    sent: list[str] = field(default_factory=list)
    """Published, and still in the document."""
    look: bool = False
    """Others wait in the document, left by a failure or another process: they are read, so that the order is kept."""
    more: asyncio.Event = field(default_factory=asyncio.Event)

    async def grows(self) -> bool:
        """Whether more is written within a moment: a document that changes often is then pulled from more seldom."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                await self.more.wait()
        return self.more.is_set()


class Outbox:
    """The unpublished events in the documents of one collection."""

    def __init__(self, collection: Collection, publisher: Publisher, clock: Clock) -> None:
        self._collection = collection
        self._publisher = publisher
        self._clock = clock
        self._turns: dict[str, _Turn] = {}
        self._held: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = asyncio.Semaphore(_PUBLISHING_AT_ONCE)
        OUTBOX_REFUSED.labels(collection.name)  # From the start: an alert sees the first one rise from 0.

    @contextlib.contextmanager
    def held(self, keys: Iterable[str]) -> Iterator[None]:
        """Keep the sweeper from these documents for a while."""
        mine = set(keys)
        self._held |= mine
        try:
            yield
        finally:
            self._held -= mine

    def send(self, key: str, entries: Sequence[Mapping[str, Any]], waiting: Sequence[Mapping[str, Any]] = ()) -> None:
        """Publish in the background: the caller does not wait for NATS, the document already holds the truth.

        ``waiting`` are the events that the document held before.
        """
        if not entries:
            return
        turn = self._turns.get(key)
        begins = turn is None
        if turn is None:
            turn = self._turns[key] = _Turn()
        turn.look |= any(entry["id"] not in turn.known for entry in waiting)
        turn.queue += entries
        turn.known |= {entry["id"] for entry in entries}
        turn.more.set()
        if begins:
            task = asyncio.create_task(self._flush(key, turn, "direct"))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _flush(self, key: str, turn: _Turn, way: str) -> None:
        """Publish what waits and what is written meanwhile; pull several published events in one write."""
        try:
            while turn.queue or turn.look or turn.sent:
                turn.more.clear()
                if turn.look:
                    await self._look(key, turn)
                async with self._gate:
                    while turn.queue and not turn.look and len(turn.sent) < _MOST_UNPULLED:
                        await self._publish(key, turn.queue[0], way)
                        turn.sent.append(turn.queue.pop(0)["id"])
                if len(turn.sent) == _MOST_UNPULLED or not await turn.grows():
                    await self._pull(key, turn)
        except Exception as error:  # noqa: BLE001 - whatever happened, the event stays in its document for the sweeper
            log.warning("event waits in its outbox", collection=self._collection.name, error=repr(error))
            await self._pull(key, turn)
        finally:
            del self._turns[key]

    async def _publish(self, key: str, entry: Mapping[str, Any], way: str) -> None:
        try:
            await self._publisher.publish(entry["subject"], entry["body"].encode(), entry["headers"], way)
        except EventRefused as error:
            await self._set_aside(key, entry, error)

    async def _look(self, key: str, turn: _Turn) -> None:
        turn.look = False
        document = await self._collection.find_one({"_id": key}, {"outbox": 1})
        waiting = (document or {}).get("outbox", [])
        there = {entry["id"] for entry in waiting}
        # What was queued while the document was read may not be in what was read.
        later = [entry for entry in turn.queue if entry["id"] not in there]
        turn.queue[:] = [entry for entry in waiting if entry["id"] not in turn.sent] + later
        turn.known |= there

    async def _pull(self, key: str, turn: _Turn) -> None:
        ids, turn.sent = turn.sent, []
        if not ids:
            return
        try:
            if turn.queue:
                await self._collection.update_one({"_id": key}, {"$pull": {"outbox": {"id": {"$in": ids}}}})
            elif not await self._clear(key, ids):
                await self._collection.update_one({"_id": key}, {"$pull": {"outbox": {"id": {"$in": ids}}}})
                await self._rest(key)
        except MongoError as error:
            log.warning("published event stays in its outbox", collection=self._collection.name, error=repr(error))

    async def _rest(self, key: str) -> None:
        """A document whose outbox is empty has nothing for the sweeper."""
        await self._collection.update_one({"_id": key, "outbox": []}, {"$unset": {"ob_at": ""}})

    async def _clear(self, key: str, ids: Sequence[str]) -> bool:
        """Empty an outbox that holds just these, in one write; ``False`` when it holds others.

        Events are appended and taken from the front, so as many as these between their first and last are these.
        """
        just_these = {
            "_id": key,
            "outbox.0.id": ids[0],
            f"outbox.{len(ids) - 1}.id": ids[-1],
            f"outbox.{len(ids)}": {"$exists": False},
        }
        emptied = await self._collection.update_one(just_these, {"$set": {"outbox": []}, "$unset": {"ob_at": ""}})
        return emptied.matched == 1

    async def _set_aside(self, key: str, entry: Mapping[str, Any], error: EventRefused) -> None:
        """Keep an event that can never be published apart from those that wait; somebody must look at it."""
        OUTBOX_REFUSED.labels(self._collection.name).inc()
        log.error(
            "event is set aside", collection=self._collection.name, key=key, event_id=entry["id"], error=str(error)
        )
        kept = {**entry, "at": self._clock.now(), "error": str(error)}
        await self._collection.update_one(
            {"_id": key, "ob_refused.id": {"$ne": entry["id"]}},
            {"$push": {"ob_refused": {"$each": [kept], "$slice": -_MOST_SET_ASIDE}}},
        )

    async def sweep(self, older_than: timedelta) -> int:
        """Publish what has waited longer than this; how many documents were taken."""
        now = self._clock.now()
        waiting = await self._collection.find(
            {"ob_at": {"$lte": now - older_than}}, {"outbox": 1, "ob_at": 1}, sort=[("ob_at", 1)], limit=_SWEEP_BATCH
        )
        OUTBOX_WAITING.labels(self._collection.name).set(len(waiting))
        oldest = (now - waiting[0]["ob_at"]).total_seconds() if waiting else 0.0
        OUTBOX_OLDEST.labels(self._collection.name).set(oldest)
        begun = []
        for document in waiting:
            key, entries = document["_id"], document["outbox"]
            if key not in self._turns and key not in self._held:
                turn = self._turns[key] = _Turn(list(entries), {entry["id"] for entry in entries})
                begun.append(self._sweep_one(key, turn))
        await asyncio.gather(*begun)
        return len(begun)

    async def _sweep_one(self, key: str, turn: _Turn) -> None:
        if not turn.queue:
            await self._rest(key)
        await self._flush(key, turn, "swept")

    async def drain(self) -> None:
        """Wait until no publish of this process is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
