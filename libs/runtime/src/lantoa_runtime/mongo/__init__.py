"""The one seam to MongoDB: drivers, outbox, read models, idempotency, migrations."""

from lantoa_runtime.errors import DuplicateKey
from lantoa_runtime.mongo.aggregates import Aggregates, Change, Outgoing
from lantoa_runtime.mongo.driver import Collection, Database, Document, Index, SetOne, UpdateResult, connect
from lantoa_runtime.mongo.pages import newest_first
from lantoa_runtime.mongo.readmodel import ReadModel
from lantoa_runtime.mongo.units import ActCopies, UnitCopies

__all__ = [
    "ActCopies",
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
    "UnitCopies",
    "UpdateResult",
    "connect",
    "newest_first",
]
