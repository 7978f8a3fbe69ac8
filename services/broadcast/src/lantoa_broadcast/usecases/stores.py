"""What broadcast remembers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from lantoa_broadcast.settings import BroadcastSettings
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Aggregates, Index, ReadModel
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
    units: ReadModel

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
            units=ReadModel(service.db["units"]),
        )

    async def path(self, unit_id: str) -> tuple[str, ...]:
        """The unit and what is above it, root first; the unit alone until the directory's word on it has come."""
        unit = await self.units.get(unit_id)
        return tuple(unit["path"]) if unit else (unit_id,)

    async def below(self, unit_id: str) -> Sequence[str]:
        """The unit and every unit under it."""
        units = await self.units.collection.find({"path": unit_id}, {"_id": 1})
        return sorted({unit_id, *(unit["_id"] for unit in units)})

    async def stations_below(self, unit_id: str, scopes: Collection[str] | None = None) -> dict[str, datetime]:
        """The stations in service that hear a unit's sessions, with the moment since when each has its place.

        With ``scopes`` only those that stand in the tree of one of these units.
        """
        units = await self.units.collection.find({"path": unit_id}, {"path": 1})
        inside = [unit["_id"] for unit in units if scopes is None or not set(scopes).isdisjoint(unit["path"])]
        wanted = {"unit_id": {"$in": inside}, "kind": {"$in": ["radio", "both"]}, "revoked": False}
        devices = await self.devices.collection.find(wanted, {"placed_at": 1})
        return {device["_id"]: device["placed_at"] for device in devices}
