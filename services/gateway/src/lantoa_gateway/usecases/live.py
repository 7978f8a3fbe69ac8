"""Open pages: who has one, what each waits for, when it ends."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from lantoa_contracts.catalogue import CHANGES_SOMEBODY, SESSION_ENDED, UNIT_CHANGED, EventSpec
from lantoa_gateway.domain.live import Past, Places, Told, View, Waiting, told
from lantoa_gateway.telemetry import LIVE_HEARING, LIVE_HINTS, LIVE_STREAMS
from lantoa_gateway.usecases import People
from lantoa_runtime.errors import AppError, Unavailable

log = structlog.get_logger()

PAST_HINTS = 2000
"""Hints that are kept for pages which come back."""
STREAMS_OF_ONE = 12
"""Open pages of one person: a few tabs on a few machines, and those that a bad network has not yet given up."""


@dataclass(eq=False)
class Stream:
    """One open page."""

    view: View
    subject: str
    digest: str
    waiting: Waiting = field(default_factory=Waiting)
    ended: bool = False
    on_end: Callable[[], Any] = lambda: None
    """Called once, when it ends."""
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, hint: Told) -> None:
        """Let a hint wait."""
        LIVE_HINTS.labels("queued" if self.waiting.add(hint) else "dropped").inc()
        self._woken.set()

    def lose(self) -> None:
        """It missed something."""
        self.waiting.lose()
        self._woken.set()

    def end(self) -> None:
        """It is over; what waits is sent yet."""
        if not self.ended:
            self.ended = True
            self._woken.set()
            self.on_end()

    async def woken(self, seconds: float) -> None:
        """Until something waits or it is over, this long at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    def take(self) -> tuple[bytes, int, bool]:
        """What is to be sent now, see :meth:`Waiting.take`."""
        self._woken.clear()
        return self.waiting.take()


class Live:
    """All open pages of this process, and what was told lately."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._streams: set[Stream] = set()
        self._of_subject: defaultdict[str, int] = defaultdict(int)
        self._past = Past(PAST_HINTS)
        self.places = Places()
        self.draining = False
        self.hearing = False
        """Whether changes are heard now. Without, pages stay open and are told when they are again."""

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def newest(self) -> int:
        """The place of the newest event that was seen: what a page that has everything may resume from."""
        return self._past.newest

    def open(self, view: View, subject: str, digest: str, after: int | None) -> Stream:
        """A page is opened; ``after`` is the place of the last hint that it had, ``None`` for a new page.

        Raises:
            AppError: ``gateway.too-many-streams``, the subject has as many as it may.
            Unavailable: this process has as many as it can, or is going.
        """
        if self.draining or len(self._streams) >= self._most:
            raise Unavailable("live")
        if self._of_subject[subject] >= STREAMS_OF_ONE:
            raise AppError("gateway.too-many-streams", 429, retryable=True, most=STREAMS_OF_ONE, seconds=30)
        stream = Stream(view, subject, digest)
        if after is not None:
            missed = self._past.after(after)
            if missed is None:
                stream.lose()
            for hint in missed or ():
                if view.has(hint):
                    stream.tell(hint)
        self._streams.add(stream)
        self._of_subject[subject] += 1
        LIVE_STREAMS.set(len(self._streams))
        return stream

    def close(self, stream: Stream) -> None:
        """A page is gone."""
        self._streams.discard(stream)
        self._of_subject[stream.subject] -= 1
        if not self._of_subject[stream.subject]:
            del self._of_subject[stream.subject]
        LIVE_STREAMS.set(len(self._streams))

    def tell(self, hint: Told) -> None:
        """Tell every page that may have it."""
        self._past.add(hint)
        for stream in self._streams:
            if stream.view.has(hint):
                stream.tell(hint)

    def reach(self, seq: int) -> None:
        """Everything up to this place was heard."""
        self._past.reach(seq)

    def begin(self, since: int | None) -> None:
        """What comes behind this place is told from now on; ``None`` while that is not known."""
        self._past.begin(since)
        for stream in self._streams:
            stream.lose()

    def end(self, ends: Callable[[Stream], bool]) -> None:
        """End the pages of which this is true."""
        for stream in self._streams:
            if ends(stream):
                stream.end()

    def drain(self) -> None:
        """End all and open none: this process is going."""
        self.draining = True
        self.end(lambda _: True)


class Hearing:
    """What every event means here."""

    def __init__(self, live: Live, people: Iterable[People], today: Callable[[], str]) -> None:
        self._live = live
        self._people = tuple(people)
        self._today = today

    def hear(self, seq: int, spec: EventSpec, event: Mapping[str, Any], at: str) -> None:
        """Take up one event. One that is not what its contract says is logged and passed over."""
        try:
            if spec is UNIT_CHANGED:
                self._live.places.change(event, self._today())
            elif spec is SESSION_ENDED:
                self._ended(frozenset(event["digests"]))
            elif spec in CHANGES_SOMEBODY:
                self._changed(frozenset((event["person_id"], *event.get("also", ()))))
            else:
                hint = told(seq, spec, event, at, self._live.places)
                if hint is not None:
                    self._live.tell(hint)
        except (KeyError, TypeError, AttributeError) as error:
            log.warning("event not understood", event_name=spec.name, error=repr(error))

    def reach(self, seq: int) -> None:
        """Everything up to this place was heard."""
        self._live.reach(seq)

    def hears(self, now: bool) -> None:
        """Whether events are heard as they are said."""
        self._live.hearing = now
        LIVE_HEARING.set(now)

    def missed(self) -> None:
        """Something was not heard, and it may have been the end of any session."""
        for people in self._people:
            people.forget_all()
        self._live.begin(None)

    def begin(self, since: int) -> None:
        """What comes behind this place is heard from now on."""
        self._live.begin(since)

    def _ended(self, digests: frozenset[str]) -> None:
        for people in self._people:
            people.forget_digests(digests)
        self._live.end(lambda stream: stream.digest in digests)

    def _changed(self, ids: frozenset[str]) -> None:
        for people in self._people:
            people.forget_people(ids)
        # A page comes back at once, and then sees what its person may see from now on.
        self._live.end(lambda stream: stream.subject in ids)
