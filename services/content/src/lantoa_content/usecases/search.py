"""Search over what is live. Work is bounded whatever is asked for: a page looks at so many posts and no more."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lantoa_content.domain.places import Place
from lantoa_content.domain.search import asked_words, words_of
from lantoa_content.domain.selection import Selection
from lantoa_content.telemetry import SEARCH_SECONDS, SEARCHES
from lantoa_content.usecases.keyset import make_cursor, read_cursor
from lantoa_content.usecases.portal import Portal
from lantoa_content.usecases.posts import WORDS
from lantoa_runtime.mongo import Collection, Document

_FEW = 100
"""A word that fewer posts have is rare enough to look at all of them."""
_MOST_LOOKED_AT = 2000
_FIELDS = {"story": 0, "outbox": 0, **dict.fromkeys(WORDS, 0)}
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Found:
    """One page of posts that have every word, the newest first. `next` may be there without any: older ones wait."""

    words: tuple[str, ...]
    posts: list[Document]
    next: str | None


@dataclass(frozen=True, slots=True)
class Search:
    """Finds posts by the words of their title, their place's name and their text."""

    portal: Portal

    async def __call__(
        self, question: str, selection: Selection, cursor: str, limit: int, places: list[Place]
    ) -> Found:
        """A page of what a question finds within a selection; no word, no posts.

        Raises:
            AppError: `bad-cursor`, `content.no-such-list`.
        """
        with SEARCH_SECONDS.time():
            found = await self._find(asked_words(question), selection, cursor, limit, places)
        SEARCHES.labels("found" if found.posts else "nothing" if found.words else "no-words").inc()
        return found

    async def _find(
        self, words: tuple[str, ...], selection: Selection, cursor: str, limit: int, places: list[Place]
    ) -> Found:
        posts = self.portal.posts
        now = self.portal.clock.now()
        at, last_id = read_cursor(cursor) if cursor else (now + timedelta(days=1), "")
        where = self.portal.where(selection, places)
        del where["live"]  # Only what is live has words, and the index to ask by is that of these.
        numbers = [await posts.count({"words": word}, limit=_FEW) for word in words]
        if not words or not min(numbers):
            return Found(words, [], None)
        rarest = words[numbers.index(min(numbers))]
        where |= {"words": rarest, "says": {"$all": list(words)}}
        since = await self._since(rarest, at) if min(numbers) == _FEW else None
        order = (("published_at", -1), ("_id", -1))
        found: list[Document] = []
        if last_id:
            same = {**where, "published_at": at, "_id": {"$lt": last_id}}
            found = await posts.find(same, _FIELDS, sort=order, limit=limit + 1)
        if len(found) <= limit:
            window: dict[str, Any] = {"$lt": at} | ({"$gte": since} if since else {})
            found += await posts.find({**where, "published_at": window}, _FIELDS, sort=order, limit=limit + 1)
        page = found[:limit]
        if len(found) > limit:
            return Found(words, page, make_cursor(page[-1]["published_at"], page[-1]["_id"]))
        return Found(words, page, make_cursor(since, "") if since else None)

    async def _since(self, word: str, at: Any) -> Any:
        """The time of the last post that this page looks at; `None` when it looks at all of them."""
        older = {"words": word, "published_at": {"$lt": at}}
        looked_at = await self.portal.posts.find(
            older, {"published_at": 1}, sort=(("published_at", -1),), limit=_MOST_LOOKED_AT
        )
        return looked_at[-1]["published_at"] if len(looked_at) == _MOST_LOOKED_AT else None


@dataclass(frozen=True, slots=True)
class Indexing:
    """Gives their words to posts that were published before there was a search."""

    posts: Collection

    async def __call__(self) -> None:
        """So many as one turn takes."""
        fields = {"title": 1, "unit_name": 1, "article": 1}
        for post in await self.posts.find({"live": True, "words": {"$exists": False}}, fields, limit=_BATCH):
            words = words_of(post["title"], post["unit_name"], post["article"])
            await self.posts.update_one({"_id": post["_id"], "live": True}, {"$set": dict.fromkeys(WORDS, words)})
