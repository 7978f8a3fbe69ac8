"""A post: an approved revision on the public pages, and whether a stranger finds it there as it was approved."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from lantoa_content.domain.webpage import article_of

PostState = Literal["published", "confirmed", "unconfirmed"]
"""On the page and not yet found there; found as it was approved; not found so, or over."""
Ending = Literal["withdrawn", "edited"]
Finding = Literal["as-approved", "changed", "gone", "unreachable"]
"""What a look at the public address tells. `unreachable` tells nothing about the post."""
Reason = Literal["withdrawn", "edited", "changed", "gone", "unreachable"]

_LONGEST_BACKOFF = timedelta(hours=1)
_AGE_SHARE = 20
"""A post is looked at again after a twentieth of its age: else what is published once would be fetched for ever."""
_MOST_DOUBLINGS = 12


@dataclass(frozen=True, slots=True)
class Standing:
    """How a post stands. `live` is whether it is on the page; a post that is over never comes back."""

    state: PostState = "published"
    reason: Reason | None = None
    confirmed_at: datetime | None = None
    """When it was first found as approved; stays, so that the evidence keeps its day."""
    failures: int = 0
    """Looks in a row that did not find it."""
    live: bool = True


def post_id(item_id: str, revision: int) -> str:
    """The id of an item's post on the web; each revision has its own."""
    return f"web-{item_id}-{revision}"


def article_sha256(article: bytes) -> str:
    """The hash that an article is known by."""
    return hashlib.sha256(article).hexdigest()


def found(status: int | None, body: bytes, approved_sha256: str) -> Finding:
    """What an answer of the public address says about a post; `status` is `None` when there was no answer.

    A redirect counts as gone: the page is not where it was published. Other errors are the site's, not the post's.
    """
    if status == 200:
        article = article_of(body)
        return "as-approved" if article is not None and article_sha256(article) == approved_sha256 else "changed"
    return "gone" if status is not None and (300 <= status < 400 or status in (404, 410)) else "unreachable"


def looked_at(standing: Standing, finding: Finding, at: datetime) -> Standing:
    """The post after a look. A site that does not answer takes no confirmation back."""
    if not standing.live:
        return standing
    if finding == "as-approved":
        return Standing("confirmed", None, standing.confirmed_at or at)
    failed = replace(standing, failures=standing.failures + 1)
    if finding == "unreachable":
        return replace(failed, reason="unreachable") if standing.state == "published" else failed
    return replace(failed, state="unconfirmed", reason=finding)


def over(standing: Standing, reason: Ending) -> Standing:
    """The post taken off the page."""
    return replace(standing, state="unconfirmed", reason=reason, live=False)


def pause(standing: Standing, age: timedelta, backoff: timedelta, recheck: timedelta) -> timedelta:
    """How long until the next look: doubling after failures, and the longer the older a confirmed post is."""
    if standing.failures:
        return min(backoff * (1 << min(standing.failures - 1, _MOST_DOUBLINGS)), max(_LONGEST_BACKOFF, backoff))
    return max(recheck, age / _AGE_SHARE)
