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
from typing import Any

import structlog

from lantoa_contracts.base import Event
from lantoa_contracts.catalogue import EventSpec
from lantoa_contracts.envelope import Act, Envelope
from lantoa_runtime.acting import current_act
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import DuplicateKey, EventRefused, StaleVersion, Unavailable
from lantoa_runtime.mongo.driver import Collection, Document, Index
from lantoa_runtime.mongo.outbox import Outbox, Publisher
from lantoa_runtime.telemetry import current_traceparent

log = structlog.get_logger()

MOST_WAITING = 100
"""Events that one document may hold unpublished; more means the stream has been away for very long."""
_REPLAY_BATCH = 200
_INSERT_BATCH = 200
_REPLAYING_AT_ONCE = 32
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
        self._outbox = Outbox(collection, publisher, clock)

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
        act = _made(fields) if events else None
        document: Document = {"_id": key, **fields, "ver": 1, **self._entries(key, 1, events, act)}
        await self.collection.insert_one(document)
        self.on_write(key)
        self._outbox.send(key, document.get("outbox", []))
        return document

    async def insert_all(self, wanted: Mapping[str, tuple[Mapping[str, Any], Sequence[Outgoing]]]) -> set[str]:
        """Store many new documents by key, each with its events; the keys of those that were taken already.

        Events go out once all documents are stored: readers need not see the first before the last is there.

        Raises:
            MongoError: some may be stored; their events wait in them for the sweeper.
        """
        documents = [
            {"_id": key, **fields, "ver": 1, **self._entries(key, 1, events, _made(fields) if events else None)}
            for key, (fields, events) in wanted.items()
        ]
        taken: set[str] = set()
        with self._outbox.held(wanted.keys()):  # The sweeper has time until all are there.
            for begin in range(0, len(documents), _INSERT_BATCH):
                batch = documents[begin : begin + _INSERT_BATCH]
                taken |= {batch[number]["_id"] for number in await self.collection.insert_many(batch)}
        for document in documents:
            if document["_id"] not in taken:
                self.on_write(document["_id"])
                self._outbox.send(document["_id"], document.get("outbox", []))
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
        kept = {name: value for name, value in document.items() if name not in unset}
        grown = {field: [*document.get(field, []), *values] for field, values in (push or {}).items()}
        after = {**kept, **changes, **grown}
        outbox = self._entries(key, ver + 1, events, current_act(lambda: document, lambda: after) if events else None)
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
        self._outbox.send(key, entries, waiting)
        return {**after, "ver": ver + 1, "outbox": [*waiting, *entries]}

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
        for entry in self._entries(f"{document['_id']}:{turn}", document["ver"], events).get("outbox", []):
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
        gate = asyncio.Semaphore(_REPLAYING_AT_ONCE)

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

    def _entries(self, key: str, ver: int, events: Sequence[Outgoing], act: Act | None = None) -> dict[str, Any]:
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
                act=act,
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

    async def sweep(self, older_than: timedelta) -> int:
        """Publish what has waited longer than this; how many documents were taken."""
        return await self._outbox.sweep(older_than)

    async def drain(self) -> None:
        """Wait until no publish of this process is under way."""
        await self._outbox.drain()


def _made(fields: Mapping[str, Any]) -> Act | None:
    return current_act(None, lambda: fields)
