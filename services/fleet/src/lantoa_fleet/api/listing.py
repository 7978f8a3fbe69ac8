"""Routes that show many devices at once: list, spreadsheet, map, sums."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from lantoa_contracts.base import DeviceKind
from lantoa_fleet.api.callers import Viewer
from lantoa_fleet.api.views import DeviceView, device_view
from lantoa_fleet.domain.listing import Filter, Shown, cell, gravest
from lantoa_fleet.usecases.history import States
from lantoa_fleet.usecases.listing import Listing, Shot
from lantoa_fleet.usecases.registry import Registry
from lantoa_runtime.http import Page, PageLimit, Routes
from lantoa_runtime.http.problems import language_of

_PIECE = 200


class MapView(BaseModel):
    """Devices as points, compact: thousands in one answer."""

    points: list[Annotated[list[str | float | None], Field(min_length=7, max_length=7)]]
    """Device id, name, kind, latitude, longitude, state (``alarm``, ``offline``, ``drift`` or ``online``), unit id."""
    total: int


class SumView(BaseModel):
    """How many devices stand in a unit and below it."""

    unit_id: str
    unit_name: str | None
    total: int
    online: int
    alarm: int
    drift: int


class Summary(BaseModel):
    """Every unit within what the caller may see that has devices."""

    units: list[SumView]


class HourView(BaseModel):
    """An hour of a device: minutes when it was there, minutes when it played or showed, the worst of its numbers."""

    at: Any
    beats: int
    online: int
    playing: int
    offset: int
    """Milliseconds."""
    disk: int | None
    """Megabytes free."""
    temperature: float | None
    restarts: int


class Hours(BaseModel):
    """The last hours in order; hours in which nothing was heard are missing."""

    items: list[HourView]


def _filter(
    unit_id: str | None = None,
    kind: DeviceKind | None = None,
    state: Shown | None = None,
    version: Annotated[str | None, Query(max_length=80)] = None,
    group: Annotated[str | None, Query(max_length=80)] = None,
    q: Annotated[str | None, Query(max_length=120)] = None,
) -> Filter:
    return Filter(unit_id, kind, state, version, group, q)


FilterDep = Annotated[Filter, Depends(_filter)]


def listing_router(registry: Registry, listing: Listing, states: States) -> Routes:
    """What is seen of all devices that the caller may see."""
    router = Routes()

    @router.get("/devices")
    async def devices(
        caller: Viewer,
        wanted: FilterDep,
        limit: PageLimit = 50,
        cursor: Annotated[str | None, Query(max_length=80)] = None,
    ) -> Page[DeviceView]:
        """Claimed devices by name; ``state`` is one of those in which a device can be at once."""
        shots, after = await listing.page(caller, wanted, cursor, limit)
        found = {device["_id"]: device for device in await registry.devices([shot.row.device_id for shot in shots])}
        items = [
            device_view(found[shot.row.device_id], listing.roster.unit_name(shot.row.unit_id), listing)
            for shot in shots
            if shot.row.device_id in found
        ]
        return Page(items=items, next=after)

    @router.get("/devices.csv", response_class=StreamingResponse)
    async def devices_csv(request: Request, caller: Viewer, wanted: FilterDep) -> StreamingResponse:
        """The same devices, all of them, as a spreadsheet opens them."""
        shots = await listing.all(caller, wanted)
        language = language_of(request.headers.get("accept-language", ""))
        return StreamingResponse(
            _csv(shots, listing, _HEADINGS[language]),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="devices.csv"', "X-Content-Type-Options": "nosniff"},
        )

    @router.get("/map")
    async def devices_map(caller: Viewer, wanted: FilterDep) -> MapView:
        """Every device that fits, as a point; those without a place have no coordinates."""
        shots = await listing.all(caller, wanted)
        points = [
            [row.device_id, row.name, row.kind, row.lat, row.lon, gravest(shot.states), row.unit_id]
            for shot in shots
            if (row := shot.row).accepted
        ]
        return MapView.model_construct(points=points, total=len(points))

    @router.get("/summary")
    async def summary(caller: Viewer) -> Summary:
        """How many devices stand in each unit and how they are."""
        found = await listing.sums(caller)
        return Summary(
            units=[
                SumView(
                    unit_id=unit_id,
                    unit_name=listing.roster.unit_name(unit_id),
                    total=one.total,
                    online=one.online,
                    alarm=one.alarm,
                    drift=one.drift,
                )
                for unit_id, one in found.items()
            ]
        )

    @router.get("/devices/{device_id}/hours")
    async def hours(device_id: str, caller: Viewer, days: Annotated[int, Query(ge=1, le=90)] = 7) -> Hours:
        """What a device's last days were like, hour by hour."""
        await registry.get(caller, device_id)
        return Hours(items=[HourView(**hour) for hour in await states.hours(device_id, days)])

    return router


_COLUMNS: tuple[tuple[str, str, Callable[[Shot, Listing], Any]], ...] = (
    ("Mã thiết bị", "Device", lambda shot, _: shot.row.device_id),
    ("Tên", "Name", lambda shot, _: shot.row.name),
    ("Loại", "Kind", lambda shot, _: shot.row.kind),
    ("Đơn vị", "Unit", lambda shot, listing: listing.roster.unit_name(shot.row.unit_id) or shot.row.unit_id),
    ("Vị trí", "Site", lambda shot, _: shot.row.site_type),
    ("Model", "Model", lambda shot, _: shot.row.model),
    ("Nhóm", "Groups", lambda shot, _: " ".join(shot.row.groups)),
    ("Vĩ độ", "Latitude", lambda shot, _: shot.row.lat),
    ("Kinh độ", "Longitude", lambda shot, _: shot.row.lon),
    ("Trạng thái", "State", lambda shot, _: " ".join(sorted(shot.states)) or "revoked"),
    ("Phiên bản", "Version", lambda shot, listing: listing.version_of(shot.row)),
    ("Lần cuối thấy", "Last seen", lambda shot, listing: listing.last_seen(shot.row).isoformat(timespec="seconds")),
)
_HEADINGS = {"vi": [column[0] for column in _COLUMNS], "en": [column[1] for column in _COLUMNS]}


def _csv(shots: Sequence[Shot], listing: Listing, headings: Sequence[str]) -> Iterator[bytes]:
    """Piece by piece; the mark at the beginning makes spreadsheets read it as UTF-8."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow(headings)
    for begin in range(0, len(shots), _PIECE):
        for shot in shots[begin : begin + _PIECE]:
            writer.writerow([cell(value(shot, listing)) for _, _, value in _COLUMNS])
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    if not shots:
        yield out.getvalue().encode()
