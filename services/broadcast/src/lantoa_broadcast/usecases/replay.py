"""Say once more what is planned, what stations were told, and what was heard."""

from collections.abc import Mapping, Sequence

from lantoa_broadcast.domain import Session
from lantoa_broadcast.usecases.airings import confirmed
from lantoa_broadcast.usecases.programme import changed
from lantoa_broadcast.usecases.rundowns import spans_of
from lantoa_broadcast.usecases.stores import Stores
from lantoa_contracts.base import BlobRef
from lantoa_contracts.catalogue import RUNDOWN_ISSUED
from lantoa_contracts.device import RadioRundown
from lantoa_contracts.events.broadcast import RundownIssued
from lantoa_runtime.mongo import Document, Outgoing


async def replay(stores: Stores, turn: str) -> Mapping[str, int]:
    """Publish sessions that are not over, every station's rundown, every confirmed airing; how many events by name.

    Raises:
        Unavailable, NatsError, MongoError: do it again.
    """

    async def session_now(document: Document) -> Sequence[Outgoing]:
        return changed(Session.of(document), document["ver"])

    async def rundown_told(station: Document) -> Sequence[Outgoing]:
        ref = BlobRef.model_validate(station["rundown"])
        rundown = RadioRundown.model_validate_json(await stores.blobs.get(ref.sha256))
        media = {entry.media.sha256: entry.media for session in rundown.sessions for entry in session.entries}
        event = RundownIssued(
            device_id=station["_id"],
            ver=station["rundown_ver"],
            rundown=ref,
            media=tuple(media[sha256] for sha256 in sorted(media)),
            sessions=spans_of(rundown),
        )
        return [Outgoing(RUNDOWN_ISSUED, event)]

    async def airing_confirmed(airing: Document) -> Sequence[Outgoing]:
        return [confirmed(airing)]

    current = {"ends_at": {"$gt": stores.clock.now() - stores.settings.late}}
    counts = await stores.sessions.replay_all(current, session_now, turn)
    counts += await stores.stations.replay_all({}, rundown_told, turn)
    counts += await stores.airings.replay_all({"state": "confirmed"}, airing_confirmed, turn)
    return counts
