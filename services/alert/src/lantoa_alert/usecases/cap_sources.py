"""Where CAP messages are fetched from: kept by administrators, looked at in turn, each with how it fared."""

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from cryptography import x509

from lantoa_alert.domain.cap import CapRefused
from lantoa_alert.domain.cap_feed import Entry, entries
from lantoa_alert.domain.cap_signature import certificates
from lantoa_alert.usecases.cap_intake import Intake, Origin, Units
from lantoa_alert.usecases.events import Teller
from lantoa_calendar.periods import ZONE
from lantoa_contracts.catalogue import SOURCE_ADDED, SOURCE_REMOVED, EventSpec
from lantoa_contracts.envelope import Act
from lantoa_contracts.events.alert import SourceAdded, SourceRemoved
from lantoa_contracts.policy import CAP_SOURCE_MANAGE, CAP_SOURCE_READ, Permission
from lantoa_runtime.acting import current_act
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Conflict, Forbidden, Invalid, NotFound, StaleVersion
from lantoa_runtime.http import Caller
from lantoa_runtime.ids import new_id

log = structlog.get_logger()

MOST_SOURCES = 50
_REMEMBERED = 5000
_AGAIN = timedelta(minutes=30)
"""When an entry that was refused is looked at again: an area may have become known meanwhile."""
_KEPT_REFUSALS = 5
_TURN_SECONDS = 60.0
"""How long one source may take, entries and all, so that a slow one does not keep the others waiting."""


@dataclass(frozen=True)
class Source:
    """An address that gives messages, and how far it is trusted."""

    id: str
    name: str
    url: str
    certificates: str
    """PEM; empty where messages are not signed."""
    automatic: bool
    """Its valid messages are issued without a person."""
    created_by: str
    created_by_name: str
    created_at: datetime

    @property
    def origin(self) -> Origin:
        """The source as the bringer of a message."""
        pinned = pins(self.certificates)
        return Origin(
            self.id,
            self.name,
            pinned,
            unsigned=not pinned,
            automatic=self.automatic,
            trusted_by=(self.created_by, self.created_by_name),
        )


@dataclass(frozen=True)
class Refusal:
    """A message that was not taken: which, when and why."""

    at: datetime
    entry: str
    code: str
    params: dict[str, str | int]


@dataclass(frozen=True)
class Fare:
    """How a source fared. ``error`` is the code of what went wrong at the last look; empty when all was well."""

    looked_at: datetime
    ok_at: datetime | None = None
    error: str = ""
    error_params: dict[str, str | int] = field(default_factory=dict)
    entries: int = 0
    refusals: tuple[Refusal, ...] = ()
    """The latest, newest first."""


class Fetch(Protocol):
    """Gets documents, safely."""

    def check(self, url: str) -> None:
        """Raise ``CapRefused`` for an address whose form is not allowed."""

    async def fetch(self, url: str) -> tuple[bytes, str]:
        """The document and its final address; raises ``CapRefused``."""


class SourceBook(Protocol):
    """Where sources are kept."""

    async def sources(self) -> list[Source]:
        """Every source, oldest first."""

    async def source(self, source_id: str) -> tuple[Source | None, int]:
        """A source, and the sequence to put over."""

    async def put_source(self, source: Source, over: int) -> None:
        """Keep a source."""

    async def drop_source(self, source_id: str) -> None:
        """Forget a source."""

    async def fare(self, source_id: str) -> Fare | None:
        """How it fared."""

    async def put_fare(self, source_id: str, fare: Fare) -> None:
        """Keep how it fared."""


def pins(pem: str) -> tuple[x509.Certificate, ...]:
    """The certificates in a text; none in an empty one.

    Raises:
        ValueError: it holds no certificate and is not empty.
    """
    return certificates(pem.encode()) if pem.strip() else ()


