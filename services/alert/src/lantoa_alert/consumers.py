"""Events and device messages that alert reads."""

from lantoa_contracts.catalogue import (
    DEVICE_ACK,
    DEVICE_CLAIMED,
    DEVICE_GROUPED,
    DEVICE_MOVED,
    DEVICE_REVOKED,
    UNIT_CHANGED,
)
from lantoa_contracts.device import Ack
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.events.fleet import DeviceClaimed, DeviceGrouped, DeviceMoved, DeviceRevoked
from lantoa_runtime.bus import Bus, Meta


def register(bus: Bus) -> None:
    """Bind every subscription that the catalogue gives to alert."""

    @bus.on(UNIT_CHANGED)
    async def unit_changed(event: UnitChanged, _: Meta) -> None: ...

    @bus.on(DEVICE_CLAIMED)
    async def claimed(event: DeviceClaimed, _: Meta) -> None: ...

    @bus.on(DEVICE_GROUPED)
    async def grouped(event: DeviceGrouped, _: Meta) -> None: ...

    @bus.on(DEVICE_MOVED)
    async def moved(event: DeviceMoved, _: Meta) -> None: ...

    @bus.on(DEVICE_REVOKED)
    async def revoked(event: DeviceRevoked, _: Meta) -> None: ...

    @bus.on(DEVICE_ACK)
    async def ack(ack: Ack, meta: Meta) -> None: ...
