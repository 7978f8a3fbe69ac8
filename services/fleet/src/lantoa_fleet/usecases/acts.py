"""Devices follow their units through acts of the directory, and go back with the opposite."""

import asyncio
import collections
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from lantoa_contracts.events.directory import ActDone, Heir, Succession
from lantoa_fleet.domain.shapes import unit_at
from lantoa_fleet.usecases import life
from lantoa_fleet.usecases.listing import Roster
from lantoa_fleet.usecases.registry import Registry
from lantoa_fleet.usecases.shapes import Shapes
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import ActCopies, Document
from lantoa_runtime.mongo import Collection as Documents

_AT_ONCE = 16
_MOST_SHOWN = 200
_ABOUT = dict.fromkeys(("name", "kind", "rev", "unit_id", "lat", "lon", "unsure", "between", "followed"), 1)
UNSURE: Mapping[str, Any] = {"unsure": {"$exists": True}, "state": "accepted"}
"""Devices of which it is a guess where they stand."""


class ActFollower:
    """Moves devices as acts say. After a split the point decides where outlines are known; else it is a guess."""

    def __init__(
        self, devices: Documents, registry: Registry, shapes: Shapes, acts: ActCopies, roster: Roster, clock: Clock
    ) -> None:
        self._devices = devices
        self._registry = registry
        self._shapes = shapes
        self._acts = acts
        self._roster = roster
        self._clock = clock

    async def turned(self, event: ActDone) -> None:
        """Take up that an act was done or reversed; what it says may come twice and in any order."""
        holds = await self._acts.take(event)
        await self._settle(event, holds=holds)
        if await self._acts.holds(event.act_id) != holds:  # Its opposite was handled meanwhile.
            await self._settle(event, holds=not holds)

    async def _settle(self, event: ActDone, *, holds: bool) -> None:
        gate = asyncio.Semaphore(_AT_ONCE)
        now = self._clock.now()
        shapes = await self._shapes.known() if any(len(gone.heirs) > 1 for gone in event.units) else {"features": []}

        async def follow(device: Document, gone: Succession) -> None:
            heir, between = _heir(device, gone, shapes)
            async with gate:
                await self._registry.enforce(
                    device["_id"],
                    lambda found: life.followed(
                        found, event.act_id, event.act, gone.unit_id, heir.unit_id, heir.path, now, between
                    ),
                )

        async def go_back(device: Document, paths: Mapping[str, tuple[str, ...]]) -> None:
            came_from = next(one["from"] for one in device["followed"] if one["act"] == event.act_id)
            async with gate:
                await self._registry.enforce(
                    device["_id"],
                    lambda found: life.went_back(found, event.act_id, event.act, paths[came_from], now),
                )

        if holds:
            for gone in event.units:
                here = {"unit_id": gone.unit_id, "state": "accepted"}
                found = await self._devices.find(here, {"lat": 1, "lon": 1})
                await asyncio.gather(*(follow(device, gone) for device in found))
        else:
            paths = {gone.unit_id: gone.path for gone in event.units}
            moved = await self._devices.find({"followed.act": event.act_id}, {"followed": 1})
            await asyncio.gather(*(go_back(device, paths) for device in moved))

    async def counts(self, unit_ids: Iterable[str], scopes: Collection[str]) -> dict[str, collections.Counter[str]]:
        """How many devices of each kind stand in each of these units themselves, within what somebody may see."""
        await self._roster.fresh()
        found = {unit_id: collections.Counter[str]() for unit_id in unit_ids}
        for row in self._roster.rows.values():
            if row.accepted and row.unit_id in found and not set(scopes).isdisjoint(row.path):
                found[row.unit_id][row.kind] += 1
        return found

    async def moved_by(self, act_id: str, scopes: Collection[str]) -> tuple[int, list[Document]]:
        """How many devices an act has moved, and those of which it is a guess where they stand, by name."""
        seen: dict[str, Any] = {"path": {"$in": sorted(scopes)}}
        moved = await self._devices.count({"followed.act": act_id, **seen})
        return moved, await self._shown({**UNSURE, "unsure": act_id, **seen})

    async def unsure(self, scopes: Collection[str]) -> tuple[int, list[Document]]:
        """How many devices wait for somebody to say where they stand, after whichever act, and the first by name."""
        waiting = {**UNSURE, "path": {"$in": sorted(scopes)}}
        return await self._devices.count(waiting), await self._shown(waiting)

    async def _shown(self, wanted: Mapping[str, Any]) -> list[Document]:
        return await self._devices.find(wanted, _ABOUT, sort=[("name", 1)], limit=_MOST_SHOWN)


def _heir(device: Document, gone: Succession, shapes: Mapping[str, Any]) -> tuple[Heir, list[str]]:
    """The unit that a device stands in now, and where that is a guess the units between which nobody could tell."""
    if len(gone.heirs) == 1:
        return gone.heirs[0], []
    if device.get("lat") is not None:
        inside = unit_at(shapes, (heir.unit_id for heir in gone.heirs), device["lon"], device["lat"])
        for heir in gone.heirs:
            if heir.unit_id == inside:
                return heir, []
    return gone.heirs[0], [heir.unit_id for heir in gone.heirs]
