"""Routes of plain MQTT receivers."""

from fastapi import Request, Response
from pydantic import BaseModel

from lantoa_contracts.base import DeviceKind, Id
from lantoa_fleet.api.bodies import GroupNames, Lat, Lon, Name
from lantoa_fleet.api.callers import Manager
from lantoa_fleet.domain.places import Place, SiteType
from lantoa_fleet.usecases.receivers import Receiver, Receivers, receiver_id
from lantoa_runtime.http import KeyDep, Routes, StrictModel, idempotent
from lantoa_runtime.mongo import Collection


class ReceiverBody(StrictModel):
    """An MQTT receiver and its place."""

    name: Name
    unit_id: Id
    site_type: SiteType
    kind: DeviceKind = "radio"
    model: Name | None = None
    lat: Lat | None = None
    lon: Lon | None = None
    groups: GroupNames = ()


class ReceiverMade(BaseModel):
    """How a receiver signs in over MQTT 3.1.1: ``device_id`` as client id and as user name, ``token`` as password."""

    device_id: str
    token: str | None
    """Told this once; null where the request is a repeat: nobody can read it again, but it can be made anew."""


def receivers_router(receivers: Receivers, keys: Collection) -> Routes:
    """Making receivers and their tokens. Everything else of their life is a device's."""
    router = Routes()

    @router.post("/receivers", status_code=201)
    async def make_receiver(
        body: ReceiverBody, caller: Manager, key: KeyDep, request: Request, response: Response
    ) -> ReceiverMade:
        """Make a receiver; its token is told in this answer and never again."""
        place = Place(**body.model_dump(exclude={"kind"}))

        async def create(created_id: str) -> Receiver:
            return await receivers.make(caller, receiver_id(created_id), body.kind, place)

        async def lookup(created_id: str) -> Receiver | None:
            return await receivers.find(receiver_id(created_id))

        made = await idempotent(request, response, keys, caller, key, body, create, lookup)
        return ReceiverMade(device_id=made.device_id, token=made.token)

    @router.post("/receivers/{device_id}/token")
    async def new_receiver_token(device_id: str, caller: Manager) -> ReceiverMade:
        """Make a new token; whoever came in with the old one is cut off at once."""
        made = await receivers.new_token(caller, device_id)
        return ReceiverMade(device_id=made.device_id, token=made.token)

    return router
