"""What events tell of devices and units, kept before the event is answered."""

from lantoa_alert.domain.roster import Device, Roster, Unit, newer
from lantoa_alert.usecases.book import Book
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.events.fleet import DeviceClaimed, DeviceGrouped, DeviceMoved, DeviceRevoked
from lantoa_runtime.errors import NotReady


class RosterKeeper:
    """Writes the roster. ``changes`` grows with whatever may change who hears a notice."""

    def __init__(self, book: Book, roster: Roster) -> None:
        self._book = book
        self._roster = roster
        self.changes = 0

    async def unit_changed(self, event: UnitChanged) -> None:
        """A unit as it stands."""
        self._read()
        known = self._roster.units.get(event.unit_id)
        if known and known.ver >= event.ver:
            return
        self._roster.units[event.unit_id] = Unit(
            event.unit_id,
            event.ver,
            event.name,
            event.path,
            event.code,
            event.kind,
            event.valid_from,
            event.valid_to,
            event.lat,
            event.lon,
        )
        self.changes += 1
        await self._book.save([self._book.mark("unit", event.unit_id)])

    async def claimed(self, event: DeviceClaimed) -> None:
        """A device has a place and may hear alerts."""
        told = Device(
            event.device_id,
            event.name,
            event.kind,
            (event.unit_id, event.ver),
            (event.groups, event.ver),
            (True, event.ver),
        )
        await self._know(told)

    async def moved(self, event: DeviceMoved) -> None:
        """A device stands elsewhere."""
        await self._know(Device(event.device_id, unit=(event.unit_id, event.ver)))

    async def grouped(self, event: DeviceGrouped) -> None:
        """A device is in other groups."""
        await self._know(Device(event.device_id, groups=(event.groups, event.ver)))

    async def revoked(self, event: DeviceRevoked) -> None:
        """A device hears nothing any more."""
        await self._know(Device(event.device_id, accepted=(False, event.ver)))

    async def _know(self, told: Device) -> None:
        self._read()
        known = self._roster.devices.get(told.id, Device(told.id))
        now = newer(known, told)
        if now == known and told.id in self._roster.devices:
            return
        self._roster.devices[told.id] = now
        self.changes += 1
        await self._book.save([self._book.mark("device", told.id)])

    def _read(self) -> None:
        if not self._book.loaded:
            raise NotReady("alert_book")
