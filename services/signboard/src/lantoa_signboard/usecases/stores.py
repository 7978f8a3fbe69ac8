"""What signboard remembers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lantoa_runtime.blobs import Blobs
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Aggregates, Index, ReadModel
from lantoa_runtime.service import Service
from lantoa_signboard.settings import SignboardSettings

INDEXES = (
    Index("playlists", ("entries.item.item_id",)),
    Index("devices", ("unit_id",)),
    Index("boards", ("expires_at",), sparse=True),
    Index("units", ("path",)),
    Index("displays", ("item_id", "started_at")),
    Index("displays", ("path", "started_at")),
)
RACES = 50
"""How often a write is tried again that others were faster at."""


@dataclass(frozen=True)
class Stores:
    """The collections, files and time that the use cases work with.

    ``devices`` is a copy of what fleet says, of stations too: a move names no kind. ``boards`` is our own: what each of
    them was told last.
    """

    settings: SignboardSettings
    clock: Clock
    blobs: Blobs
    playlists: Aggregates
    boards: Aggregates
    displays: Aggregates
    devices: ReadModel
    items: ReadModel
    units: ReadModel

    @classmethod
    def of(cls, service: Service[SignboardSettings]) -> "Stores":
        """Those of a service."""
        return cls(
            settings=service.settings,
            clock=service.clock,
            blobs=service.blobs,
            playlists=service.aggregates("playlists"),
            boards=service.aggregates("boards"),
            displays=service.aggregates("displays"),
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

    async def boards_below(self, unit_id: str, scopes: Collection[str]) -> list[str]:
        """The boards in service that show a unit's playlist and stand in the tree of one of ``scopes``."""
        units = await self.units.collection.find({"path": unit_id}, {"path": 1})
        inside = [unit["_id"] for unit in units if not set(scopes).isdisjoint(unit["path"])]
        wanted = {"unit_id": {"$in": inside}, "kind": {"$in": ["board", "both"]}, "revoked": False}
        return [device["_id"] for device in await self.devices.collection.find(wanted, {"_id": 1})]
