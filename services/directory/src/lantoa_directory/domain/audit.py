"""What an event tells of an act: who did what to what, and in which unit's chain it stands."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

PLATFORM = "platform"
"""The chain of what belongs to no unit."""
OF_THEMSELVES = frozenset({"directory.account.signedin", "directory.account.refused", "directory.account.secured"})
"""What people do at the door, where nobody is signed in yet: the person that the event is about did it."""
_TYPE = re.compile(r"lantoa\.(.+)\.v[0-9]+")
_VERSIONED = re.compile(r"(.+?)(?::[0-9]+){1,2}")
_UNIT = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def action_of(type_: str) -> str:
    """``content.item.approved`` of ``lantoa.content.item.approved.v1``."""
    match = _TYPE.fullmatch(type_)
    return match[1] if match else type_


def service_of(source: str) -> str:
    """``content`` of ``lantoa/content``."""
    return source.rpartition("/")[2]


def object_of(event_id: str) -> str:
    """What was acted on: the event's id without the version that its write made."""
    match = _VERSIONED.fullmatch(event_id)
    return match[1] if match else event_id.partition(":")[0]


def unit_of(body: Mapping[str, Any]) -> str | None:
    """The unit that an event names: its ``unit_id``, else the last of its ``path`` or ``units``."""
    lists = (body.get(name) for name in ("path", "units"))
    named = [body.get("unit_id"), *(found[-1] for found in lists if isinstance(found, list) and found)]
    return next((unit for unit in named if isinstance(unit, str) and _UNIT.fullmatch(unit)), None)


def trace_of(traceparent: str | None) -> str:
    """The trace's id in hex; empty without one."""
    match = _TRACE.fullmatch(traceparent or "")
    return match[1] if match else ""


def at_text(at: datetime) -> str:
    """A time as it is hashed: UTC, to the millisecond, as the database gives it back."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def to_the_millisecond(at: datetime) -> datetime:
    """A time as the database will keep it."""
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
