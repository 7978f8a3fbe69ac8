"""Events of ``broadcast``: what is to be heard, and what was."""

from lantoa_contracts.base import BlobRef, Contract, Event, Id, Priority, Sha256, SignedDocument, TaskCode, Timestamp


class GridChanged(Event):
    """Somebody set when a unit broadcasts."""

    unit_id: Id
    ver: int
    rule: str
    """Days, as an RRULE of RFC 5545."""
    starts: str
    """Time of day, ``05:00``."""
    max_minutes: int
    at: Timestamp


class SessionChanged(Event):
    """A session's programme changed; the rundowns of the unit's stations follow from it."""

    session_id: Id
    ver: int
    unit_id: Id
    starts_at: Timestamp


class SessionSpan(Contract):
    """When a session plays, from its begin to the end of its last entry."""

    starts_at: Timestamp
    ends_at: Timestamp


class RundownIssued(Event):
    """A device has a new rundown: fleet signs it into the device's desired state."""

    device_id: Id
    ver: int
    rundown: BlobRef
    media: tuple[BlobRef, ...]
    """Everything the rundown plays or shows, so that fleet can sign its URLs."""
    sessions: tuple[SessionSpan, ...] = ()
    """When a station is to sound, in order, so that fleet can tell whether it does; none for boards."""


class AiringMissed(Event):
    """A station did not prove an entry in time; a proof that comes later still confirms it."""

    airing_id: str
    """``<device_id>:<entry_id>``, as in :class:`AiringConfirmed`."""
    ver: int
    device_id: Id
    unit_id: Id
    session_id: Id
    entry_id: Id
    item_id: Id
    revision: int
    planned_at: Timestamp
    at: Timestamp


class AiringConfirmed(Event):
    """A station proved that an entry was aired to its end."""

    airing_id: str
    """``<device_id>:<entry_id>``: one airing an entry and station."""
    ver: int
    device_id: Id
    unit_id: Id
    session_id: Id
    entry_id: Id
    item_id: Id
    revision: int
    title: str
    priority: Priority
    tasks: tuple[TaskCode, ...]
    topic: str
    audio_sha256: Sha256
    started_at: Timestamp
    ended_at: Timestamp
    seconds: float
    device_public_key: str
    proof: SignedDocument
