"""The lines in front of the services: a place each, a short wait, or a refusal."""

import asyncio
from collections.abc import Callable

from lantoa_gateway.domain.admission import LONGEST_WAIT_SECONDS, PLACES, Line, Rank
from lantoa_gateway.telemetry import SHED
from lantoa_runtime.errors import AppError

Place = tuple[Rank, str]


class Lines:
    """A line for each rank at each service."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lines: dict[Place, Line[asyncio.Future[None]]] = {}
        for rank in Rank:
            SHED.labels(rank)

    async def enter(self, rank: Rank, service: str) -> Place:
        """Take a place, to be given back with :meth:`leave`.

        Raises:
            AppError: ``gateway.crowded``.
        """
        place = rank, service
        line = self._lines.get(place)
        if line is None:
            line = self._lines[place] = Line(PLACES[rank])
        if not line.enter():
            await self._wait(line, rank)
        return place

    async def _wait(self, line: Line[asyncio.Future[None]], rank: Rank) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if line.wait(turn, self._now()):
            try:
                await asyncio.wait({turn}, timeout=LONGEST_WAIT_SECONDS)
            except asyncio.CancelledError:
                if turn.done():
                    self._pass(line)
                line.give_up(turn)
                raise
            if turn.done():
                return
            line.give_up(turn)
        SHED.labels(rank).inc()
        raise AppError("gateway.crowded", 503, retryable=True)

    def leave(self, place: Place) -> None:
        """Give a place back: whoever has waited longest has it."""
        self._pass(self._lines[place])

    @staticmethod
    def _pass(line: Line[asyncio.Future[None]]) -> None:
        turn = line.leave()
        if turn is not None:
            turn.set_result(None)
