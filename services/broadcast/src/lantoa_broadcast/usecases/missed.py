"""What was to be heard and was not, and how far an item has come."""

import asyncio
from collections.abc import Collection

from lantoa_broadcast.domain import Entry, Session, Tally, airing_id_of, missed, planned, tally
from lantoa_broadcast.telemetry import AIRINGS
from lantoa_broadcast.usecases.airings import about
from lantoa_broadcast.usecases.stores import Stores
from lantoa_contracts.catalogue import AIRING_MISSED
from lantoa_contracts.events.broadcast import AiringMissed
from lantoa_runtime.mongo import Change, Document, Outgoing

_SESSIONS_A_TURN = 50
_AT_ONCE = 16


async def mark_missed(stores: Stores) -> int:
    """Mark what no proof has come for in time; how many airings. Safe to repeat and to run in two places at once.

    Raises:
        MongoError: the next turn goes on where this one ended.
    """
    now = stores.clock.now()
    due = {"unsettled": True, "ends_at": {"$lt": now - stores.settings.missed}}
    count = 0
    for document in await stores.sessions.collection.find(due, sort=[("ends_at", 1)], limit=_SESSIONS_A_TURN):
        session = Session.of(document)
        if await stores.units.get(session.unit_id) is None:
            continue  # The copy of the units is being rebuilt: who should have played is not known now.
        stations = await stores.stations_below(session.unit_id)
        known = await stores.airings.collection.find(
            {"session_id": session.session_id, "state": {"$in": ["confirmed", "missed"]}}, {"_id": 1}
        )
        pairs = missed(session, stations, {airing["_id"] for airing in known}, now, stores.settings.missed)
        count += await _mark(stores, session, pairs)
        settled = {"_id": session.session_id, "ver": document["ver"]}
        await stores.sessions.collection.update_one(settled, {"$unset": {"unsettled": ""}})
    return count


async def _mark(stores: Stores, session: Session, pairs: Collection[tuple[str, Entry]]) -> int:
    gate = asyncio.Semaphore(_AT_ONCE)
    stations = {
        station["_id"]: station
        for station in await stores.devices.collection.find({"_id": {"$in": sorted({pair[0] for pair in pairs})}})
    }
    paths = {unit_id: await stores.path(unit_id) for unit_id in {station["unit_id"] for station in stations.values()}}

    async def one(device_id: str, entry: Entry) -> None:
        station = stations[device_id]
        async with gate:
            await _mark_one(stores, session, entry, station, paths[station["unit_id"]])

    await asyncio.gather(*(one(*pair) for pair in pairs))
    AIRINGS.labels("missed").inc(len(pairs))
    return len(pairs)


async def _mark_one(stores: Stores, session: Session, entry: Entry, station: Document, path: tuple[str, ...]) -> None:
    airing_id, planned_at, now = (
        airing_id_of(station["_id"], entry.entry_id),
        session.planned_at(entry.entry_id),
        stores.clock.now(),
    )

    def decide(airing: Document | None) -> Change | None:
        if airing is not None and airing["state"] in ("confirmed", "missed"):
            return None
        event = AiringMissed(
            airing_id=airing_id,
            ver=airing["ver"] + 1 if airing else 1,
            device_id=station["_id"],
            unit_id=station["unit_id"],
            session_id=session.session_id,
            entry_id=entry.entry_id,
            item_id=entry.item.item_id,
            revision=entry.item.revision,
            planned_at=planned_at,
            at=now,
        )
        fresh = about(session.session_id, entry, station, path) | {
            "proofs": [],
            "started_at": planned_at,
            "ended_at": planned_at,
            "seconds": 0.0,
        }
        return Change({**(fresh if airing is None else {}), "state": "missed"}, [Outgoing(AIRING_MISSED, event)])

    await stores.airings.change(airing_id, decide)


async def status(stores: Stores, item_id: str, scopes: Collection[str]) -> Tally:
    """How far an item's current revision has come at the stations within ``scopes``; nothing for an unknown item."""
    item = await stores.items.get(item_id)
    if item is None:
        return Tally(0, 0, 0)
    revision: int = item["revision"]
    ids: set[str] = set()
    for document in await stores.sessions.collection.find({"entries.item.item_id": item_id}):
        session = Session.of(document)
        stations = await stores.stations_below(session.unit_id, scopes)
        ids |= {
            airing_id_of(station, entry.entry_id)
            for station, entry in planned(session, stations)
            if (entry.item.item_id, entry.item.revision) == (item_id, revision)
        }
    known = await stores.airings.collection.find(
        {"item_id": item_id, "revision": revision, "path": {"$in": list(scopes)}}, {"state": 1}
    )
    return tally(ids, {airing["_id"]: airing["state"] for airing in known})
