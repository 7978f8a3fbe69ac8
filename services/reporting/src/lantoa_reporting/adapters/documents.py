"""The shapes of facts, cells and sheets in MongoDB."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from lantoa_reporting.domain import (
    CHANNELS,
    Cell,
    CellKey,
    DeviceWord,
    Entry,
    Fact,
    Kept,
    PageSeen,
    Proof,
    SealedAttempt,
    StoredCell,
    Tally,
    utc_text,
)
from lantoa_runtime.mongo import Document

_CHANNEL = {str(channel): channel for channel in CHANNELS}
_ABOUT_THE_FACT = ("_id", "day", "order", "taken_back", "standing", "places")


def places(fact: Fact) -> list[str]:
    """The ids of the cells that a fact counts in."""
    return [key.id for key in fact.cells]


def fact_document(fact: Fact) -> Document:
    """A fact with what it is found and ordered by."""
    document = asdict(fact)
    if isinstance(fact.proof, PageSeen):
        document["proof"]["confirmed_at"] = utc_text(fact.proof.confirmed_at)
    return {
        **document,
        "_id": fact.fact_id,
        "tasks": list(fact.tasks),
        "started_at": utc_text(fact.started_at),
        "ended_at": utc_text(fact.ended_at),
        "day": fact.day.isoformat(),
        "order": fact.order,
    }


def fact_of(document: Mapping[str, Any]) -> Fact:
    """The fact that a document holds."""
    fields = {name: value for name, value in document.items() if name not in _ABOUT_THE_FACT}
    return Fact(
        **{
            **fields,
            "tasks": tuple(document["tasks"]),
            "started_at": datetime.fromisoformat(document["started_at"]),
            "ended_at": datetime.fromisoformat(document["ended_at"]),
            "proof": _proof(document["channel"], document["proof"]),
        }
    )


def _proof(channel: str, fields: Mapping[str, Any]) -> Proof:
    if channel == "web":
        return PageSeen(**{**fields, "confirmed_at": datetime.fromisoformat(fields["confirmed_at"])})
    return SealedAttempt(**fields) if channel == "contest" else DeviceWord(**fields)


def kept_of(document: Mapping[str, Any]) -> Kept:
    """All that a document says of a fact; one that was only taken back holds no fact."""
    fact = fact_of(document) if "fact_id" in document else None
    return Kept(fact, document["taken_back"], frozenset(CellKey.of(place) for place in document["places"]))


def key_fields(key: CellKey) -> Document:
    """A cell's key, part by part."""
    return {"task": key.task, "unit_id": key.unit_id, "day": key.day.isoformat(), "channel": key.channel}


def cell_fields(cell: Cell) -> Document:
    """A cell's numbers and the names of its facts."""
    return {**asdict(cell), "facts": sorted(cell.facts), "count": len(cell.facts)}


def stored_cell(document: Mapping[str, Any]) -> StoredCell:
    """The cell that a document holds."""
    day = date.fromisoformat(document["day"])
    numbers = {name: document[name] for name in ("count", "milliseconds", "first", "first_milliseconds", "ver")}
    key = CellKey(document["task"], document["unit_id"], day, document["channel"])
    return StoredCell(key, tuple(document["facts"]), **numbers)


def sheet_id(key: CellKey) -> str:
    """The sheet on which a cell's numbers stand."""
    return f"{key.task}|{key.unit_id}|{key.day:%Y-%m}"


def sheet_field(key: CellKey) -> str:
    """Where on it they stand: the day of the month and the channel, ``05radio``."""
    return f"{key.day:%d}{key.channel}"


def entry_text(entry: Entry) -> str:
    """A cell's numbers as they stand on a sheet: one text, which the server reads much faster than a list."""
    return " ".join(map(str, entry))


@lru_cache(maxsize=65_536)
def _entry(text: str) -> Entry:
    """What such a text says; remembered, because a year's sheets say the same thousands of texts at every reading."""
    return Entry(*map(int, text.split()))


def sheet_entries(document: Mapping[str, Any]) -> dict[CellKey, Entry]:
    """Everything that stands on a sheet."""
    found = {}
    for name, text in document["cells"].items():
        day = date.fromisoformat(f"{document['month']}-{name[:2]}")
        key = CellKey(document["task"], document["unit_id"], day, _CHANNEL[name[2:]])
        found[key] = _entry(text)
    return found


def sheet_tallies(document: Mapping[str, Any], first: str, last: str) -> Iterator[Tally]:
    """What a sheet says of the days ``first`` to ``last`` (ISO); an emptied cell says nothing."""
    task, unit_id, month = document["task"], document["unit_id"], f"{document['month']}-"
    for name, text in document["cells"].items():
        day = month + name[:2]
        number, length, firsts, first_length, _ = _entry(text)
        if number and first <= day <= last:
            yield Tally(task, unit_id, day, _CHANNEL[name[2:]], number, length, firsts, first_length)
