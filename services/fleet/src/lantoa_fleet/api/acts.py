"""Routes about what acts of the directory do to devices."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from lantoa_contracts.base import Id
from lantoa_contracts.policy import DEVICE_READ
from lantoa_fleet.api.callers import Viewer
from lantoa_fleet.usecases.acts import ActFollower
from lantoa_fleet.usecases.registry import Registry

UnitIds = Annotated[list[Id], Query(min_length=1, max_length=200)]


class UnitCount(BaseModel):
    """Devices that stand in a unit itself, not below it."""

    unit_id: str
    radios: int
    boards: int
    both: int


class Counts(BaseModel):
    """One entry a unit that was asked for."""

    items: list[UnitCount]


class Guessed(BaseModel):
    """A device that stands in the first of several units that took over, because nobody could tell in which."""

    device_id: str
    name: str
    unit_id: str
    unit_name: str | None
    lat: float | None
    lon: float | None


class ActDevices(BaseModel):
    """What an act did to devices within the caller's units."""

    moved: int
    unsure: list[Guessed]
    """At most 200, by name. Whoever moves one, or moves it to where it stands, has looked after it."""


def acts_router(follower: ActFollower, registry: Registry) -> APIRouter:
    """Counting before an act, looking after it."""
    router = APIRouter()

    @router.get("/counts")
    async def counts(caller: Viewer, unit_id: UnitIds) -> Counts:
        """How many devices stand in units: what an act over these would move."""
        found = await follower.counts(unit_id, caller.units(DEVICE_READ))
        return Counts(
            items=[
                UnitCount(unit_id=one, radios=count["radio"], boards=count["board"], both=count["both"])
                for one, count in found.items()
            ]
        )

    @router.get("/acts/{act_id}")
    async def act_devices(act_id: Id, caller: Viewer) -> ActDevices:
        """Which devices an act has moved, and which of them a technician should look after."""
        moved, unsure = await follower.moved_by(act_id, caller.units(DEVICE_READ))
        names = await registry.unit_names({device["unit_id"] for device in unsure})
        return ActDevices(
            moved=moved,
            unsure=[
                Guessed(
                    device_id=device["_id"],
                    name=device["name"],
                    unit_id=device["unit_id"],
                    unit_name=names.get(device["unit_id"]),
                    lat=device["lat"],
                    lon=device["lon"],
                )
                for device in unsure
            ],
        )

    return router
