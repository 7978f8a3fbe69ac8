"""Events of ``fleet``: the life of a device."""

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
