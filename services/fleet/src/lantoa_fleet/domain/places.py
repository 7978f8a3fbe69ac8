"""Where devices stand, and what happened there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

SiteType = Literal["hamlet", "market", "school", "commune_office", "public_computer_room", "wifi_spot", "crossroads"]
"""Kinds of places; their names in the reader's language are ``fleet.site.*`` in the catalogues."""

MOST_LIFE = 100
"""Entries that a device keeps of its own life; of more the oldest go."""


@dataclass(frozen=True)
class Place:
    """Where a technician puts a device, and how it is called there. ``groups`` are names or ids."""

    name: str
    unit_id: str
    site_type: str
    model: str | None = None
    lat: float | None = None
    lon: float | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Actor:
    """Who did something; ``name`` as it was then."""

    id: str
    name: str


Life = Literal["claimed", "moved", "grouped", "replaced", "token", "revoked"]


def with_life(
    device: Mapping[str, Any], what: Life, actor: Actor | None, at: datetime, **about: Any
) -> dict[str, list[dict[str, Any]]]:
    """The field ``life`` with one more entry."""
    entry = {"what": what, "at": at, "by": actor.id if actor else None, "by_name": actor.name if actor else None}
    known: Sequence[dict[str, Any]] = device.get("life", [])
    return {"life": [*known, {**entry, **about}][-MOST_LIFE:]}
