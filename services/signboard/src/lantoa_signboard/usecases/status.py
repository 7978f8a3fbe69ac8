"""How far an item has come on the boards."""

from collections.abc import Collection
from dataclasses import dataclass

from lantoa_signboard.domain import Playlist
from lantoa_signboard.usecases.stores import Stores


@dataclass(frozen=True)
class Tally:
    """Entries times boards: planned, and those of them that were proved."""

    planned: int
    confirmed: int


async def status(stores: Stores, item_id: str, scopes: Collection[str]) -> Tally:
    """How far an item's current revision has come on the boards within ``scopes``; nothing for an unknown item."""
    item = await stores.items.get(item_id)
    if item is None:
        return Tally(0, 0)
    planned: set[str] = set()
    for document in await stores.playlists.collection.find({"entries.item.item_id": item_id}):
        playlist = Playlist.of(document)
        boards = await stores.boards_below(playlist.unit_id, scopes)
        planned |= {
            f"{board}:{entry.entry_id}"
            for entry in playlist.entries
            if (entry.item.item_id, entry.item.revision) == (item_id, item["revision"]) and not entry.withdrawn
            for board in boards
        }
    known = await stores.displays.collection.find(
        {"item_id": item_id, "revision": item["revision"], "path": {"$in": list(scopes)}}, {"_id": 1}
    )
    shown = {display["_id"] for display in known}
    return Tally(len(planned | shown), len(shown))
