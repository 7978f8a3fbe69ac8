"""Events of ``signboard``: what is to be shown, and what was."""

from lantoa_contracts.base import Event, Id, Priority, Sha256, SignedDocument, TaskCode, Timestamp
from lantoa_contracts.events.broadcast import RundownIssued


class PlaylistChanged(Event):
    """A unit's playlist changed; the rundowns of its boards follow from it."""

    playlist_id: Id
    ver: int
    unit_id: Id


class BoardRundownIssued(RundownIssued):
    """A board has a new rundown."""


class DisplayConfirmed(Event):
    """A board proved that an entry was shown for its full dwell."""

    display_id: str
    """``<device_id>:<entry_id>``: one display an entry and board."""
    ver: int
    device_id: Id
    unit_id: Id
    entry_id: Id
    item_id: Id
    revision: int
    title: str
    priority: Priority
    tasks: tuple[TaskCode, ...]
    topic: str
    slide_sha256: Sha256
    started_at: Timestamp
    ended_at: Timestamp
    seconds: float
    device_public_key: str
    proof: SignedDocument
