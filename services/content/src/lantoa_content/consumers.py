"""What content hears."""

from lantoa_content.usecases.posts import Publishing
from lantoa_content.usecases.render import Rendering
from lantoa_contracts.catalogue import ITEM_APPROVED, ITEM_SUBMITTED, ITEM_WITHDRAWN, UNIT_CHANGED
from lantoa_contracts.events.content import ItemApproved, ItemSubmitted, ItemWithdrawn
from lantoa_contracts.events.directory import UnitChanged
from lantoa_runtime.bus import Bus, Meta
from lantoa_runtime.mongo import ReadModel


def register(bus: Bus, units: ReadModel, rendering: Rendering, publishing: Publishing) -> None:
    """Subscribe to the directory's units and to the service's own submissions, approvals and withdrawals."""

    @bus.on(UNIT_CHANGED)
    async def unit_changed(event: UnitChanged, _: Meta) -> None:
        fields = event.model_dump(
            mode="json", include={"code", "name", "kind", "path", "valid_from", "valid_to", "successor_ids"}
        )
        await units.apply(event.unit_id, event.ver, fields)

    @bus.on(ITEM_SUBMITTED)
    async def item_submitted(event: ItemSubmitted, _: Meta) -> None:
        await rendering(event)

    @bus.on(ITEM_APPROVED)
    async def item_approved(event: ItemApproved, _: Meta) -> None:
        await publishing.approved(event)

    @bus.on(ITEM_WITHDRAWN)
    async def item_withdrawn(event: ItemWithdrawn, _: Meta) -> None:
        await publishing.withdrawn(event)
