"""Which devices there are, where they stand, and who may change that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from lantoa_contracts.catalogue import DEVICE_CLAIMED, DEVICE_MOVED, DEVICE_REVOKED
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.events.fleet import DeviceClaimed, DeviceMoved, DeviceRevoked
from lantoa_fleet.domain.devices import MOST_PENDING, check_possession, written_code
from lantoa_fleet.usecases.desired import DesiredWriter
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion, Unavailable
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.mongo import Aggregates, Change, Document, DuplicateKey, Outgoing, ReadModel
from lantoa_signing import nkey

log = structlog.get_logger()


class Cutter(Protocol):
    """The way to end connections."""

    async def kick(self, device_id: str, before: datetime | None = None) -> int:
        """End a device's connections, or those known since before a moment; how many."""


@dataclass(frozen=True)
class Enrolment:
    """A device's request to be let in; ``at`` as sent, because the signature covers it."""

    public_key: str
    kind: str
    model: str
    at: str
    signature: str


@dataclass(frozen=True)
class Place:
    """Where a technician puts a device, and how it is called there."""

    name: str
    unit_id: str
    site_type: str
    model: str | None = None
    lat: float | None = None
    lon: float | None = None


class Registry:
    """The devices' documents. A change of rights is written first, then signed into desired state, then enforced."""

    def __init__(
        self, devices: Aggregates, units: ReadModel, desired: DesiredWriter, cutter: Cutter, clock: Clock
    ) -> None:
        self._devices = devices
        self._units = units
        self._desired = desired
        self._cutter = cutter
        self._clock = clock

    # -- enrolment ----------------------------------------------------------------------------------------------

    async def enrol(self, request: Enrolment) -> Document:
        """The device's document, made at its first request and pending until somebody claims it.

        Raises:
            Invalid: no proof of possession.
            Forbidden: the device was revoked.
            Unavailable: too many wait to be claimed.
        """
        now = self._clock.now()
        check_possession(request.public_key, request.kind, request.model, request.at, request.signature, now)
        device_id = nkey.device_id(request.public_key)
        device = await self._devices.load(device_id) or await self._pend(device_id, request, now)
        if device["state"] == "revoked":
            raise Forbidden("fleet.device-revoked")
        return device

    async def _pend(self, device_id: str, request: Enrolment, now: datetime) -> Document:
        if await self._devices.collection.count({"state": "pending"}, limit=MOST_PENDING) >= MOST_PENDING:
            log.error("too many devices wait to be claimed")
            raise Unavailable("enrolment")
        fields = {
            "public_key": request.public_key,
            "kind": request.kind,
            "model": request.model,
            "claim_code": nkey.claim_code(request.public_key),
            "state": "pending",
            "pending_at": now,
            "seq": 0,
        }
        try:
            return await self._devices.insert(device_id, fields)
        except DuplicateKey as error:
            device = await self._devices.load(device_id)
            if device is None:
                raise Conflict("fleet.claim-code-taken") from error
            return device

    async def claim(self, caller: Caller, code: str, place: Place) -> Document:
        """Accept the device that shows this code and give it a place. The same claim again gives the same answer.

        Raises:
            Invalid: no such unit, or no device shows this code.
            Forbidden: the caller is no technician there.
            Conflict: the device is claimed already, or revoked.
        """
        unit = await self._unit(place.unit_id)
        caller.require("technician", unit["path"])
        found = await self._devices.collection.find_one({"claim_code": written_code(code)}, {"_id": 1})
        if found is None:
            raise Invalid("fleet.unknown-claim-code", "/claim_code")
        now = self._clock.now()
        device = await self._devices.change(
            found["_id"], lambda device: _claimed(device, caller.id, place, unit["path"], now)
        )
        assert device is not None  # noqa: S101 - _claimed raises for None
        await self._desired.write_soon(device["_id"])
        return device

    # -- looking ------------------------------------------------------------------------------------------------

    async def get(self, caller: Caller, device_id: str) -> Document:
        """A claimed device within what the caller may see.

        Raises:
            NotFound: there is none.
        """
        device = await self._devices.load(device_id)
        if device is None or not set(caller.scopes) & set(device.get("path", ())):
            raise NotFound("device")
        return device

    async def page(
        self, caller: Caller, unit_id: str | None, kind: str | None, after: str | None, limit: int
    ) -> Sequence[Document]:
        """Claimed devices in a unit and below, or in all that the caller may see, by id."""
        scopes = list(caller.scopes)
        if unit_id is not None:
            unit = await self._units.get(unit_id)
            if unit is None or not set(scopes) & set(unit["path"]):
                return []
            scopes = [unit_id]
        wanted: dict[str, Any] = {"path": {"$in": scopes}}
        if kind is not None:
            wanted["kind"] = kind
        if after is not None:
            wanted["_id"] = {"$gt": after}
        return await self._devices.collection.find(wanted, sort=[("_id", 1)], limit=limit)

    async def unit_names(self, unit_ids: set[str]) -> dict[str, str]:
        """Names of units by id."""
        units = await self._units.collection.find({"_id": {"$in": sorted(unit_ids)}}, {"name": 1})
        return {unit["_id"]: unit["name"] for unit in units}

    async def _unit(self, unit_id: str) -> Document:
        unit = await self._units.get(unit_id)
        if unit is None:
            raise Invalid("unknown-unit", "/unit_id")
        return unit

    # -- rights -------------------------------------------------------------------------------------------------

    async def move(self, caller: Caller, device_id: str, rev: int, unit_id: str) -> Document:
        """Put a device into another unit.

        Raises:
            NotFound, Forbidden, Invalid: not seen, not a technician of both units, or no such unit.
            StaleVersion: somebody moved or revoked it since the caller looked.
        """
        device = await self.get(caller, device_id)
        caller.require("technician", device["path"])
        unit = await self._unit(unit_id)
        caller.require("technician", unit["path"])
        now = self._clock.now()
        return await self._enforce(device_id, lambda found: _moved(found, rev, unit_id, unit["path"], now))

    async def revoke(self, caller: Caller, device_id: str, rev: int) -> Document:
        """Take a device's rights away and end its connections. A revoked device never comes back with this key.

        Raises:
            NotFound, Forbidden: not seen, or not a technician there.
            StaleVersion: somebody moved or revoked it since the caller looked.
        """
        device = await self.get(caller, device_id)
        caller.require("technician", device["path"])
        now = self._clock.now()
        return await self._enforce(device_id, lambda found: _revoked(found, rev, now))

    async def unit_changed(self, event: UnitChanged) -> None:
        """Take up a unit; devices in it whose place in the tree changed with it get their new rights."""
        fields = {"code": event.code, "name": event.name, "kind": event.kind, "path": list(event.path)}
        dates = {
            "valid_from": event.valid_from.isoformat() if event.valid_from else None,
            "valid_to": event.valid_to.isoformat() if event.valid_to else None,
        }
        await self._units.apply(event.unit_id, event.ver, {**fields, **dates})
        unit = await self._units.get(event.unit_id)
        path = unit["path"] if unit else list(event.path)
        now = self._clock.now()
        for device in await self._devices.collection.find({"unit_id": event.unit_id}, {"path": 1}):
            if device["path"] != path:
                await self._enforce(device["_id"], lambda found: _replaced(found, path, now))

    async def _enforce(self, device_id: str, decide: Callable[[Document | None], Change | None]) -> Document:
        device = await self._devices.change(device_id, decide)
        if device is None:
            raise NotFound("device")
        await self._desired.write_soon(device_id)
        if device.get("kick_due"):
            try:
                await self._cutter.kick(device_id)
            except Exception as error:  # noqa: BLE001 - the document says that a kick is due, the job repeats it
                log.warning("connections are ended later", device_id=device_id, error=repr(error))
        return device


