"""Search over what is live."""

from dataclasses import dataclass
from datetime import timedelta

from lantoa_content.domain.places import Place
from lantoa_content.domain.search import asked_words, words_of
from lantoa_content.domain.selection import Selection
from lantoa_content.telemetry import SEARCH_SECONDS, SEARCHES
from lantoa_content.usecases.keyset import make_cursor, read_cursor
from lantoa_content.usecases.portal import Portal
from lantoa_content.usecases.words import WORDS, item_words, newest_with
from lantoa_runtime.mongo import Collection, Document

_FIELDS = {"story": 0, "outbox": 0, **dict.fromkeys(WORDS, 0)}
_WORDLESS = {"words": None}
"""What has no such field, in the words that an index answers: the embedded database looks for `$exists` everywhere."""
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
        place = read_cursor(cursor) if cursor else (self.portal.clock.now() + timedelta(days=1), "")
        where = self.portal.where(selection, places)
        del where["live"]  # Only what is live has words, and the index to ask by is that of these.
        keys = dict(zip(words, words, strict=True))
        found, since = await newest_with(self.portal.posts, keys, where, "published_at", place, limit + 1, _FIELDS)
        page = found[:limit]
        if len(found) > limit:
            return Found(words, page, make_cursor(page[-1]["published_at"], page[-1]["_id"]))
        return Found(words, page, make_cursor(since, "") if since else None)


@dataclass(frozen=True, slots=True)
class Indexing:
    """Gives their words to posts and items of before there was a search."""

    posts: Collection
    items: Collection

    async def __call__(self) -> None:
        """Until none is left, so many at a time."""
        fields = {"title": 1, "unit_name": 1, "article": 1}
        while posts := await self.posts.find({"live": True, **_WORDLESS}, fields, limit=_BATCH):
            for post in posts:
                words = words_of(post["title"], post["unit_name"], post["article"])
                await self.posts.update_one({"_id": post["_id"], "live": True}, {"$set": dict.fromkeys(WORDS, words)})
        while items := await self.items.find(_WORDLESS, {"title": 1, "path": 1}, limit=_BATCH):
            for item in items:
                # One that is written meanwhile has its words.
                wordless = {"_id": item["_id"], **_WORDLESS}
                await self.items.update_one(wordless, {"$set": item_words(item["title"], item["path"])})
