"""Routes of enrolment and claim."""

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StringConstraints

from lantoa_contracts.base import DeviceKind, Id, SignedDocument
from lantoa_fleet.api.views import DeviceView, one_view
from lantoa_fleet.domain.presence import Beat
from lantoa_fleet.usecases.registry import Enrolment, Place, Registry
from lantoa_runtime.http import CallerDep, StrictModel

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


def enrolment_router(registry: Registry, welcome: Welcome, beats: dict[str, Beat]) -> APIRouter:
    """How a device gets in and a technician takes it."""
    router = APIRouter()

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
        return await one_view(registry, beats, await registry.claim(caller, body.claim_code, place), response)

    return router
