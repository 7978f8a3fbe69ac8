"""What content says of items: the same event when it happens and when it is told again."""

from datetime import datetime
from typing import Literal

from lantoa_content.domain.item import Item, hash_to_approve
from lantoa_content.usecases.stored import published
from lantoa_contracts.catalogue import ITEM_APPROVED, ITEM_WITHDRAWN
from lantoa_contracts.events.content import ItemApproved, ItemWithdrawn
from lantoa_runtime.mongo import Outgoing


def approval(item: Item, ver: int) -> Outgoing:
    """`content.item.approved` of an approved item whose document is at `ver`."""
    assert item.approver is not None  # noqa: S101 - narrows what an approved item always has
    assert item.approved_at is not None  # noqa: S101 - as above
    event = ItemApproved(
        item_id=item.id,
        ver=ver,
        revision=item.revision,
        approval_sha256=hash_to_approve(item),
        title=item.content.title,
        priority=item.content.priority,
        unit_id=item.unit.id,
        tasks=item.content.tasks,
        topic=item.content.topic,
        language=item.content.language,
        renditions=published(item),
        author_id=item.author.id,
        approver_id=item.approver.id,
        approved_at=item.approved_at,
        air_from=item.content.air_from,
        air_until=item.content.air_until,
    )
    return Outgoing(ITEM_APPROVED, event)


def withdrawal(
    item_id: str, ver: int, revision: int, unit_id: str, reason: Literal["edited", "withdrawn"], at: datetime
) -> Outgoing:
    """`content.item.withdrawn` of a revision whose approval ended when the document came to `ver`."""
    event = ItemWithdrawn(item_id=item_id, ver=ver, revision=revision, unit_id=unit_id, reason=reason, at=at)
    return Outgoing(ITEM_WITHDRAWN, event)
