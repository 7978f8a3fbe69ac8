"""Telling other services: what a notice's document still holds, and how far notices have come."""

import hashlib
from datetime import datetime
from typing import Protocol

from lantoa_alert.domain.notices import Notice
from lantoa_alert.usecases.book import Book
from lantoa_alert.usecases.facts import SPECS
from lantoa_alert.usecases.ledgers import Ledgers
from lantoa_alert.usecases.notices import Notices
from lantoa_contracts.catalogue import NOTICE_ACKNOWLEDGED, EventSpec
from lantoa_contracts.envelope import Act
from lantoa_contracts.events.alert import NoticeAcknowledged
from lantoa_runtime.clock import Clock


class Teller(Protocol):
    """The event stream, or its stand-in in a test."""

    async def tell(self, spec: EventSpec, event_id: str, body: bytes, at: datetime, act: Act | None = None) -> None:
        """Publish an event and return when the stream has it.

        Raises:
            Unavailable, NatsError: it has not, or it is not known.
        """


class Events:
    """What is still to be told."""

    def __init__(self, notices: Notices, book: Book, ledgers: Ledgers, teller: Teller, clock: Clock) -> None:
        self._notices = notices
        self._book = book
        self._ledgers = ledgers
        self._teller = teller
        self._clock = clock

    async def steps(self) -> None:
        """Tell of steps whose notices are stored: state and event are one fact; a job.

        Raises:
            Unavailable, NatsError: not now; a later turn goes on.
        """
        for notice in list(self._notices.all.values()):
            if notice.events and self._book.stored("notice", notice.id):
                await self._tell(notice)

    async def _tell(self, notice: Notice) -> None:
        for event in notice.events:
            spec = SPECS[event.name]
            event_id = f"{notice.id}:{hashlib.sha256(event.body.encode()).hexdigest()[:16]}"
            await self._teller.tell(spec, event_id, event.body.encode(), event.at, event.act)
        self._notices.published(notice.id, notice.events)

    async def reach(self) -> None:
        """Tell how far notices have come in units where that has changed; a job.

        Raises:
            Unavailable, NatsError: not now; a later turn goes on.
        """
        for one, unit_id, count in self._ledgers.news():
            event = NoticeAcknowledged(
                notice_id=one.notice_id,
                ver=one.version.ver,
                unit_id=unit_id,
                devices=count.devices,
                verified=count.verified,
                played=count.playing,
                at=self._clock.now(),
            )
            far = f"{count.devices}-{count.verified}-{count.playing}-{count.finished}"
            event_id = f"{one.notice_id}.{one.version.ver}:{unit_id}:{far}"
            await self._teller.tell(NOTICE_ACKNOWLEDGED, event_id, event.model_dump_json().encode(), event.at)
            one.told[unit_id] = count
