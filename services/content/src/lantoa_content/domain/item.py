"""An item on its way from the author's desk to approval: states, who may do what, and what an approval binds to.

Who wrote is never approver, approval binds to one hash over the revision and its renditions, and an edit voids both
(TT 39/2020: what goes on air was approved by the commune's leadership as it goes on air).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from lantoa_calendar.periods import local_day
from lantoa_content.domain.picture import Picture
from lantoa_content.domain.topics import TOPIC_CODES
from lantoa_runtime.errors import AppError, Conflict, Forbidden, Invalid

State = Literal["draft", "submitted", "render_failed", "in_review", "returned", "approved", "withdrawn"]
Action = Literal["edit", "submit", "approve", "return", "withdraw"]
Priority = Literal["normal", "priority", "emergency"]
RenditionKind = Literal["audio", "board", "web"]

ACTIONS: tuple[Action, ...] = ("edit", "submit", "approve", "return", "withdraw")
TITLE_LENGTH = (3, 200)
BODY_LENGTH = (10, 20_000)
FARTHEST_DAY = timedelta(days=366)
"""A day further from its submission than this is a slip of the pen."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody by id and name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Unit:
    """The audience: a unit of territory with its path from the root, as it stood when it was chosen."""

    id: str
    name: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody and the rights that they hold at an item's unit."""

    person: Person
    writes: bool
    approves: bool
    edits: bool = False
    """Whether they may change and submit what others wrote."""


@dataclass(frozen=True, slots=True)
class Content:
    """What an author writes. `tasks` are codes of the plan's annex, `language` a BCP 47 tag.

    `body` is what is heard and what slides show. Where the author formatted it, `html` is that (`domain.richtext`) with
    the pictures that it shows, and `body` follows from it. It may be heard and shown from the day `air_from` to the day
    `air_until`, both included, in Việt Nam; without a day that end is open.
    """

    title: str
    body: str
    priority: Priority
    tasks: tuple[str, ...]
    topic: str
    language: str
    html: str | None = None
    pictures: tuple[Picture, ...] = ()
    air_from: date | None = None
    air_until: date | None = None

    @property
    def days(self) -> dict[str, str | None]:
        """Both days as they are written (ISO 8601)."""
        days = {"air_from": self.air_from, "air_until": self.air_until}
        return {name: day.isoformat() if day else None for name, day in days.items()}


