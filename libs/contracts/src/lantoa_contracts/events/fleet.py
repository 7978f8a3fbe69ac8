"""Events of ``fleet``: the life of a device, and what people have devices do."""

from typing import Literal

from lantoa_contracts.base import DeviceKind, DeviceLink, Event, Id, Timestamp


class DeviceClaimed(Event):
    """A technician claimed a device and gave it a place."""

    device_id: Id
    ver: int
    kind: DeviceKind
    name: str
    unit_id: Id
    public_key: str
    """The device's nkey (``U...``), which signs its proofs; empty for an MQTT receiver, whose proofs are unsigned."""
    claimed_by: Id
    at: Timestamp
    groups: tuple[Id, ...] = ()
    link: DeviceLink = "nats"


class DeviceMoved(Event):
    """A device stands in another unit now."""

    device_id: Id
    ver: int
    unit_id: Id
    previous_unit_id: Id
    at: Timestamp


class DevicePlaced(Event):
    """Somebody said more of where a device stands: at which point of its unit, or that it does stand there."""

    device_id: Id
    ver: int
    unit_id: Id
    at: Timestamp


class DeviceRevoked(Event):
    """A device lost its rights."""

    device_id: Id
    ver: int
    at: Timestamp
    unit_id: Id | None = None


class DeviceOnline(Event):
    """The first connection of a device came up."""

    device_id: Id
    ver: int
    at: Timestamp
    unit_id: Id | None = None


class DeviceOffline(Event):
    """The last connection of a device went away."""

    device_id: Id
    ver: int
    at: Timestamp
    reason: str
    unit_id: Id | None = None


class DeviceGrouped(Event):
    """The groups of a device, all of them, as they are from now on."""

    device_id: Id
    ver: int
    groups: tuple[Id, ...]
    at: Timestamp
    unit_id: Id | None = None


class DeviceRekeyed(Event):
    """An MQTT receiver has another token; the one before is good for nothing. The token is in no event."""

    device_id: Id
    ver: int
    unit_id: Id
    at: Timestamp


class CommandOrdered(Event):
    """Somebody ordered devices to do something. What each of them answered is no event."""

    order_id: Id
    ver: int
    name: str
    """Which command."""
    devices: int
    unit_id: Id | None
    """The smallest unit that holds every device concerned; none where they have none in common."""
    at: Timestamp


class UpdateTurned(Event):
    """An update of devices' programs began, stopped, went on, was taken back or is over."""

    update_id: Id
    ver: int
    version: str
    state: Literal["running", "stopped", "finished", "rolled_back"]
    devices: int
    unit_id: Id | None
    """As in :class:`CommandOrdered`."""
    at: Timestamp


class AlarmRaised(Event):
    """Something is wrong at one device, or at many for one cause."""

    alarm_id: Id
    ver: int
    code: str
    unit_id: Id
    """The smallest unit that holds every device concerned."""
    devices: int
    at: Timestamp


class AlarmResolved(Event):
    """The cause of an alarm is gone."""

    alarm_id: Id
    ver: int
    code: str
    unit_id: Id
    at: Timestamp
