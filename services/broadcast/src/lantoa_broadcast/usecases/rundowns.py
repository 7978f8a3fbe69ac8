"""Stations and what each of them is told to play."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TypeGuard

from lantoa_broadcast.domain import Session, programme
from lantoa_broadcast.usecases.stores import RACES, Stores
from lantoa_contracts.base import BlobRef
from lantoa_contracts.catalogue import RUNDOWN_ISSUED
from lantoa_contracts.device import RadioRundown, RundownEntry, RundownSession
from lantoa_contracts.events.broadcast import RundownIssued, SessionChanged, SessionSpan
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.events.fleet import DeviceClaimed, DeviceMoved, DeviceRevoked
from lantoa_runtime.errors import StaleVersion
from lantoa_runtime.mongo import Document, DuplicateKey, Outgoing


async def device_claimed(stores: Stores, event: DeviceClaimed) -> None:
    """Take up a device, and give a station its first rundown."""

    fields = event.model_dump(include={"kind", "name", "public_key", "unit_id", "link"})
    await stores.devices.apply(event.device_id, event.ver, fields | {"placed_at": event.at, "revoked": False})
    await compile_rundown(stores, event.device_id)


async def device_moved(stores: Stores, event: DeviceMoved) -> None:
    """A station plays what its new unit hears."""
    await stores.devices.apply(event.device_id, event.ver, {"unit_id": event.unit_id, "placed_at": event.at})
    await compile_rundown(stores, event.device_id)


async def device_revoked(stores: Stores, event: DeviceRevoked) -> None:
    """A station gets no more rundowns; what it proved before is still taken."""
    await stores.devices.apply(event.device_id, event.ver, {"revoked": True})


async def session_changed(stores: Stores, event: SessionChanged) -> None:
    """Tell the stations that hear the session."""
    session = await stores.sessions.load(event.session_id)
    if session is None or session["ver"] > event.ver:
        return  # The newer version has news of its own.
    await compile_below(stores, event.unit_id)


async def unit_changed(stores: Stores, event: UnitChanged) -> None:
    """Keep a copy of a unit; stations below it may hear other sessions now."""
    # Also where it was heard until now: a reversed act takes its programmes away from the unit that took over.
    before = await stores.below(event.unit_id)
    await stores.units.take(event)
    await _compile_in(stores, {*before, *await stores.below(event.unit_id)})


def is_station(device: Document | None) -> TypeGuard[Document]:
    """Whether a device is a station in service. One whose claim has not come yet has no kind."""
    return device is not None and device.get("kind") in ("radio", "both") and not device["revoked"]


async def compile_below(stores: Stores, unit_id: str) -> None:
    """Tell the stations that hear a unit's sessions, where what they hear has changed."""
    await _compile_in(stores, await stores.below(unit_id))


async def _compile_in(stores: Stores, unit_ids: Iterable[str]) -> None:
    for device in await stores.devices.collection.find({"unit_id": {"$in": sorted(unit_ids)}}, {"_id": 1}):
        await compile_rundown(stores, device["_id"])


def rundown_of(device_id: str, ver: int, sessions: Sequence[Session]) -> RadioRundown:
    """What a station is told."""
    return RadioRundown(
        device_id=device_id,
        ver=ver,
        sessions=tuple(
            RundownSession(
                session_id=session.session_id,
                starts_at=session.starts_at,
                entries=tuple(
                    RundownEntry(
                        entry_id=entry.entry_id,
                        item_id=entry.item.item_id,
                        revision=entry.item.revision,
                        title=entry.item.title,
                        media=_blob(entry.item.audio.sha256, entry.item.audio.bytes, entry.item.audio.media_type),
                        seconds=entry.item.seconds,
                    )
                    for entry in session.active
                ),
            )
            for session in sessions
        ),
    )


def rundown_bytes(device_id: str, ver: int, sessions: Sequence[Session]) -> bytes:
    """A rundown as it is stored: the same bytes for the same programme."""
    told = rundown_of(device_id, ver, sessions).model_dump(mode="json")
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _blob(sha256: str, size: int, media_type: str) -> BlobRef:
    return BlobRef(sha256=sha256, bytes=size, media_type=media_type)


def media_of(sessions: Iterable[Session]) -> tuple[BlobRef, ...]:
    """Every file that the sessions play, once each."""
    audio = {entry.item.audio.sha256: entry.item.audio for session in sessions for entry in session.active}
    return tuple(_blob(sha256, audio[sha256].bytes, audio[sha256].media_type) for sha256 in sorted(audio))


def spans_of(rundown: RadioRundown) -> tuple[SessionSpan, ...]:
    """When each session of a rundown plays."""
    return tuple(
        SessionSpan(
            starts_at=session.starts_at,
            ends_at=session.starts_at + timedelta(seconds=sum(entry.seconds for entry in session.entries)),
        )
        for session in sorted(rundown.sessions, key=lambda session: session.starts_at)
    )


async def compile_rundown(stores: Stores, device_id: str) -> None:
    """Issue a rundown when the station's programme is no longer what it was last told.

    What was told last is read before the device and the sessions, and saved against that version: of two that compile
    at once, the one that is later must read them again, so the last rundown always has the last word on them.
    """
    for _ in range(RACES):
        station = await stores.stations.load(device_id)
        device = await stores.devices.get(device_id)
        if not is_station(device):
            return
        sessions = await _programme(stores, device["unit_id"])
        ver, told = (station["rundown_ver"], station["rundown"]) if station else (0, None)
        if told and hashlib.sha256(rundown_bytes(device_id, ver, sessions)).hexdigest() == told["sha256"]:
            return
        ver += 1
        blob = await stores.blobs.put(rundown_bytes(device_id, ver, sessions), "application/json")
        spans = spans_of(rundown_of(device_id, ver, sessions))
        issued = RundownIssued(device_id=device_id, ver=ver, rundown=blob, media=media_of(sessions), sessions=spans)
        fields, events = {"rundown": blob.model_dump(), "rundown_ver": ver}, [Outgoing(RUNDOWN_ISSUED, issued)]
        try:
            if station is None:
                await stores.stations.insert(device_id, fields, events)
            else:
                await stores.stations.save(station, fields, events)
        except (StaleVersion, DuplicateKey):
            continue
        return
    raise StaleVersion


async def _programme(stores: Stores, unit_id: str) -> list[Session]:
    heard = await stores.heard_in(unit_id)
    now, late = stores.clock.now(), stores.settings.late
    stored: list[Document] = []
    for unit in heard:
        stored += await stores.sessions.collection.find({"unit_id": unit, "ends_at": {"$gt": now - late}})
    return programme(map(Session.of, stored), heard, now, late)
