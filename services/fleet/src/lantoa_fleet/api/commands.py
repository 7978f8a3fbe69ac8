"""Routes of commands: order, follow, and what devices send back."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from lantoa_contracts.base import DeviceKind, Id
from lantoa_fleet.api.callers import Commander, Sender, Viewer
from lantoa_fleet.domain.commands import MOST_DEVICES, progress
from lantoa_fleet.domain.listing import Filter, Shown
from lantoa_fleet.usecases.commands import Orders, Wish
from lantoa_fleet.usecases.registry import Registry
from lantoa_fleet.usecases.uploads import Uploads
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.errors import Invalid
from lantoa_runtime.http import KeyDep, Page, PageLimit, Routes, StrictModel, blob_response, idempotent
from lantoa_runtime.mongo import Collection, Document


class FilterBody(StrictModel):
    """Devices by what the list shows of them; every field given must fit."""

    unit_id: Id | None = None
    kind: DeviceKind | None = None
    state: Shown | None = None
    version: Annotated[str, Field(max_length=80)] | None = None
    group: Annotated[str, Field(max_length=80)] | None = None
    q: Annotated[str, Field(max_length=120)] | None = None

    def filter(self) -> Filter:
        """For the list."""
        return Filter(**self.model_dump())


class OrderBody(StrictModel):
    """What devices are to do: those named, or all that a filter finds."""

    device_ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_DEVICES)] | None = None
    filter: FilterBody | None = None
    name: Annotated[str, Field(max_length=40)]
    args: Annotated[dict[str, str | int | float | bool], Field(max_length=8)] = {}
    expires_s: Annotated[int, Field(ge=10, le=3600)] = 120
    """How long the command is tried to be brought to a device, in seconds."""


class Ordered(BaseModel):
    """An order that is stored and on its way."""

    order_id: str
    devices: int
    expires_at: datetime


class CommandView(BaseModel):
    """One device's part in an order.

    ``sent``: no answer yet; ``received``: the device is at it; ``finished``, ``failed``; ``expired``: no outcome came.
    """

    cmd_id: str
    order_id: str
    device_id: str
    device_name: str | None = None
    name: str
    args: dict[str, Any]
    state: str
    at: datetime
    by_name: str
    answered_at: datetime | None
    detail: str
    data: dict[str, Any] | None
    """What ``diagnose`` found."""
    upload: bool
    """Whether a file has come that ``/commands/uploads/<cmd_id>`` gives."""


class OrderView(BaseModel):
    """An order with what became of it at each device that the caller may see."""

    order_id: str
    name: str
    args: dict[str, Any]
    at: datetime
    expires_at: datetime
    by_name: str
    open: bool
    """Whether outcomes may still come by themselves."""
    counts: dict[str, int]
    """How many of ``items`` are in each state."""
    items: list[CommandView]


def _view(command: Document, name: str | None = None) -> CommandView:
    return CommandView(
        cmd_id=command["_id"],
        order_id=command["order_id"],
        device_id=command["device_id"],
        device_name=name,
        name=command["name"],
        args=command["args"],
        state=command["state"],
        at=command["at"],
        by_name=command["by_name"],
        answered_at=command.get("answered_at"),
        detail=command.get("detail", ""),
        data=command.get("data"),
        upload="upload" in command,
    )


def _ordered(order: Document) -> Ordered:
    return Ordered(order_id=order["_id"], devices=order["devices"], expires_at=order["exp"])


def commands_router(orders: Orders, uploads: Uploads, registry: Registry, records: Collection, blobs: Blobs) -> Routes:
    """Commands of people, files of devices."""
    router = Routes()

    @router.post("/commands", status_code=202)
    async def order_command(
        body: OrderBody, caller: Commander, key: KeyDep, request: Request, response: Response
    ) -> Ordered:
        """Tell devices to do something now: ``volume{percent}``, ``restart``, ``test_tone{seconds}``, ``screenshot``,
        ``log_upload``, ``diagnose``. Signed, repeated until each has answered or the time is over."""
        if (body.device_ids is None) == (body.filter is None):
            raise Invalid("fleet.devices-or-filter", "/device_ids")
        wish = Wish(
            body.name,
            body.args,
            timedelta(seconds=body.expires_s),
            body.device_ids,
            body.filter.filter() if body.filter else None,
        )

        async def create(order_id: str) -> Document:
            return await orders.place(caller, order_id, wish)

        return _ordered(await idempotent(request, response, records, caller, key, body, create, orders.find))

    @router.get("/commands/{order_id}")
    async def get_order(order_id: str, caller: Viewer) -> OrderView:
        """How far an order is."""
        found = await orders.progress(caller, order_id)
        return OrderView(
            order_id=order_id,
            name=found.order["name"],
            args=found.order["args"],
            at=found.order["at"],
            expires_at=found.order["exp"],
            by_name=found.order["by_name"],
            open="open" in found.order,
            counts=progress(command["state"] for command in found.commands),
            items=[_view(command, found.names[command["device_id"]]) for command in found.commands],
        )

    @router.get("/devices/{device_id}/commands")
    async def list_device_commands(
        device_id: str,
        caller: Viewer,
        limit: PageLimit = 50,
        cursor: Annotated[str | None, Query(max_length=160)] = None,
    ) -> Page[CommandView]:
        """What a device was told to do, the newest first."""
        await registry.get(caller, device_id)
        found, after = await orders.of_device(device_id, cursor, limit)
        return Page(items=[_view(command) for command in found], next=after)

    @router.get("/commands/uploads/{cmd_id}", response_class=Response)
    async def get_upload(cmd_id: str, caller: Viewer, request: Request) -> Response:
        """The screenshot (WebP) or log (text, or packed by gzip) that a device sent."""
        upload = await uploads.get(caller, cmd_id)
        picture = upload["media_type"].startswith("image/")
        place = "inline" if picture else f'attachment; filename="{cmd_id}.{_ENDINGS[upload["media_type"][:8]]}"'
        headers = {"Content-Disposition": place, "Cache-Control": "private, max-age=3600"}
        return await blob_response(request, blobs, upload["sha256"], upload["media_type"], headers)

    @router.put("/uploads/{cmd_id}", status_code=204)
    async def put_upload(cmd_id: str, request: Request, _: Sender) -> Response:
        """A device puts what a command asked it for, at the address that the command named."""
        await uploads.put(cmd_id, request.query_params, await request.body())
        return Response(status_code=204)

    return router


_ENDINGS = {"applicat": "log.gz", "text/pla": "log"}
