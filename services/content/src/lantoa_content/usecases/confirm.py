"""Looking at posts as a stranger does."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import structlog

from lantoa_content.domain import post as rules
from lantoa_content.domain.post import Finding
from lantoa_content.telemetry import POST_LOOKS
from lantoa_content.usecases.posts import changed, standing, to_fields
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import StaleVersion
from lantoa_runtime.mongo import Aggregates, Document

log = structlog.get_logger()

_AT_ONCE, _BATCH = 4, 40
_LEASE = timedelta(minutes=2)
"""Longer than a look takes: two replicas do not look at once, and a look that was killed is made up for."""


class Stranger(Protocol):
    """Somebody outside, without credentials."""

    async def fetch(self, url: str) -> tuple[int | None, bytes]:
        """Status and body of an address; `None` when there was no whole answer."""


@dataclass(frozen=True, slots=True)
class Confirming:
    """Finds the posts whose time has come. `address` is what the page of an item is found under."""

    posts: Aggregates
    stranger: Stranger
    address: str
    clock: Clock
    backoff: timedelta
    recheck: timedelta
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def __call__(self) -> None:
        """Look at every post that is due, the longest due first."""
        due = await self.posts.collection.find(
            {"live": True, "due_at": {"$lte": self.clock.now()}},
            {"item_id": 1, "article_sha256": 1, "due_at": 1, "ver": 1},
            sort=[("due_at", 1)],
            limit=_BATCH,
        )
        done = await asyncio.gather(*(self._look(post) for post in due), return_exceptions=True)
        for failure in (one for one in done if isinstance(one, BaseException)):
            raise failure

    async def _look(self, post: Document) -> None:
        seen = {name: post[name] for name in ("_id", "ver", "due_at")}
        async with self.gate:
            leased = {"$set": {"due_at": self.clock.now() + _LEASE}}
            if not (await self.posts.collection.update_one(seen, leased)).matched:
                return  # Another replica looks, or the post is over.
            url = f"{self.address}/{post['item_id']}"
            finding = rules.found(*await self.stranger.fetch(url), post["article_sha256"])
        POST_LOOKS.labels(finding).inc()
        if finding != "as-approved":
            log.warning("post not found as approved", post_id=post["_id"], finding=finding)
        await self._keep(post["_id"], url, finding)

    async def _keep(self, key: str, url: str, finding: Finding) -> None:
        document = await self.posts.load(key)
        if document is None or not document["live"]:
            return
        now = self.clock.now()
        before = standing(document)
        after = rules.looked_at(before, finding, now)
        wait = rules.pause(after, now - document["published_at"], self.backoff, self.recheck)
        fields = to_fields(after) | {"url": url, "looked_at": now, "due_at": now + wait}
        if (before.state, before.reason) == (after.state, after.reason):
            # Nothing that anybody was told of: the version stays, so that an end that comes meanwhile finds it.
            await self.posts.collection.update_one({"_id": key, "ver": document["ver"]}, {"$set": fields})
            return
        change = changed(document, after, now, fields)
        try:
            await self.posts.save(document, change.set, change.events)
        except StaleVersion:
            log.info("post ended while it was looked at", post_id=key)
