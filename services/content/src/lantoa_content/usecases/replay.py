"""Telling everybody again, for read models that began late or were lost."""

from datetime import datetime

from lantoa_content.usecases.events import approval, withdrawal
from lantoa_content.usecases.posts import said
from lantoa_content.usecases.stored import from_document
from lantoa_runtime.ids import new_id
from lantoa_runtime.mongo import Aggregates, Document, Outgoing


async def replay(items: Aggregates, posts: Aggregates, now: datetime) -> dict[str, int]:
    """Publish every approval or its end, and whether each post stands; how many events by their name.

    Raises:
        Unavailable: NATS is away; nothing is lost by doing it again.
    """
    turn = new_id(now)
    return dict(await items.replay_all({}, _item_events, turn) + await posts.replay_all({}, _post_events, turn))


async def _item_events(document: Document) -> list[Outgoing]:
    """The ends of all approvals that an item's history tells of, and the approval that holds."""
    events = []
    open_approval: Document | None = None
    for entry in document["history"]:
        if entry["action"] == "approved":
            open_approval = entry
        elif open_approval is not None and entry["action"] in ("edited", "withdrawn"):
            revision, unit_id = open_approval["revision"], open_approval["unit_id"]
            args = (entry["ver"], revision, unit_id, entry["action"], entry["at"])
            events.append(withdrawal(document["_id"], *args))
            open_approval = None
    if document["state"] == "approved":
        events.append(approval(from_document(document), document["ver"]))
    return events


async def _post_events(document: Document) -> list[Outgoing]:
    """Whether a post stands; nothing of one that was never confirmed."""
    return [] if document["confirmed_at"] is None else [said(document, document["ver"])]
