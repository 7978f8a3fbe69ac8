"""The one seam to MongoDB: drivers, outbox, read models, idempotency, migrations."""

from lantoa_runtime.errors import DuplicateKey
from lantoa_runtime.mongo.aggregates import Aggregates, Change, Outgoing
from lantoa_runtime.mongo.driver import Collection, Database, Document, Index, SetOne, UpdateResult, connect
from lantoa_runtime.mongo.pages import newest_first
from lantoa_runtime.mongo.readmodel import ReadModel

__all__ = [
    "Aggregates",
    "Change",
    "Collection",
    "Database",
    "Document",
    "DuplicateKey",
    "Index",
    "Outgoing",
    "ReadModel",
    "SetOne",
    "UpdateResult",
    "connect",
    "newest_first",
]
