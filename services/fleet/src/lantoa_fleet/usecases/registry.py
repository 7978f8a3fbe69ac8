"""Which devices there are, where they stand, and who may change that."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.policy import DEVICE_MANAGE, DEVICE_READ
from lantoa_fleet.domain.claims import CODE_BYTES, CODE_LIFETIME, is_of, new_code, read_code
from lantoa_fleet.domain.devices import MOST_PENDING, check_possession
from lantoa_fleet.domain.groups import Group
from lantoa_fleet.domain.places import Actor, Place
from lantoa_fleet.usecases import life
from lantoa_fleet.usecases.desired import DesiredWriter
from lantoa_fleet.usecases.groups import Groups
from lantoa_fleet.usecases.guesses import Guesses
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.mongo import Aggregates, Change, Document, DuplicateKey, ReadModel
from lantoa_signing import nkey

log = structlog.get_logger()

_CODE_TRIES = 5
_BATCH = 50


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


def actor_of(caller: Caller) -> Actor:
    """Who acts, as a device's life remembers it."""
    return Actor(caller.id, caller.name)


class Registry:
    """The devices' documents. A change of rights is written first, then signed into desired state, then enforced."""

    def __init__(
        self,
        devices: Aggregates,
        units: ReadModel,
        groups: Groups,
        guesses: Guesses,
        desired: DesiredWriter,
        cutter: Cutter,
        clock: Clock,
        code_lifetime: timedelta = CODE_LIFETIME,
    ) -> None:
        self._devices = devices
        self._units = units
        self._groups = groups
        self._guesses = guesses
        self._desired = desired
        self._cutter = cutter
        self._clock = clock
        self._code_lifetime = code_lifetime

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
        device = await self._devices.load(device_id)
        if device is None or (device["state"] == "pending" and device.get("code_until", now) <= now):
            device = await self._pend(device_id, request)
        if device["state"] == "revoked":
            raise Forbidden("fleet.device-revoked")
        return device

    async def _pend(self, device_id: str, request: Enrolment) -> Document:
        """The pending device with a fresh code; the one from before is gone."""
        if await self._devices.collection.count({"state": "pending"}, limit=MOST_PENDING) >= MOST_PENDING:
            log.error("too many devices wait to be claimed")
            raise Unavailable("enrolment")
        about = {"public_key": request.public_key, "kind": request.kind, "model": request.model, "link": "nats"}
        now = self._clock.now()
        for _ in range(_CODE_TRIES):
            code = {"claim_code": new_code(secrets.token_bytes(CODE_BYTES)), "code_until": now + self._code_lifetime}

            def decide(device: Document | None, code: Mapping[str, Any] = code) -> Change | None:
                if device is None:
                    return Change({**about, **code, "state": "pending", "pending_at": now, "seq": 0})
                late = device["state"] == "pending" and device.get("code_until", now) <= now
                return Change({**about, **code}) if late else None

            try:
                device = await self._devices.change(device_id, decide)
            except DuplicateKey:  # Another device shows this very code.
                continue
            assert device is not None  # noqa: S101 - decide makes it
            return device
        raise Unavailable("enrolment")

    async def claim(
        self,
        caller: Caller,
        typed: str,
        given: Mapping[str, Any],
        replaces: str | None = None,
        kind: str | None = None,
    ) -> Document:
        """Accept the device that shows this code and give it a place. The same claim again gives the same answer.

        With ``replaces`` the device takes the place of another, its groups and what is not ``given``; the other one is
        revoked. Who is wrong too often must wait.

        Raises:
            Invalid: no such unit, a field is missing, no device shows this code, or another than was scanned, or one of
                another ``kind``.
            NotFound: no such device to replace.
            Forbidden: the caller is no technician there.
            Conflict: the device is claimed already, or revoked, or the other one is replaced already.
            TooManyGuesses: the caller gave too many wrong codes.
        """
        old = await self._to_replace(caller, replaces)
        place = place_of(given, old)
        unit = await self._unit(place.unit_id)
        caller.require(DEVICE_MANAGE, unit["path"])
        found = await self._shows(caller, typed)
        if kind not in (None, found["kind"]):
            raise Invalid("fleet.other-kind", "/kind", kind=found["kind"])
        if old and old.get("replaced_by", found["_id"]) != found["_id"]:
            raise Conflict("fleet.replaced-already")
        groups = await self._groups.named(place.groups)
        device = await self.accept(caller, found["_id"], place, unit["path"], groups, old)
        await self._desired.write_soon(device["_id"])
        return await self._retire(device, actor_of(caller)) if device.get("retire_due") else device

    async def accept(
        self,
        caller: Caller,
        device_id: str,
        place: Place,
        path: Sequence[str],
        groups: Sequence[Group],
        old: Document | None = None,
    ) -> Document:
        """Write the claim of a device that was judged already; its desired state is left to the reconciler.

        Raises:
            Invalid, Conflict: as for :meth:`claim`.
        """
        now, actor = self._clock.now(), actor_of(caller)
        device = await self._devices.change(
            device_id, lambda found: life.claimed(found, actor, place, path, groups, now, old)
        )
        assert device is not None  # noqa: S101 - claimed() raises for None
        return device

    async def _shows(self, caller: Caller, typed: str) -> Document:
        shown = read_code(typed)
        mark = await self._guesses.take(caller.id)
        about = {"public_key": 1, "state": 1, "code_until": 1, "kind": 1}
        found = await self._devices.collection.find_one({"claim_code": shown.code}, about)
        if found is None:
            raise Invalid("fleet.unknown-claim-code", "/claim_code")
        await self._guesses.give_back(caller.id, mark)
        now = self._clock.now()
        if found["state"] == "pending" and found.get("code_until", now) <= now:
            raise Invalid("fleet.claim-code-expired", "/claim_code")
        if shown.fingerprint is not None and not is_of(shown.fingerprint, found["public_key"]):
            raise Invalid("fleet.another-device", "/claim_code")
        return found

    async def _to_replace(self, caller: Caller, device_id: str | None) -> Document | None:
        if device_id is None:
            return None
        old = await self.get(caller, device_id)
        caller.require(DEVICE_MANAGE, old["path"])
        return old

    async def _retire(self, heir: Document, actor: Actor | None) -> Document:
        """Revoke the device whose place this one took; ``retire_due`` stays in the heir until that is done."""
        now, old_id = self._clock.now(), heir["replaces"]
        await self.enforce(old_id, lambda found: life.revoked(found, actor, None, now, replaced_by=heir["_id"]))
        await self._devices.collection.update_one({"_id": heir["_id"]}, {"$unset": {"retire_due": ""}})
        return heir

    async def retire_replaced(self) -> None:
        """Revoke what a crash left between the two writes of a replacement."""
        for heir in await self._devices.collection.find({"retire_due": True}, limit=_BATCH):
            await self._retire(heir, Actor(heir["claimed_by"], heir["life"][-1]["by_name"]))

    # -- looking ------------------------------------------------------------------------------------------------

    async def get(self, caller: Caller, device_id: str) -> Document:
        """A claimed device within what the caller may see.

        Raises:
            NotFound: there is none.
        """
        device = await self._devices.load(device_id)
        if device is None or not caller.may(DEVICE_READ, device.get("path", ())):
            raise NotFound("device")
        return device

    async def devices(self, device_ids: Sequence[str]) -> list[Document]:
        """The documents of devices, in no order."""
        return await self._devices.collection.find({"_id": {"$in": list(device_ids)}})

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

    async def move(
        self, caller: Caller, device_id: str, rev: int, unit_id: str, place: Mapping[str, Any] | None = None
    ) -> Document:
        """Put a device into another unit, or at another point (``site_type``, ``lat``, ``lon``) of the same.

        Raises:
            NotFound, Forbidden, Invalid: not seen, not a technician of both units, or no such unit.
            StaleVersion, Conflict: somebody changed it since the caller looked, or it is revoked.
        """
        device = await self.get(caller, device_id)
        caller.require(DEVICE_MANAGE, device["path"])
        unit = await self._unit(unit_id)
        caller.require(DEVICE_MANAGE, unit["path"])
        now, actor, told = self._clock.now(), actor_of(caller), place or {}
        return await self.enforce(
            device_id, lambda found: life.moved(found, actor, rev, unit_id, unit["path"], told, now)
        )

    async def regroup(self, caller: Caller, device_id: str, rev: int, names: Sequence[str]) -> Document:
        """Let a device belong to exactly these groups; whoever names a group makes it.

        Raises:
            NotFound, Forbidden: not seen, or not a technician there.
            Invalid: too many groups.
            StaleVersion, Conflict: somebody changed it since the caller looked, or it is revoked.
        """
        device = await self.get(caller, device_id)
        caller.require(DEVICE_MANAGE, device["path"])
        groups = await self._groups.named(names)
        now, actor = self._clock.now(), actor_of(caller)
        return await self.enforce(device_id, lambda found: life.regrouped(found, actor, rev, groups, now))

    async def revoke(self, caller: Caller, device_id: str, rev: int) -> Document:
        """Take a device's rights away and end its connections. A revoked device never comes back with this key.

        Raises:
            NotFound, Forbidden: not seen, or not a technician there.
            StaleVersion: somebody changed it since the caller looked.
        """
        device = await self.get(caller, device_id)
        caller.require(DEVICE_MANAGE, device["path"])
        now, actor = self._clock.now(), actor_of(caller)
        return await self.enforce(device_id, lambda found: life.revoked(found, actor, rev, now))

    async def new_token(self, caller: Caller, device_id: str, token_sha256: str) -> Document:
        """Give an MQTT receiver another token and end what came in with the old one.

        Raises:
            NotFound, Forbidden: not seen, or not a technician there.
            Conflict: no MQTT receiver, or revoked.
        """
        device = await self.get(caller, device_id)
        caller.require(DEVICE_MANAGE, device["path"])
        now, actor = self._clock.now(), actor_of(caller)
        return await self.enforce(device_id, lambda found: life.new_token(found, actor, token_sha256, now))

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
                await self.enforce(device["_id"], lambda found: life.under(found, path, now))

    async def enforce(self, device_id: str, decide: Callable[[Document | None], Change | None]) -> Document:
        """Change a device's document, and let its rights follow: signed at once, connections from before ended.

        Raises:
            NotFound: no such device.
        """
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


def place_of(given: Mapping[str, Any], old: Document | None = None) -> Place:
    """The place that is meant: what is given, and where nothing is, what ``old`` had.

    Raises:
        Invalid: its name, unit or kind is in neither.
    """
    has = {"groups": old.get("group_names", ()), **{name: old[name] for name in _INHERITED}} if old else {}
    has |= {name: value for name, value in given.items() if value is not None}
    for needed in ("name", "unit_id", "site_type"):
        if needed not in has:
            raise Invalid("field-missing", f"/{needed}")
    return Place(**{**has, "groups": tuple(has.get("groups", ()))})


_INHERITED = ("name", "unit_id", "site_type", "lat", "lon")