class Sources:
    """The list of sources and the turns that look at them."""

    def __init__(
        self, book: SourceBook, fetch: Fetch, intake: Intake, units: Units, teller: Teller, clock: Clock
    ) -> None:
        self._book = book
        self._teller = teller
        self._units = units
        self._fetch = fetch
        self._intake = intake
        self._clock = clock
        self._seen: OrderedDict[str, datetime | None] = OrderedDict()

    async def all(self, caller: Caller) -> list[tuple[Source, Fare | None]]:
        """Every source with how it fared.

        Raises:
            Forbidden: the caller is neither administrator nor auditor of the whole territory.
        """
        self._require(caller, CAP_SOURCE_READ)
        return [(source, await self._book.fare(source.id)) for source in await self._book.sources()]

    async def add(self, caller: Caller, name: str, url: str, pem: str, *, automatic: bool) -> Source:
        """Add a source.

        Raises:
            Forbidden: the caller is no administrator of the whole territory.
            CapRefused: the address is not allowed.
            Invalid: no certificate can be read; ``automatic`` without one; unsigned and not over TLS.
            Conflict: there are :data:`MOST_SOURCES`, or the address is a source already.
        """
        self._require(caller, CAP_SOURCE_MANAGE)
        self._fetch.check(url)
        try:
            pinned = pins(pem)
        except ValueError as error:
            raise Invalid("alert.cap-no-certificate", "/certificates") from error
        if automatic and not pinned:
            raise Invalid("alert.cap-automatic-unsigned", "/automatic")
        if not pinned and not url.startswith("https://"):
            raise Invalid("alert.cap-unsigned-plain", "/url")
        known = await self._book.sources()
        if len(known) >= MOST_SOURCES:
            raise Conflict("alert.cap-sources-full", most=MOST_SOURCES)
        if any(one.url == url for one in known):
            raise Conflict("alert.cap-source-known")
        now = self._clock.now()
        source = Source(f"src-{new_id(now)}", name, url, pem, automatic, caller.id, caller.name, now)
        event = SourceAdded(source_id=source.id, ver=1, automatic=automatic, at=now)
        await self._tell(SOURCE_ADDED, event, current_act(None, lambda: asdict(source)))
        await self._book.put_source(source, 0)
        return source

    async def remove(self, caller: Caller, source_id: str) -> None:
        """Forget a source; what it brought stays.

        Raises:
            Forbidden: the caller is no administrator of the whole territory.
            NotFound: there is none.
        """
        self._require(caller, CAP_SOURCE_MANAGE)
        source, _ = await self._book.source(source_id)
        if source is None:
            raise NotFound("cap-source")
        known, event = asdict(source), SourceRemoved(source_id=source_id, ver=2, at=self._clock.now())
        await self._tell(SOURCE_REMOVED, event, current_act(lambda: known, dict))
        await self._book.drop_source(source_id)

    async def _tell(self, spec: EventSpec, event: SourceAdded | SourceRemoved, act: Act | None) -> None:
        """Told before it is done: the book has no outbox, and who lets messages in must not go unrecorded."""
        event_id = f"{event.source_id}:{event.ver}"
        await self._teller.tell(spec, event_id, event.model_dump_json().encode(), event.at, act)

    async def trusted(self) -> tuple[x509.Certificate, ...]:
        """The certificates of all sources: what a message that somebody posts is judged by."""
        return tuple(pin for source in await self._book.sources() for pin in pins(source.certificates))

    async def look(self) -> None:
        """Look at every source once, at the same time. What one of them does is no trouble for the others."""
        await asyncio.gather(*(self._turn_of(source) for source in await self._book.sources()))

    async def _turn_of(self, source: Source) -> None:
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._look_at(source)
        except Exception as error:  # noqa: BLE001 - the other sources must have their turn
            log.warning("CAP source not looked at", source=source.id, error=repr(error))

    async def _look_at(self, source: Source) -> None:
        before = await self._book.fare(source.id)
        now = self._clock.now()
        fare = Fare(now, before.ok_at if before else None, refusals=before.refusals if before else ())
        try:
            document, address = await self._fetch.fetch(source.url)
            found = entries(document, address)
        except CapRefused as refusal:
            await self._book.put_fare(source.id, replace(fare, error=refusal.code, error_params=dict(refusal.params)))
            return
        error = ""
        refusals = list(fare.refusals)
        for entry in found:
            try:
                await self._take(source, entry, now)
            except StaleVersion:
                continue  # Another process takes it at this moment.
            except AppError as refusal:
                if refusal.retryable:
                    error = refusal.code
                    continue
                told = Refusal(now, entry.id[:200], refusal.code, dict(refusal.params))
                others = [one for one in refusals if (one.entry, one.code) != (told.entry, told.code)]
                refusals = [told, *others]
        kept = tuple(refusals[:_KEPT_REFUSALS])
        await self._book.put_fare(source.id, replace(fare, ok_at=now, error=error, entries=len(found), refusals=kept))

    async def _take(self, source: Source, entry: Entry, now: datetime) -> None:
        """Take an entry's message unless it was looked at before."""
        told = f"{source.id}\n{entry.id}\n{entry.updated}\n{entry.url}\n".encode() + (entry.xml or b"")
        mark = hashlib.sha256(told).hexdigest()
        again = self._seen.get(mark, now)
        # An entry that does not say when it changed may be another behind the same address.
        if (again is None or again > now) and (entry.xml or entry.updated):
            return
        try:
            xml = entry.xml if entry.xml is not None else (await self._fetch.fetch(entry.url or ""))[0]
            taken = await self._intake.take(xml, source.origin)
        except AppError as refusal:
            if not refusal.retryable and refusal.code != "alert.cap-fetch":
                self._remember(mark, now + _AGAIN)
            raise
        if taken.outcome != "early":
            self._remember(mark, None)

    def _remember(self, mark: str, again: datetime | None) -> None:
        self._seen[mark] = again
        self._seen.move_to_end(mark)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def _require(self, caller: Caller, permission: Permission) -> None:
        """A source may speak to every unit, so it is a matter of who holds the permission over all of them."""
        today = self._clock.now().astimezone(ZONE).date()
        roots = {unit.path[0] for unit in self._units.cap_units() if unit.stands_on(today)}
        if not caller.holds(permission):
            raise Forbidden
        for root in roots:
            caller.require(permission, (root,))
