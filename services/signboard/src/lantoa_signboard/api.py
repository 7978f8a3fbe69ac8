"""Signboard over HTTP."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel

from lantoa_contracts.base import Id, SignedDocument
from lantoa_contracts.policy import PLAYLIST_READ
from lantoa_runtime.errors import Invalid, NotFound
from lantoa_runtime.http import Caller, Page, PageLimit, Routes, allows
from lantoa_runtime.http.replay import replay_route
from lantoa_runtime.mongo import newest_first
from lantoa_signboard.domain import Entry, Playlist, playlist_id_of, shown_now
from lantoa_signboard.usecases.replay import replay
from lantoa_signboard.usecases.status import status
from lantoa_signboard.usecases.stores import Stores

Viewer = Annotated[Caller, allows(PLAYLIST_READ)]


class EntryView(BaseModel):
    """An item in a playlist, and the days on which it is shown."""

    entry_id: str
    item_id: str
    revision: int
    title: str
    priority: str
    valid_from: datetime
    valid_until: datetime


class PlaylistView(BaseModel):
    """What the boards of a unit and below show now, in turn."""

    unit_id: str
    entries: list[EntryView]


class UnitCount(BaseModel):
    """How many entries a unit's own playlist shows now."""

    unit_id: str
    entries: int


class Counts(BaseModel):
    """One entry a unit that was asked for and that the caller may see."""

    items: list[UnitCount]


class ProofView(BaseModel):
    """One showing, as the board signed it."""

    local_id: str
    started_at: datetime
    ended_at: datetime
    seconds: float
    document: SignedDocument
    signed: bool = True
    """False for a receiver that comes in over MQTT and cannot sign: its bare word."""


class StatusView(BaseModel):
    """How far an item's current revision has come: entries times boards. What is not shown yet is never ``missed``."""

    planned: int
    confirmed: int
    missed: int
    waiting: int


class DisplayView(BaseModel):
    """An entry that a board showed for its full dwell."""

    id: str
    state: str
    device_id: str
    device_name: str
    unit_id: str
    entry_id: str
    item_id: str
    revision: int
    title: str
    started_at: datetime
    ended_at: datetime
    seconds: float
    proofs: list[ProofView]


def _entry_view(entry: Entry) -> EntryView:
    return EntryView(
        entry_id=entry.entry_id,
        item_id=entry.item.item_id,
        revision=entry.item.revision,
        title=entry.item.title,
        priority=entry.item.priority,
        valid_from=entry.valid_from,
        valid_until=entry.valid_until,
    )


def _display_view(display: Mapping[str, Any]) -> DisplayView:
    return DisplayView.model_validate({**display, "id": display["_id"]})


async def _seen(stores: Stores, caller: Caller, unit_id: str) -> None:
    """Any role lets a person see what is planned and shown in the unit."""
    unit = await stores.units.get(unit_id)
    if unit is None:
        raise NotFound("unit")
    caller.require(PLAYLIST_READ, unit["path"])


def router(stores: Stores) -> Routes:
    """The routes, on these stores."""
    routes = Routes()

    @routes.get("/playlists/{unit_id}")
    async def playlist(unit_id: Id, caller: Viewer) -> PlaylistView:
        """What a unit's boards show now."""
        await _seen(stores, caller, unit_id)
        stored = await stores.playlists.load(playlist_id_of(unit_id))
        entries = shown_now(Playlist.of(stored), stores.clock.now()) if stored else []
        return PlaylistView(unit_id=unit_id, entries=[_entry_view(entry) for entry in entries])

    @routes.get("/counts")
    async def counts(caller: Viewer, unit_id: Annotated[list[Id], Query(min_length=1, max_length=200)]) -> Counts:
        """Entries that the playlists of units show now: what follows an act over these."""
        visible = {"_id": {"$in": unit_id}, "path": {"$in": list(caller.units(PLAYLIST_READ))}}
        units = [unit["_id"] for unit in await stores.units.collection.find(visible, {"_id": 1})]
        playlists = await stores.playlists.collection.find({"_id": {"$in": [playlist_id_of(one) for one in units]}})
        entries = {one["unit_id"]: len(shown_now(Playlist.of(one), stores.clock.now())) for one in playlists}
        return Counts(items=[UnitCount(unit_id=one, entries=entries.get(one, 0)) for one in units])

    @routes.get("/displays")
    async def displays(
        caller: Viewer,
        item_id: Annotated[Id | None, Query()] = None,
        unit_id: Annotated[Id | None, Query()] = None,
        limit: PageLimit = 50,
        cursor: str | None = None,
    ) -> Page[DisplayView]:
        """What was shown, of an item or in a unit, with the devices' proofs, the newest first."""
        where: dict[str, Any] = {"item_id": item_id} if item_id else {}
        if unit_id:
            await _seen(stores, caller, unit_id)
            where["path"] = unit_id
        elif item_id:
            where["path"] = {"$in": list(caller.units(PLAYLIST_READ))}
        else:
            raise Invalid("field-missing", "/item_id")
        found, after = await newest_first(stores.displays.collection, where, "started_at", cursor, limit)
        return Page(items=[_display_view(display) for display in found], next=after)

    @routes.get("/items/{item_id}/status")
    async def item_status(item_id: Id, caller: Viewer) -> StatusView:
        """How many of an item's displays are planned, proved and awaited, within the caller's units."""
        found = await status(stores, item_id, caller.units(PLAYLIST_READ))
        waiting = found.planned - found.confirmed
        return StatusView(planned=found.planned, confirmed=found.confirmed, missed=0, waiting=waiting)

    replay_route(routes, stores.units, stores.clock, lambda turn: replay(stores, turn))
    return routes
