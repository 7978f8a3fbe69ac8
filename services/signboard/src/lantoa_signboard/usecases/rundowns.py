"""Boards and what each of them is told to show."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import TypeGuard

from lantoa_contracts.base import BlobRef
from lantoa_contracts.catalogue import BOARD_RUNDOWN_ISSUED
from lantoa_contracts.device import BoardEntry, BoardRundown
from lantoa_contracts.events.directory import ActDone, UnitChanged
from lantoa_contracts.events.fleet import DeviceClaimed, DeviceMoved, DeviceRevoked
from lantoa_contracts.events.signboard import BoardRundownIssued, PlaylistChanged
from lantoa_runtime.errors import StaleVersion
from lantoa_runtime.mongo import Document, DuplicateKey, Outgoing
from lantoa_signboard.domain import Entry, Playlist, playlist_id_of, shown
from lantoa_signboard.usecases.stores import RACES, Stores


async def device_claimed(stores: Stores, event: DeviceClaimed) -> None:
    """Take up a device, and give a board its first rundown."""

    fields = event.model_dump(include={"kind", "name", "public_key", "unit_id", "link"})
    await stores.devices.apply(event.device_id, event.ver, fields | {"placed_at": event.at, "revoked": False})
    await compile_rundown(stores, event.device_id)


async def device_moved(stores: Stores, event: DeviceMoved) -> None:
    """A board shows what its new unit sees."""
    await stores.devices.apply(event.device_id, event.ver, {"unit_id": event.unit_id, "placed_at": event.at})
    await compile_rundown(stores, event.device_id)


async def device_revoked(stores: Stores, event: DeviceRevoked) -> None:
    """A board gets no more rundowns; what it proved before is still taken."""
    await stores.devices.apply(event.device_id, event.ver, {"revoked": True})


async def playlist_changed(stores: Stores, event: PlaylistChanged) -> None:
    """Tell the boards that show the playlist."""
    playlist = await stores.playlists.load(event.playlist_id)
    if playlist is None or playlist["ver"] > event.ver:
        return  # The newer version has news of its own.
    await _compile_below(stores, event.unit_id)


async def unit_changed(stores: Stores, event: UnitChanged) -> None:
    """Keep a copy of a unit; boards below it may show other playlists now."""
    # Also where it was shown until now: a reversed act takes its playlist away from the unit that took over.
    before = await stores.below(event.unit_id)
    await stores.units.take(event)
    await _compile_in(stores, {*before, *await stores.below(event.unit_id)})


async def act_turned(stores: Stores, event: ActDone) -> None:
    """An act was done or reversed: boards show what their unit and those that went into it have.

    Playlists stay where they are, so this may come twice and in any order.
    """
    for unit_id in sorted(event.unit_ids):
        await _compile_below(stores, unit_id)


async def compile_expired(stores: Stores) -> None:
    """Give a new rundown to every board that was told to show what has expired since."""
    for board in await stores.boards.collection.find({"expires_at": {"$lte": stores.clock.now()}}, {"_id": 1}):
        await compile_rundown(stores, board["_id"])


def is_board(device: Document | None) -> TypeGuard[Document]:
    """Whether a device is a board in service. One whose claim has not come yet has no kind."""
    return device is not None and device.get("kind") in ("board", "both") and not device["revoked"]


async def _compile_below(stores: Stores, unit_id: str) -> None:
    await _compile_in(stores, await stores.below(unit_id))


async def _compile_in(stores: Stores, unit_ids: Iterable[str]) -> None:
    for device in await stores.devices.collection.find({"unit_id": {"$in": sorted(unit_ids)}}, {"_id": 1}):
        await compile_rundown(stores, device["_id"])


def rundown_bytes(device_id: str, ver: int, entries: Sequence[Entry], dwell_seconds: float) -> bytes:
    """A rundown as it is stored: the same bytes for the same entries."""
    rundown = BoardRundown(
        device_id=device_id,
        ver=ver,
        entries=tuple(
            BoardEntry(
                entry_id=entry.entry_id,
                item_id=entry.item.item_id,
                revision=entry.item.revision,
                title=entry.item.title,
                media=_slide(entry),
                seconds=dwell_seconds,
                valid_from=entry.valid_from,
                valid_until=entry.valid_until,
            )
            for entry in entries
        ),
    )
    return json.dumps(
        rundown.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    ).encode()


def _slide(entry: Entry) -> BlobRef:
    slide = entry.item.slide
    return BlobRef(sha256=slide.sha256, bytes=slide.bytes, media_type=slide.media_type)


def media_of(entries: Iterable[Entry]) -> tuple[BlobRef, ...]:
    """Every file that the entries show, once each."""
    slides = {entry.item.slide.sha256: _slide(entry) for entry in entries}
    return tuple(slides[sha256] for sha256 in sorted(slides))


async def compile_rundown(stores: Stores, device_id: str) -> None:
    """Issue a rundown when the board's entries are no longer what it was last told.

    What was told last is read before the device and the playlists, and saved against that version: of two that compile
    at once, the one that is later must read them again, so the last rundown always has the last word on them.
    """
    dwell = stores.settings.dwell_seconds
    for _ in range(RACES):
        board = await stores.boards.load(device_id)
        device = await stores.devices.get(device_id)
        if not is_board(device):
            return
        entries = await _entries(stores, device["unit_id"])
        ver, told = (board["rundown_ver"], board["rundown"]) if board else (0, None)
        if told and hashlib.sha256(rundown_bytes(device_id, ver, entries, dwell)).hexdigest() == told["sha256"]:
            return
        ver += 1
        blob = await stores.blobs.put(rundown_bytes(device_id, ver, entries, dwell), "application/json")
        issued = BoardRundownIssued(device_id=device_id, ver=ver, rundown=blob, media=media_of(entries))
        expiry = {"expires_at": min(entry.valid_until for entry in entries)} if entries else {}
        fields, events = (
            {"rundown": blob.model_dump(), "rundown_ver": ver, **expiry},
            [Outgoing(BOARD_RUNDOWN_ISSUED, issued)],
        )
        try:
            if board is None:
                await stores.boards.insert(device_id, fields, events)
            else:
                await stores.boards.save(board, fields, events, unset=() if expiry else ("expires_at",))
        except (StaleVersion, DuplicateKey):
            continue
        return
    raise StaleVersion


async def _entries(stores: Stores, unit_id: str) -> list[Entry]:
    ids = [playlist_id_of(unit) for unit in await stores.seen_in(unit_id)]
    stored: list[Document] = await stores.playlists.collection.find({"_id": {"$in": ids}})
    return shown(map(Playlist.of, stored), stores.clock.now())
