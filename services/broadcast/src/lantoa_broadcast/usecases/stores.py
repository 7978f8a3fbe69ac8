"""What broadcast remembers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from lantoa_broadcast.settings import BroadcastSettings
from lantoa_calendar.periods import ZONE
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import ActCopies, Aggregates, Index, ReadModel, UnitCopies
from lantoa_runtime.service import Service

INDEXES = (
    Index("sessions", ("unit_id", "slot")),
    Index("sessions", ("unit_id", "starts_at")),
    Index("sessions", ("unit_id", "ends_at")),
    Index("sessions", ("unsettled", "ends_at")),
    Index("sessions", ("entries.item.item_id",)),
    Index("sessions", ("moves",), sparse=True),
    Index("devices", ("unit_id",)),
    Index("units", ("path",)),
    Index("units", ("successor_ids",), sparse=True),
    Index("airings", ("item_id", "started_at")),
    Index("airings", ("session_id",)),
    Index("airings", ("path", "started_at")),
)
RACES = 50
"""How often a write is tried again that others were faster at."""


@dataclass(frozen=True)
class Stores:
    """The collections, files and time that the use cases work with.

    ``devices`` is a copy of what fleet says, of boards too: a move names no kind. ``stations`` is our own: what each of
    them was told last.
    """

    settings: BroadcastSettings
    clock: Clock
    blobs: Blobs
    grids: Aggregates
    sessions: Aggregates
    stations: Aggregates
    airings: Aggregates
    devices: ReadModel
    items: ReadModel
    units: UnitCopies
    acts: ActCopies

    @classmethod
    def of(cls, service: Service[BroadcastSettings]) -> "Stores":
        """Those of a service."""
        return cls(
            settings=service.settings,
            clock=service.clock,
            blobs=service.blobs,
            grids=service.aggregates("grids"),
            sessions=service.aggregates("sessions"),
            stations=service.aggregates("stations"),
            airings=service.aggregates("airings"),
            devices=ReadModel(service.db["devices"]),
            items=ReadModel(service.db["items"]),
            units=UnitCopies(service.db["units"]),
            acts=ActCopies(service.db["acts"]),
        )

    @property
    def today(self) -> date:
        """The day here."""
        return self.clock.now().astimezone(ZONE).date()

    async def path(self, unit_id: str) -> tuple[str, ...]:
        """The unit and what is above it, root first."""
        return await self.units.path(unit_id)

    async def heard_in(self, unit_id: str) -> tuple[str, ...]:
        """Whose sessions are heard in a unit, the nearest last: those on its path and what went into one of them."""
        return await self.units.heard(unit_id, self.today)

    async def below(self, unit_id: str) -> list[str]:
        """The units in which a unit's sessions are heard."""
        return [unit["_id"] for unit in await self.units.hearing(unit_id, self.today)]

    async def stations_below(self, unit_id: str, scopes: Collection[str] | None = None) -> dict[str, datetime]:
        """The stations in service that hear a unit's sessions, with the moment since when each has its place.

        With ``scopes`` only those that stand in the tree of one of these units.
        """
        units = await self.units.hearing(unit_id, self.today)
        inside = [unit["_id"] for unit in units if scopes is None or not set(scopes).isdisjoint(unit["path"])]
        wanted = {"unit_id": {"$in": inside}, "kind": {"$in": ["radio", "both"]}, "revoked": False}
        devices = await self.devices.collection.find(wanted, {"placed_at": 1})
        return {device["_id"]: device["placed_at"] for device in devices}

    async def counts(self, unit_ids: Collection[str], scopes: Collection[str]) -> dict[str, tuple[int, int]]:
        """Grids and sessions to come of each of these units that lies in the tree of one of ``scopes``."""
        visible = {"_id": {"$in": list(unit_ids)}, "path": {"$in": list(scopes)}}
        found = {}
        for unit in await self.units.collection.find(visible, {"_id": 1}):
            coming = {"unit_id": unit["_id"], "starts_at": {"$gt": self.clock.now()}, "entries.0": {"$exists": True}}
            grids = await self.grids.collection.count({"_id": unit["_id"]})
            found[unit["_id"]] = grids, await self.sessions.collection.count(coming)
        return found
