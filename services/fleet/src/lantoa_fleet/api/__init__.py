"""HTTP: enrolment for devices, claiming and looking after them for people."""

from collections.abc import Sequence

from fastapi import APIRouter

from lantoa_fleet.api.devices import devices_router
from lantoa_fleet.api.enrolment import Welcome, enrolment_router
from lantoa_fleet.api.imports import imports_router
from lantoa_fleet.api.listing import listing_router
from lantoa_fleet.api.receivers import receivers_router
from lantoa_fleet.api.shapes import shapes_router
from lantoa_fleet.domain.presence import Beat
from lantoa_fleet.usecases.registry import Registry

__all__ = [
    "Welcome",
    "devices_router",
    "imports_router",
    "make_router",
    "receivers_router",
    "shapes_router",
]


def make_router(
    registry: Registry, welcome: Welcome, beats: dict[str, Beat], more: Sequence[APIRouter] = ()
) -> APIRouter:
    """The routes under ``/api/v1/fleet``; ``more`` are those that need neither a welcome nor heartbeats."""
    router = APIRouter()
    for part in (enrolment_router(registry, welcome, beats), listing_router(registry, beats), *more):
        router.include_router(part)
    return router
