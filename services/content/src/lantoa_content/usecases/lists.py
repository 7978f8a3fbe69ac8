"""Pages of items, the last changed first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lantoa_content.domain.item import State
from lantoa_content.domain.search import asked_words
from lantoa_content.usecases.keyset import make_cursor, newest, read_cursor
from lantoa_content.usecases.words import WORDS, newest_with, scoped
from lantoa_contracts.policy import ITEM_READ
from lantoa_runtime.clock import Clock
from lantoa_runtime.http import Caller
from lantoa_runtime.mongo import Collection, Document

_FIELDS = {"history": 0, "outbox": 0, **dict.fromkeys(WORDS, 0)}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which items: in a state, of one unit, with a title in which each word of a question begins one."""

    state: State | None = None
    unit_id: str | None = None
    question: str = ""

    @property
    def where(self) -> dict[str, Any]:
        """The filter of the first two."""
        wanted = {"state": self.state, "unit_id": self.unit_id}
        return {name: value for name, value in wanted.items() if value}


@dataclass(frozen=True, slots=True)
class ItemLists:
    """Reads items by unit, state and title."""

    items: Collection
    clock: Clock

    async def page(
        self, caller: Caller, asked: Asked, limit: int, cursor: str | None
    ) -> tuple[list[Document], str | None]:
        """Items of one unit, or of all units where the caller may read, and the cursor of the next page.

        What was asked for by words that many titles have comes in pages that may be short, with older ones waiting.

        Raises:
            AppError: `bad-cursor`.
        """
        before = read_cursor(cursor) if cursor else (self.clock.now() + timedelta(days=1), "")
        words = asked_words(asked.question)
        found: dict[str, Document] = {}
        looked_at: list[datetime] = []
        for scope in caller.units(ITEM_READ):
            if asked.question:
                keys = {word: scoped(scope, word) for word in words}
                some, since = await newest_with(self.items, keys, asked.where, "updated_at", before, limit + 1, _FIELDS)
                looked_at += [since] if since else []
            else:
                filter_ = {"path": scope, **asked.where}
                some = await newest(self.items, filter_, "updated_at", before, limit + 1, _FIELDS)
            found.update({document["_id"]: document for document in some})
        # Below one unit older ones may wait than were looked at below another.
        down_to = max(looked_at, default=None)
        current = [one for one in found.values() if not down_to or one["updated_at"] >= down_to]
        ordered = sorted(current, key=lambda one: (one["updated_at"], one["_id"]), reverse=True)
        page = ordered[:limit]
        if len(ordered) > limit:
            return page, make_cursor(page[-1]["updated_at"], page[-1]["_id"])
        return page, make_cursor(down_to, "") if down_to else None
