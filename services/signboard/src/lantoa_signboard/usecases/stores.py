"""What signboard remembers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from lantoa_calendar.periods import ZONE
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Aggregates, Index, ReadModel, UnitCopies
from lantoa_runtime.service import Service
from lantoa_signboard.settings import SignboardSettings

INDEXES = (
    Index("playlists", ("entries.item.item_id",)),
    Index("devices", ("unit_id",)),
    Index("boards", ("expires_at",), sparse=True),
    Index("units", ("path",)),
    Index("units", ("successor_ids",), sparse=True),
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
    units: UnitCopies

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
            units=UnitCopies(service.db["units"]),
        )

    @property
    def today(self) -> date:
        """The day here."""
        return self.clock.now().astimezone(ZONE).date()

    async def path(self, unit_id: str) -> tuple[str, ...]:
        """The unit and what is above it, root first."""
        return await self.units.path(unit_id)

    async def seen_in(self, unit_id: str) -> tuple[str, ...]:
        """Whose playlists are shown in a unit: those on its path, and those that went into one of them."""
        return await self.units.heard(unit_id, self.today)

    async def below(self, unit_id: str) -> list[str]:
        """The units in which a unit's playlist is shown."""
        return [unit["_id"] for unit in await self.units.hearing(unit_id, self.today)]

    async def boards_below(self, unit_id: str, scopes: Collection[str]) -> list[str]:
        """The boards in service that show a unit's playlist and stand in the tree of one of ``scopes``."""
        units = await self.units.hearing(unit_id, self.today)
        inside = [unit["_id"] for unit in units if not set(scopes).isdisjoint(unit["path"])]
        wanted = {"unit_id": {"$in": inside}, "kind": {"$in": ["board", "both"]}, "revoked": False}
        return [device["_id"] for device in await self.devices.collection.find(wanted, {"_id": 1})]
