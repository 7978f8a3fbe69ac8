"""HTTP: enrolment for devices, claiming and looking after them for people."""

from fastapi import APIRouter

from lantoa_fleet.api.devices import devices_router
from lantoa_fleet.api.enrolment import Welcome, enrolment_router
from lantoa_fleet.api.listing import listing_router
from lantoa_fleet.domain.presence import Beat
from lantoa_fleet.usecases.registry import Registry

__all__ = ["Welcome", "make_router"]


def make_router(registry: Registry, welcome: Welcome, beats: dict[str, Beat]) -> APIRouter:
    """The routes under ``/api/v1/fleet``."""
    router = APIRouter()
    router.include_router(enrolment_router(registry, welcome, beats))
    router.include_router(listing_router(registry, beats))
    router.include_router(devices_router(registry, beats))
    return router
