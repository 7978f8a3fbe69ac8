"""CAP 1.2 messages (OASIS Standard CAP-v1.2, 1 July 2010) as they are once read: only what a notice needs."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lantoa_runtime.errors import AppError

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA_TYPE = "application/cap+xml"
MOST_BYTES = 1024 * 1024
"""The largest message that is read."""

CapStatus = Literal["Actual", "Exercise", "System", "Test", "Draft"]
CapType = Literal["Alert", "Update", "Cancel", "Ack", "Error"]
CapScope = Literal["Public", "Restricted", "Private"]
CapSeverity = Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]

_TIME = re.compile(
    r"(?:19[7-9]|20[0-9]|21[0-9])[0-9]-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[-+][0-9]{2}:[0-9]{2}"
)


class CapRefused(AppError):
    """A message or a part of it is not taken. Its code begins with ``alert.cap-``."""

    def __init__(self, code: str, http_status: int = 422, **params: str | int) -> None:
        super().__init__(code, http_status, retryable=False, **params)

    @property
    def reason(self) -> str:
        """The code without what all have: bounded, for metrics and verdicts."""
        return self.code.removeprefix("alert.cap-")


@dataclass(frozen=True, slots=True)
class CapKey:
    """What names a message in the whole world: as it stands in ``references``."""

    sender: str
    identifier: str
    sent: datetime

    def __str__(self) -> str:
        return f"{self.sender},{self.identifier},{cap_time(self.sent)}"


@dataclass(frozen=True, slots=True)
class CapArea:
    """Where it holds. ``polygons`` and ``circles`` are still as written; geocodes are (valueName, value)."""

    description: str
    polygons: tuple[str, ...] = ()
    circles: tuple[str, ...] = ()
    geocodes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CapInfo:
    """What is told, in one language. Times are aware; ``None`` where the sender said nothing."""

    language: str
    categories: tuple[str, ...]
    event: str
    urgency: str
    severity: CapSeverity
    certainty: str
    effective: datetime | None
    onset: datetime | None
    expires: datetime | None
    sender_name: str
    headline: str
    description: str
    instruction: str
    areas: tuple[CapArea, ...]


@dataclass(frozen=True, slots=True)
class CapAlert:
    """One message that fits the schema. ``references`` is still as written."""

    key: CapKey
    status: CapStatus
    msg_type: CapType
    scope: CapScope
    references: str
    infos: tuple[CapInfo, ...]


def cap_time(moment: datetime) -> str:
    """A time as CAP writes it (3.3.2): whole seconds and a numeric offset, never ``Z``; ``-00:00`` is UTC."""
    written = moment.replace(microsecond=0).isoformat()
    return f"{written[:-6]}-00:00" if written.endswith("+00:00") else written


def cap_moment(written: str) -> datetime:
    """The time that CAP wrote (3.3.2), aware; of the years 1970 to 2199, so that it can be reckoned with.

    Raises:
        ValueError: it is none.
    """
    if not _TIME.fullmatch(written):
        raise ValueError(f"no CAP time: {written[:40]!r}")
    return datetime.fromisoformat(written)


def referenced(written: str) -> tuple[CapKey, ...]:
    """The messages that ``references`` names: ``sender,identifier,sent`` parted by white space (3.2.1).

    Raises:
        CapRefused: ``references``: it is not that.
    """
    keys = []
    for triple in written.split():
        parts = triple.split(",")
        if len(parts) != 3 or not all(parts):
            raise CapRefused("alert.cap-references")
        try:
            keys.append(CapKey(parts[0], parts[1], cap_moment(parts[2])))
        except ValueError as error:
            raise CapRefused("alert.cap-references") from error
    return tuple(dict.fromkeys(keys))
