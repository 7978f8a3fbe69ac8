"""HTTP: enrolment for devices, claiming and looking after them for people."""

from collections.abc import Sequence

from lantoa_fleet.api.acts import acts_router
from lantoa_fleet.api.alarms import alarms_router
from lantoa_fleet.api.commands import commands_router
from lantoa_fleet.api.devices import devices_router
from lantoa_fleet.api.enrolment import Welcome, enrolment_router
from lantoa_fleet.api.imports import imports_router
from lantoa_fleet.api.listing import listing_router
from lantoa_fleet.api.receivers import receivers_router
from lantoa_fleet.api.shapes import shapes_router
from lantoa_fleet.api.updates import updates_router
from lantoa_fleet.usecases.registry import Registry
from lantoa_fleet.usecases.watch import Watching
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.http import Routes
from lantoa_runtime.mongo import Collection

__all__ = [
    "Welcome",
    "acts_router",
    "devices_router",
    "imports_router",
    "make_router",
    "receivers_router",
    "shapes_router",
]


def make_router(
    registry: Registry,
    welcome: Welcome,
    watching: Watching,
    records: Collection,
    blobs: Blobs,
    more: Sequence[Routes] = (),
) -> Routes:
    """The routes under ``/api/v1/fleet``; ``records`` are the idempotency keys, ``more`` are the registry's own."""
    router = Routes()
    for part in (
        enrolment_router(registry, welcome, watching.listing),
        listing_router(registry, watching.listing, watching.states),
        *more,
        commands_router(watching.orders, watching.uploads, registry, records, blobs),
        updates_router(watching.updates, watching.listing, blobs, records),
        alarms_router(watching.alarms, watching.roster),
    ):
        part.add_to(router)
    return router
