"""Events of ``alert``: emergency notices and who has them, and whose messages are let in."""

from typing import Annotated, Literal

from pydantic import Field

from lantoa_contracts.base import Event, Id, Timestamp

Status = Literal["actual", "exercise", "test"]
Severity = Literal["extreme", "severe", "moderate", "minor"]


class NoticeIssued(Event):
    """A notice went out to the devices of its scopes."""

    notice_id: Id
    ver: int
    status: Status
    severity: Severity
    headline: Annotated[str, Field(max_length=200)]
    scopes: tuple[str, ...]
    """``all``, ``unit.<unit_id>``, ``grp.<g>``."""
    source: Literal["console", "operator", "cap"]
    requested_by: str
    confirmed_by: str
    issued_at: Timestamp
    expires_at: Timestamp


class NoticeUpdated(NoticeIssued):
    """A notice in force says something else from now on."""


class NoticeCancelled(Event):
    """A notice was called off before its end."""

    notice_id: Id
    ver: int
    cancelled_by: str
    at: Timestamp


class NoticeAcknowledged(Event):
    """How far a notice has come in one unit; told again when that changes, at most every few seconds."""

    notice_id: Id
    ver: int
    unit_id: Id
    devices: int
    verified: int
    played: int
    at: Timestamp


class SourceAdded(Event):
    """An administrator let messages of another body come in. Its address and certificates are in no event."""

    source_id: Id
    ver: int
    automatic: bool
    """Whether its signed messages go out without a second person."""
    at: Timestamp


class SourceRemoved(Event):
    """Nothing more comes in from a source."""

    source_id: Id
    ver: int
    at: Timestamp
