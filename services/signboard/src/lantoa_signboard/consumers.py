"""What signboard does with what it hears."""

from lantoa_contracts import catalogue
from lantoa_contracts.device import ProofMessage
from lantoa_contracts.events.content import ItemApproved, ItemWithdrawn
from lantoa_contracts.events.directory import ActDone, ActReversed, UnitChanged
from lantoa_contracts.events.fleet import DeviceClaimed, DeviceMoved, DeviceRevoked
from lantoa_contracts.events.signboard import PlaylistChanged
from lantoa_runtime.bus import Meta
from lantoa_runtime.service import Service
from lantoa_signboard.settings import SignboardSettings
from lantoa_signboard.usecases import displays, playlists, rundowns
from lantoa_signboard.usecases.stores import Stores


def consume(service: Service[SignboardSettings], stores: Stores) -> None:
    """Register the handlers."""
    on = service.bus.on

    @on(catalogue.UNIT_CHANGED)
    async def unit_changed(event: UnitChanged, _: Meta) -> None:
        await rundowns.unit_changed(stores, event)

    @on(catalogue.ACT_DONE)
    async def act_done(event: ActDone, _: Meta) -> None:
        await rundowns.act_turned(stores, event)

    @on(catalogue.ACT_REVERSED)
    async def act_reversed(event: ActReversed, _: Meta) -> None:
        await rundowns.act_turned(stores, event)

    @on(catalogue.ITEM_APPROVED)
    async def item_approved(event: ItemApproved, _: Meta) -> None:
        await playlists.item_approved(stores, event)

    @on(catalogue.ITEM_WITHDRAWN)
    async def item_withdrawn(event: ItemWithdrawn, _: Meta) -> None:
        await playlists.item_withdrawn(stores, event)

    @on(catalogue.DEVICE_CLAIMED)
    async def device_claimed(event: DeviceClaimed, _: Meta) -> None:
        await rundowns.device_claimed(stores, event)

    @on(catalogue.DEVICE_MOVED)
    async def device_moved(event: DeviceMoved, _: Meta) -> None:
        await rundowns.device_moved(stores, event)

    @on(catalogue.DEVICE_REVOKED)
    async def device_revoked(event: DeviceRevoked, _: Meta) -> None:
        await rundowns.device_revoked(stores, event)

    @on(catalogue.PLAYLIST_CHANGED)
    async def playlist_changed(event: PlaylistChanged, _: Meta) -> None:
        await rundowns.playlist_changed(stores, event)

    @on(catalogue.DEVICE_DISPLAYED)
    async def device_displayed(document: ProofMessage, meta: Meta) -> None:
        await displays.device_displayed(stores, document, meta.device_id or "")
