"""``/api/v1/live``: open pages are told what to fetch again (Server-Sent Events, HTML Living Standard 9.2).

The answer is raw ASGI: it ends when its session or token does, when its client is gone and when the process is told to
stop, none of which a generator behind the framework learns of in time.
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from fastapi.responses import Response
from fastapi.security import HTTPBearer
from pydantic import StringConstraints
from starlette.types import Receive, Scope, Send

from lantoa_contracts.policy import DOOR_USE
from lantoa_gateway.api import cookie
from lantoa_gateway.api.door import HERE
from lantoa_gateway.domain import LIVE
from lantoa_gateway.domain.live import ABOUT, READS, RESYNC, View
from lantoa_gateway.telemetry import LIVE_HINTS
from lantoa_gateway.usecases import Callers, Person
from lantoa_gateway.usecases.live import Live, Stream
from lantoa_runtime.errors import Invalid
from lantoa_runtime.http import Routes, declares

COMMENT_SECONDS = 15.0
"""How often a silent stream says that it is there: proxies between cut what says nothing."""
PACE_SECONDS = 0.1
"""The least time between two writes to one page; what comes meanwhile goes out together."""
LIFE_SECONDS = 8 * 3600.0
"""After this long from sign-in no session holds (the directory's rule)."""
_LAST_SECONDS = 2.0
"""How long the end of a stream may wait for a client that does not read."""
_COMES_BACK_MS = (1000, 3000)
_COMES_BACK_AFTER_DRAIN_MS = (500, 5000)
"""Between these a page chooses by lot: five hundred that are sent away do not all come in one moment."""
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_TOKEN = Depends(HTTPBearer(scheme_name="token", auto_error=False))
"""Says in the OpenAPI document that a token does as well."""
_About = Annotated[
    str, StringConstraints(max_length=100), Query(description=f"Some of {', '.join(sorted(ABOUT))}; all without it.")
]
_LastId = Annotated[str | None, StringConstraints(max_length=40), Header(alias="Last-Event-ID")]


def live_routes(live: Live, callers: Callers) -> Routes:
    """The stream."""
    router = Routes(tags=["live"], dependencies=[declares(DOOR_USE)])
    stream_answer = {200: {"description": "Hints, as they come.", "content": {"text/event-stream": {}}}}

    @router.get(LIVE, response_class=Response, responses=stream_answer, dependencies=[HERE, _TOKEN])
    async def hints(request: Request, about: _About = "", last_event_id: _LastId = None) -> Response:
        """Hints what to fetch again: `id` the place to resume from, `event` the kind, `data` `{type, id, unit_id, at}`.

        Never content, and only of what lies in the caller's units and a token is good for. `Last-Event-ID` resumes;
        `event: resync` says that something was missed and everything shown is to be fetched again.
        """
        shown = cookie.shown(request.headers.get("cookie", ""), request.headers.get("authorization"))
        person, digest = await callers.listener(shown)
        caller = person.caller
        view = View({one: frozenset(caller.units(READS[one])) for one in _about(about)})
        stream = live.open(view, caller.id, digest, _place(last_event_id))
        return LiveAnswer(live, stream, _seconds_left(person, time.time()), random.uniform)

    return router


def _seconds_left(person: Person, now: float) -> float:
    """How long a stream may last: a token says when it ends, a session ends a while after its beginning."""
    if person.ends_at is not None:
        return min(person.ends_at.timestamp() - now, LIFE_SECONDS)
    return (person.caller.signed_in_at or now) + LIFE_SECONDS - now


def _about(asked: str) -> frozenset[str]:
    wanted = frozenset(filter(None, asked.split(",")))
    if wanted - ABOUT:
        raise Invalid("value-not-allowed", "/about")
    return wanted or ABOUT


def _place(last_event_id: str | None) -> int | None:
    if not last_event_id:
        return None
    # What is not ours cannot be resumed: no place is before the first.
    return int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else -1


class LiveAnswer(Response):
    """One stream, from its first line to its end."""

    def __init__(self, live: Live, stream: Stream, seconds: float, between: Callable[[float, float], float]) -> None:
        super().__init__()
        self._live = live
        self._stream = stream
        self._seconds = seconds
        self._between = between

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Until the client is gone or the stream is over."""
        loop, stream = asyncio.get_running_loop(), self._stream
        life = loop.call_later(max(0.0, self._seconds), stream.end)
        writing = asyncio.create_task(self._write(send))
        gone = asyncio.create_task(_gone(receive))
        # Who does not read cannot be told of the end either.
        stream.on_end = lambda: loop.call_later(_LAST_SECONDS, writing.cancel)
        try:
            await asyncio.wait({writing, gone}, return_when=asyncio.FIRST_COMPLETED)
            if writing.done() and not writing.cancelled():
                writing.result()
        finally:
            life.cancel()
            self._live.close(stream)
            for task in (writing, gone):
                task.cancel()
            await asyncio.wait({writing, gone})

    async def _write(self, send: Send) -> None:
        stream, loop = self._stream, asyncio.get_running_loop()
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        # A page that has all there is resumes from here: an id without data sets Last-Event-ID and calls no listener.
        body = self._retry(_COMES_BACK_MS) + (self._taken() or self._here())
        while not stream.ended:
            await send({"type": "http.response.body", "body": body, "more_body": True})
            wrote = loop.time()
            await stream.woken(COMMENT_SECONDS)
            pause = wrote + PACE_SECONDS - loop.time()
            if pause > 0 and not stream.ended:
                await asyncio.sleep(pause)
            body = self._taken() or b": ok\n" + self._here()
        body += self._retry(_COMES_BACK_AFTER_DRAIN_MS if self._live.draining else _COMES_BACK_MS)
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _taken(self) -> bytes:
        body, count, lost = self._stream.take()
        LIVE_HINTS.labels("sent").inc(count)
        return b"id: %d\n" % self._live.newest + RESYNC if lost else body

    def _here(self) -> bytes:
        return b"id: %d\n\n" % self._live.newest

    def _retry(self, between: tuple[int, int]) -> bytes:
        return b"retry: %d\n\n" % self._between(*between)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
