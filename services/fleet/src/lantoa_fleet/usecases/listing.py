"""The registry in memory, for whatever looks at many devices: lists, map, sums, alarms, waves.

MongoDB is the truth. A device is read again when this process wrote it or another one told an event of it; everything
is read again once in a while, in case something was missed.
"""

import asyncio
import bisect
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lantoa_calendar.text import fold
from lantoa_contracts.policy import DEVICE_READ
from lantoa_fleet.domain.listing import Filter, Row, Shown, Sum, Windows, row_of, states_of, sums
from lantoa_fleet.usecases.history import States
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.mongo import Collection as Documents

_FIELDS = dict.fromkeys(
    (
        "name", "kind", "unit_id", "path", "groups", "state", "online", "last_seen", "lat", "lon", "site_type", "model",
        "seq", "radio.windows", "alarms.code", "alarms.at", "alarms.count",
    ),
    1,
)  # fmt: skip
_CLAIMED = {"state": {"$in": ["accepted", "revoked"]}}
_BATCH = 500
COMMUNES = ("commune", "ward", "town")


@dataclass(frozen=True)
class Unit:
    """A unit as far as lists need it."""

    unit_id: str
    name: str
    words: str
    kind: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class Shot:
    """A device that was asked for, with the states that it is in."""

    row: Row
    states: frozenset[Shown]


class Roster:
    """Every claimed device as a row, and every unit."""

    def __init__(self, devices: Documents, units: Documents, clock: Clock, reload_seconds: float) -> None:
        self._devices = devices
        self._units = units
        self._clock = clock
        self._reload = timedelta(seconds=reload_seconds)
        self._reloaded_at: datetime | None = None
        self._reading = asyncio.Lock()
        self._written: set[str] = set()
        self._spans: dict[Windows, Windows] = {}
        self._ordered: list[Row] | None = None
        self.rows: dict[str, Row] = {}
        self.units: dict[str, Unit] = {}
        self.loaded = False
        """Whether everything was read at least once."""

    def note(self, device_id: str) -> None:
        """This device was changed: it is read again before anybody looks."""
        self._written.add(device_id)

    def note_units(self) -> None:
        """A unit was changed: everything is read again before anybody looks."""
        self._reloaded_at = None

    async def fresh(self) -> "Roster":
        """Read what is known to have changed, and everything when that is due.

        Whoever comes while another reads waits for it: what is being read is no longer marked and not yet here.

        Raises:
            MongoError: the database is away; what was known stays.
        """
        async with self._reading:
            now, before = self._clock.now(), self._reloaded_at
            if before is None or now - before > self._reload:
                self._reloaded_at = now
                try:
                    await self._read_all()
                except BaseException:
                    self._reloaded_at = None
                    raise
                self.loaded = True
            elif self._written:
                await self._read_written()
        return self

    @property
    def communes(self) -> set[str]:
        """Units that are communes, wards or towns."""
        return {unit.unit_id for unit in self.units.values() if unit.kind in COMMUNES}

    def unit_name(self, unit_id: str) -> str | None:
        """A unit's name."""
        unit = self.units.get(unit_id)
        return unit.name if unit else None

    def ordered(self) -> list[Row]:
        """All rows by name in Vietnamese order."""
        if self._ordered is None:
            self._ordered = sorted(self.rows.values(), key=lambda row: row.order)
        return self._ordered

    async def _read_all(self) -> None:
        self._written, written = set(), self._written
        try:
            units = await self._units.find({}, {"name": 1, "kind": 1, "path": 1})
            found = await self._devices.find(_CLAIMED, _FIELDS)
        except BaseException:
            self._written |= written
            raise
        self._spans = {}
        before, self.rows = self.rows, {}
        for device in found:
            self._take(device, before.get(device["_id"]))
        self.units = {
            unit["_id"]: Unit(unit["_id"], unit["name"], fold(unit["name"]), unit["kind"], tuple(unit["path"]))
            for unit in units
        }
        self._ordered = None

    async def _read_written(self) -> None:
        self._written, written = set(), self._written
        ids = sorted(written)
        try:
            for begin in range(0, len(ids), _BATCH):
                batch = ids[begin : begin + _BATCH]
                for device in await self._devices.find({"_id": {"$in": batch}, **_CLAIMED}, _FIELDS):
                    self._take(device, self.rows.get(device["_id"]))
        except BaseException:
            self._written |= written
            raise
        self._ordered = None

    def _take(self, device: Mapping[str, Any], known: Row | None) -> None:
        # Stations of a commune play the same sessions: their windows are kept once.
        self.rows[device["_id"]] = row_of(device, known, lambda spans: self._spans.setdefault(spans, spans))


