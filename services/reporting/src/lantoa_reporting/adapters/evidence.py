"""Facts, cells and sheets in MongoDB.

A fact's document is unique by its id; each write asks for a lower version in its filter. A cell's document carries the
ids of its facts, and each change asks for the fact's absence or presence. A sheet holds copies of a month's cells with
the versions that they were copied at. So redelivery and disorder change nothing. Cells are emptied but never deleted:
that a duplicate key means "the cell is there" is what :meth:`MongoEvidence.count` stands on.
"""

from datetime import date, datetime, time, timedelta
from typing import Any

from lantoa_calendar.periods import ZONE, Period
from lantoa_reporting.adapters.documents import (
    cell_fields,
    entry_text,
    fact_document,
    fact_of,
    kept_of,
    key_fields,
    places,
    sheet_entries,
    sheet_field,
    sheet_id,
    sheet_tallies,
    stored_cell,
)
from lantoa_reporting.adapters.upsert import put
from lantoa_reporting.domain import (
    Cell,
    CellKey,
    Channel,
    Entry,
    Fact,
    Kept,
    StoredCell,
    Tally,
    utc_text,
)
from lantoa_reporting.usecases.ports import Scope
from lantoa_runtime.mongo import Database, DuplicateKey

_ENTRY = dict.fromkeys(("count", "milliseconds", "first", "first_milliseconds", "ver"), 1)


def _midnight(day: date) -> str:
    return utc_text(datetime.combine(day, time.min, ZONE))


def _within(scope: Scope) -> dict[str, Any]:
    if scope is None:
        return {}
    # Equality where it can be: the embedded server reads a list of one without the index, some 80 times slower.
    return {"unit_id": scope[0] if len(scope) == 1 else {"$in": list(scope)}}


def _moved(key: CellKey, fact: Fact, sign: int) -> dict[str, int]:
    """How a cell's numbers change with a fact."""
    first = sign * (key.task == fact.first_task)
    length = fact.milliseconds
    return {
        "count": sign,
        "milliseconds": sign * length,
        "first": first,
        "first_milliseconds": first * length,
        "ver": 1,
    }


