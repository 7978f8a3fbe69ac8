"""What goes into which playlist."""

from dataclasses import asdict

from lantoa_calendar.periods import span_of
from lantoa_contracts.catalogue import PLAYLIST_CHANGED
from lantoa_contracts.events.content import ItemApproved, ItemWithdrawn
from lantoa_contracts.events.signboard import PlaylistChanged
from lantoa_runtime.errors import AppError
from lantoa_runtime.mongo import Change, Document, Outgoing
from lantoa_signboard.domain import Item, Playlist, Slide, playlist_id_of
from lantoa_signboard.usecases.stores import Stores


def item_of(event: ItemApproved) -> Item:
    """What a board needs of an approved item.

    Raises:
        AppError: it has no slide; final.
    """
    drawn = next((made for made in event.renditions if made.kind == "board"), None)
    if drawn is None:
        raise AppError("signboard.no-slide", 422, item_id=event.item_id)
    opens_at, closes_at = span_of(event.air_from, event.air_until)
    return Item(
        item_id=event.item_id,
        ver=event.ver,
        revision=event.revision,
        title=event.title,
        priority=event.priority,
        tasks=event.tasks,
        topic=event.topic,
        approved_at=event.approved_at,
        slide=Slide(**drawn.blob.model_dump()),
        opens_at=opens_at,
        closes_at=closes_at,
    )


async def item_approved(stores: Stores, event: ItemApproved) -> None:
    """Put an item into the playlist of its unit.

    Raises:
        AppError: it has no slide; final.
    """
    item = item_of(event)
    await stores.items.apply(event.item_id, event.ver, {"state": "approved", "revision": event.revision})
    if await _newest(stores, event.item_id) > event.ver:
        return
    kept_since = stores.clock.now() - stores.settings.kept

    def decide(document: Document | None) -> Change | None:
        playlist = Playlist.of(document) if document else Playlist(event.unit_id)
        grown = playlist.with_item(item, stores.settings.valid, kept_since)
        return None if grown == playlist else _change(grown, document)

    await stores.playlists.change(playlist_id_of(event.unit_id), decide)
    # A withdrawal that was handled meanwhile saw the playlist before the item was in it.
    newest = await _newest(stores, event.item_id)
    if newest > event.ver:
        await _take_out(stores, event.item_id, newest)


async def item_withdrawn(stores: Stores, event: ItemWithdrawn) -> None:
    """Take an item off the boards."""
    await stores.items.apply(event.item_id, event.ver, {"state": "withdrawn", "revision": event.revision})
    await _take_out(stores, event.item_id, event.ver)


async def _newest(stores: Stores, item_id: str) -> int:
    item = await stores.items.get(item_id)
    return item["ver"] if item else 0


async def _take_out(stores: Stores, item_id: str, below: int) -> None:
    def decide(document: Document | None) -> Change | None:
        if document is None:
            return None
        playlist = Playlist.of(document)
        reduced = playlist.without(item_id, below)
        return None if reduced == playlist else _change(reduced, document)

    for found in await stores.playlists.collection.find({"entries.item.item_id": item_id}, {"_id": 1}):
        await stores.playlists.change(found["_id"], decide)


def _change(playlist: Playlist, document: Document | None) -> Change:
    ver = document["ver"] + 1 if document else 1
    event = PlaylistChanged(playlist_id=playlist.playlist_id, ver=ver, unit_id=playlist.unit_id)
    fields = {"unit_id": playlist.unit_id, "entries": [asdict(entry) for entry in playlist.entries]}
    return Change(fields, [Outgoing(PLAYLIST_CHANGED, event)])
