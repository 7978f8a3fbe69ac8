"""Broadcast over HTTP."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Header, Query, Request, Response
from pydantic import BaseModel, Field

from lantoa_broadcast.domain import Grid, Session
from lantoa_broadcast.usecases import grids, missed, programme
from lantoa_broadcast.usecases.replay import replay
from lantoa_broadcast.usecases.stores import Stores
from lantoa_contracts.base import Id, SignedDocument
from lantoa_contracts.policy import PROGRAMME_PLAN, PROGRAMME_READ, Permission
from lantoa_runtime.errors import AppError, Invalid, NotFound
from lantoa_runtime.http import Caller, KeyDep, Page, PageLimit, Routes, StrictModel, allows, etag, idempotent
from lantoa_runtime.http.conditions import COLLECTION
from lantoa_runtime.http.replay import replay_route
from lantoa_runtime.mongo import newest_first

Viewer = Annotated[Caller, allows(PROGRAMME_READ)]
Planner = Annotated[Caller, allows(PROGRAMME_PLAN)]


class GridBody(StrictModel):
    """When a unit broadcasts, as it is to be."""

    rule: Annotated[str, Field(min_length=1, max_length=200)]
    at: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    max_minutes: Annotated[int, Field(ge=1, le=240)] = 45


class GridView(BaseModel):
    """When a unit broadcasts; ``ver`` 0 is the grid that holds until somebody sets one."""

    unit_id: str
    ver: int
    rule: str
    at: str
    max_minutes: int


class EntryView(BaseModel):
    """An item in a session; ``seconds`` is the length of its audio."""

    entry_id: str
    item_id: str
    revision: int
    title: str
    priority: str
    seconds: float


class SessionView(BaseModel):
    """A session and what it plays, in order."""

    id: str
    unit_id: str
    starts_at: datetime
    entries: list[EntryView]


class StartNow(StrictModel):
    """Start the unit's next session so many seconds from now."""

    unit_id: Id
    in_seconds: Annotated[float, Field(ge=0, le=3600)] = 3.0


class ProofView(BaseModel):
    """One attempt, as the station signed it."""

    local_id: str
    outcome: str
    started_at: datetime
    ended_at: datetime
    seconds: float
    document: SignedDocument
    signed: bool = True
    """False for a receiver that comes in over MQTT and cannot sign: its bare word."""


class StatusView(BaseModel):
    """How far an item's current revision has come: entries times stations."""

    planned: int
    confirmed: int
    missed: int
    waiting: int
    unplaced: Literal["too-long", "no-day", "over"] | None
    """Why it is in no session: longer than any, none left on its days, none left at all. Told to its unit's people."""


class AiringView(BaseModel):
    """An entry at a station: heard to its end, only cut attempts so far, or missed (times are then the planned one)."""

    id: str
    state: str
    device_id: str
    device_name: str
    unit_id: str
    session_id: str
    entry_id: str
    item_id: str
    revision: int
    title: str
    started_at: datetime
    ended_at: datetime
    seconds: float
    proofs: list[ProofView]


class UnitCount(BaseModel):
    """A unit's own grid, if it has one, and its sessions that have something to play and have not begun."""

    unit_id: str
    grids: int
    sessions: int


class Counts(BaseModel):
    """One entry a unit that was asked for and that the caller may see."""

    items: list[UnitCount]


def _grid_view(unit_id: str, grid: Grid, ver: int) -> GridView:
    return GridView(unit_id=unit_id, ver=ver, rule=grid.rule, at=grid.at, max_minutes=grid.max_minutes)


def _session_view(session: Session) -> SessionView:
    return SessionView(
        id=session.session_id,
        unit_id=session.unit_id,
        starts_at=session.starts_at,
        entries=[
            EntryView(
                entry_id=entry.entry_id,
                item_id=entry.item.item_id,
                revision=entry.item.revision,
                title=entry.item.title,
                priority=entry.item.priority,
                seconds=entry.item.seconds,
            )
            for entry in session.active
        ],
    )


async def _require(stores: Stores, caller: Caller, permission: Permission, unit_id: str) -> None:
    unit = await stores.units.get(unit_id)
    if unit is None:
        raise NotFound("unit")
    caller.require(permission, unit["path"])


def router(stores: Stores) -> Routes:
    """The routes, on these stores."""
    routes = Routes()
    _grids(routes, stores)
    _sessions(routes, stores)
    _airings(routes, stores)
    replay_route(routes, stores.units, stores.clock, lambda turn: replay(stores, turn))
    return routes


