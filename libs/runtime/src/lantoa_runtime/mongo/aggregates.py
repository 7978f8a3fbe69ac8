"""State and its events as one fact: the embedded outbox.

A write carries its events inside the same document, guarded by ``ver``. They are published at once, with the event id
as de-duplication id, and pulled after the stream's acknowledgement; a sweeper takes what a crash or an outage left.
What NATS will never take (an event that is too large) is set aside in the document, so that later events go their way.
"""

import asyncio
import collections
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import structlog

from lantoa_contracts.base import Event
from lantoa_contracts.catalogue import EventSpec
from lantoa_contracts.envelope import Envelope
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import DuplicateKey, EventRefused, StaleVersion, Unavailable
from lantoa_runtime.mongo.driver import Collection, Document, Index, MongoError
from lantoa_runtime.telemetry import OUTBOX_OLDEST, OUTBOX_REFUSED, OUTBOX_WAITING, current_traceparent

log = structlog.get_logger()

MOST_WAITING = 100
"""Events that one document may hold unpublished; more means the stream has been away for very long."""
_MOST_SET_ASIDE = 20
_SWEEP_BATCH = 100
_REPLAY_BATCH = 200
_INSERT_BATCH = 200
_PUBLISHING_AT_ONCE = 32
_MOST_RACES = 50


@dataclass(frozen=True)
class Outgoing:
    """An event that a write is to carry."""

    spec: EventSpec
    event: Event


@dataclass(frozen=True)
class Change:
    """What a write does to a document: fields set, unset, lists grown, and the events it carries."""

    set: Mapping[str, Any]
    events: Sequence[Outgoing] = ()
    unset: Sequence[str] = ()
    push: Mapping[str, Sequence[Any]] | None = None


class Publisher(Protocol):
    """What the outbox needs of the bus."""

    async def publish(self, subject: str, body: bytes, headers: Mapping[str, str], way: str) -> None:
        """Store one message in its stream, or raise."""


