"""The plan's tasks and the copies of units in MongoDB."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from lantoa_reporting.adapters.upsert import put
from lantoa_reporting.domain import Task, Unit
from lantoa_runtime.mongo import Database, ReadModel


class MongoPlan:
    """The plan's tasks."""

    def __init__(self, db: Database) -> None:
        self._tasks = db["tasks"]

    async def put(self, tasks: Iterable[Task]) -> None:
        """Store tasks over those with the same codes."""
        for task in tasks:
            fields = {name: value for name, value in asdict(task).items() if name != "code"}
            await put(self._tasks, task.code, {"$set": fields})

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


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _unit(document: Mapping[str, Any]) -> Unit:
    return Unit(
        unit_id=document["_id"],
        name=document["name"],
        kind=document["kind"],
        path=tuple(document["path"]),
        valid_from=_day(document.get("valid_from")),
        valid_to=_day(document.get("valid_to")),
        successor_ids=tuple(document.get("successor_ids", ())),
    )


class MongoUnits:
    """The read model of the directory's units."""

    def __init__(self, db: Database) -> None:
        self._units = db["units"]
        self._model = ReadModel(self._units)

    async def apply(self, unit_id: str, ver: int, fields: Mapping[str, Any]) -> None:
        """Take up a unit's state; an older one than is held changes nothing."""
        await self._model.apply(unit_id, ver, fields)

    async def all(self) -> dict[str, Unit]:
        """Every unit, by its id."""
        return {document["_id"]: _unit(document) for document in await self._units.find({}, {"vers": 0})}

    async def some(self, unit_ids: Iterable[str]) -> dict[str, Unit]:
        """Those of these units that are known, by their ids."""
        found = await self._units.find({"_id": {"$in": sorted(set(unit_ids))}}, {"vers": 0})
        return {document["_id"]: _unit(document) for document in found}

    async def below(self, unit_ids: Sequence[str]) -> tuple[str, ...]:
        """These units and all below them."""
        found = await self._units.find({"path": {"$in": list(unit_ids)}}, {"_id": 1})
        return tuple(sorted({*unit_ids, *(unit["_id"] for unit in found)}))
