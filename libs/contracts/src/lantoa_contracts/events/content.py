"""Events of ``content``: an item on its way from the author's desk to approval."""

from datetime import date
from typing import Literal

from lantoa_contracts.base import BlobRef, Event, Id, Priority, Sha256, TaskCode, Timestamp

RenditionKind = Literal["audio", "board", "web"]


class Rendition(Event):
    """One made form of a revision, stored by hash."""

    kind: RenditionKind
    blob: BlobRef
    seconds: float | None = None
    """Length of the audio, in seconds."""
    lufs: float | None = None
    """Measured integrated loudness of the audio (ITU-R BS.1770), in LUFS."""
    voice: str | None = None
    """The synthetic voice that spoke it; ``None`` when a person recorded it."""


class ItemSubmitted(Event):
    """An author asked for approval of a revision; its renditions are to be made."""

    item_id: Id
    ver: int
    revision: int
    unit_id: Id
    author_id: Id


class ItemRendered(Event):
    """The renditions of a submitted revision are made and wait for approval, or cannot be made as it is."""

    item_id: Id
    ver: int
    revision: int
    unit_id: Id
    state: Literal["in_review", "render_failed"]
    at: Timestamp


class ItemReturned(Event):
    """An approver gave a revision back to its author, who finds the reason with the item."""

    item_id: Id
    ver: int
    revision: int
    unit_id: Id
    author_id: Id
    at: Timestamp


class ItemApproved(Event):
    """A revision together with its renditions was approved; the hash binds both."""

    item_id: Id
    ver: int
    revision: int
    approval_sha256: Sha256
    title: str
    priority: Priority
    unit_id: Id
    """The unit whose people are the audience."""
    tasks: tuple[TaskCode, ...]
    topic: str
    language: str
    renditions: tuple[Rendition, ...]
    author_id: Id
    approver_id: Id
    approved_at: Timestamp
    air_from: date | None = None
    """The first day, in Việt Nam, on which it may be heard and shown; without one from its approval on."""
    air_until: date | None = None
    """The last of these days; without one nobody set an end."""


class PostConfirmed(Event):
    """An item's page was fetched from the public address by a stranger, and it is what was approved."""

    post_id: Id
    """One post an item, revision and channel, e.g. ``web-<item_id>-<revision>``."""
    ver: int
    """Grows with every change of the post; the highest one tells whether it stands."""
    channel: Literal["web"]
    item_id: Id
    revision: int
    title: str
    priority: Priority
    unit_id: Id
    tasks: tuple[TaskCode, ...]
    topic: str
    language: str
    url: str
    approval_sha256: Sha256
    page_sha256: Sha256
    """Hash of the article's bytes: of the web rendition that was approved, found again in the page that was fetched."""
    published_at: Timestamp
    confirmed_at: Timestamp


class PostUnconfirmed(Event):
    """A confirmed post no longer stands: it was taken back, replaced, or is not found as it was approved."""

    post_id: Id
    ver: int
    channel: Literal["web"]
    item_id: Id
    revision: int
    unit_id: Id
    reason: Literal["withdrawn", "edited", "gone", "changed"]
    at: Timestamp


class ItemWithdrawn(Event):
    """What was approved no longer holds: it was edited or taken back."""

    item_id: Id
    ver: int
    revision: int
    unit_id: Id
    reason: Literal["edited", "withdrawn"]
    at: Timestamp
