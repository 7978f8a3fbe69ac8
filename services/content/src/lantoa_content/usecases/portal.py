"""What the public pages read: posts by unit, topic and language, one post, units."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lantoa_calendar.periods import local_day
from lantoa_content.domain.places import Place, gathered, standing
from lantoa_content.domain.selection import LANGUAGES, Selection
from lantoa_content.domain.topics import TOPIC_CODES
from lantoa_content.usecases.keyset import make_cursor, newest, read_cursor
from lantoa_content.usecases.posts import BRIEF
from lantoa_content.usecases.words import WORDS
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError
from lantoa_runtime.mongo import Collection, Document

_WHOLE = {"story": 0, "outbox": 0, **dict.fromkeys(WORDS, 0)}
_NAMED = {"item_id": 1, "title": 1, "unit_id": 1, "unit_name": 1, "topic": 1, "language": 1, "published_at": 1}
_REVISIONS = 100
_RECENT = 160
_RELATED = 4
_MOST_IN_MONTH = 50_000
"""The protocol's limit of a sitemap (sitemaps.org 0.9)."""


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

    def where(self, selection: Selection, places: list[Place]) -> dict[str, Any]:
        """The filter of a selection: of a unit with all below it and all that went into it.

        Raises:
            AppError: `content.no-such-list`.
        """
        filter_: dict[str, Any] = {"live": True}
        if selection.unit_id:
            if selection.unit_id not in {place.id for place in places}:
                raise AppError("content.no-such-list", 404)
            filter_["unit_id"] = {"$in": sorted(gathered(selection.unit_id, places))}
        if selection.topic:
            if selection.topic not in TOPIC_CODES:
                raise AppError("content.no-such-list", 404)
            filter_["topic"] = selection.topic
        if selection.language:
            if selection.language not in LANGUAGES:
                raise AppError("content.no-such-list", 404)
            filter_["language"] = selection.language
        return filter_

    async def listing(
        self, selection: Selection, cursor: str, limit: int, places: list[Place], *, whole: bool = False
    ) -> Listing:
        """A page of a selection's posts; `whole` gives their articles too.

        Raises:
            AppError: `bad-cursor`, `content.no-such-list`.
        """
        filter_ = self.where(selection, places)
        before = read_cursor(cursor) if cursor else (self.clock.now() + timedelta(days=1), "")
        fields = _WHOLE if whole else BRIEF
        found = await newest(self.posts, filter_, "published_at", before, limit + 1, fields)
        page = found[:limit]
        last = make_cursor(page[-1]["published_at"], page[-1]["_id"]) if len(found) > limit else None
        return Listing(page, last, await self._changed_at(page[0]["published_at"] if page else None))

    async def recent(self, shown: int) -> Listing:
        """The newest 160 posts of all: what the front is made of. `next` begins after those that it shows whole."""
        before = (self.clock.now() + timedelta(days=1), "")
        found = await newest(self.posts, {"live": True}, "published_at", before, _RECENT, BRIEF)
        last = make_cursor(found[shown - 1]["published_at"], found[shown - 1]["_id"]) if len(found) > shown else None
        return Listing(found, last, await self._changed_at(found[0]["published_at"] if found else None))

    async def since(self, selection: Selection, places: list[Place], begin: datetime, end: datetime) -> Listing:
        """A selection's posts of a stretch of time, `end` excluded, named only: for programs that count addresses.

        Raises:
            AppError: `content.no-such-list`.
        """
        filter_ = self.where(selection, places) | {"published_at": {"$gte": begin, "$lt": end}}
        found = await self.posts.find(filter_, _NAMED, sort=(("published_at", -1),), limit=_MOST_IN_MONTH)
        return Listing(found, None, await self._changed_at(found[0]["published_at"] if found else None))

    async def first_at(self) -> datetime | None:
        """When the oldest post of all that are live was published."""
        found = await self.posts.find({"live": True}, {"published_at": 1}, sort=(("published_at", 1),), limit=1)
        return found[0]["published_at"] if found else None

    async def related(self, post: Document) -> Listing:
        """At most four other posts: of the same topic and place, then of the place, then of the topic."""
        before = (self.clock.now() + timedelta(days=1), "")
        wanted = [{"unit_id": post["unit_id"], "topic": post["topic"]}, {"unit_id": post["unit_id"]}]
        found: dict[str, Document] = {}
        for same in (*wanted, {"topic": post["topic"]}):
            if len(found) <= _RELATED:
                filter_ = {"live": True, **same}
                some = await newest(self.posts, filter_, "published_at", before, _RELATED + 1, BRIEF)
                found |= {one["item_id"]: one for one in some if one["item_id"] not in found}
        others = [one for one in found.values() if one["item_id"] != post["item_id"]][:_RELATED]
        newest_at = max([post["published_at"], *(one["published_at"] for one in others)])
        return Listing(others, None, await self._changed_at(newest_at))

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

    async def picture(self, item_id: str, sha256: str) -> str:
        """The hash of a picture, when the article that is live shows it.

        Raises:
            AppError: as `post`; `content.no-such-post`, when it does not.
        """
        if sha256 not in (await self.post(item_id)).get("pictures", ()):
            raise AppError("content.no-such-post", 404)
        return sha256

    async def places(self) -> list[Place]:
        """Every unit of territory of every day: news is for places, not for bodies."""
        return [_place(document) for document in await self.units.find({"kind": {"$ne": "body"}})]

    def today(self, places: list[Place]) -> list[Place]:
        """The units that stand today, in the order in which people look for them."""
        return standing(places, local_day(self.clock.now()).isoformat())


def _place(unit: Mapping[str, Any]) -> Place:
    return Place(
        unit["_id"],
        unit.get("code", ""),
        unit["name"],
        tuple(unit["path"]),
        unit["valid_from"],
        unit["valid_to"],
        tuple(unit["successor_ids"]),
    )