@dataclass(frozen=True, slots=True)
class Rendition:
    """One made form of a revision, stored by its hash. `seconds`, `lufs` and `voice` are those of audio."""

    kind: RenditionKind
    sha256: str
    bytes: int
    media_type: str
    seconds: float | None = None
    lufs: float | None = None
    voice: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a revision could not be rendered: the code of a text for the author and the values of its placeholders."""

    code: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """An item as it stands. Times are aware and in UTC."""

    id: str
    author: Person
    unit: Unit
    content: Content
    created_at: datetime
    updated_at: datetime
    revision: int = 1
    state: State = "draft"
    submitted_at: datetime | None = None
    renditions: tuple[Rendition, ...] = ()
    failure: Failure | None = None
    comment: str | None = None
    approver: Person | None = None
    approved_at: datetime | None = None
    approval_sha256: str | None = None
    """The hash that was approved; `hash_to_approve` is what it must be."""
    edited_by: tuple[str, ...] = ()
    """Ids of those beside the author who ever changed it: none of them approves it."""


def check_content(content: Content) -> Content:
    """The content, when an author may write it.

    Raises:
        Invalid: the topic is unknown, the last day comes before the first, or the class is emergency, which plays at
            once and belongs to the alert service (TT 39/2020: khẩn cấp pre-empts whatever plays).
    """
    if content.topic not in TOPIC_CODES:
        raise Invalid("content.unknown-topic", "/topic")
    if content.priority == "emergency":
        raise Invalid("content.emergency-elsewhere", "/priority")
    if content.air_from and content.air_until and content.air_until < content.air_from:
        raise Invalid("content.days-backwards", "/air_until")
    return content


def _check_days(content: Content, today: date) -> None:
    """Pass when there is a day left on which the content may be heard.

    Raises:
        Invalid: its last day is over, or one of its days is more than a year away.
    """
    if content.air_until and content.air_until < today:
        raise Invalid("content.day-over", "/air_until")
    for pointer, day in (("/air_from", content.air_from), ("/air_until", content.air_until)):
        if day and abs(day - today) > FARTHEST_DAY:
            raise Invalid("content.day-far", pointer)


def hash_to_approve(item: Item) -> str:
    """SHA-256 over canonical JSON (sorted keys, UTF-8, no spaces) of a revision and the hashes of its renditions.

    Formatted text names its pictures by their hashes, so they are bound too. What an item does not have, formatted text
    or a day, is no part of it.
    """
    bound: dict[str, Any] = {
        "item_id": item.id,
        "revision": item.revision,
        "title": item.content.title,
        "body": item.content.body,
        "priority": item.content.priority,
        "unit_id": item.unit.id,
        "tasks": list(item.content.tasks),
        "topic": item.content.topic,
        "language": item.content.language,
        "renditions": [{"kind": one.kind, "sha256": one.sha256} for one in item.renditions],
    }
    if item.content.html is not None:
        bound["body_html"] = item.content.html
    bound |= {name: day for name, day in item.content.days.items() if day}
    text = json.dumps(bound, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def refusal(action: Action, item: Item, actor: Actor) -> AppError | None:
    """Why this person may not do this to the item now, or `None` when they may."""
    own = actor.person.id == item.author.id
    if action in ("edit", "submit"):
        if not (actor.writes if own else actor.edits):
            return Forbidden("content.not-your-item") if actor.writes else Forbidden()
        possible = action == "edit" or item.state in ("draft", "render_failed", "returned")
    elif action in ("approve", "return"):
        if not actor.approves:
            return Forbidden()
        if own or actor.person.id in item.edited_by:
            return Forbidden("content.own-item")
        possible = item.state == "in_review"
    else:
        # An author may put their item away at any time, an approver take back what stands approved.
        if not (actor.writes and own) and not actor.approves:
            return Forbidden()
        possible = item.state == "approved" if not (actor.writes and own) else item.state != "withdrawn"
    return None if possible else Conflict("content.wrong-state", state=item.state)


def allowed(item: Item, actor: Actor) -> tuple[Action, ...]:
    """What this person may do to the item now."""
    return tuple(action for action in ACTIONS if refusal(action, item, actor) is None)


def permit(action: Action, item: Item, actor: Actor) -> None:
    """Pass when this person may do this to the item now.

    Raises:
        AppError: see `refusal`.
    """
    refused = refusal(action, item, actor)
    if refused is not None:
        raise refused


def edit(item: Item, actor: Actor, content: Content, unit: Unit, at: datetime) -> Item:
    """The item with other content: a draft stays the same revision, anything else becomes a new one.

    Who changes another's item has a part in what it says from then on.

    Raises:
        AppError: not this person's, or the content is refused.
    """
    permit("edit", item, actor)
    editor = () if actor.person.id in (item.author.id, *item.edited_by) else (actor.person.id,)
    return Item(
        id=item.id,
        author=item.author,
        unit=unit,
        content=check_content(content),
        created_at=item.created_at,
        updated_at=at,
        revision=item.revision if item.state == "draft" else item.revision + 1,
        comment=item.comment,
        edited_by=item.edited_by + editor,
    )


def submit(item: Item, actor: Actor, unit: Unit, at: datetime) -> Item:
    """The item waiting for its renditions, for the unit as it stands now.

    Raises:
        AppError: not this person's, not in a state to be submitted, or its days are over or too far away.
    """
    permit("submit", item, actor)
    _check_days(item.content, local_day(at))
    return replace(
        item,
        unit=unit,
        state="submitted",
        submitted_at=at,
        updated_at=at,
        renditions=(),
        failure=None,
        comment=None,
    )


def rendered(item: Item, renditions: tuple[Rendition, ...], at: datetime) -> Item:
    """A submitted item with its renditions, ready to be heard, seen and approved."""
    in_order = tuple(sorted(renditions, key=lambda one: one.kind))
    return replace(item, state="in_review", renditions=in_order, updated_at=at)


def render_failed(item: Item, failure: Failure, at: datetime) -> Item:
    """A submitted item that cannot be rendered as it is."""
    return replace(item, state="render_failed", failure=failure, updated_at=at)


def approve(item: Item, actor: Actor, seen_sha256: str, at: datetime) -> Item:
    """The item, approved as the approver saw it. A repeat by the same approver changes nothing.

    Raises:
        AppError: no right to, not in review, `content.approval-outdated` when the hash is that of something else, or
            `content.days-over` when it could not be heard any more.
    """
    if is_approved_by(item, actor, seen_sha256):
        return item
    permit("approve", item, actor)
    if seen_sha256 != hash_to_approve(item):
        raise Conflict("content.approval-outdated")
    if item.content.air_until and item.content.air_until < local_day(at):
        raise Conflict("content.days-over")
    return replace(
        item, state="approved", approver=actor.person, approved_at=at, approval_sha256=seen_sha256, updated_at=at
    )


def is_approved_by(item: Item, actor: Actor, seen_sha256: str) -> bool:
    """Whether this very approval was already given by this person."""
    return item.state == "approved" and item.approver == actor.person and item.approval_sha256 == seen_sha256


def send_back(item: Item, actor: Actor, comment: str, at: datetime) -> Item:
    """The item back at its author's desk with what the approver wants changed.

    Raises:
        AppError: no right to, or not in review.
    """
    permit("return", item, actor)
    return replace(item, state="returned", comment=comment, updated_at=at)


def withdraw(item: Item, actor: Actor, at: datetime) -> Item:
    """The item put away; if it was approved, it no longer is.

    Raises:
        AppError: no right to, or already withdrawn.
    """
    permit("withdraw", item, actor)
    return replace(item, state="withdrawn", approver=None, approved_at=None, approval_sha256=None, updated_at=at)
