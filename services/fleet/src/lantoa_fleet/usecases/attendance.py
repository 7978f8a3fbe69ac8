"""Who is there, what they say of themselves, and that the revoked stay out."""

from datetime import datetime, timedelta

import structlog

from lantoa_contracts.catalogue import DEVICE_OFFLINE, DEVICE_ONLINE
from lantoa_contracts.device import Alarm, Reported
from lantoa_contracts.events.fleet import DeviceOffline, DeviceOnline
from lantoa_fleet import telemetry
from lantoa_fleet.domain.devices import with_alarm
from lantoa_fleet.usecases.registry import Cutter
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Aggregates, Change, Document, Outgoing

log = structlog.get_logger()

_BATCH = 200


class Attendance:
    """Connections, reports and alarms as they enter the devices' documents."""

    def __init__(self, devices: Aggregates, cutter: Cutter, clock: Clock, rights_settle: timedelta) -> None:
        self._devices = devices
        self._cutter = cutter
        self._clock = clock
        self._rights_settle = rights_settle

    async def note(self, device_id: str, online: bool, reason: str) -> None:
        """A device is connected or not: an event when that is news, and a kick when it must not be."""
        now = self._clock.now()
        device = await self._devices.change(device_id, lambda found: _turned(found, online, reason, now))
        if online and (device is None or device["state"] != "accepted"):
            log.warning("a device without rights is connected", device_id=device_id)
            await self._cutter.kick(device_id)

    async def online_ids(self) -> list[str]:
        """Devices that the documents take for connected."""
        return [device["_id"] for device in await self._devices.collection.find({"online": True}, {"_id": 1})]

    async def enforce(self) -> None:
        """End connections that were let in with rights from before a change.

        An auth callout may decide by its old snapshot until it has refreshed it. Until that time has passed after the
        change, every connection from before its end is cut again; then the device is left alone.
        """
        for device in await self._devices.collection.find({"kick_due": True}, {"rights_at": 1}, limit=_BATCH):
            settled_at = device["rights_at"] + self._rights_settle
            await self._cutter.kick(device["_id"], before=settled_at)
            if self._clock.now() > settled_at:
                guard = {"_id": device["_id"], "rights_at": device["rights_at"]}
                await self._devices.collection.update_one(guard, {"$unset": {"kick_due": ""}})

    async def reported(self, device_id: str, report: Reported, at: datetime) -> None:
        """Note what a device has taken up, unless something newer is noted; ``at`` is the stream's time."""
        guard = {"_id": device_id, "reported_at": {"$lte": at}}
        fields = {"reported": report.model_dump(exclude={"at"}), "reported_at": at}
        await self._devices.collection.update_one(guard, {"$set": fields})

    async def alarm(self, device_id: str, alarm: Alarm) -> None:
        """Count an alarm, once however often it is delivered."""
        counted = False

        def decide(device: Document | None) -> Change | None:
            nonlocal counted
            alarms = None if device is None else with_alarm(device.get("alarms", []), alarm)
            counted = alarms is not None
            return None if alarms is None else Change({"alarms": alarms})

        await self._devices.change(device_id, decide)
        if counted and alarm.code == "signature_refused":
            telemetry.refused(alarm.reasons or {"other": alarm.count})


def _turned(device: Document | None, online: bool, reason: str, now: datetime) -> Change | None:
    if device is None or device.get("online", False) == online or device["state"] == "pending":
        return None
    ver = device["ver"] + 1
    if online:
        up = DeviceOnline(device_id=device["_id"], ver=ver, at=now, unit_id=device.get("unit_id"))
        return Change({"online": True, "last_seen": now}, [Outgoing(DEVICE_ONLINE, up)])
    down = DeviceOffline(device_id=device["_id"], ver=ver, at=now, reason=reason, unit_id=device.get("unit_id"))
    return Change({"last_seen": now}, [Outgoing(DEVICE_OFFLINE, down)], unset=("online",))
