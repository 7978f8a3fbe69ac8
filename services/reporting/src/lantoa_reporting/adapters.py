"""Facts, cells, tasks and units in MongoDB.

A fact's document is unique by its id and never changes. A cell's document carries the ids of its facts, and each
change asks for the fact's absence in its filter, so redelivery and disorder change nothing. Cells are emptied but
never deleted: that a duplicate key means "the cell is there" is what :meth:`MongoEvidence.count` stands on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Any

from lantoa_calendar.periods import ZONE, Period
from lantoa_reporting.domain import Cell, CellKey, Channel, Fact, Signed, StoredCell, Tally, Task, utc_text
from lantoa_reporting.usecases.ports import Scope
from lantoa_runtime.mongo import Collection, Database, Document, DuplicateKey, Index, ReadModel

INDEXES = (
    Index("facts", ("tasks", "order")),
    Index("facts", ("day",)),
    Index("cells", ("task", "unit_id", "day")),
    Index("cells", ("unit_id", "day")),
    Index("cells", ("day",)),
    Index("units", ("path",)),
)

_FOR_TALLIES = {"task": 1, "unit_id": 1, "day": 1, "channel": 1, "count": 1, "milliseconds": 1}


def _midnight(day: date) -> str:
    return utc_text(datetime.combine(day, time.min, ZONE))


def _within(scope: Scope) -> dict[str, Any]:
    if scope is None:
        return {}
    # Equality where it can be: the embedded server reads a list of one without the index, some 80 times slower.
    return {"unit_id": scope[0] if len(scope) == 1 else {"$in": list(scope)}}


def _days(period: Period) -> dict[str, Any]:
    return {"day": {"$gte": period.start.isoformat(), "$lte": period.end.isoformat()}}


def _fact_document(fact: Fact) -> Document:
    return {
        **asdict(fact),
        "_id": fact.fact_id,
        "tasks": list(fact.tasks),
        "started_at": utc_text(fact.started_at),
        "ended_at": utc_text(fact.ended_at),
        "day": fact.day.isoformat(),
        "order": fact.order,
    }


def _fact(document: Mapping[str, Any]) -> Fact:
    fields = {name: value for name, value in document.items() if name not in ("_id", "day", "order")}
    return Fact(
        **{
            **fields,
            "tasks": tuple(document["tasks"]),
            "started_at": datetime.fromisoformat(document["started_at"]),
            "ended_at": datetime.fromisoformat(document["ended_at"]),
            "proof": Signed(**document["proof"]),
        }
    )


def _key(document: Mapping[str, Any]) -> CellKey:
    day = date.fromisoformat(document["day"])
    return CellKey(document["task"], document["unit_id"], day, document["channel"])


def _key_fields(key: CellKey) -> Document:
    return {"task": key.task, "unit_id": key.unit_id, "day": key.day.isoformat(), "channel": key.channel}


def _cell_fields(cell: Cell) -> Document:
    return {"facts": sorted(cell.facts), "count": len(cell.facts), "milliseconds": cell.milliseconds}


def _stored_cell(document: Mapping[str, Any]) -> StoredCell:
    numbers = {name: document[name] for name in ("count", "milliseconds", "ver")}
    return StoredCell(_key(document), tuple(document["facts"]), **numbers)


class MongoEvidence:
    """Facts, and the cells that count them."""

    def __init__(self, db: Database) -> None:
        self._facts = db["facts"]
        self._cells = db["cells"]
        self._periods = db["periods"]
        self._noted: set[str] = set()

    async def note_period(self, key: str) -> None:
        """Remember that there is evidence in a period."""
        if key not in self._noted:
            await _put(self._periods, key, {"noted": True})
            self._noted.add(key)

    async def periods(self) -> list[str]:
        """Keys of the periods in which there is evidence."""
        return [document["_id"] for document in await self._periods.find({})]

    async def keep(self, fact: Fact) -> Fact:
        """Store a fact; what is stored under its id from now on, which is the first one that came."""
        try:
            await self._facts.insert_one(_fact_document(fact))
        except DuplicateKey:
            return await self.fact(fact.fact_id, None) or fact
        return fact

    async def count(self, key: CellKey, fact: Fact) -> None:
        """Count a fact in a cell, once however often this is called."""
        absent = {"_id": key.id, "facts": {"$ne": fact.fact_id}}
        update = {
            "$setOnInsert": _key_fields(key),
            "$push": {"facts": fact.fact_id},
            "$inc": {"count": 1, "milliseconds": fact.milliseconds, "ver": 1},
        }
        try:
            await self._cells.update_one(absent, update, upsert=True)
        except DuplicateKey:
            # The cell is there: it has the fact already, or somebody made the cell just now.
            await self._cells.update_one(absent, update)

    async def tallies(self, task: str | None, period: Period, scope: Scope) -> list[Tally]:
        """What was counted in a period, for one task or for all."""
        wanted = {"task": task} if task else {}
        found = await self._cells.find({**wanted, **_days(period), **_within(scope)}, _FOR_TALLIES)
        # An emptied cell says nothing.
        return [Tally(_key(cell), cell["count"], cell["milliseconds"]) for cell in found if cell["count"]]

    async def facts(
        self, task: str, first: date, last: date, scope: Scope, channel: Channel | None, before: str | None, limit: int
    ) -> list[Fact]:
        """Facts of a task on the days ``first`` to ``last``, newest first; ``before`` is the order of the last seen."""
        end = _midnight(last + timedelta(days=1))
        order = {"$gte": _midnight(first), "$lt": min(before, end) if before else end}
        of_channel = {"channel": channel} if channel else {}
        wanted = {"tasks": task, "order": order, **of_channel, **_within(scope)}
        return [_fact(document) for document in await self._facts.find(wanted, sort=[("order", -1)], limit=limit)]

    async def fact(self, fact_id: str, scope: Scope) -> Fact | None:
        """One fact, if it is there and in the scope."""
        document = await self._facts.find_one({"_id": fact_id, **_within(scope)})
        return _fact(document) if document else None

    async def facts_of_day(self, day: date) -> list[Fact]:
        """Every fact of one day."""
        return [_fact(document) for document in await self._facts.find({"day": day.isoformat()})]

    async def cells_of_day(self, day: date) -> list[StoredCell]:
        """Every cell of one day."""
        return [_stored_cell(document) for document in await self._cells.find({"day": day.isoformat()})]

    async def cell(self, key: CellKey) -> StoredCell | None:
        """One cell."""
        document = await self._cells.find_one({"_id": key.id})
        return _stored_cell(document) if document else None

    async def replace_cell(self, key: CellKey, cell: Cell, ver: int | None) -> bool:
        """Write a cell over the one at ``ver`` (``None``: over nothing); ``False`` when it was changed meanwhile."""
        if ver is None:
            try:
                await self._cells.insert_one({"_id": key.id, **_key_fields(key), **_cell_fields(cell), "ver": 1})
            except DuplicateKey:
                return False
            return True
        update = {"$set": {**_key_fields(key), **_cell_fields(cell)}, "$inc": {"ver": 1}}
        return bool((await self._cells.update_one({"_id": key.id, "ver": ver}, update)).matched)


class MongoPlan:
    """The plan's tasks."""

    def __init__(self, db: Database) -> None:
        self._tasks = db["tasks"]

    async def put(self, tasks: Iterable[Task]) -> None:
        """Store tasks over those with the same codes."""
        for task in tasks:
            fields = {name: value for name, value in asdict(task).items() if name != "code"}
            await _put(self._tasks, task.code, fields)

    async def tasks(self) -> list[Task]:
        """All tasks, by code."""
        return sorted((_task(document) for document in await self._tasks.find({})), key=lambda task: task.code)

    async def task(self, code: str) -> Task | None:
        """One task."""
        document = await self._tasks.find_one({"_id": code})
        return _task(document) if document else None