class Listing:
    """What people see of the devices within what they may see."""

    def __init__(
        self,
        roster: Roster,
        states: States,
        alarmed: Callable[[], Collection[str]],
        drifting: Callable[[], Collection[str]],
    ) -> None:
        self.roster = roster
        self.states = states
        self._alarmed = alarmed
        self._drifting = drifting

    async def page(
        self, caller: Caller, wanted: Filter, cursor: str | None, limit: int
    ) -> tuple[list[Shot], str | None]:
        """Devices by name, and the cursor of the next page.

        Raises:
            AppError: ``bad-cursor``.
        """
        await self.roster.fresh()
        begin = 0
        if cursor is not None:
            row = self.roster.rows.get(cursor)
            if row is None:
                raise AppError("bad-cursor", 400)
            begin = bisect.bisect_right(self.roster.ordered(), row.order, key=lambda one: one.order)
        found: list[Shot] = []
        for shot in self._shots(caller, wanted, begin):
            found.append(shot)
            if len(found) > limit:
                return found[:limit], found[limit - 1].row.device_id
        return found, None

    async def all(self, caller: Caller, wanted: Filter) -> list[Shot]:
        """Every device that fits, by name."""
        await self.roster.fresh()
        return list(self._shots(caller, wanted))

    async def sums(self, caller: Caller) -> dict[str, Sum]:
        """How many devices stand in each unit that the caller may see."""
        await self.roster.fresh()
        scopes = frozenset(caller.units(DEVICE_READ))
        units = self.roster.units

        def visible(unit_id: str) -> bool:
            unit = units.get(unit_id)
            return unit_id in scopes or (unit is not None and not scopes.isdisjoint(unit.path))

        shown = sums(((shot.row, shot.states) for shot in self._shots(caller, Filter())), visible)
        return {unit_id: shown[unit_id] for unit_id in sorted(shown)}

    def states_of(self, row: Row) -> frozenset[Shown]:
        """The states that a device is in now."""
        device_id = row.device_id
        return states_of(row, alarmed=device_id in self._alarmed(), drifting=device_id in self._drifting())

    def shown(self, device_id: str) -> list[str]:
        """The states of a device by its id."""
        row = self.roster.rows.get(device_id)
        return sorted(self.states_of(row)) if row else []

    def last_seen(self, row: Row) -> datetime:
        """When it was last heard, or seen to come or go."""
        state = self.states.get(row.device_id)
        return max(row.turned_at, state.at) if state else row.turned_at

    def version_of(self, row: Row) -> str | None:
        """The version that the device said it runs."""
        state = self.states.get(row.device_id)
        return state.beat.version if state else None

    def _shots(self, caller: Caller, wanted: Filter, begin: int = 0) -> Iterator[Shot]:
        scopes, alarmed, drifting = frozenset(caller.units(DEVICE_READ)), self._alarmed(), self._drifting()
        units = self.roster.units
        for row in itertools.islice(self.roster.ordered(), begin, None):
            if scopes.isdisjoint(row.path):
                continue
            states = states_of(row, alarmed=row.device_id in alarmed, drifting=row.device_id in drifting)
            unit = units.get(row.unit_id)
            if wanted.fits(row, states, self.version_of(row), unit.words if unit else ""):
                yield Shot(row, states)
