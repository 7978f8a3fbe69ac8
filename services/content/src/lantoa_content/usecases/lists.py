"""Pages of items, the last changed first."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lantoa_content.domain.item import State
from lantoa_content.usecases.keyset import make_cursor, newest, read_cursor
from lantoa_contracts.policy import ITEM_READ
from lantoa_runtime.clock import Clock
from lantoa_runtime.http import Caller
from lantoa_runtime.mongo import Collection, Document


@dataclass(frozen=True, slots=True)
class ItemLists:
    """Reads items by unit and state."""

    items: Collection
    clock: Clock

    async def page(
        self, caller: Caller, state: State | None, unit_id: str | None, limit: int, cursor: str | None
    ) -> tuple[list[Document], str | None]:
        """Items of one unit, or of all units where the caller may read, and the cursor of the next page.

        Raises:
            AppError: `bad-cursor`.
        """
        before = read_cursor(cursor) if cursor else (self.clock.now() + timedelta(days=1), "")
        found: dict[str, Document] = {}
        for scope in caller.units(ITEM_READ):
            filter_: dict[str, Any] = {"path": scope}
            if state:
                filter_["state"] = state
            if unit_id:
                filter_["unit_id"] = unit_id
            fields = {"history": 0, "outbox": 0}
            some = await newest(self.items, filter_, "updated_at", before, limit + 1, fields)
            found.update({document["_id"]: document for document in some})
        ordered = sorted(found.values(), key=lambda one: (one["updated_at"], one["_id"]), reverse=True)
        page = ordered[:limit]
        return page, make_cursor(page[-1]["updated_at"], page[-1]["_id"]) if len(ordered) > limit else None