def _claimed(
    device: Document | None, technician: str, place: Place, path: Sequence[str], now: datetime
) -> Change | None:
    if device is None:
        raise Invalid("fleet.unknown-claim-code", "/claim_code")
    if device["state"] == "revoked":
        raise Conflict("fleet.device-revoked")
    if device["state"] == "accepted":
        if device["claimed_by"] == technician and device["unit_id"] == place.unit_id and device["name"] == place.name:
            return None
        raise Conflict("fleet.already-claimed")
    event = DeviceClaimed(
        device_id=device["_id"],
        ver=device["ver"] + 1,
        kind=device["kind"],
        name=place.name,
        unit_id=place.unit_id,
        public_key=device["public_key"],
        claimed_by=technician,
        at=now,
    )
    fields = {
        "state": "accepted",
        "name": place.name,
        "unit_id": place.unit_id,
        "path": list(path),
        "site_type": place.site_type,
        "model": place.model or device["model"],
        "lat": place.lat,
        "lon": place.lon,
        "claimed_by": technician,
        "claimed_at": now,
        "claim_ver": event.ver,
        "rev": 1,
        "rights_at": now,
        "seq": device["seq"] + 1,
        "kv_due": True,
        "radio": None,
        "board": None,
        "alarms": [],
        "reported": None,
        "reported_at": now,
        "last_seen": now,
    }
    return Change(fields, [Outgoing(DEVICE_CLAIMED, event)], unset=("pending_at",))


def _moved(device: Document | None, rev: int, unit_id: str, path: Sequence[str], now: datetime) -> Change | None:
    if device is None:
        return None
    if device["rev"] != rev:
        raise StaleVersion
    if device["state"] != "accepted":
        raise Conflict("fleet.device-revoked")
    if device["unit_id"] == unit_id:
        return None
    ver = device["ver"] + 1
    event = DeviceMoved(device_id=device["_id"], ver=ver, unit_id=unit_id, previous_unit_id=device["unit_id"], at=now)
    told = {"move": {"ver": ver, "from": device["unit_id"], "at": now}}
    fields = {"unit_id": unit_id, "rev": rev + 1, **told, **_new_place(device, path, now)}
    return Change(fields, [Outgoing(DEVICE_MOVED, event)])


def _replaced(device: Document | None, path: Sequence[str], now: datetime) -> Change | None:
    """The unit stays, its place in the tree changed."""
    if device is None or device["state"] != "accepted" or device["path"] == path:
        return None
    return Change(_new_place(device, path, now))


def _new_place(device: Document, path: Sequence[str], now: datetime) -> dict[str, Any]:
    return {
        "path": list(path),
        "rights_at": now,
        "kick_due": True,
        "seq": device["seq"] + 1,
        "kv_due": True,
    }


def _revoked(device: Document | None, rev: int, now: datetime) -> Change | None:
    if device is None or device["state"] == "revoked":
        return None
    if device["rev"] != rev:
        raise StaleVersion
    ver = device["ver"] + 1
    event = DeviceRevoked(device_id=device["_id"], ver=ver, at=now)
    told = {"revocation": {"ver": ver, "at": now}}
    fields = {"state": "revoked", "rev": rev + 1, "rights_at": now, "kick_due": True, **told}
    return Change(fields, [Outgoing(DEVICE_REVOKED, event)], unset=("kv_due", "kv_exp"))
