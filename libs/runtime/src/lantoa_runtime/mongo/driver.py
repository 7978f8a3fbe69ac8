"""Two drivers behind one set of operations: PyMongo's asyncio API, or Motor by setting.

What the seam adds: a fair pool (PyMongo 4.20's own starves waiting tasks), durations as a metric, one error for a
duplicate key, and no operation that the embedded server runs as a full scan (``find_one_and_*``).
"""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind
from pymongo import ASCENDING, IndexModel, UpdateOne
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from lantoa_runtime.errors import DuplicateKey
from lantoa_runtime.settings import RuntimeSettings
from lantoa_runtime.telemetry import MONGO_SECONDS, MONGO_WAIT, exemplar, span_of

Document = dict[str, Any]
Sort = Sequence[tuple[str, int]]
MongoError = PyMongoError
"""Whatever the database or the way to it can raise; :func:`is_outage` tells which of it is worth waiting for."""

_OUTAGES = (ConnectionFailure, ExecutionTimeout, WTimeoutError)
_OUTAGE_CODES = frozenset(
    # Server codes of a host that is away or changing its role (retryable by the drivers' specification), of a write
    # that a replica set could not yet confirm, of a full disk, and of credentials that an administrator is changing.
    (6, 7, 11, 13, 18, 64, 89, 91, 134, 189, 234, 262, 9001, 10058, 10107, 11600, 11602, 13388, 13435, 13436, 14031)
)
_DUPLICATE = 11000
_SELECT_MS, _CONNECT_MS, _SOCKET_MS = 5_000, 10_000, 10_000


def is_outage(error: PyMongoError) -> bool:
    """Whether the database was away or could not serve, so that the same operation can succeed later.

    Anything else (a bad query, a document too large or of a wrong type) fails again however long one waits.
    """
    if isinstance(error, _OUTAGES) or error.has_error_label("RetryableWriteError") or error.timeout:
        return True
    return isinstance(error, OperationFailure) and error.code in _OUTAGE_CODES


@dataclass(frozen=True)
class UpdateResult:
    """What an update did: documents matched and modified, and the id where it inserted one."""

    matched: int
    modified: int
    upserted_id: Any = None


@dataclass(frozen=True)
class SetOne:
    """One of many updates: fields of the document with this id, which is made where it is missing."""

    key: str
    fields: Mapping[str, Any]
    guard: Mapping[str, Any] | None = None
    """What must hold besides; with it nothing is made."""


@dataclass(frozen=True)
class Index:
    """An index that a service needs: ascending keys, by name of the fields."""

    collection: str
    keys: tuple[str, ...]
    unique: bool = False
    sparse: bool = False
    ttl_seconds: int | None = None

    def model(self) -> IndexModel:
        """The driver's form of it."""
        options: dict[str, Any] = {"name": "_".join(self.keys)}
        if self.unique:
            options["unique"] = True
        if self.sparse:
            options["sparse"] = True
        if self.ttl_seconds is not None:
            options["expireAfterSeconds"] = self.ttl_seconds
        return IndexModel([(key, ASCENDING) for key in self.keys], **options)


async def _settled(value: Any) -> Any:
    """PyMongo awaits where Motor does not, and the other way round."""
    return await value if inspect.isawaitable(value) else value


