"""Routes about what acts of the directory do to devices."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from lantoa_contracts.base import Id
from lantoa_contracts.policy import DEVICE_READ
from lantoa_fleet.api.callers import Viewer
from lantoa_fleet.usecases.acts import ActFollower
from lantoa_fleet.usecases.registry import Registry
from lantoa_runtime.http import Routes
from lantoa_runtime.mongo import Document

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


class Choice(BaseModel):
    """A unit that took over a part of the one that ended."""

    unit_id: str
    unit_name: str | None


class Guessed(BaseModel):
    """A device that stands in the first of several units that took over, because nobody could tell in which."""

    device_id: str
    ver: int
    """The ETag by which it is moved."""
    name: str
    kind: str
    unit_id: str
    unit_name: str | None
    lat: float | None
    lon: float | None
    act_id: str
    previous_unit_id: str
    """Where it stood before the act."""
    previous_unit_name: str | None
    choices: list[Choice]
    """The units between which somebody has to say; the one where it stands is one of them."""


class ActDevices(BaseModel):
    """What an act did to devices within the caller's units."""

    moved: int
    unsure: list[Guessed]
    """At most 200, by name. Whoever moves one, or moves it to where it stands, has looked after it."""


class Unsure(BaseModel):
    """Devices that wait for somebody to say where they stand, after whichever act, within the caller's units."""

    items: list[Guessed]
    """At most 200, by name."""
    total: int


def acts_router(follower: ActFollower, registry: Registry) -> Routes:
    """Counting before an act, looking after it."""
    router = Routes()

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
        return ActDevices(moved=moved, unsure=await guessed(unsure))

    @router.get("/unsure")
    async def unsure_devices(caller: Viewer) -> Unsure:
        """Which devices stand where they stand by a guess: whoever moves one says where it belongs."""
        total, found = await follower.unsure(caller.units(DEVICE_READ))
        return Unsure(items=await guessed(found), total=total)

    async def guessed(devices: list[Document]) -> list[Guessed]:
        names = await registry.unit_names({unit_id for device in devices for unit_id in _units_of(device)})
        return [_guessed(device, names) for device in devices]

    return router


def _came_from(device: Document) -> str:
    return next(str(one["from"]) for one in device["followed"] if one["act"] == device["unsure"])


def _choices(device: Document) -> list[str]:
    # Where it stands comes first; a later act may have taken it elsewhere.
    return list(dict.fromkeys([device["unit_id"], *device.get("between", ())]))


def _units_of(device: Document) -> set[str]:
    return {device["unit_id"], _came_from(device), *_choices(device)}


def _guessed(device: Document, names: Mapping[str, str]) -> Guessed:
    came_from = _came_from(device)
    return Guessed(
        device_id=device["_id"],
        ver=device["rev"],
        **{name: device[name] for name in ("name", "kind", "unit_id", "lat", "lon")},
        unit_name=names.get(device["unit_id"]),
        act_id=device["unsure"],
        previous_unit_id=came_from,
        previous_unit_name=names.get(came_from),
        choices=[Choice(unit_id=unit_id, unit_name=names.get(unit_id)) for unit_id in _choices(device)],
    )
