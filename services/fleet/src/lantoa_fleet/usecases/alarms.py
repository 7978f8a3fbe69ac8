"""Raise alarms, let them end by themselves, let people take note of them."""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from lantoa_contracts.catalogue import ALARM_RAISED, ALARM_RESOLVED
from lantoa_contracts.events.fleet import AlarmRaised, AlarmResolved
from lantoa_contracts.policy import ALARM_ACKNOWLEDGE, DEVICE_READ
from lantoa_fleet import telemetry
from lantoa_fleet.domain.alarms import CODES, Persistence, Standing, causes, standing
from lantoa_fleet.domain.listing import Row
from lantoa_fleet.usecases.history import States
from lantoa_fleet.usecases.lease import Lease
from lantoa_fleet.usecases.listing import Roster
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Conflict, NotFound
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.ids import new_id
from lantoa_runtime.mongo import Aggregates, Change, Document, DuplicateKey, Outgoing, newest_first

log = structlog.get_logger()

KEPT_DAYS = 400
_GATHER = timedelta(seconds=30)
"""An alarm of one commune waits so long before it opens: it may be the beginning of a wider one."""
_ALERT_LASTS = timedelta(hours=1)


class Alerting:
    """Where an emergency notice sounds or shows now, by what the devices answer to it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[str, datetime] = {}

    def heard(self, device_id: str, stage: str) -> None:
        """A device's answer to a notice."""
        if stage == "playing":
            self._since[device_id] = self._clock.now()
        elif stage in ("finished", "failed"):
            self._since.pop(device_id, None)

    def now(self) -> Collection[str]:
        """Devices where one sounds or shows."""
        oldest = self._clock.now() - _ALERT_LASTS
        self._since = {device_id: at for device_id, at in self._since.items() if at > oldest}
        return self._since


class Watch:
    """Looks at every device in turn and keeps the open alarms equal to what stands.

    After a start, a take-over or an outage of NATS it waits until devices could be heard again: what it does not hear
    then tells of itself and not of them.
    """

    def __init__(
        self,
        alarms: Aggregates,
        roster: Roster,
        states: States,
        alerting: Alerting,
        lease: Lease,
        steady: Callable[[], Hashable | None],
        clock: Clock,
        grace_seconds: float,
        persistence: Persistence | None = None,
    ) -> None:
        self._alarms = alarms
        self._roster = roster
        self._states = states
        self._alerting = alerting
        self._lease = lease
        self._steady = steady
        self._clock = clock
        self._grace = timedelta(seconds=grace_seconds)
        self._persistence = persistence or Persistence()
        self._link: Hashable | None = None
        self._steady_since: datetime | None = None
        self._first_stood: dict[str, datetime] = {}
        self.open: list[Document] = []
        """Alarms that stand, as of the last turn."""
        self.alarmed: frozenset[str] = frozenset()
        """Devices in any of them."""

    async def turn(self) -> None:
        """One turn of the job.

        Raises:
            MongoError: the database is away; do it again.
        """
        self._take(await self._alarms.collection.find({"open": True}))
        now = self._clock.now()
        if not self._roster.loaded or not self._is_steady(now):
            return
        alerting = self._alerting.now()
        for device_id, row in self._roster.rows.items():
            counting = self._persistence.counting.get(device_id, ())
            state = self._states.get(device_id)
            found = causes(row, state, now, counting, alerting=device_id in alerting)
            self._persistence.see(device_id, found, now)
        self._persistence.forget_all_but(self._roster.rows.keys())
        await self._follow(self._standing(), now)

    def _is_steady(self, now: datetime) -> bool:
        """Whether devices could be heard for long enough. Whoever begins takes over what is open."""
        link = self._steady() if self._lease.held else None
        if link is None or link != self._link:
            self._link, self._steady_since = link, None
        if link is None:
            return False
        if self._steady_since is None:
            self._steady_since = now
            counting: dict[str, set[str]] = defaultdict(set)
            for alarm in self.open:
                for device_id in alarm["devices"]:
                    counting[device_id].add(alarm["code"])
            self._persistence.take(counting)
            self._first_stood.clear()
        return now - self._steady_since >= self._grace

    def _standing(self) -> list[Standing]:
        rows = self._roster.rows
        places = {device_id: row.path for device_id, row in rows.items() if row.accepted}
        concerned: dict[str, list[str]] = defaultdict(list)
        for device_id, codes in self._persistence.counting.items():
            for code in codes:
                concerned[code].append(device_id)
        communes = self._roster.communes
        wide = [alarm["open_key"] for alarm in self.open if alarm["unit_id"] not in communes]
        return standing(places, concerned, communes, wide)

    async def _follow(self, stands: Sequence[Standing], now: datetime) -> None:
        opened = {alarm["open_key"]: alarm for alarm in self.open}
        wanted = {one.key: one for one in stands}
        self._first_stood = {key: self._first_stood.get(key, now) for key in wanted}
        communes = self._roster.communes
        for key, one in wanted.items():
            if key in opened:
                await self._adjust(opened[key], one)
            elif one.unit_id not in communes or now - self._first_stood[key] >= _GATHER:
                await self._raise(one, now)
        for key, alarm in opened.items():
            if key not in wanted:
                await self._resolve(alarm, now)
        self._take(await self._alarms.collection.find({"open": True}))

    async def _raise(self, one: Standing, now: datetime) -> None:
        alarm_id = f"alm-{new_id(now)}"
        count = len(one.devices)
        event = AlarmRaised(alarm_id=alarm_id, ver=1, code=one.code, unit_id=one.unit_id, devices=count, at=now)
        unit = self._roster.units.get(one.unit_id)
        fields = {
            "code": one.code,
            "unit_id": one.unit_id,
            "path": list(unit.path) if unit else [one.unit_id],
            "units": self._units_of(one.devices),
            "devices": sorted(one.devices),
            "most": count,
            "opened_at": now,
            "open": True,
            "open_key": one.key,
            "acknowledged": None,
        }
        try:
            await self._alarms.insert(alarm_id, fields, [Outgoing(ALARM_RAISED, event)])
        except DuplicateKey:  # Another replica was faster in the moment of a take-over.
            return
        log.warning("alarm raised", code=one.code, unit_id=one.unit_id, devices=count)

    async def _adjust(self, alarm: Mapping[str, Any], one: Standing) -> None:
        devices = sorted(one.devices)
        if alarm["devices"] == devices:
            return

        def decide(found: Document | None) -> Change | None:
            if found is None or "open" not in found:
                return None
            units = sorted({*found["units"], *self._units_of(one.devices)})
            return Change({"devices": devices, "units": units, "most": max(found["most"], len(devices))})

        await self._alarms.change(alarm["_id"], decide)

    async def _resolve(self, alarm: Mapping[str, Any], now: datetime) -> None:
        def decide(found: Document | None) -> Change | None:
            if found is None or "open" not in found:
                return None
            event = AlarmResolved(
                alarm_id=found["_id"], ver=found["ver"] + 1, code=found["code"], unit_id=found["unit_id"], at=now
            )
            return Change({"closed_at": now}, [Outgoing(ALARM_RESOLVED, event)], unset=("open", "open_key"))

        await self._alarms.change(alarm["_id"], decide)
        log.info("alarm resolved", code=alarm["code"], unit_id=alarm["unit_id"])

    def _units_of(self, devices: Collection[str]) -> list[str]:
        rows = self._roster.rows
        return sorted({unit_id for device_id in devices if device_id in rows for unit_id in rows[device_id].path})

    def _take(self, found: list[Document]) -> None:
        self.open = sorted(found, key=lambda alarm: alarm["opened_at"], reverse=True)
        self.alarmed = frozenset(device_id for alarm in found for device_id in alarm["devices"])
        for code in CODES:
            of_code = [alarm for alarm in found if alarm["code"] == code]
            telemetry.ALARMS_OPEN.labels(code).set(len(of_code))
            telemetry.ALARMED.labels(code).set(sum(len(alarm["devices"]) for alarm in of_code))


