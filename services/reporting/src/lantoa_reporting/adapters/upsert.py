"""Writing a document whether it is there or not."""

from collections.abc import Mapping
from typing import Any

from lantoa_runtime.mongo import Collection, DuplicateKey


async def put(collection: Collection, key: str, update: Mapping[str, Any] | list[Mapping[str, Any]]) -> None:
    """Apply an update to the document of this id, which is made where there is none."""
    try:
        await collection.update_one({"_id": key}, update, upsert=True)
    except DuplicateKey:
        # Somebody inserted it between the server's look and its insert.
        await collection.update_one({"_id": key}, update)
