"""Pages of documents, the newest first, by a place in the order instead of a number of pages."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from lantoa_runtime.errors import AppError
from lantoa_runtime.mongo import Collection, Document

Place = tuple[datetime, str]
"""A time and an id; with an empty id the place before everything of that time."""

_WINDOW_DAYS = (31, 366, 36_600)
"""How far back a page looks at first: an open range makes the database sort all that the filter finds."""


async def newest(
    collection: Collection, filter_: Mapping[str, Any], field: str, place: Place, limit: int, fields: Any
) -> list[Document]:
    """At most `limit` documents that fit and come after a place in the order of a time field, with these `fields`.

    Equal times are a query of their own, without an `$or`.
    """

    async def find(more: Mapping[str, Any]) -> list[Document]:
        order = ((field, -1), ("_id", -1))
        return await collection.find({**filter_, **more}, fields, sort=order, limit=limit)

    at, last_id = place
    same = await find({field: at, "_id": {"$lt": last_id}}) if last_id else []
    older: list[Document] = []
    for days in _WINDOW_DAYS:
        if len(older) + len(same) >= limit:
            break
        older = await find({field: {"$lt": at, "$gte": at - timedelta(days=days)}})
    return [*same, *older][:limit]


def make_cursor(at: datetime, key: str) -> str:
    """A place in the order, opaque to the caller."""
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{key}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> Place:
    """The place that `make_cursor` wrote.

    Raises:
        AppError: `bad-cursor`, when it did not write this.
    """
    try:
        at, _, key = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("|")
        moment = datetime.fromisoformat(at)
        # Far enough from the calendar's edge for every window.
        inside = 1000 < moment.year < 9000
    except (binascii.Error, ValueError) as error:
        raise AppError("bad-cursor") from error
    if moment.tzinfo is None or not inside:
        raise AppError("bad-cursor")
    return moment, key
