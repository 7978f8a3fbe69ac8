"""Routes of enrolment and claim."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Response
from pydantic import BaseModel, Field

from lantoa_contracts.base import DeviceKind, Id, SignedDocument
from lantoa_fleet.api.bodies import GroupNames, Lat, Lon, Name
from lantoa_fleet.api.callers import Manager, Newcomer
from lantoa_fleet.api.views import DeviceView, one_view
from lantoa_fleet.domain.places import SiteType
from lantoa_fleet.usecases.listing import Listing
from lantoa_fleet.usecases.registry import Enrolment, Registry
from lantoa_runtime.http import Routes, StrictModel


class EnrolmentBody(StrictModel):
    """A device's request to be let in. The signature covers ``at`` as written."""

    public_key: Annotated[str, Field(max_length=80)]
    kind: DeviceKind
    model: Name
    at: Annotated[str, Field(max_length=40)]
    signature: Annotated[str, Field(max_length=120)]


class Welcome(BaseModel):
    """What an accepted device needs: the root to pin, the keys that it vouches for, and where to connect."""

    root_public_key: str
    key_set: SignedDocument
    nats_urls: tuple[str, ...]
    media_base: str


class Waiting(BaseModel):
    """Nobody has claimed the device yet; it shows the code, alone and as a QR code.

    The QR code's text is ``lantoa:claim:<claim_code>:<fingerprint>``, the fingerprint being the id's 20 hex digits.
    """

    state: Literal["pending"] = "pending"
    device_id: str
    claim_code: str
    code_expires_at: datetime
    """Then the code is gone; the next request brings another."""


class Accepted(Welcome):
    """The device is claimed and stands in a unit."""

    state: Literal["accepted"] = "accepted"
    device_id: str
    unit_id: str


class ClaimBody(StrictModel):
    """A technician's claim of the device that shows the code."""

    claim_code: Annotated[str, Field(min_length=8, max_length=200)]
    """The code as typed, or the whole text of the QR code: then another device than the scanned one is refused."""
    name: Name | None = None
    unit_id: Id | None = None
    site_type: SiteType | None = None
    kind: DeviceKind | None = None
    """What the technician takes the device for; refused when it says that it is something else."""
    model: Name | None = None
    lat: Lat | None = None
    lon: Lon | None = None
    groups: GroupNames | None = None
    replaces: Id | None = None
    """The device whose place this one takes, with its groups and history; it is revoked. What is left out here is
    taken from it; without it name, unit and kind of place are needed."""


def enrolment_router(registry: Registry, welcome: Welcome, live: Listing) -> Routes:
    """How a device gets in and a technician takes it."""
    router = Routes()

    @router.post("/enrolments", responses={202: {"model": Waiting}})
    async def enrol(body: EnrolmentBody, _: Newcomer, response: Response) -> Accepted | Waiting:
        """A device asks to be let in: 202 until it is claimed, then 200 with what it needs to connect."""
        device = await registry.enrol(Enrolment(**body.model_dump()))
        if device["state"] == "pending":
            response.status_code = 202
            code = {"claim_code": device["claim_code"], "code_expires_at": device["code_until"]}
            return Waiting(device_id=device["_id"], **code)
        return Accepted(device_id=device["_id"], unit_id=device["unit_id"], **welcome.model_dump())

    @router.post("/devices/claim")
    async def claim(body: ClaimBody, caller: Manager, response: Response) -> DeviceView:
        """Accept the device that shows the code. Repeated by the same technician it gives the same answer."""
        given = body.model_dump(exclude={"claim_code", "replaces", "kind"})
        device = await registry.claim(caller, body.claim_code, given, body.replaces, body.kind)
        return await one_view(registry, live, device, response)

    return router
