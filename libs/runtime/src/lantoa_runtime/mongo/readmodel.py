"""A small copy of what another service owns, fed by its events."""

from collections.abc import Mapping
from typing import Any

from lantoa_runtime.errors import DuplicateKey
from lantoa_runtime.mongo.driver import Collection, Document


class ReadModel:
    """Documents keyed by the owner's id. The highest ``ver`` wins, so redelivery and disorder change nothing."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    async def apply(self, key: str, ver: int, fields: Mapping[str, Any]) -> bool:
        """Take up a state; ``False`` when all of it is already there in this version or a newer one.

        Each field keeps its highest ``ver`` (in ``vers``), so an event that tells only a part (``moved``) fits too,
        and the events of one thing may come in any order.
        """
        changes: dict[str, Any] = {"ver": {"$max": ["$ver", ver]}}
        for name, value in fields.items():
            newer = {"$lt": [{"$ifNull": [f"$vers.{name}", 0]}, ver]}
            changes[name] = {"$cond": [newer, {"$literal": value}, f"${name}"]}
            changes[f"vers.{name}"] = {"$max": [f"$vers.{name}", ver]}
        try:
            result = await self.collection.update_one({"_id": key}, [{"$set": changes}], upsert=True)
        except DuplicateKey:  # Another delivery inserted it just now.
            result = await self.collection.update_one({"_id": key}, [{"$set": changes}])
        return bool(result.modified or result.upserted_id is not None)

    async def get(self, key: str) -> Document | None:
        """The copy of one thing, or ``None`` when its first event has not come yet."""
        return await self.collection.find_one({"_id": key})
