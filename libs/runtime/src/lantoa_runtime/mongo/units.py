"""A service's copy of the directory's units, and what follows from it: who lies below, who went into whom."""

from collections.abc import Iterable
from datetime import date

from lantoa_contracts.events.directory import ActDone, ActReversed, UnitChanged
from lantoa_runtime.mongo.driver import Document
from lantoa_runtime.mongo.readmodel import ReadModel


class UnitCopies(ReadModel):
    """Units as the directory last told of them."""

    async def take(self, event: UnitChanged) -> None:
        """Take up what the directory tells."""
        told = {"code", "name", "kind", "path", "valid_from", "valid_to", "successor_ids"}
        await self.apply(event.unit_id, event.ver, event.model_dump(mode="json", include=told))

    async def path(self, unit_id: str) -> tuple[str, ...]:
        """The unit and what is above it, root first; the unit alone until the directory's word on it has come."""
        unit = await self.get(unit_id)
        return tuple(unit["path"]) if unit else (unit_id,)

    async def heard(self, unit_id: str, today: date) -> tuple[str, ...]:
        """Whose programmes are meant for who stands in a unit: those on its path, root first, former units before each.

        A unit that has ended goes on speaking to whom it spoke to, in the unit that took over from it.
        """
        found: list[str] = []
        for above in await self.path(unit_id):
            found += [*await self._former(above, today), above]
        return tuple(dict.fromkeys(found))

    async def _former(self, unit_id: str, today: date) -> list[str]:
        found: list[str] = []
        waiting = [unit_id]
        while waiting:
            ended = {"successor_ids": {"$in": waiting}, "valid_to": {"$lt": today.isoformat()}}
            before = sorted({unit["_id"] for unit in await self.collection.find(ended, {"_id": 1})} - {unit_id, *found})
            found += before
            waiting = before
        return found[::-1]

    async def hearing(self, unit_id: str, today: date) -> list[Document]:
        """The units in which a unit's programmes are heard: those in its tree, and in the trees of who took over."""
        speaking = await self._heirs(unit_id, today)
        units = await self.collection.find({"path": {"$in": sorted(speaking)}}, {"path": 1})
        known = {unit["_id"] for unit in units}
        return [*units, *({"_id": one, "path": [one]} for one in sorted(speaking - known))]

    async def _heirs(self, unit_id: str, today: date) -> set[str]:
        found, waiting = {unit_id}, [unit_id]
        while waiting:
            ended = {"_id": {"$in": waiting}, "valid_to": {"$lt": today.isoformat()}}
            units = await self.collection.find(ended, {"successor_ids": 1})
            waiting = sorted(_successors(units) - found)
            found.update(waiting)
        return found


def _successors(units: Iterable[Document]) -> set[str]:
    return {successor for unit in units for successor in unit.get("successor_ids", ())}


class ActCopies(ReadModel):
    """What became of acts. Their events may come twice and in any order: the newest word holds."""

    async def take(self, event: ActDone) -> bool:
        """Take up an act's event; whether the act holds."""
        await self.apply(event.act_id, event.ver, {"holds": not isinstance(event, ActReversed)})
        return await self.holds(event.act_id)

    async def holds(self, act_id: str) -> bool:
        """Whether an act holds, by the newest word on it."""
        act = await self.get(act_id)
        return bool(act and act["holds"])
