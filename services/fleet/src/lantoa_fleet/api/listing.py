"""Routes that show many devices at once."""

from typing import Annotated

from fastapi import APIRouter, Query

from lantoa_contracts.base import DeviceKind
from lantoa_fleet.api.views import DeviceView, device_view
from lantoa_fleet.domain.presence import Beat
from lantoa_fleet.usecases.registry import Registry
from lantoa_runtime.errors import AppError
from lantoa_runtime.http import CallerDep, Page, PageLimit


def listing_router(registry: Registry, beats: dict[str, Beat]) -> APIRouter:
    """The list of devices."""
    router = APIRouter()

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
        items = [device_view(device, names.get(device["unit_id"]), beats.get(device["_id"])) for device in shown]
        return Page(items=items, next=shown[-1]["_id"] if len(found) > limit else None)

    return router
