"""What broadcast remembers."""

from collections.abc import Sequence
from dataclasses import dataclass

from lantoa_broadcast.settings import BroadcastSettings
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Aggregates, Index, ReadModel
from lantoa_runtime.service import Service

INDEXES = (
    Index("sessions", ("unit_id", "slot")),
    Index("sessions", ("unit_id", "starts_at")),
    Index("sessions", ("unit_id", "ends_at")),
    Index("sessions", ("entries.item.item_id",)),
    Index("sessions", ("moves",), sparse=True),
    Index("devices", ("unit_id",)),
    Index("units", ("path",)),
    Index("airings", ("item_id", "started_at")),
    Index("airings", ("path", "started_at")),
)
RACES = 50
"""How often a write is tried again that others were faster at."""


@dataclass(frozen=True)
class Stores:
    """The collections, files and time that the use cases work with.

    ``devices`` holds boards too: a move names no kind, so that of every device must be known.
    """

    settings: BroadcastSettings
    clock: Clock
    blobs: Blobs
    grids: Aggregates
    sessions: Aggregates
    devices: Aggregates
    airings: Aggregates
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
            devices=service.aggregates("devices"),
            airings=service.aggregates("airings"),
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
