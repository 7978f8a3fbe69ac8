"""Emergency notices for the public pages, read as anybody reads them: alert's public feed, at the public address.

The pages never wait for it: a job reads, the pages show what it last knew, and say so when it knows nothing new.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urljoin

import structlog

from lantoa_content.domain.notices import Notice, concerning, entries_of, read_notice
from lantoa_content.domain.places import Place
from lantoa_runtime.clock import Clock

log = structlog.get_logger()

_FEED = "/api/v1/alert/cap.atom"
_MOST = 20
_FRESH = timedelta(minutes=2)


class Reader(Protocol):
    """Somebody outside, without credentials."""

    async def fetch(self, url: str) -> tuple[int | None, bytes]:
        """Status and body of an address; `None` when there was no whole answer."""


@dataclass(slots=True)
class Notices:
    """What the feed said when it was last read. `public_url` is the gateway's."""

    reader: Reader
    public_url: str
    clock: Clock
    changed_at: datetime | None = None
    """When these pages last came to know something else, an end of a notice included."""
    _read_at: datetime | None = None
    _known: dict[str, tuple[str, Notice | None]] = field(default_factory=dict)
    """By the id of the feed's entry: when it was changed, and what it says."""
    _shown: frozenset[str] = frozenset()
    _failing: bool = False

    @property
    def feed(self) -> str:
        """Where everybody can read them."""
        return self.public_url + _FEED

    @property
    def fresh(self) -> bool:
        """Whether the feed was read within the last two minutes."""
        return self._read_at is not None and self.clock.now() - self._read_at < _FRESH

    async def __call__(self) -> None:
        """Read the feed, and each message of it that is new or has changed."""
        try:
            await self._read()
        except ValueError as error:
            if not self._failing:
                log.warning("emergency notices cannot be read", error=str(error))
            self._failing = True
        else:
            self._failing, self._read_at = False, self.clock.now()
        shown = frozenset(notice.id for notice in self._in_force()) | {str(self.fresh)}
        if shown != self._shown:
            self._shown, self.changed_at = shown, self.clock.now()

    async def _read(self) -> None:
        entries = entries_of(await self._fetched(self.feed))[:_MOST]
        before, known = self._known, {}
        failures = []
        for key, changed, address in entries:
            if key in before:
                known[key] = before[key]
            if key not in before or before[key][0] != changed:
                try:
                    message = await self._fetched(urljoin(self.feed, address))
                    known[key] = (changed, read_notice(message))
                except ValueError as error:
                    failures.append(error)  # One that cannot be read hides no other.
        self._known = known  # At once: pages are made meanwhile.
        if failures:
            raise failures[0]

    async def _fetched(self, address: str) -> bytes:
        if not address.startswith(f"{self.public_url}/"):
            raise ValueError("a message at another place")
        status, body = await self.reader.fetch(address)
        if status != 200:
            raise ValueError(f"no answer but {status}")
        return body

    def _in_force(self) -> list[Notice]:
        now = self.clock.now()
        return [notice for _, notice in self._known.values() if notice and notice.expires_at > now]

    def at(self, unit: Place | None, places: list[Place]) -> list[Notice]:
        """Notices in force that concern a unit, the newest first; all of them without one."""
        return concerning(self._in_force(), unit, places)
