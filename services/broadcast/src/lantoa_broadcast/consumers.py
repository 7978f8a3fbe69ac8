"""What broadcast does with what it hears."""

from lantoa_broadcast.settings import BroadcastSettings
from lantoa_broadcast.usecases import acts, airings, programme, rundowns
from lantoa_broadcast.usecases.stores import Stores
from lantoa_contracts import catalogue
from lantoa_contracts.device import ProofMessage
from lantoa_contracts.events.broadcast import SessionChanged
from lantoa_contracts.events.content import ItemApproved, ItemWithdrawn
from lantoa_contracts.events.directory import ActDone, ActReversed, UnitChanged
from lantoa_contracts.events.fleet import DeviceClaimed, DeviceMoved, DeviceRevoked
from lantoa_runtime.bus import Meta
from lantoa_runtime.service import Service


def consume(service: Service[BroadcastSettings], stores: Stores) -> None:
    """Register the handlers."""
    on = service.bus.on

    @on(catalogue.UNIT_CHANGED)
    async def unit_changed(event: UnitChanged, _: Meta) -> None:
        await rundowns.unit_changed(stores, event)

    @on(catalogue.ACT_DONE)
    async def act_done(event: ActDone, _: Meta) -> None:
        await acts.act_turned(stores, event)

    @on(catalogue.ACT_REVERSED)
    async def act_reversed(event: ActReversed, _: Meta) -> None:
        await acts.act_turned(stores, event)

    @on(catalogue.ITEM_APPROVED)
    async def item_approved(event: ItemApproved, _: Meta) -> None:
        await programme.item_approved(stores, event)

    @on(catalogue.ITEM_WITHDRAWN)
    async def item_withdrawn(event: ItemWithdrawn, _: Meta) -> None:
        await programme.item_withdrawn(stores, event)

    @on(catalogue.DEVICE_CLAIMED)
    async def device_claimed(event: DeviceClaimed, _: Meta) -> None:
        await rundowns.device_claimed(stores, event)

    @on(catalogue.DEVICE_MOVED)
    async def device_moved(event: DeviceMoved, _: Meta) -> None:
        await rundowns.device_moved(stores, event)

    @on(catalogue.DEVICE_REVOKED)
    async def device_revoked(event: DeviceRevoked, _: Meta) -> None:
        await rundowns.device_revoked(stores, event)

    @on(catalogue.SESSION_CHANGED)
    async def session_changed(event: SessionChanged, _: Meta) -> None:
        await rundowns.session_changed(stores, event)

    @on(catalogue.DEVICE_AIRED)
    async def device_aired(document: ProofMessage, meta: Meta) -> None:
        await airings.device_aired(stores, document, meta.device_id or "")