class Alarms:
    """What people see of alarms and do about them."""

    def __init__(self, alarms: Aggregates, watch: Watch, roster: Roster, clock: Clock) -> None:
        self._alarms = alarms
        self._watch = watch
        self._roster = roster
        self._clock = clock

    async def open(self, caller: Caller, unit_id: str | None) -> list[Document]:
        """Alarms that stand for units or devices that the caller may see, the newest first."""
        fits = self._fitting(caller, unit_id)
        found = await self._alarms.collection.find({"open": True})
        return sorted((one for one in found if fits(one)), key=lambda alarm: alarm["opened_at"], reverse=True)

    async def closed(
        self, caller: Caller, unit_id: str | None, cursor: str | None, limit: int
    ) -> tuple[list[Document], str | None]:
        """Alarms that have ended, the last to end first.

        Raises:
            AppError: ``bad-cursor``.
        """
        scopes = list(caller.units(DEVICE_READ))
        if unit_id is not None:
            unit = self._roster.units.get(unit_id)
            if unit is None or not set(scopes) & set(unit.path):
                return [], None
            scopes = [unit_id]
        where = {"units": {"$in": scopes}, "open": {"$exists": False}}
        return await newest_first(self._alarms.collection, where, "closed_at", cursor, limit)

    def _fitting(self, caller: Caller, unit_id: str | None) -> Callable[[Document], bool]:
        scopes = set(caller.units(DEVICE_READ))
        return lambda alarm: not scopes.isdisjoint(alarm["units"]) and (unit_id is None or unit_id in alarm["units"])

    def rows(self, caller: Caller, alarm: Mapping[str, Any]) -> list[Row]:
        """The devices of an alarm that the caller may see, by name."""
        scopes = set(caller.units(DEVICE_READ))
        known = (self._roster.rows.get(device_id) for device_id in alarm["devices"])
        return sorted(
            (row for row in known if row is not None and not scopes.isdisjoint(row.path)), key=lambda row: row.order
        )

    async def acknowledge(self, caller: Caller, alarm_id: str, note: str) -> Document:
        """Say that one has seen it. Who did so first stays; closed or not, nothing else changes.

        Raises:
            NotFound, Forbidden: not seen, or not a technician of any unit concerned.
        """
        alarm = await self._alarms.load(alarm_id)
        if alarm is None or not self._fitting(caller, None)(alarm):
            raise NotFound("alarm")
        caller.require(ALARM_ACKNOWLEDGE, alarm["units"])
        taken = {"by": caller.id, "name": caller.name, "at": self._clock.now(), "note": note}

        def decide(found: Document | None) -> Change | None:
            if found is None or found["acknowledged"] is not None:
                return None
            return Change({"acknowledged": taken})

        changed = await self._alarms.change(alarm_id, decide)
        if changed is None:
            raise NotFound("alarm")
        if changed["acknowledged"]["by"] != caller.id:
            raise Conflict("fleet.alarm-acknowledged", name=changed["acknowledged"]["name"])
        return changed
