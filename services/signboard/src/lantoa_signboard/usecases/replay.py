"""Say once more what is to be shown, what boards were told, and what was seen."""

from collections.abc import Mapping, Sequence

from lantoa_contracts.base import BlobRef
from lantoa_contracts.catalogue import BOARD_RUNDOWN_ISSUED, PLAYLIST_CHANGED
from lantoa_contracts.device import BoardRundown
from lantoa_contracts.events.signboard import BoardRundownIssued, PlaylistChanged
from lantoa_runtime.mongo import Document, Outgoing
from lantoa_signboard.usecases.displays import confirmed
from lantoa_signboard.usecases.stores import Stores


async def replay(stores: Stores, turn: str) -> Mapping[str, int]:
    """Publish every playlist, every board's rundown, every display; how many events by name.

    Raises:
        Unavailable, NatsError, MongoError: do it again.
    """

    async def playlist_now(playlist: Document) -> Sequence[Outgoing]:
        event = PlaylistChanged(playlist_id=playlist["_id"], ver=playlist["ver"], unit_id=playlist["unit_id"])
        return [Outgoing(PLAYLIST_CHANGED, event)]

    async def rundown_told(board: Document) -> Sequence[Outgoing]:
        ref = BlobRef.model_validate(board["rundown"])
        rundown = BoardRundown.model_validate_json(await stores.blobs.get(ref.sha256))
        media = {entry.media.sha256: entry.media for entry in rundown.entries}
        event = BoardRundownIssued(
            device_id=board["_id"],
            ver=board["rundown_ver"],
            rundown=ref,
            media=tuple(media[sha256] for sha256 in sorted(media)),
        )
        return [Outgoing(BOARD_RUNDOWN_ISSUED, event)]

    async def display_confirmed(display: Document) -> Sequence[Outgoing]:
        return [confirmed(display)]

    counts = await stores.playlists.replay_all({}, playlist_now, turn)
    counts += await stores.boards.replay_all({}, rundown_told, turn)
    counts += await stores.displays.replay_all({}, display_confirmed, turn)
    return counts
