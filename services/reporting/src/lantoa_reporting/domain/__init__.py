"""What counts as evidence, how it adds up, and for which unit."""

from lantoa_reporting.domain.cells import (
    Cell,
    Entry,
    StoredCell,
    Tally,
    Totals,
    fold,
    total,
    total_of_all_tasks,
    totals_by,
    without_days,
    without_units,
)
from lantoa_reporting.domain.facts import (
    CHANNELS,
    CellKey,
    Channel,
    DeviceWord,
    Fact,
    Kept,
    PageSeen,
    Priority,
    Proof,
    SealedAttempt,
    utc_text,
)
from lantoa_reporting.domain.plan import Task
from lantoa_reporting.domain.territory import Unit, View, as_now

__all__ = [
    "CHANNELS",
    "Cell",
    "CellKey",
    "Channel",
    "DeviceWord",
    "Entry",
    "Fact",
    "Kept",
    "PageSeen",
    "Priority",
    "Proof",
    "SealedAttempt",
    "StoredCell",
    "Tally",
    "Task",
    "Totals",
    "Unit",
    "View",
    "as_now",
    "fold",
    "total",
    "total_of_all_tasks",
    "totals_by",
    "utc_text",
    "without_days",
    "without_units",
]
