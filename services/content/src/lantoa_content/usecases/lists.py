"""Pages of items, the last changed first."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lantoa_content.domain.item import State
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Forbidden
from lantoa_runtime.http import Caller
from lantoa_runtime.mongo import Collection, Document

_WINDOW_DAYS = (31, 366, 36_600)
"""How far back a page looks at first: an open range makes the database sort everything below the unit."""
_NEWEST_FIRST = (("updated_at", -1), ("_id", -1))


@dataclass(frozen=True, slots=True)
class ItemLists:
    """Reads items by unit and state."""

    items: Collection
    clock: Clock

    async def page(
        self, caller: Caller, state: State | None, unit_id: str | None, limit: int, cursor: str | None
    ) -> tuple[list[Document], str | None]:
        """Items of one unit, or of all units where the caller has a role, and the cursor of the next page.

        Raises:
            Forbidden: the caller has no role anywhere.
            AppError: `bad-cursor`.
        """
        before = read_cursor(cursor) if cursor else (self.clock.now() + timedelta(days=1), "")
        scopes = caller.scopes
        if not scopes:
            raise Forbidden
        found: dict[str, Document] = {}
        for scope in scopes:
            filter_: dict[str, Any] = {"path": scope}
            if state:
                filter_["state"] = state
            if unit_id:
                filter_["unit_id"] = unit_id
            found.update({document["_id"]: document for document in await self._before(filter_, before, limit + 1)})
        newest = sorted(found.values(), key=lambda one: (one["updated_at"], one["_id"]), reverse=True)
        page = newest[:limit]
        return page, make_cursor(page[-1]["updated_at"], page[-1]["_id"]) if len(newest) > limit else None

    async def _before(self, filter_: Mapping[str, Any], place: tuple[datetime, str], limit: int) -> list[Document]:
        """What fits and comes after a place in the order; equal times are a query of their own, without an `$or`."""
        at, item_id = place
        same = await self._find({**filter_, "updated_at": at, "_id": {"$lt": item_id}}, limit) if item_id else []
        older: list[Document] = []
        for days in _WINDOW_DAYS:
            if len(older) + len(same) >= limit:
                break
            window = {"$lt": at, "$gte": at - timedelta(days=days)}
            older = await self._find({**filter_, "updated_at": window}, limit)
        return [*same, *older]

    async def _find(self, filter_: Mapping[str, Any], limit: int) -> list[Document]:
        return await self.items.find(filter_, {"history": 0, "outbox": 0}, sort=_NEWEST_FIRST, limit=limit)


def make_cursor(at: datetime, item_id: str) -> str:
    """A place in the order, opaque to the caller."""
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{item_id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """The place that `make_cursor` wrote.

    Raises:
        AppError: `bad-cursor`, when it did not write this.
    """
    try:
        at, _, item_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("|")
        moment = datetime.fromisoformat(at)
    except (binascii.Error, ValueError) as error:
        raise AppError("bad-cursor") from error
    if moment.tzinfo is None:
        raise AppError("bad-cursor")
    return moment, item_id
