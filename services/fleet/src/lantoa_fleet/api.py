"""HTTP: enrolment for devices, claiming and looking after them for people."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from lantoa_contracts.base import DeviceKind, Id, SignedDocument
from lantoa_fleet.domain.presence import Beat
from lantoa_fleet.usecases.registry import Enrolment, Place, Registry
from lantoa_runtime.errors import AppError
from lantoa_runtime.http import CallerDep, IfMatch, Page, PageLimit, StrictModel, etag
from lantoa_runtime.mongo import Document

_LINE = r"^[^\x00-\x1f\x7f]+$"
Line = Annotated[str, StringConstraints(pattern=_LINE, max_length=120)]
SiteType = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,39}$")]


class EnrolmentBody(StrictModel):
    """A device's request to be let in. The signature covers ``at`` as written."""

    public_key: Annotated[str, Field(max_length=80)]
    kind: DeviceKind
    model: Line
    at: Annotated[str, Field(max_length=40)]
    signature: Annotated[str, Field(max_length=120)]


class Welcome(BaseModel):
    """What an accepted device needs: the root to pin, the keys that it vouches for, and where to connect."""

    root_public_key: str
    key_set: SignedDocument
    nats_urls: tuple[str, ...]
    media_base: str


class Waiting(BaseModel):
    """Nobody has claimed the device yet; it shows the code."""

    state: Literal["pending"] = "pending"
    device_id: str
    claim_code: str


class Accepted(Welcome):
    """The device is claimed and stands in a unit."""

    state: Literal["accepted"] = "accepted"
    device_id: str
    unit_id: str


class ClaimBody(StrictModel):
    """A technician's claim of the device that shows the code."""

    claim_code: Annotated[str, Field(min_length=8, max_length=20)]
    name: Line
    unit_id: Id
    site_type: SiteType
    model: Line | None = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None


class MoveBody(StrictModel):
    """Where a device stands from now on."""

    unit_id: Id


class AlarmView(BaseModel):
    """One kind of trouble at a device: when last, how often in all."""

    code: str
    at: datetime
    count: int
    detail: str


class DeviceView(BaseModel):
    """A claimed device. ``ver`` counts claim, moves and revocation; it is the ETag."""

    device_id: str
    ver: int
    name: str
    kind: str
    state: Literal["accepted", "revoked"]
    unit_id: str
    unit_name: str | None
    site_type: str
    model: str
    lat: float | None
    lon: float | None
    public_key: str
    claimed_at: datetime
    online: bool
    last_seen: datetime
    version: str | None
    activity: str | None
    now: str | None
    desired_seq: int
    reported_seq: int
    media_ready: int | None
    media_wanted: int | None
    in_sync: bool
    alarms: list[AlarmView]


def _view(device: Document, unit_name: str | None, beat: Beat | None) -> DeviceView:
    online = bool(device.get("online"))
    shown = beat.beat if beat and online else None
    reported = device["reported"] or {}
    reported_seq = reported.get("desired_seq", 0)
    alarms = sorted(device["alarms"], key=lambda alarm: alarm["at"], reverse=True)
    same = ("name", "kind", "state", "unit_id", "site_type", "model", "lat", "lon", "public_key", "claimed_at")
    return DeviceView(
        device_id=device["_id"],
        ver=device["rev"],
        **{field: device[field] for field in same},
        unit_name=unit_name,
        online=online,
        last_seen=max(device["last_seen"], beat.at) if beat else device["last_seen"],
        version=beat.beat.version if beat else None,
        activity=shown.state if shown else None,
        now=shown.now if shown else None,
        desired_seq=device["seq"],
        reported_seq=reported_seq,
        media_ready=reported.get("media_ready"),
        media_wanted=reported.get("media_wanted"),
        in_sync=reported_seq == device["seq"] and reported.get("media_ready") == reported.get("media_wanted"),
        alarms=[AlarmView(**{field: alarm[field] for field in AlarmView.model_fields}) for alarm in alarms],
    )


def make_router(registry: Registry, welcome: Welcome, beats: dict[str, Beat]) -> APIRouter:
    """The routes under ``/api/v1/fleet``."""
    router = APIRouter()

    async def view(device: Document, response: Response) -> DeviceView:
        names = await registry.unit_names({device["unit_id"]})
        response.headers["ETag"] = etag(device["rev"])
        return _view(device, names.get(device["unit_id"]), beats.get(device["_id"]))

    @router.post("/enrolments", responses={202: {"model": Waiting}})
    async def enrol(body: EnrolmentBody, _: CallerDep, response: Response) -> Accepted | Waiting:
        """A device asks to be let in: 202 until it is claimed, then 200 with what it needs to connect."""
        device = await registry.enrol(Enrolment(**body.model_dump()))
        if device["state"] == "pending":
            response.status_code = 202
            return Waiting(device_id=device["_id"], claim_code=device["claim_code"])
        return Accepted(device_id=device["_id"], unit_id=device["unit_id"], **welcome.model_dump())

    @router.post("/devices/claim")
    async def claim(body: ClaimBody, caller: CallerDep, response: Response) -> DeviceView:
        """Accept the device that shows the code. Repeated by the same technician it gives the same answer."""
        place = Place(**body.model_dump(exclude={"claim_code"}))
        return await view(await registry.claim(caller, body.claim_code, place), response)

    @router.get("/devices")
    async def devices(
        caller: CallerDep,
        unit_id: str | None = None,
        kind: DeviceKind | None = None,
        limit: PageLimit = 50,
        cursor: Annotated[str | None, Query(max_length=80)] = None,
    ) -> Page[DeviceView]:
        """Claimed devices within what the caller may see."""
        if not caller.signed_in:
            raise AppError("sign-in-required", 401)
        found = await registry.page(caller, unit_id, kind, cursor, limit + 1)
        shown = found[:limit]
        names = await registry.unit_names({device["unit_id"] for device in shown})
        items = [_view(device, names.get(device["unit_id"]), beats.get(device["_id"])) for device in shown]
        return Page(items=items, next=shown[-1]["_id"] if len(found) > limit else None)

    @router.get("/devices/{device_id}")
    async def device(device_id: str, caller: CallerDep, response: Response) -> DeviceView:
        """One claimed device."""
        return await view(await registry.get(caller, device_id), response)

    @router.post("/devices/{device_id}/move")
    async def move(device_id: str, body: MoveBody, ver: IfMatch, caller: CallerDep, response: Response) -> DeviceView:
        """Put a device into another unit; its rights change at once."""
        return await view(await registry.move(caller, device_id, ver, body.unit_id), response)

    @router.post("/devices/{device_id}/revoke")
    async def revoke(device_id: str, ver: IfMatch, caller: CallerDep, response: Response) -> DeviceView:
        """Take a device's rights away; it is cut off at once and does not come back."""
        return await view(await registry.revoke(caller, device_id, ver), response)

    return router
