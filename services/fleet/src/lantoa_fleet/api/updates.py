"""Routes of updates of devices' programs."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from lantoa_contracts.base import BlobRef, Id, Sha256
from lantoa_fleet.api.callers import Updater, Viewer
from lantoa_fleet.api.commands import FilterBody
from lantoa_fleet.domain.listing import Filter
from lantoa_fleet.domain.updates import MOST_FILES, checked_waves
from lantoa_fleet.usecases.listing import Listing
from lantoa_fleet.usecases.updates import Release, Updates
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.errors import Invalid
from lantoa_runtime.http import KeyDep, Page, Routes, StrictModel, idempotent
from lantoa_runtime.mongo import Collection, Document

Version = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,39}$")]


class FileBody(StrictModel):
    """A file of a release that is stored already."""

    path: Annotated[str, Field(max_length=200)]
    sha256: Sha256


class UpdateBody(StrictModel):
    """A new version, and how carefully it is brought to devices."""

    version: Version
    files: Annotated[list[FileBody], Field(min_length=1, max_length=MOST_FILES)]
    device_ids: Annotated[list[Id], Field(min_length=1, max_length=10_000)] | None = None
    filter: FilterBody | None = None
    waves: Annotated[list[Annotated[str, Field(max_length=8)]], Field(min_length=1, max_length=20)] = [
        "1", "5%", "25%", "100%",
    ]  # fmt: skip
    """After each wave all devices of it must be done: so many in all, or a share of all."""
    error_limit: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of a wave that may fail; beyond it the update stops by itself."""
    wait_s: Annotated[int, Field(ge=30, le=86_400)] = 900
    """How long a device may take until it runs the new version."""


class TargetView(BaseModel):
    """A device of an update: ``waiting``, ``told``, ``done`` or ``failed``."""

    device_id: str
    device_name: str | None
    state: str
    wave: int
    told_at: datetime | None
    reason: str
    earlier: str | None
    """The version it ran before."""


class UpdateView(BaseModel):
    """An update: ``running``, ``stopped`` (by hand, or by too many errors), ``finished`` or ``rolled_back``."""

    update_id: str
    version: str
    state: str
    reason: str
    waves: list[str]
    wave: int
    error_limit: float
    wait_s: float
    devices: int
    begun_at: datetime
    ended_at: datetime | None
    by_name: str
    rolls_back: str | None
    """The update whose devices this one brings back to an earlier version."""
    counts: dict[str, int]
    """How many devices are in each state."""


class WholeUpdate(UpdateView):
    """An update with its files and its devices."""

    manifest: BlobRef
    files: list[dict[str, Any]]
    items: list[TargetView]


class _Views:
    """Updates as people see them."""

    def __init__(self, updates: Updates, listing: Listing) -> None:
        self._updates = updates
        self._listing = listing

    async def short(self, update: Document) -> UpdateView:
        """One line of a list."""
        return UpdateView(**_fields(update, await self._updates.targets(update["_id"])))

    async def whole(self, update: Document) -> WholeUpdate:
        """Everything."""
        targets = await self._updates.targets(update["_id"])
        rows = self._listing.roster.rows
        names = ("device_id", "state", "wave", "told_at", "reason", "earlier")
        items = [
            TargetView(
                device_name=rows[target["device_id"]].name if target["device_id"] in rows else None,
                **{name: target[name] for name in names},
            )
            for target in targets
        ]
        manifest = BlobRef(**update["manifest"])
        return WholeUpdate(**_fields(update, targets), manifest=manifest, files=update["files"], items=items)


_SAME = ("version", "state", "reason", "waves", "wave", "error_limit", "devices", "begun_at", "by_name", "rolls_back")


def _fields(update: Document, targets: list[Document]) -> dict[str, Any]:
    states = [target["state"] for target in targets]
    return {name: update[name] for name in _SAME} | {
        "update_id": update["_id"],
        "wait_s": update["patience_s"],
        "ended_at": update.get("ended_at"),
        "counts": {state: states.count(state) for state in ("waiting", "told", "done", "failed")},
    }


def updates_router(updates: Updates, listing: Listing, blobs: Blobs, records: Collection) -> Routes:
    """New programs for devices."""
    router = Routes(prefix="/updates")
    views = _Views(updates, listing)

    @router.put("/files", status_code=201)
    async def put_update_file(request: Request, _: Updater) -> BlobRef:
        """Store a file of a release, 5 MB at most; an update names it by the hash in the answer."""
        data = await request.body()
        if not data:
            raise Invalid("fleet.file-empty")
        return await blobs.put(data, "application/octet-stream")

    @router.post("", status_code=202)
    async def begin_update(
        body: UpdateBody, caller: Updater, key: KeyDep, request: Request, response: Response
    ) -> UpdateView:
        """Sign the manifest and begin with the first wave."""
        if body.device_ids is not None and body.filter is not None:
            raise Invalid("fleet.devices-or-filter", "/device_ids")
        release = Release(
            body.version,
            [(file.path, file.sha256) for file in body.files],
            body.filter.filter() if body.filter else Filter(),
            body.device_ids,
            checked_waves(body.waves),
            body.error_limit,
            timedelta(seconds=body.wait_s),
        )

        async def create(update_id: str) -> Document:
            return await updates.begin(caller, update_id, release)

        return await views.short(await idempotent(request, response, records, caller, key, body, create, updates.find))

    @router.get("")
    async def list_updates(caller: Viewer, limit: Annotated[int, Query(ge=1, le=100)] = 50) -> Page[UpdateView]:
        """The last updates, the newest first."""
        return Page(items=[await views.short(update) for update in await updates.page(caller, limit)])

    @router.get("/{update_id}")
    async def get_update(update_id: str, caller: Viewer) -> WholeUpdate:
        """An update with every device of it."""
        return await views.whole(await updates.get(caller, update_id))

    @router.post("/{update_id}/stop")
    async def stop_update(update_id: str, caller: Updater) -> UpdateView:
        """Tell no further device; those that were told go on."""
        return await views.short(await updates.turn_to(caller, update_id, "stopped"))

    @router.post("/{update_id}/resume")
    async def resume_update(update_id: str, caller: Updater) -> UpdateView:
        """Go on with what was stopped; failures until now are forgiven."""
        return await views.short(await updates.turn_to(caller, update_id, "running"))

    @router.post("/{update_id}/rollback")
    async def roll_back_update(update_id: str, caller: Updater) -> Page[UpdateView]:
        """Bring the devices that were told back to the version they ran before; the updates that do so."""
        return Page(items=[await views.short(update) for update in await updates.roll_back(caller, update_id)])

    return router
