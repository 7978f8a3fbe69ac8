"""When a unit broadcasts."""

from datetime import date

from lantoa_broadcast.domain import Grid, default_grid
from lantoa_broadcast.usecases.stores import Stores
from lantoa_calendar.periods import ZONE
from lantoa_calendar.recurrence import InvalidRule
from lantoa_contracts.catalogue import GRID_CHANGED
from lantoa_contracts.events.broadcast import GridChanged
from lantoa_runtime.errors import AppError, Invalid, StaleVersion
from lantoa_runtime.http import etag
from lantoa_runtime.mongo import DuplicateKey, Outgoing


async def grid_of(stores: Stores, unit_id: str) -> tuple[Grid, int]:
    """The unit's grid and its version, or the grid that holds until it has one at version 0."""
    stored = await stores.grids.load(unit_id)
    if stored is None:
        return default_grid(stores.clock.now().astimezone(ZONE).date()), 0
    grid = Grid(stored["rule"], stored["at"], stored["max_minutes"], date.fromisoformat(stored["since"]))
    return grid, stored["ver"]


async def set_grid(
    stores: Stores, unit_id: str, rule: str, at: str, max_minutes: int, seen: str | None
) -> tuple[Grid, int]:
    """Set the grid from today on; ``seen`` is the ETag that the caller saw.

    Sessions that have items already keep their time.

    Raises:
        Invalid: the rule is not accepted or never happens.
        AppError: there is a grid and ``seen`` is missing (428) or not its version (412).
    """
    now = stores.clock.now()
    grid = Grid(rule, at, max_minutes, now.astimezone(ZONE).date())
    try:
        first = next(grid.slots(now), None)
    except InvalidRule as error:
        raise Invalid("broadcast.bad-rule", "/rule") from error
    if first is None:
        raise Invalid("broadcast.bad-rule", "/rule")
    fields = {"rule": rule, "at": at, "max_minutes": max_minutes, "since": grid.since.isoformat()}
    stored = await stores.grids.load(unit_id)
    ver = stored["ver"] if stored else 0
    if stored and seen is None:
        raise AppError("if-match-required", 428)
    if seen is not None and seen != etag(ver):
        raise StaleVersion
    event = GridChanged(unit_id=unit_id, ver=ver + 1, rule=rule, starts=at, max_minutes=max_minutes, at=now)
    events = [Outgoing(GRID_CHANGED, event)]
    if stored:
        return grid, (await stores.grids.save(stored, fields, events))["ver"]
    try:
        await stores.grids.insert(unit_id, fields, events)
    except DuplicateKey:
        raise StaleVersion from None
    return grid, 1
