"""Playlists and what stands in them. Pure.

A playlist belongs to the unit whose people are the audience. A board shows the playlists of every unit on its path.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

SECONDS_SHORT, SECONDS_LONG = 2.0, 60.0
"""How much shorter or longer than its dwell a showing may have been: browsers run timers late."""

_RANKS = {"emergency": 0, "priority": 1, "normal": 2}


@dataclass(frozen=True)
class Slide:
    """A stored slide."""

    sha256: str
    bytes: int
    media_type: str


@dataclass(frozen=True)
class Item:
    """An approved bulletin as a board needs it. ``ver`` is the item's version that was approved.

    It is shown from ``opens_at`` on and before ``closes_at``: on the days that were approved with it.
    """

    item_id: str
    ver: int
    revision: int
    title: str
    priority: str
    tasks: tuple[str, ...]
    topic: str
    approved_at: datetime
    slide: Slide
    opens_at: datetime | None = None
    closes_at: datetime | None = None

    def shown_for(self, valid: timedelta) -> tuple[datetime, datetime]:
        """From when until when: all of its days; ``valid`` is how long when it has no last one."""
        begins = max(self.approved_at, self.opens_at) if self.opens_at else self.approved_at
        return begins, self.closes_at or begins + valid


@dataclass(frozen=True)
class Entry:
    """An item's place in a playlist. A withdrawn one stays on record: a board without network may still show it."""

    entry_id: str
    item: Item
    valid_from: datetime
    valid_until: datetime
    withdrawn: bool = False

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Entry":
        """Read what ``dataclasses.asdict`` wrote."""
        item = stored["item"]
        slide = Slide(**item["slide"])
        return cls(**{**stored, "item": Item(**{**item, "tasks": tuple(item["tasks"]), "slide": slide})})


@dataclass(frozen=True)
class Playlist:
    """What the boards below a unit show in turn."""

    unit_id: str
    entries: tuple[Entry, ...] = ()

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Playlist":
        """Read a stored playlist."""
        return cls(stored["unit_id"], tuple(Entry.of(entry) for entry in stored["entries"]))

    @property
    def playlist_id(self) -> str:
        """Its id, one a unit."""
        return playlist_id_of(self.unit_id)

    def entry(self, entry_id: str) -> Entry | None:
        """An entry, expired and withdrawn ones included."""
        return next((entry for entry in self.entries if entry.entry_id == entry_id), None)

    def with_item(self, item: Item, valid: timedelta, kept_since: datetime) -> "Playlist":
        """The playlist with the item in it and without what expired before ``kept_since``; the same when it has it."""
        if any(entry.item.item_id == item.item_id and entry.item.ver >= item.ver for entry in self.entries):
            return self
        entry = Entry(entry_id_of(self.playlist_id, item), item, *item.shown_for(valid))
        others = [
            other for other in self.entries if other.valid_until >= kept_since and other.entry_id != entry.entry_id
        ]
        return replace(self, entries=tuple(sorted([*others, entry], key=_order)))

    def without(self, item_id: str, below: int) -> "Playlist":
        """The playlist with approvals of the item older than version ``below`` withdrawn."""
        return replace(
            self,
            entries=tuple(
                replace(entry, withdrawn=True)
                if entry.item.item_id == item_id and entry.item.ver < below and not entry.withdrawn
                else entry
                for entry in self.entries
            ),
        )


def _order(entry: Entry) -> tuple[int, datetime, str]:
    return _RANKS[entry.item.priority], entry.item.approved_at, entry.entry_id


def playlist_id_of(unit_id: str) -> str:
    """The id of a unit's playlist."""
    return f"p-{unit_id}"


def entry_id_of(playlist_id: str, item: Item) -> str:
    """The id of an item's revision in a playlist."""
    return hashlib.sha256(f"{playlist_id}|{item.item_id}|{item.revision}".encode()).hexdigest()[:20]


def shown(playlists: Iterable[Playlist], now: datetime) -> list[Entry]:
    """What a board is to show of these playlists, now or later: not withdrawn, not expired.

    By class (TT 39/2020), then by approval.
    """
    valid = [
        entry for playlist in playlists for entry in playlist.entries if not entry.withdrawn and entry.valid_until > now
    ]
    return sorted(valid, key=_order)


def shown_now(playlist: Playlist, now: datetime) -> list[Entry]:
    """What boards show of a playlist at this moment, in the same order."""
    return [entry for entry in shown([playlist], now) if entry.valid_from <= now]


def proof_fault(
    entry: Entry, slide_sha256: str, item_id: str, revision: int, seconds: float, dwell_seconds: float
) -> str:
    """What in a proof contradicts the entry that it names; empty when nothing does."""
    if slide_sha256 != entry.item.slide.sha256:
        return "slide"
    if (item_id, revision) != (entry.item.item_id, entry.item.revision):
        return "item"
    return "" if dwell_seconds - SECONDS_SHORT <= seconds <= dwell_seconds + SECONDS_LONG else "seconds"
