"""A small copy of what another service owns, fed by its events."""

from collections.abc import Mapping
from typing import Any

from lantoa_runtime.mongo.driver import Collection, Document, DuplicateKey


class ReadModel:
    """Documents keyed by the owner's id. The highest ``ver`` wins, so redelivery and disorder change nothing."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    async def apply(self, key: str, ver: int, fields: Mapping[str, Any]) -> bool:
        """Take up a state; ``False`` when a newer or the same one is already there.

        ``fields`` are set on the document, others are kept: an event that tells only a part (``moved``) fits too.
        """
        newer = {"_id": key, "ver": {"$lt": ver}}
        update = {"$set": {**fields, "ver": ver}}
        result = await self.collection.update_one(newer, update)
        if result.matched:
            return True
        try:
            await self.collection.insert_one({"_id": key, **fields, "ver": ver})
        except DuplicateKey:
            # Either it holds this version or a newer one, or another delivery inserted an older one just now.
            return bool((await self.collection.update_one({"_id": key, "ver": {"$lt": ver}}, update)).matched)
        return True

    async def get(self, key: str) -> Document | None:
        """The copy of one thing, or ``None`` when its first event has not come yet."""
        return await self.collection.find_one({"_id": key})
