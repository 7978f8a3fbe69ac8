"""Orders to devices: said at once on core NATS, then kept in the bucket that devices read when they connect.

Notices in force are the truth and orders follow from them: a turn brings the bucket in line, so that what a crash, an
election of JetStream's leaders or another process left behind is made up for.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog
from pydantic import ValidationError

from lantoa_alert import telemetry
from lantoa_alert.domain.notices import Notice, Version
from lantoa_alert.domain.orders import Said, in_force, order_for, said, saying
from lantoa_alert.usecases.book import Bucket, Entry, Moved
from lantoa_contracts.base import SignedDocument
from lantoa_contracts.device import AlertOrder
from lantoa_runtime.clock import Clock
from lantoa_signing.documents import SigningKey

log = structlog.get_logger()

MOST_ORDER_BYTES = 60_000
"""An order must fit into a bucket's value of 64 KiB."""
FIRST_WAVE_SECONDS = 1.0
"""Between saying an order and storing it. The bucket says it a second time to every device; that copy would meet the
first in the middle of its way, and a crash in between costs nothing: the order follows from the notice."""
_RACES = 5
_PATTERNS = ("all.alert", "*.*.alert")
"""Keys of orders, and not of sounds."""


class Voice(Protocol):
    """Core NATS, or its stand-in in a test."""

    async def say(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Publish and return when everything has reached the server.

        Raises:
            Unavailable: not connected now.
        """


@dataclass(frozen=True)
class Order:
    """A signed order of a scope."""

    scope: str
    seq: int
    said: Said
    ends_at_ms: int
    kid: str
    body: bytes


class FanOut:
    """The orders of every scope."""

    def __init__(self, bucket: Bucket, voice: Voice, key: SigningKey, clock: Clock) -> None:
        self._bucket = bucket
        self._voice = voice
        self._key = key
        self._clock = clock
        self._last: dict[str, Order] = {}
        """The newest order of each scope, said by this process or seen in the bucket."""
        self._kept: dict[str, tuple[int, int]] = {}
        """Revision and number of the order that the bucket holds."""
        self._said_at: dict[str, float] = {}
        self._gates: dict[str, asyncio.Lock] = {}
        self._seen = dict.fromkeys(_PATTERNS, 0)

    async def follow(self) -> None:
        """Take up the orders that the bucket holds.

        Raises:
            Unavailable, NatsError: it does not answer.
        """
        for pattern in _PATTERNS:
            while entries := await self._bucket.after(self._seen[pattern], pattern):
                for entry in entries:
                    self._seen[pattern] = max(self._seen[pattern], entry.revision)
                    self._take(entry)

    def _take(self, entry: Entry) -> None:
        scope = entry.key.removesuffix(".alert")
        if self._kept.get(scope, (0, 0))[0] >= entry.revision:
            return
        try:
            document = SignedDocument.model_validate_json(entry.body)
            order = AlertOrder.model_validate_json(document.p)
        except ValidationError:
            log.error("an order in the bucket cannot be read", scope=scope)
            self._kept[scope] = (entry.revision, 0)
            return
        self._kept[scope] = (entry.revision, order.seq)
        if scope not in self._last or self._last[scope].seq <= order.seq:
            ends = int(order.exp.timestamp() * 1000)
            self._last[scope] = Order(scope, order.seq, said(order), ends, document.kid, entry.body)

    def make(self, notices: Iterable[Notice], scopes: Iterable[str]) -> list[Order]:
        """Fresh signed orders for scopes, from the notices in force."""
        live = in_force(notices, self._clock.now())
        return [self._make(scope, live.get(scope, ())) for scope in sorted(set(scopes))]

    def _make(self, scope: str, live: Iterable[tuple[Notice, Version]]) -> Order:
        known = self._last.get(scope)
        order = order_for(scope, live, known.seq if known else 0, self._clock.now())
        body = self._key.sign(order.model_dump_json()).model_dump_json().encode()
        return Order(scope, order.seq, said(order), int(order.exp.timestamp() * 1000), self._key.kid, body)

    async def say(self, orders: Iterable[Order]) -> None:
        """Say orders on core NATS at once.

        Raises:
            Unavailable: not connected now.
        """
        made = list(orders)
        # Known before it is out, so that whatever happens meanwhile neither says it again nor takes its number. If it
        # does not get out, some may have heard it: a turn then says what is true.
        for order in made:
            if order.scope not in self._last or self._last[order.scope].seq < order.seq:
                self._last[order.scope] = order
        await self._voice.say((f"dev.bc.{order.scope}.alert", order.body) for order in made)
        telemetry.ORDERS.labels("said").inc(len(made))
        for order in made:
            self._said_at[order.scope] = time.monotonic()

    async def store(self, scopes: Iterable[str]) -> None:
        """Keep the newest orders of scopes for who connects later.

        Raises:
            Unavailable, NatsError: not all are kept, or it is not known; a turn will.
        """
        await asyncio.gather(*(self._store(scope) for scope in scopes))

    async def _store(self, scope: str) -> None:
        async with self._gates.setdefault(scope, asyncio.Lock()):
            await asyncio.sleep(self._said_at.get(scope, 0.0) + FIRST_WAVE_SECONDS - time.monotonic())
            # One that another process has kept meanwhile is newer; what is then missing in it, a turn mends.
            for _ in range(_RACES):
                order, (revision, kept) = self._last[scope], self._kept.get(scope, (0, 0))
                if kept >= order.seq:
                    return
                try:
                    stored = await self._bucket.put(f"{scope}.alert", order.body, revision)
                except Moved:
                    entry = await self._bucket.last(f"{scope}.alert")
                    if entry:
                        self._take(entry)
                    continue
                if stored > self._kept.get(scope, (0, 0))[0]:
                    self._kept[scope] = (stored, order.seq)
                telemetry.ORDERS.labels("stored").inc()

    async def reconcile(self, notices: Mapping[str, Notice]) -> None:
        """Make, say and keep what is not as the notices in force want it: late, expired, or signed by an older key.

        Raises:
            Unavailable, NatsError: not now.
        """
        now = self._clock.now()
        live = in_force(notices.values(), now)
        wrong = [scope for scope in {*live, *self._last} if self._is_wrong(scope, live.get(scope, ()), now.timestamp())]
        made = [self._make(scope, live.get(scope, ())) for scope in sorted(wrong)]
        if made:
            await self.say(made)
        await self.store(self.unstored())

    def _is_wrong(self, scope: str, live: Iterable[tuple[Notice, Version]], now: float) -> bool:
        want, last = saying(live), self._last.get(scope)
        if last is None:
            return bool(want.notices)
        if last.said != want:
            return True
        return bool(want.notices) and (last.kid != self._key.kid or last.ends_at_ms <= now * 1000)

    def unstored(self) -> list[str]:
        """Scopes whose newest order the bucket does not have."""
        return [scope for scope, order in self._last.items() if self._kept.get(scope, (0, 0))[1] < order.seq]

    def in_force_for(self, scopes: Iterable[str]) -> list[bytes]:
        """The signed orders of these scopes that say something."""
        found = (self._last.get(scope) for scope in sorted(scopes))
        return [order.body for order in found if order and order.said.notices]

    def orders(self) -> Mapping[str, Order]:
        """The newest order of each scope."""
        return self._last
