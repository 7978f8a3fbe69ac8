"""Reporting in MongoDB."""

from lantoa_reporting.adapters.evidence import MongoEvidence
from lantoa_reporting.adapters.registry import MongoPlan, MongoUnits
from lantoa_runtime.mongo import Index

INDEXES = (
    Index("facts", ("tasks", "order")),
    Index("facts", ("day",)),
    Index("cells", ("day",)),
    Index("sheets", ("task", "month")),
    Index("sheets", ("unit_id", "month")),
    Index("sheets", ("month",)),
    Index("units", ("path",)),
)

__all__ = ["INDEXES", "MongoEvidence", "MongoPlan", "MongoUnits"]
