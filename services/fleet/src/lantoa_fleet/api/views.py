"""A claimed device as people see it."""

from datetime import datetime
from typing import Literal

from fastapi import Response
from pydantic import BaseModel

from lantoa_fleet.usecases.listing import Listing
from lantoa_fleet.usecases.registry import Registry
from lantoa_runtime.http import etag
from lantoa_runtime.mongo import Document


class AlarmView(BaseModel):
    """One kind of trouble at a device: when last, how often in all."""

    code: str
    at: datetime
    count: int
    detail: str


class GroupView(BaseModel):
    """A group; its scope for alerts is ``grp.<group_id>``."""

    group_id: str
    name: str


class DeviceView(BaseModel):
    """A claimed device. ``ver`` counts what people did with it (claim, moves, groups, revocation); it is the ETag."""

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
    link: Literal["nats", "mqtt"]
    groups: list[GroupView]
    place_id: str
    """The same for all devices that stood here one after the other."""
    replaces: str | None
    replaced_by: str | None
    online: bool
    last_seen: datetime
    states: list[str]
    """``online`` or ``offline``, ``alarm``, ``drift``; none of a revoked one."""
    version: str | None
    """What it said it runs; like all numbers of its last heartbeat it stays when the device goes."""
    wanted_version: str | None
    """The version of the last update that it was told."""
    activity: str | None
    now: str | None
    volume: int | None
    temperature_c: float | None
    disk_free_mb: int | None
    signal_dbm: int | None
    clock_offset_ms: int | None
    desired_seq: int
    reported_seq: int
    media_ready: int | None
    media_wanted: int | None
    in_sync: bool
    alarms: list[AlarmView]


def device_view(device: Document, unit_name: str | None, live: Listing) -> DeviceView:
    """A document with the name of its unit and what the device last said of itself."""
    online = bool(device.get("online"))
    beat = live.states.get(device["_id"])
    told = beat.beat if beat else None
    shown = told if online else None
    reported = device["reported"] or {}
    reported_seq = reported.get("desired_seq", 0)
    alarms = sorted(device["alarms"], key=lambda alarm: alarm["at"], reverse=True)
    same = ("name", "kind", "state", "unit_id", "site_type", "model", "lat", "lon", "public_key", "claimed_at")
    return DeviceView(
        device_id=device["_id"],
        ver=device["rev"],
        **{field: device[field] for field in same},
        unit_name=unit_name,
        link=device.get("link", "nats"),
        groups=[
            GroupView(group_id=group_id, name=name)
            for group_id, name in zip(device.get("groups", []), device.get("group_names", []), strict=True)
        ],
        place_id=device.get("place_id", device["_id"]),
        replaces=device.get("replaces"),
        replaced_by=device.get("replaced_by"),
        online=online,
        last_seen=max(device["last_seen"], beat.at) if beat else device["last_seen"],
        states=live.shown(device["_id"]),
        version=told.version if told else None,
        wanted_version=device.get("wanted_version"),
        activity=shown.state if shown else None,
        now=shown.now if shown else None,
        volume=told.volume if told else None,
        temperature_c=told.temperature_c if told else None,
        disk_free_mb=told.disk_free_mb if told else None,
        signal_dbm=told.signal_dbm if told else None,
        clock_offset_ms=told.clock_offset_ms if told else None,
        desired_seq=device["seq"],
        reported_seq=reported_seq,
        media_ready=reported.get("media_ready"),
        media_wanted=reported.get("media_wanted"),
        in_sync=reported_seq == device["seq"] and reported.get("media_ready") == reported.get("media_wanted"),
        alarms=[AlarmView(**{field: alarm[field] for field in AlarmView.model_fields}) for alarm in alarms],
    )


async def one_view(registry: Registry, live: Listing, device: Document, response: Response) -> DeviceView:
    """One device as the answer to a request that is about it, with its ETag."""
    names = await registry.unit_names({device["unit_id"]})
    response.headers["ETag"] = etag(device["rev"])
    return device_view(device, names.get(device["unit_id"]), live)
