"""``POST /replay``: an owner publishes its state once more, for read models that began late or were lost."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

from pydantic import BaseModel

from lantoa_contracts.policy import EVERYWHERE, REPLAY
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Forbidden
from lantoa_runtime.http.auth import Caller, allows
from lantoa_runtime.http.routes import Routes
from lantoa_runtime.ids import new_id
from lantoa_runtime.mongo.readmodel import ReadModel

Replay = Callable[[str], Awaitable[Mapping[str, int]]]
"""Publishes all of it, given the turn's id; how many events by name."""


class Replayed(BaseModel):
    """How many events were published, by name."""

    events: dict[str, int]


async def _may_replay(caller: Caller, units: ReadModel) -> bool:
    """The operator, and an administrator of a whole province: it costs every reader work."""
    held = caller.units(REPLAY)
    if EVERYWHERE in held:
        return True
    for unit_id in held:
        unit = await units.get(unit_id)
        if unit is not None and len(unit["path"]) == 1:
            return True
    return False


def replay_route(routes: Routes, units: ReadModel, clock: Clock, replay: Replay) -> None:
    """Add the route. ``units`` tells which administrators stand at the top."""

    @routes.post("/replay")
    async def replay_all(caller: Annotated[Caller, allows(REPLAY)]) -> Replayed:
        """Publish the state of this service once more, for read models that began late or were lost.

        Events keep the versions that they had: a reader who has them changes nothing.
        """
        if not await _may_replay(caller, units):
            raise Forbidden
        return Replayed(events=dict(await replay(new_id(clock.now()))))