def _task(document: Mapping[str, Any]) -> Task:
    return Task(
        code=document["_id"],
        title=document["title"],
        title_en=document["title_en"],
        lead=tuple(document["lead"]),
        partners=tuple(document["partners"]),
    )


class MongoUnits:
    """The read model of the directory's units."""

    def __init__(self, db: Database) -> None:
        self._units = db["units"]
        self._model = ReadModel(self._units)

    async def apply(self, unit_id: str, ver: int, fields: Mapping[str, Any]) -> None:
        """Take up a unit's state; an older one than is held changes nothing."""
        await self._model.apply(unit_id, ver, fields)

    async def kinds(self, unit_ids: Sequence[str]) -> dict[str, str]:
        """The kinds of those units that are known."""
        found = await self._units.find({"_id": {"$in": list(unit_ids)}}, {"kind": 1})
        return {unit["_id"]: unit["kind"] for unit in found}

    async def names(self, unit_ids: Iterable[str]) -> dict[str, str]:
        """The names of those units that are known."""
        found = await self._units.find({"_id": {"$in": sorted(set(unit_ids))}}, {"name": 1})
        return {unit["_id"]: unit["name"] for unit in found}

    async def below(self, unit_ids: Sequence[str]) -> tuple[str, ...]:
        """These units and all below them."""
        found = await self._units.find({"path": {"$in": list(unit_ids)}}, {"_id": 1})
        return tuple(sorted({*unit_ids, *(unit["_id"] for unit in found)}))


async def _put(collection: Collection, key: str, fields: Mapping[str, Any]) -> None:
    try:
        await collection.update_one({"_id": key}, {"$set": fields}, upsert=True)
    except DuplicateKey:
        # Somebody inserted it between the server's look and its insert.
        await collection.update_one({"_id": key}, {"$set": fields})
