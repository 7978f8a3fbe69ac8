"""What goes into which session."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from lantoa_broadcast.domain import Audio, Item, NoSlot, Session, place
from lantoa_broadcast.usecases.grids import grid_of
from lantoa_broadcast.usecases.stores import RACES, Stores
from lantoa_calendar.periods import span_of
from lantoa_contracts.catalogue import SESSION_CHANGED
from lantoa_contracts.events.broadcast import SessionChanged
from lantoa_contracts.events.content import ItemApproved, ItemWithdrawn
from lantoa_runtime.errors import AppError, Conflict, StaleVersion
from lantoa_runtime.mongo import Change, Document, DuplicateKey, Outgoing


def fields_of(session: Session) -> dict[str, Any]:
    """A session as it is stored."""
    return {
        "unit_id": session.unit_id,
        "slot": session.slot,
        "starts_at": session.starts_at,
        "ends_at": session.ends_at,
        "entries": [asdict(entry) for entry in session.entries],
        "unsettled": True,
    }


def changed(session: Session, ver: int) -> list[Outgoing]:
    """The news that a session is now as version ``ver`` says."""
    event = SessionChanged(session_id=session.session_id, ver=ver, unit_id=session.unit_id, starts_at=session.starts_at)
    return [Outgoing(SESSION_CHANGED, event)]


def item_of(event: ItemApproved) -> Item:
    """What the radio needs of an approved item.

    Raises:
        AppError: it has no audio; final.
    """
    spoken = next((made for made in event.renditions if made.kind == "audio"), None)
    if spoken is None or spoken.seconds is None:
        raise AppError("broadcast.no-audio", 422, item_id=event.item_id)
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
        audio=Audio(**spoken.blob.model_dump()),
        seconds=spoken.seconds,
        opens_at=opens_at,
        closes_at=closes_at,
    )


async def item_approved(stores: Stores, event: ItemApproved) -> None:
    """Put an item into the next session of its unit that has room, on one of the days on which it may be heard.

    Raises:
        AppError: it has no audio or fits into no session; final.
    """
    item = item_of(event)
    fields = {"state": "approved", "revision": event.revision, "unit_id": event.unit_id}
    await stores.items.apply(event.item_id, event.ver, fields)
    if await _newest(stores, event.item_id) > event.ver:
        return
    await _put(stores, item, event.unit_id)
    # A withdrawal that was handled meanwhile saw the session before the item was in it.
    newest = await _newest(stores, event.item_id)
    if newest > event.ver:
        await _take_out(stores, event.item_id, newest)


async def item_withdrawn(stores: Stores, event: ItemWithdrawn) -> None:
    """Take an item out of the sessions that have not begun."""
    fields = {"state": "withdrawn", "revision": event.revision, "unit_id": event.unit_id}
    await stores.items.apply(event.item_id, event.ver, fields)
    await _take_out(stores, event.item_id, event.ver)


async def _newest(stores: Stores, item_id: str) -> int:
    item = await stores.items.get(item_id)
    return item["ver"] if item else 0


async def _put(stores: Stores, item: Item, unit_id: str) -> None:
    grid, _ = await grid_of(stores, unit_id)
    for _ in range(RACES):
        after = stores.clock.now() + stores.settings.lead
        stored = {
            session["_id"]: session
            for session in [
                *await stores.sessions.collection.find({"unit_id": unit_id, "slot": {"$gt": after}}),
                *await stores.sessions.collection.find({"entries.item.item_id": item.item_id}),
            ]
        }
        try:
            session = place(item, unit_id, map(Session.of, stored.values()), grid, after)
        except NoSlot as error:
            # Kept for the item's people, too: the dead letter is read by technicians only.
            refused = {"$set": {"unplaced": {"ver": item.ver, "code": error.code}}}
            await stores.items.collection.update_one({"_id": item.item_id, "ver": item.ver}, refused)
            raise AppError(f"broadcast.{error.code}", 409, item_id=item.item_id, unit_id=unit_id) from error
        if session is None:
            return
        document = stored.get(session.session_id)
        try:
            if document is None:
                await stores.sessions.insert(session.session_id, fields_of(session), changed(session, 1))
            else:
                await stores.sessions.save(document, fields_of(session), changed(session, document["ver"] + 1))
        except (StaleVersion, DuplicateKey):
            continue
        return
    raise StaleVersion


async def why_unplaced(stores: Stores, item_id: str, scopes: Collection[str]) -> str | None:
    """Why an approved item is in no session, in the words of ``NoSlot``; told to the people of its unit alone."""
    item = await stores.items.get(item_id)
    refused = item.get("unplaced") if item else None
    if item is None or refused is None or (item["state"], item["ver"]) != ("approved", refused["ver"]):
        return None
    if set(scopes).isdisjoint(await stores.path(item["unit_id"])):
        return None
    # It may have got its place since, when what was refused was delivered once more.
    placed = await stores.sessions.collection.find({"entries.item.item_id": item_id}, {"entries.item.ver": 1})
    later = any(entry["item"]["ver"] == item["ver"] for session in placed for entry in session["entries"])
    return None if later else str(refused["code"])


async def _take_out(stores: Stores, item_id: str, below: int) -> None:
    now = stores.clock.now()

    def decide(document: Document | None) -> Change | None:
        if document is None:
            return None
        session = Session.of(document)
        reduced = session.without(item_id, below, now)
        return None if reduced == session else Change(fields_of(reduced), changed(reduced, document["ver"] + 1))

    for found in await stores.sessions.collection.find({"entries.item.item_id": item_id}, {"_id": 1}):
        await stores.sessions.change(found["_id"], decide)


async def start_now(stores: Stores, unit_id: str, in_seconds: float, move_id: str) -> Session:
    """Move the unit's next session that has something to play, all of it on the day of then, to a moment from now.

    Raises:
        Conflict: nothing waits.
    """
    now = stores.clock.now()
    starts_at = now + timedelta(seconds=in_seconds)
    waiting = await stores.sessions.collection.find(
        {"unit_id": unit_id, "starts_at": {"$gt": now}}, sort=[("starts_at", 1)]
    )
    next_id = next((document["_id"] for document in waiting if Session.of(document).may_start(starts_at)), None)
    if next_id is None:
        raise Conflict("broadcast.nothing-waiting")

    def decide(document: Document | None) -> Change | None:
        if document is None or document["starts_at"] <= now or not Session.of(document).may_start(starts_at):
            return None
        session = Session.of(document).moved(starts_at)
        return Change(fields_of(session), changed(session, document["ver"] + 1), push={"moves": [move_id]})

    document = await stores.sessions.change(next_id, decide)
    if document is None or move_id not in document.get("moves", []):
        raise Conflict("broadcast.nothing-waiting")
    return Session.of(document)


async def moved_session(stores: Stores, move_id: str) -> Session | None:
    """The session that an earlier ``start_now`` moved."""
    document = await stores.sessions.collection.find_one({"moves": move_id})
    return Session.of(document) if document else None