class Aggregates:
    """The documents of one collection whose changes are events.

    Fields ``ver``, ``outbox``, ``ob_at`` and ``ob_refused`` are ours.
    """

    def __init__(self, collection: Collection, publisher: Publisher, clock: Clock, source: str) -> None:
        self.collection = collection
        self.on_write: Callable[[str], None] = lambda _: None
        """Called with the key of every document that this process has written."""
        self._publisher = publisher
        self._clock = clock
        self._source = source
        self._busy: set[str] = set()
        self._again: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = asyncio.Semaphore(_PUBLISHING_AT_ONCE)
        OUTBOX_REFUSED.labels(collection.name)  # From the start: an alert sees the first one rise from 0.

    @staticmethod
    def index(collection: str) -> Index:
        """The sparse index that the sweeper reads by."""
        return Index(collection, ("ob_at",), sparse=True)

    async def load(self, key: str) -> Document | None:
        """The document, or ``None``."""
        return await self.collection.find_one({"_id": key})

    async def insert(self, key: str, fields: Mapping[str, Any], events: Sequence[Outgoing] = ()) -> Document:
        """Store a new document at ``ver`` 1 together with its events.

        Raises:
            DuplicateKey: the id or another unique key is taken.
        """
        document: Document = {"_id": key, **fields, "ver": 1, **self._outbox(key, 1, events)}
        await self.collection.insert_one(document)
        self.on_write(key)
        self._send(key, document.get("outbox", []), behind=False)
        return document

    async def insert_all(self, wanted: Mapping[str, tuple[Mapping[str, Any], Sequence[Outgoing]]]) -> set[str]:
        """Store many new documents by key, each with its events; the keys of those that were taken already.

        Events go out once all documents are stored: readers need not see the first before the last is there.

        Raises:
            MongoError: some may be stored; their events wait in them for the sweeper.
        """
        documents = [
            {"_id": key, **fields, "ver": 1, **self._outbox(key, 1, events)} for key, (fields, events) in wanted.items()
        ]
        taken: set[str] = set()
        self._busy |= wanted.keys()  # The sweeper has time until all are there.
        try:
            for begin in range(0, len(documents), _INSERT_BATCH):
                batch = documents[begin : begin + _INSERT_BATCH]
                taken |= {batch[number]["_id"] for number in await self.collection.insert_many(batch)}
        finally:
            self._busy -= wanted.keys()
        for document in documents:
            if document["_id"] not in taken:
                self.on_write(document["_id"])
                self._send(document["_id"], document.get("outbox", []), behind=False)
        return taken

    async def save(
        self,
        document: Mapping[str, Any],
        changes: Mapping[str, Any],
        events: Sequence[Outgoing] = (),
        unset: Sequence[str] = (),
        push: Mapping[str, Any] | None = None,
    ) -> Document:
        """Change a document that was loaded at ``document["ver"]``; the document as it then is.

        Raises:
            StaleVersion: somebody else changed it in between.
            Unavailable: it holds all the unpublished events that a document may hold.
        """
        key, ver, waiting = document["_id"], document["ver"], document.get("outbox", [])
        outbox = self._outbox(key, ver + 1, events)
        entries = outbox.get("outbox", [])
        guard: dict[str, Any] = {"_id": key, "ver": ver}
        update: dict[str, Any] = {"$set": dict(changes), "$inc": {"ver": 1}}
        pushes: dict[str, Any] = {field: {"$each": values} for field, values in (push or {}).items()}
        if outbox:
            update["$set"]["ob_at"] = outbox["ob_at"]
            pushes["outbox"] = {"$each": entries}
            guard[f"outbox.{MOST_WAITING - len(entries)}"] = {"$exists": False}
        if pushes:
            update["$push"] = pushes
        if unset:
            update["$unset"] = dict.fromkeys(unset, "")
        if not update["$set"]:
            del update["$set"]
        if not (await self.collection.update_one(guard, update)).matched:
            raise Unavailable("nats") if len(waiting) + len(entries) > MOST_WAITING else StaleVersion
        self.on_write(key)
        self._send(key, entries, behind=bool(waiting))
        kept = {name: value for name, value in document.items() if name not in unset}
        grown = {field: [*document.get(field, []), *values] for field, values in (push or {}).items()}
        return {**kept, **changes, **grown, "ver": ver + 1, "outbox": [*waiting, *entries]}

    async def change(self, key: str, decide: Callable[[Document | None], "Change | None"]) -> Document | None:
        """Load, decide, save, and once more where somebody else was faster; the document as it then is.

        ``decide`` is pure: it is given the document (``None`` when there is none) and says what to change, or ``None``
        for nothing.

        Raises:
            StaleVersion: it lost the race too often.
            DuplicateKey: the change collides with a unique key other than the id.
            Unavailable: the document holds all the unpublished events that it may hold.
        """
        for _ in range(_MOST_RACES):
            document = await self.load(key)
            change = decide(document)
            if change is None:
                return document
            try:
                if document is None:
                    grown = {field: list(values) for field, values in (change.push or {}).items()}
                    return await self.insert(key, {**change.set, **grown}, change.events)
                return await self.save(document, change.set, change.events, change.unset, change.push)
            except StaleVersion:
                await asyncio.sleep(0)
            except DuplicateKey as error:
                if "_id" not in error.key:
                    raise
        raise StaleVersion

    async def replay(self, document: Mapping[str, Any], events: Sequence[Outgoing], turn: str) -> None:
        """Publish what a document stands for once more, unchanged, for readers that began late; waits for the stream.

        ``turn`` is part of the event ids, so that the stream does not take them for the ones it has.

        Raises:
            Unavailable, NatsError: not stored; do it again.
        """
        for entry in self._outbox(f"{document['_id']}:{turn}", document["ver"], events).get("outbox", []):
            try:
                await self._publisher.publish(entry["subject"], entry["body"].encode(), entry["headers"], "replay")
            except EventRefused as error:
                log.error("event is not replayed", collection=self.collection.name, id=entry["id"], error=str(error))

    async def replay_all(
        self, where: Mapping[str, Any], events_of: Callable[[Document], Awaitable[Sequence[Outgoing]]], turn: str
    ) -> collections.Counter[str]:
        """Publish once more what the documents that fit stand for, in no order among them; how many events by name.

        ``events_of`` rebuilds a document's events, each with the ``ver`` that it had, so that a reader who has them
        changes nothing and one who lost them gets them back. ``turn`` as in :meth:`replay`.

        Raises:
            Unavailable, NatsError, MongoError: part of it may be published; doing it again is harmless.
        """
        ids = [document["_id"] for document in await self.collection.find(where, {"_id": 1})]
        gate = asyncio.Semaphore(_PUBLISHING_AT_ONCE)

        counts: collections.Counter[str] = collections.Counter()

        async def one(document: Document) -> None:
            async with gate:
                events = await events_of(document)
                await self.replay(document, events, turn)
                counts.update(outgoing.spec.name for outgoing in events)

        for begin in range(0, len(ids), _REPLAY_BATCH):
            batch = await self.collection.find({"_id": {"$in": ids[begin : begin + _REPLAY_BATCH]}})
            await asyncio.gather(*map(one, batch))
        return counts

    def _outbox(self, key: str, ver: int, events: Sequence[Outgoing]) -> dict[str, Any]:
        if not events:
            return {}
        now = self._clock.now()
        entries = []
        for number, outgoing in enumerate(events):
            envelope = Envelope(
                id=f"{key}:{ver}" if len(events) == 1 else f"{key}:{ver}:{number}",
                type=outgoing.spec.type,
                source=self._source,
                time=now,
                traceparent=current_traceparent(),
            )
            entries.append(
                {
                    "id": envelope.id,
                    "subject": outgoing.spec.subject,
                    "headers": envelope.headers(),
                    "body": outgoing.event.model_dump_json(),
                }
            )
        return {"outbox": entries, "ob_at": now}

    def _send(self, key: str, entries: Sequence[Mapping[str, Any]], *, behind: bool) -> None:
        """Publish in the background: the caller does not wait for NATS, the document already holds the truth.

        ``behind`` tells that earlier events of the document may still wait in it, left by a failure or another process.
        """
        if not entries:
            return
        if behind or key in self._busy:
            self._again.add(key)  # All that waits is read from the document, so that the order is kept.
            entries = ()
        if key in self._busy:
            return
        self._busy.add(key)
        task = asyncio.create_task(self._flush(key, list(entries), "direct"))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _flush(self, key: str, entries: Sequence[Mapping[str, Any]], way: str) -> None:
        try:
            while entries or key in self._again:
                sent: list[str] = []
                try:
                    async with self._gate:
                        for entry in entries:
                            body = entry["body"].encode()
                            try:
                                await self._publisher.publish(entry["subject"], body, entry["headers"], way)
                            except EventRefused as error:
                                await self._set_aside(key, entry, error)
                            sent.append(entry["id"])
                finally:
                    if sent:
                        await self._pull(key, sent)
                entries = await self._more(key)
        except Exception as error:  # noqa: BLE001 - whatever happened, the event stays in its document for the sweeper
            log.warning("event waits in its outbox", collection=self.collection.name, error=repr(error))
        finally:
            self._again.discard(key)
            self._busy.discard(key)

    async def _more(self, key: str) -> Sequence[Mapping[str, Any]]:
        """Events that were written to the document while others of it were on their way."""
        if key not in self._again:
            return []
        self._again.discard(key)
        document = await self.collection.find_one({"_id": key}, {"outbox": 1})
        more: list[Mapping[str, Any]] = (document or {}).get("outbox", [])
        return more

    async def _pull(self, key: str, ids: Sequence[str]) -> None:
        try:
            if ids and await self._clear(key, ids):
                return
            await self.collection.update_one({"_id": key}, {"$pull": {"outbox": {"id": {"$in": list(ids)}}}})
            await self.collection.update_one({"_id": key, "outbox": []}, {"$unset": {"ob_at": ""}})
        except MongoError as error:
            log.warning("published event stays in its outbox", collection=self.collection.name, error=repr(error))

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
        emptied = await self.collection.update_one(just_these, {"$set": {"outbox": []}, "$unset": {"ob_at": ""}})
        return emptied.matched == 1

    async def _set_aside(self, key: str, entry: Mapping[str, Any], error: EventRefused) -> None:
        """Keep an event that can never be published apart from those that wait; somebody must look at it."""
        OUTBOX_REFUSED.labels(self.collection.name).inc()
        log.error(
            "event is set aside", collection=self.collection.name, key=key, event_id=entry["id"], error=str(error)
        )
        kept = {**entry, "at": self._clock.now(), "error": str(error)}
        await self.collection.update_one(
            {"_id": key, "ob_refused.id": {"$ne": entry["id"]}},
            {"$push": {"ob_refused": {"$each": [kept], "$slice": -_MOST_SET_ASIDE}}},
        )

    async def sweep(self, older_than: timedelta) -> int:
        """Publish what has waited longer than this; how many documents were taken."""
        now = self._clock.now()
        waiting = await self.collection.find(
            {"ob_at": {"$lte": now - older_than}}, {"outbox": 1, "ob_at": 1}, sort=[("ob_at", 1)], limit=_SWEEP_BATCH
        )
        OUTBOX_WAITING.labels(self.collection.name).set(len(waiting))
        oldest = (now - waiting[0]["ob_at"]).total_seconds() if waiting else 0.0
        OUTBOX_OLDEST.labels(self.collection.name).set(oldest)
        taken = [document for document in waiting if document["_id"] not in self._busy]
        for document in taken:
            self._busy.add(document["_id"])
        await asyncio.gather(*(self._sweep_one(document) for document in taken))
        return len(taken)

    async def _sweep_one(self, document: Document) -> None:
        if document["outbox"]:
            await self._flush(document["_id"], document["outbox"], "swept")
        else:
            await self._pull(document["_id"], [])
            self._busy.discard(document["_id"])

    async def drain(self) -> None:
        """Wait until no publish of this process is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
