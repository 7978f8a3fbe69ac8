"""Events and device messages that alert reads."""

from lantoa_alert.usecases.ledgers import Heard, Ledgers
from lantoa_alert.usecases.roster import RosterKeeper
from lantoa_contracts.catalogue import (
    DEVICE_ACK,
    DEVICE_CLAIMED,
    DEVICE_GROUPED,
    DEVICE_MOVED,
    DEVICE_REVOKED,
    UNIT_CHANGED,
)
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.events.fleet import DeviceClaimed, DeviceGrouped, DeviceMoved, DeviceRevoked
from lantoa_runtime.bus import Batch, Bus, Meta


def register(bus: Bus, roster: RosterKeeper, ledgers: Ledgers) -> None:
    """Bind every subscription that the catalogue gives to alert."""

    @bus.on(UNIT_CHANGED)
    async def unit_changed(event: UnitChanged, _: Meta) -> None:
        await roster.unit_changed(event)

    @bus.on(DEVICE_CLAIMED)
    async def claimed(event: DeviceClaimed, _: Meta) -> None:
        await roster.claimed(event)

    @bus.on(DEVICE_GROUPED)
    async def grouped(event: DeviceGrouped, _: Meta) -> None:
        await roster.grouped(event)

    @bus.on(DEVICE_MOVED)
    async def moved(event: DeviceMoved, _: Meta) -> None:
        await roster.moved(event)

    @bus.on(DEVICE_REVOKED)
    async def revoked(event: DeviceRevoked, _: Meta) -> None:
        await roster.revoked(event)

    async def acks(batch: Batch) -> list[bool]:
        return await ledgers.heard(
            [Heard(str(meta.device_id), ack.ref, ack.stage, meta.time, meta.deliveries) for ack, meta in batch]
        )

    bus.in_batches(DEVICE_ACK, acks)