class MongoEvidence:
    """Facts, the cells that count them, the sheets that reports read."""

    def __init__(self, db: Database) -> None:
        self._facts = db["facts"]
        self._cells = db["cells"]
        self._sheets = db["sheets"]
        self._periods = db["periods"]

    async def note_period(self, key: str) -> None:
        """Remember that there is evidence in a period."""
        if await self._periods.find_one({"_id": key}) is None:
            await put(self._periods, key, {"$set": {"noted": True}})

    async def periods(self) -> list[str]:
        """Keys of the periods in which there is evidence."""
        return [document["_id"] for document in await self._periods.find({})]

    async def keep(self, fact: Fact) -> Kept:
        """Store a confirmation; what is known under its id from now on."""
        document, counted = fact_document(fact), places(fact)
        try:
            await self._facts.insert_one({**document, "taken_back": 0, "standing": True, "places": counted})
            return Kept().confirmed(fact)
        except DuplicateKey:
            told = {name: {"$literal": value} for name, value in document.items() if name != "_id"}
            derived = {
                "standing": {"$gt": [fact.ver, "$taken_back"]},
                "places": {"$setUnion": ["$places", {"$literal": counted}]},
            }
            older = {"_id": fact.fact_id, "ver": {"$lt": fact.ver}}
            await self._facts.update_one(older, [{"$set": {**told, **derived}}])
        return await self.kept(fact.fact_id)

    async def take_back(self, fact_id: str, ver: int) -> Kept:
        """Store that a fact does not stand in this version; what is known from now on."""
        try:
            await self._facts.insert_one({"_id": fact_id, "ver": 0, "taken_back": ver, "standing": False, "places": []})
        except DuplicateKey:
            older = {"_id": fact_id, "taken_back": {"$lt": ver}}
            change = {"taken_back": ver, "standing": {"$gt": ["$ver", ver]}}
            await self._facts.update_one(older, [{"$set": change}])
        return await self.kept(fact_id)

    async def kept(self, fact_id: str) -> Kept:
        """What is known under an id."""
        document = await self._facts.find_one({"_id": fact_id})
        return kept_of(document) if document else Kept()

    async def count(self, key: CellKey, fact: Fact) -> None:
        """Count a fact in a cell, once however often this is called."""
        absent = {"_id": key.id, "facts": {"$ne": fact.fact_id}}
        update = {
            "$setOnInsert": key_fields(key),
            "$push": {"facts": fact.fact_id},
            "$inc": _moved(key, fact, 1),
        }
        try:
            await self._cells.update_one(absent, update, upsert=True)
        except DuplicateKey:
            # The cell is there: it has the fact already, or somebody made the cell just now.
            await self._cells.update_one(absent, update)

    async def uncount(self, key: CellKey, fact: Fact) -> None:
        """Take a fact out of a cell, once however often this is called."""
        update = {"$pull": {"facts": fact.fact_id}, "$inc": _moved(key, fact, -1)}
        await self._cells.update_one({"_id": key.id, "facts": fact.fact_id}, update)

    async def show(self, key: CellKey) -> None:
        """Copy a cell's numbers to its month's sheet, unless that has them from a later version of the cell."""
        cell = await self._cells.find_one({"_id": key.id}, _ENTRY)
        if cell is None:
            return
        field = f"cells.{sheet_field(key)}"
        held = {"$ifNull": [{"$arrayElemAt": [{"$split": [f"${field}", " "]}, -1]}, "0"]}
        text = {"$literal": entry_text(Entry(*(cell[name] for name in _ENTRY)))}
        newer = {"$cond": [{"$lt": [{"$toLong": held}, cell["ver"]]}, text, f"${field}"]}
        of_sheet = {"task": key.task, "unit_id": key.unit_id, "month": f"{key.day:%Y-%m}"}
        await put(self._sheets, sheet_id(key), [{"$set": {**of_sheet, field: newer}}])

    async def tallies(self, task: str | None, period: Period, scope: Scope) -> list[Tally]:
        """What was counted in a period, for one task or for all."""
        first, last = period.start.isoformat(), period.end.isoformat()
        wanted = {**({"task": task} if task else {}), "month": {"$gte": first[:7], "$lte": last[:7]}, **_within(scope)}
        sheets = await self._sheets.find(wanted)
        return [tally for sheet in sheets for tally in sheet_tallies(sheet, first, last)]

    async def facts(
        self, task: str, first: date, last: date, scope: Scope, channel: Channel | None, before: str | None, limit: int
    ) -> list[Fact]:
        """Facts of a task on the days ``first`` to ``last``, newest first; ``before`` is the order of the last seen."""
        end = _midnight(last + timedelta(days=1))
        order = {"$gte": _midnight(first), "$lt": min(before, end) if before else end}
        of_channel = {"channel": channel} if channel else {}
        wanted = {"tasks": task, "order": order, "standing": True, **of_channel, **_within(scope)}
        return [fact_of(document) for document in await self._facts.find(wanted, sort=[("order", -1)], limit=limit)]

    async def fact(self, fact_id: str, scope: Scope) -> Kept | None:
        """What is known of one fact, if it was ever confirmed and is in the scope."""
        document = await self._facts.find_one({"_id": fact_id, "ver": {"$gt": 0}, **_within(scope)})
        return kept_of(document) if document else None

    async def facts_of_day(self, day: date) -> list[Fact]:
        """Every fact of one day that stands."""
        found = await self._facts.find({"day": day.isoformat(), "standing": True})
        return [fact_of(document) for document in found]

    async def cells_of_day(self, day: date) -> list[StoredCell]:
        """Every cell of one day."""
        return [stored_cell(document) for document in await self._cells.find({"day": day.isoformat()})]

    async def entries_of_month(self, month: str) -> dict[CellKey, Entry]:
        """Everything on the sheets of a month (``2026-11``)."""
        found: dict[CellKey, Entry] = {}
        for sheet in await self._sheets.find({"month": month}):
            found.update(sheet_entries(sheet))
        return found

    async def cell(self, key: CellKey) -> StoredCell | None:
        """One cell."""
        document = await self._cells.find_one({"_id": key.id})
        return stored_cell(document) if document else None

    async def entry(self, key: CellKey) -> Entry | None:
        """What the sheets say of one cell."""
        sheet = await self._sheets.find_one({"_id": sheet_id(key)})
        return sheet_entries(sheet).get(key) if sheet else None

    async def replace_cell(self, key: CellKey, cell: Cell, ver: int | None, above: int = 0) -> bool:
        """Write a cell over the one at ``ver`` (``None``: over nothing); ``False`` when it was changed meanwhile."""
        fields = {**key_fields(key), **cell_fields(cell), "ver": max(ver or 0, above) + 1}
        if ver is None:
            try:
                await self._cells.insert_one({"_id": key.id, **fields})
            except DuplicateKey:
                return False
            return True
        return bool((await self._cells.update_one({"_id": key.id, "ver": ver}, {"$set": fields})).matched)
