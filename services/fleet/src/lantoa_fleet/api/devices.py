"""Routes of one claimed device, and of the groups it belongs to."""

from datetime import datetime
from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel

from lantoa_contracts.base import Id
from lantoa_fleet.api.bodies import GroupNames, Lat, Lon
from lantoa_fleet.api.callers import Manager, Viewer
from lantoa_fleet.api.views import DeviceView, GroupView, one_view
from lantoa_fleet.domain.places import SiteType
from lantoa_fleet.usecases.groups import Groups
from lantoa_fleet.usecases.listing import Listing
from lantoa_fleet.usecases.places import Timeline
from lantoa_fleet.usecases.registry import Registry
from lantoa_runtime.http import IfMatch, Page, PageLimit, Routes, StrictModel


class MoveBody(StrictModel):
    """Where a device stands from now on. What is left out stays; a point is given whole."""

    unit_id: Id
    site_type: SiteType | None = None
    lat: Lat | None = None
    lon: Lon | None = None


class GroupsBody(StrictModel):
    """The groups of a device, all of them, by name or id; a new name makes a new group."""

    groups: GroupNames


class CountedGroup(GroupView):
    """A group with the number of its devices that the caller may see."""

    devices: int


class TimelineEntry(BaseModel):
    """Something that happened at a place; which fields are filled depends on ``what``."""

    at: datetime
    what: str
    """``claimed``, ``moved``, ``grouped``, ``replaced`` (this device took the place of ``other_id``), ``token``,
    ``revoked``, ``alarm``, ``command``."""
    device_id: str
    by: str | None = None
    by_name: str | None = None
    unit_id: str | None = None
    unit_name: str | None = None
    previous_unit_id: str | None = None
    previous_unit_name: str | None = None
    other_id: str | None = None
    groups: list[str] | None = None
    code: str | None = None
    count: int | None = None
    detail: str | None = None


def devices_router(registry: Registry, live: Listing, groups: Groups, timeline: Timeline) -> Routes:
    """Looking after one device."""
    router = Routes()

    @router.get("/groups")
    async def all_groups(caller: Viewer) -> Page[CountedGroup]:
        """All groups, by id."""
        found = await groups.all(caller)
        return Page(items=[CountedGroup(group_id=one.group_id, name=one.name, devices=count) for one, count in found])

    @router.get("/devices/{device_id}")
    async def device(device_id: str, caller: Viewer, response: Response) -> DeviceView:
        """One claimed device."""
        return await one_view(registry, live, await registry.get(caller, device_id), response)

    @router.get("/devices/{device_id}/timeline")
    async def device_timeline(
        device_id: str,
        caller: Viewer,
        limit: PageLimit = 50,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Page[TimelineEntry]:
        """What happened at the device's place, newest first, also to those that stood there before it."""
        found, following = await timeline.page(await registry.get(caller, device_id), cursor, limit)
        units = {entry.get(field) for entry in found for field in ("unit_id", "previous_unit_id")}
        names = await registry.unit_names({unit for unit in units if unit})
        items = [
            TimelineEntry(
                **{name: entry[name] for name in entry.keys() & TimelineEntry.model_fields.keys()},
                unit_name=names.get(entry.get("unit_id", "")),
                previous_unit_name=names.get(entry.get("previous_unit_id", "")),
            )
            for entry in found
        ]
        return Page(items=items, next=following)

    @router.post("/devices/{device_id}/move")
    async def move(device_id: str, body: MoveBody, ver: IfMatch, caller: Manager, response: Response) -> DeviceView:
        """Put a device into another unit, or at another point of it; its rights change at once."""
        place = body.model_dump(exclude={"unit_id"}, exclude_none=True)
        device = await registry.move(caller, device_id, ver, body.unit_id, place)
        return await one_view(registry, live, device, response)

    @router.put("/devices/{device_id}/groups")
    async def regroup(
        device_id: str, body: GroupsBody, ver: IfMatch, caller: Manager, response: Response
    ) -> DeviceView:
        """Let a device belong to exactly these groups; it hears their alerts at once."""
        device = await registry.regroup(caller, device_id, ver, body.groups)
        return await one_view(registry, live, device, response)

    @router.post("/devices/{device_id}/revoke")
    async def revoke(device_id: str, ver: IfMatch, caller: Manager, response: Response) -> DeviceView:
        """Take a device's rights away; it is cut off at once and does not come back."""
        return await one_view(registry, live, await registry.revoke(caller, device_id, ver), response)

    return router
