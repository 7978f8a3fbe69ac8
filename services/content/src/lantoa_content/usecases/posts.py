"""Posts as documents: put on the page by an approval, taken off by its end, in whatever order these are heard."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lantoa_content.domain import post as rules
from lantoa_content.domain.picture import of_the_article
from lantoa_content.domain.post import Standing, article_sha256, post_id
from lantoa_content.domain.search import words_of
from lantoa_content.domain.text import clean
from lantoa_content.domain.webpage import article_of, description_of
from lantoa_content.usecases.words import WORDS
from lantoa_contracts.catalogue import POST_CONFIRMED, POST_UNCONFIRMED
from lantoa_contracts.events.content import ItemApproved, ItemWithdrawn, PostConfirmed, PostUnconfirmed, Rendition
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, NotReady
from lantoa_runtime.mongo import Aggregates, Change, Collection, Document, Outgoing, ReadModel

_MOST_STORY = 50
BRIEF = {"article": 0, "story": 0, "outbox": 0, **dict.fromkeys(WORDS, 0)}
"""A post without what lists do not show."""


@dataclass(frozen=True, slots=True)
class Publishing:
    """Answers the service's own approvals and withdrawals. The page shows what is `live`."""

    posts: Aggregates
    units: ReadModel
    blobs: Blobs
    clock: Clock

    async def approved(self, event: ItemApproved) -> None:
        """Put a revision on the page, unless it is there or is over already.

        Raises:
            AppError: `content.no-article` when the rendition is not what was approved; NotReady, NotFound.
        """
        key = post_id(event.item_id, event.revision)
        made = {one.kind: one for one in event.renditions}
        if "web" not in made or await self.posts.load(key) is not None:
            return
        page = await self.blobs.get(made["web"].blob.sha256)
        article = article_of(page)
        if article is None or hashlib.sha256(page).hexdigest() != made["web"].blob.sha256:
            raise AppError("content.no-article", 500)
        unit = await self.units.get(event.unit_id)
        if unit is None:
            raise NotReady("unit")
        fields = {
            "channel": "web",
            "item_id": event.item_id,
            "revision": event.revision,
            "title": " ".join(clean(event.title).split()),
            "summary": description_of(page.decode()),
            "article": article.decode(),
            "article_sha256": article_sha256(article),
            "pictures": list(of_the_article(article.decode())),
            "audio": _sound(made.get("audio")),
            "priority": event.priority,
            "unit_id": event.unit_id,
            "unit_name": unit["name"],
            "tasks": list(event.tasks),
            "topic": event.topic,
            "language": event.language,
            "approval_sha256": event.approval_sha256,
            "approved_at": event.approved_at,
            **event.model_dump(mode="json", include={"air_from", "air_until"}),
        }
        now = self.clock.now()
        fields |= dict.fromkeys(WORDS, words_of(fields["title"], unit["name"], fields["article"]))
        fields["first_published_at"] = await self._first_at(event.item_id) or now
        born = Standing()
        fields |= to_fields(born) | {"published_at": now, "due_at": now, "story": [step("published", born, now)]}
        await self.posts.change(key, lambda document: Change(fields) if document is None else None)

    async def _first_at(self, item_id: str) -> datetime | None:
        """When the item's first revision was published; a tombstone never was."""
        earlier = await self.posts.collection.find({"item_id": item_id}, {"published_at": 1})
        return min((post["published_at"] for post in earlier if post["published_at"]), default=None)

    async def withdrawn(self, event: ItemWithdrawn) -> None:
        """Take a revision off the page for good, also one that has not come to it yet."""

        def end(document: Document | None) -> Change | None:
            before = standing(document) if document else Standing()
            if not before.live:
                return None
            after = rules.over(before, event.reason)
            fields = to_fields(after) | {"ended_at": event.at, **{name: [] for name in WORDS}}
            if document is None:
                # A tombstone: the approval is still on its way and will find it.
                fields |= {"channel": "web", "item_id": event.item_id, "revision": event.revision}
                return Change(fields | {"unit_id": event.unit_id, "published_at": None, "story": []})
            return changed(document, after, event.at, fields)

        await self.posts.change(post_id(event.item_id, event.revision), end)


def _sound(audio: Rendition | None) -> dict[str, Any] | None:
    return {**audio.blob.model_dump(), "seconds": audio.seconds} if audio else None


def standing(document: Document) -> Standing:
    """How the post in a document stands."""
    return Standing(
        document["state"], document["reason"], document["confirmed_at"], document["failures"], document["live"]
    )


def to_fields(post: Standing) -> dict[str, Any]:
    """The fields that say how a post stands."""
    return {
        "state": post.state,
        "reason": post.reason,
        "confirmed_at": post.confirmed_at,
        "failures": post.failures,
        "live": post.live,
    }


def step(what: str, post: Standing, at: datetime) -> dict[str, Any]:
    """An entry of a post's story."""
    return {"what": what, "reason": post.reason, "at": at}


def changed(document: Document, after: Standing, at: datetime, fields: dict[str, Any]) -> Change:
    """The write of a post that stands otherwise than before, with the event where its confirmation came or went."""
    before = standing(document)
    fields = fields | {"since": at}
    events = []
    if (before.state == "confirmed") != (after.state == "confirmed"):
        events = [said(document | fields, document["ver"] + 1)]
    story = [*document["story"], step(after.state, after, at)][-_MOST_STORY:]
    return Change({**fields, "story": story}, events)


def said(document: Document, ver: int) -> Outgoing:
    """The event that tells whether a post that was confirmed once stands, at `ver`."""
    post = standing(document)
    about = {
        "post_id": document["_id"],
        "ver": ver,
        "channel": "web",
        "item_id": document["item_id"],
        "revision": document["revision"],
        "unit_id": document["unit_id"],
    }
    if post.state != "confirmed":
        return Outgoing(
            POST_UNCONFIRMED, PostUnconfirmed.model_validate({**about, "reason": post.reason, "at": document["since"]})
        )
    kept = {
        name: document[name]
        for name in ("title", "priority", "tasks", "topic", "language", "url", "approval_sha256", "published_at")
    }
    page_sha256 = document["article_sha256"]
    event = PostConfirmed.model_validate(about | kept | {"page_sha256": page_sha256, "confirmed_at": post.confirmed_at})
    return Outgoing(POST_CONFIRMED, event)


async def posts_of(posts: Collection, items: Sequence[Document]) -> dict[str, Document]:
    """The post of each item's present revision, by the item's id; items without one are left out."""
    ids = [post_id(item["_id"], item["revision"]) for item in items]
    return {one["item_id"]: one for one in await posts.find({"_id": {"$in": ids}}, BRIEF)}