def _grids(routes: Routes, stores: Stores) -> None:
    @routes.get("/grids/{unit_id}")
    async def get_grid(unit_id: Id, caller: Viewer, response: Response) -> GridView:
        """When a unit's stations play every day, and for how long."""
        await _require(stores, caller, PROGRAMME_READ, unit_id)
        grid, ver = await grids.grid_of(stores, unit_id)
        response.headers["ETag"] = etag(ver)
        return _grid_view(unit_id, grid, ver)

    @routes.put("/grids/{unit_id}")
    async def put_grid(
        unit_id: Id,
        body: GridBody,
        caller: Planner,
        response: Response,
        if_match: Annotated[str | None, Header()] = None,
    ) -> GridView:
        """Set a unit's grid; If-Match once there is one."""
        await _require(stores, caller, PROGRAMME_PLAN, unit_id)
        grid, ver = await grids.set_grid(stores, unit_id, body.rule, body.at, body.max_minutes, if_match)
        response.headers["ETag"] = etag(ver)
        return _grid_view(unit_id, grid, ver)

    @routes.get("/counts")
    async def counts(caller: Viewer, unit_id: Annotated[list[Id], Query(min_length=1, max_length=200)]) -> Counts:
        """Grids and coming sessions of units: what follows an act over these."""
        found = await stores.counts(unit_id, caller.units(PROGRAMME_READ))
        return Counts(items=[UnitCount(unit_id=one, grids=of[0], sessions=of[1]) for one, of in found.items()])


def _sessions(routes: Routes, stores: Stores) -> None:
    @routes.get("/sessions")
    async def sessions(
        caller: Viewer, unit_id: Id, limit: PageLimit = 50, cursor: str | None = None
    ) -> Page[SessionView]:
        """A unit's sessions with what they play, the newest first."""
        await _require(stores, caller, PROGRAMME_READ, unit_id)
        found, after = await newest_first(stores.sessions.collection, {"unit_id": unit_id}, "starts_at", cursor, limit)
        return Page(items=[_session_view(Session.of(session)) for session in found], next=after)

    @routes.post("/sessions/start-now")
    async def start_now(
        body: StartNow, caller: Planner, key: KeyDep, request: Request, response: Response
    ) -> SessionView:
        """Move the unit's next session to a few seconds from now. For demo and tests; production refuses it."""
        if stores.settings.production:
            raise AppError("demo-only", 403)
        if await stores.units.get(body.unit_id) is None:
            raise Invalid("unknown-unit", "/unit_id")
        caller.require(PROGRAMME_PLAN, await stores.path(body.unit_id))

        async def move(move_id: str) -> SessionView:
            return _session_view(await programme.start_now(stores, body.unit_id, body.in_seconds, move_id))

        async def moved(move_id: str) -> SessionView | None:
            session = await programme.moved_session(stores, move_id)
            return _session_view(session) if session else None

        records = request.app.state.service.db[COLLECTION]
        return await idempotent(request, response, records, caller, key, body, move, moved)


def _airings(routes: Routes, stores: Stores) -> None:
    @routes.get("/airings")
    async def airings(
        caller: Viewer,
        item_id: Annotated[Id | None, Query()] = None,
        unit_id: Annotated[Id | None, Query()] = None,
        limit: PageLimit = 50,
        cursor: str | None = None,
    ) -> Page[AiringView]:
        """What was heard, of an item or in a unit, with the devices' proofs, the newest first."""
        where: dict[str, Any] = {"item_id": item_id} if item_id else {}
        if unit_id:
            await _require(stores, caller, PROGRAMME_READ, unit_id)
            where["path"] = unit_id
        elif item_id:
            where["path"] = {"$in": list(caller.units(PROGRAMME_READ))}
        else:
            raise Invalid("field-missing", "/item_id")
        found, after = await newest_first(stores.airings.collection, where, "started_at", cursor, limit)
        return Page(items=[_airing_view(airing) for airing in found], next=after)

    @routes.get("/items/{item_id}/status")
    async def item_status(item_id: Id, caller: Viewer) -> StatusView:
        """How many of an item's airings are planned, proved, missed and awaited, within the caller's units."""
        scopes = caller.units(PROGRAMME_READ)
        found = await missed.status(stores, item_id, scopes)
        return StatusView.model_validate(
            {
                "planned": found.planned,
                "confirmed": found.confirmed,
                "missed": found.missed,
                "waiting": found.waiting,
                "unplaced": await programme.why_unplaced(stores, item_id, scopes),
            }
        )


def _airing_view(airing: Mapping[str, Any]) -> AiringView:
    return AiringView.model_validate({**airing, "id": airing["_id"]})
