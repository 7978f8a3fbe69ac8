"""Long lists, page by page: the newest first, by a place in the order instead of a number of pages."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lantoa_runtime.errors import AppError
from lantoa_runtime.mongo.driver import Collection, Document


async def newest_first(
    collection: Collection, where: Mapping[str, Any], at: str, cursor: str | None, limit: int
) -> tuple[list[Document], str | None]:
    """Documents by the time in field ``at``, and the cursor of the next page; ``where`` may bound that time itself.

    Raises:
        AppError: ``bad-cursor``.
    """
    sort = [(at, -1), ("_id", -1)]
    if cursor is None:
        found = await collection.find(where, sort=sort, limit=limit + 1)
    else:
        time, key = _place(cursor)
        bounds = where.get(at, {})
        # Two plain reads: an $or would scan the collection.
        same = {**where, at: {**bounds, "$eq": time}, "_id": {"$lt": key}}
        found = await collection.find(same, sort=sort, limit=limit + 1)
        found += await collection.find({**where, at: {**bounds, "$lt": time}}, sort=sort, limit=limit + 1)
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], base64.urlsafe_b64encode(f"{last[at].isoformat()} {last['_id']}".encode()).decode()


def _place(cursor: str) -> tuple[datetime, str]:
    try:
        time, _, key = base64.urlsafe_b64decode(cursor).decode().partition(" ")
        moment = datetime.fromisoformat(time)
    except (binascii.Error, ValueError) as error:
        raise AppError("bad-cursor", 400) from error
    # Without a zone, or at the calendar's edge, where it is no time of the database any more: not written by us.
    if moment.tzinfo is None or not 1000 < moment.year < 9000:
        raise AppError("bad-cursor", 400)
    return moment, key
