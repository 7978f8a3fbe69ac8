"""What the public pages read: posts by unit and topic, one post, units."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lantoa_calendar.periods import local_day
from lantoa_content.domain.places import Place, gathered, standing
from lantoa_content.domain.topics import TOPIC_CODES
from lantoa_content.usecases.keyset import make_cursor, newest, read_cursor
from lantoa_content.usecases.posts import BRIEF
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError
from lantoa_runtime.mongo import Collection, Document

_WHOLE = {"story": 0, "outbox": 0}
_REVISIONS = 100


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of posts, the newest first; `changed_at` is when a list of posts last became another one."""

    posts: list[Document]
    next: str | None
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Portal:
    """Reads what is live."""

    posts: Collection
    units: Collection
    clock: Clock

    async def listing(
        self, unit_id: str, topic: str, cursor: str, limit: int, places: list[Place], *, whole: bool = False
    ) -> Listing:
        """Posts of a unit with all below it and all that went into it, of a topic, or of all where these are "".

        `whole` gives their articles too.

        Raises:
            AppError: `bad-cursor`, `content.no-such-list`.
        """
        filter_: dict[str, Any] = {"live": True}
        if unit_id:
            if unit_id not in {place.id for place in places}:
                raise AppError("content.no-such-list", 404)
            filter_["unit_id"] = {"$in": sorted(gathered(unit_id, places))}
        if topic:
            if topic not in TOPIC_CODES:
                raise AppError("content.no-such-list", 404)
            filter_["topic"] = topic
        before = read_cursor(cursor) if cursor else (self.clock.now() + timedelta(days=1), "")
        fields = _WHOLE if whole else BRIEF
        found = await newest(self.posts, filter_, "published_at", before, limit + 1, fields)
        page = found[:limit]
        last = make_cursor(page[-1]["published_at"], page[-1]["_id"]) if len(found) > limit else None
        return Listing(page, last, await self._changed_at(page[0]["published_at"] if page else None))

    async def _changed_at(self, published_at: datetime | None) -> datetime | None:
        """When something was last put on this list or taken off any: an end leaves no other trace."""
        since = published_at or datetime.fromtimestamp(0, self.clock.now().tzinfo)
        ends = {"live": False, "ended_at": {"$gt": since, "$lte": self.clock.now()}}
        ended = await self.posts.find(ends, {"ended_at": 1}, sort=[("ended_at", -1)], limit=1)
        return ended[0]["ended_at"] if ended else published_at

    async def post(self, item_id: str) -> Document:
        """The post of an item that is live, with its article.

        Raises:
            AppError: `content.no-such-post`; `content.post-withdrawn` (410); `content.post-edited`, while its next
                revision waits for its approval.
        """
        found = await self.posts.find({"item_id": item_id}, _WHOLE, sort=[("revision", -1)], limit=_REVISIONS)
        live = next((post for post in found if post["live"]), None)
        if live is not None:
            return live
        if not found:
            raise AppError("content.no-such-post", 404)
        withdrawn = found[0]["reason"] == "withdrawn"
        raise AppError("content.post-withdrawn", 410) if withdrawn else AppError("content.post-edited", 404)

    async def places(self) -> list[Place]:
        """Every unit of every day."""
        return [_place(document) for document in await self.units.find({})]

    def today(self, places: list[Place]) -> list[Place]:
        """The units that stand today, in the order in which people look for them."""
        return standing(places, local_day(self.clock.now()).isoformat())


def _place(unit: Mapping[str, Any]) -> Place:
    return Place(
        unit["_id"],
        unit["name"],
        tuple(unit["path"]),
        unit["valid_from"],
        unit["valid_to"],
        tuple(unit["successor_ids"]),
    )