class Collection:
    """The operations that services use on one collection."""

    def __init__(self, raw: Any, name: str, gate: asyncio.Semaphore) -> None:
        self.raw = raw
        self.name = name
        self._gate = gate

    @asynccontextmanager
    async def _turn(self, operation: str) -> AsyncIterator[None]:
        asked = time.perf_counter()
        async with self._gate:
            started = time.perf_counter()
            MONGO_WAIT.observe(started - asked)
            try:
                with self._span(operation):
                    yield
            except DuplicateKeyError as error:
                raise DuplicateKey((error.details or {}).get("keyPattern", {})) from error
            finally:
                MONGO_SECONDS.labels(self.name, operation).observe(time.perf_counter() - started, exemplar())

    def _span(self, operation: str) -> AbstractContextManager[Any]:
        """A span inside a trace that is recorded; the jobs that look at the database all day make none."""
        if not trace.get_current_span().is_recording():
            return nullcontext()
        about = {"db.system.name": "mongodb", "db.operation.name": operation, "db.collection.name": self.name}
        return span_of(f"{operation} {self.name}", SpanKind.CLIENT, about)

    async def find_one(self, filter_: Mapping[str, Any], projection: Any = None) -> Document | None:
        """The document that fits, or ``None``."""
        async with self._turn("find_one"):
            found: Document | None = await self.raw.find_one(filter_, projection)
            return found

    async def find(
        self, filter_: Mapping[str, Any], projection: Any = None, sort: Sort | None = None, limit: int = 0
    ) -> list[Document]:
        """The documents that fit; ``limit`` 0 means all."""
        async with self._turn("find"):
            cursor = self.raw.find(filter_, projection)
            if sort:
                cursor = cursor.sort(list(sort))
            if limit:
                cursor = cursor.limit(limit)
            found: list[Document] = await cursor.to_list(limit or None)
            return found

    async def insert_one(self, document: Mapping[str, Any]) -> None:
        """Store a new document.

        Raises:
            DuplicateKey: its id or another unique key is taken.
        """
        async with self._turn("insert_one"):
            await self.raw.insert_one(document)

    async def insert_many(self, documents: Sequence[Mapping[str, Any]]) -> set[int]:
        """Store new documents in one write; the numbers of those that were not, because a unique key is taken.

        Raises:
            MongoError: something else kept one of them out; the others may be stored.
        """
        async with self._turn("insert_many"):
            try:
                await self.raw.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                failures = error.details["writeErrors"]
                if any(failure["code"] != _DUPLICATE for failure in failures):
                    raise
                return {failure["index"] for failure in failures}
            return set()

    async def set_many(self, writes: Sequence[SetOne]) -> int:
        """Do many updates in one go, in no order; how many documents they met."""
        async with self._turn("set_many"):
            updates = [
                UpdateOne({"_id": one.key, **(one.guard or {})}, {"$set": dict(one.fields)}, upsert=one.guard is None)
                for one in writes
            ]
            return int((await self.raw.bulk_write(updates, ordered=False)).matched_count)

    async def update_many(self, filter_: Mapping[str, Any], update: Mapping[str, Any]) -> int:
        """Change every document that fits; how many were changed."""
        async with self._turn("update_many"):
            return int((await self.raw.update_many(filter_, update)).modified_count)

    async def update_one(self, filter_: Mapping[str, Any], update: Any, upsert: bool = False) -> UpdateResult:
        """Change the document that fits; ``update`` may be a pipeline.

        Raises:
            DuplicateKey: the change, or the document it inserts, collides with a unique key.
        """
        async with self._turn("update_one"):
            result = await self.raw.update_one(filter_, update, upsert=upsert)
            return UpdateResult(result.matched_count, result.modified_count, result.upserted_id)

    async def replace_one(self, filter_: Mapping[str, Any], document: Mapping[str, Any], upsert: bool = False) -> None:
        """Put a whole document in the place of the one that fits."""
        async with self._turn("replace_one"):
            await self.raw.replace_one(filter_, document, upsert=upsert)

    async def delete_one(self, filter_: Mapping[str, Any]) -> int:
        """Remove the document that fits; how many were removed."""
        async with self._turn("delete_one"):
            result = await self.raw.delete_one(filter_)
            return int(result.deleted_count)

    async def delete_many(self, filter_: Mapping[str, Any]) -> int:
        """Remove all documents that fit; how many were removed."""
        async with self._turn("delete_many"):
            result = await self.raw.delete_many(filter_)
            return int(result.deleted_count)

    async def count(self, filter_: Mapping[str, Any], limit: int = 0) -> int:
        """How many documents fit."""
        async with self._turn("count"):
            options = {"limit": limit} if limit else {}
            return int(await self.raw.count_documents(filter_, **options))

    async def create_indexes(self, indexes: Sequence[Index]) -> None:
        """Make the indexes that are not there yet."""
        async with self._turn("create_indexes"):
            await self.raw.create_indexes([index.model() for index in indexes])


@dataclass
class Database:
    """One service's database."""

    client: Any
    raw: Any
    name: str
    gate: asyncio.Semaphore
    _collections: dict[str, Collection] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Collection:
        """A collection by name."""
        if name not in self._collections:
            self._collections[name] = Collection(self.raw[name], name, self.gate)
        return self._collections[name]

    async def ping(self) -> None:
        """Answers when the server does.

        Raises:
            MongoError: it does not.
        """
        await self.raw.command("ping")

    async def is_embedded(self) -> bool:
        """Whether this is the embedded development server, which production refuses."""
        hello = await self.raw.command("hello")
        return bool(hello.get("setName") == "secantus")

    async def ensure_indexes(self, indexes: Sequence[Index]) -> None:
        """Make the indexes that are not there yet."""
        for name in sorted({index.collection for index in indexes}):
            await self[name].create_indexes([index for index in indexes if index.collection == name])

    async def drop(self) -> None:
        """Delete the whole database."""
        await self.client.drop_database(self.name)

    async def close(self) -> None:
        """Give the connections back."""
        await _settled(self.client.close())


def connect(settings: RuntimeSettings, service: str) -> Database:
    """The service's database on the driver that the settings name; connects when first used."""
    options: dict[str, Any] = {
        "maxPoolSize": settings.mongo_pool,
        # No timeoutMS: beside it the drivers forget how long to look for a server, and a dead one hangs for all of it.
        "serverSelectionTimeoutMS": _SELECT_MS,
        # Also the patience with a heartbeat: a server that is only slow must not be taken for a dead one.
        "connectTimeoutMS": _CONNECT_MS,
        "socketTimeoutMS": _SOCKET_MS,
        "tz_aware": True,
        "appname": f"lantoa-{service}",
    }
    client: Any
    if settings.mongo_driver == "motor":
        from motor.motor_asyncio import AsyncIOMotorClient

        client = AsyncIOMotorClient(settings.mongo_url, **options)
    else:
        from pymongo import AsyncMongoClient

        client = AsyncMongoClient(settings.mongo_url, **options)
    name = settings.mongo_database_prefix + service
    return Database(client=client, raw=client[name], name=name, gate=asyncio.Semaphore(settings.mongo_pool))
