"""Routes of one claimed device."""

from fastapi import APIRouter, Response

from lantoa_contracts.base import Id
from lantoa_fleet.api.views import DeviceView, one_view
from lantoa_fleet.domain.presence import Beat
from lantoa_fleet.usecases.registry import Registry
from lantoa_runtime.http import CallerDep, IfMatch, StrictModel


class MoveBody(StrictModel):
    """Where a device stands from now on."""

    unit_id: Id


def devices_router(registry: Registry, beats: dict[str, Beat]) -> APIRouter:
    """Looking after one device."""
    router = APIRouter()

    @router.get("/devices/{device_id}")
    async def device(device_id: str, caller: CallerDep, response: Response) -> DeviceView:
        """One claimed device."""
        return await one_view(registry, beats, await registry.get(caller, device_id), response)

    @router.post("/devices/{device_id}/move")
    async def move(device_id: str, body: MoveBody, ver: IfMatch, caller: CallerDep, response: Response) -> DeviceView:
        """Put a device into another unit; its rights change at once."""
        return await one_view(registry, beats, await registry.move(caller, device_id, ver, body.unit_id), response)

    @router.post("/devices/{device_id}/revoke")
    async def revoke(device_id: str, ver: IfMatch, caller: CallerDep, response: Response) -> DeviceView:
        """Take a device's rights away; it is cut off at once and does not come back."""
        return await one_view(registry, beats, await registry.revoke(caller, device_id, ver), response)

    return router
