"""Who has a notice: acknowledgements folded into ledgers, and orders said again to who is silent."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from lantoa_alert import telemetry
from lantoa_alert.domain.notices import Notice, Version
from lantoa_alert.domain.reach import Count, Ledger, Stage, bucket_of, pause
from lantoa_alert.domain.roster import Roster
from lantoa_alert.usecases.book import Book, Bucket
from lantoa_alert.usecases.fanout import FIRST_WAVE_SECONDS, FanOut, Voice
from lantoa_alert.usecases.notices import Notices
from lantoa_alert.usecases.shelves import LedgerShelf, milliseconds
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import NotFound

log = structlog.get_logger()

_KEPT_OPEN = timedelta(minutes=10)
_CHUNK = "c"
_AT_ONCE = 500
"""Orders said again between two looks at other work."""
_PATIENCE = 20
"""Deliveries after which an acknowledgement of no notice of ours is passed over."""


@dataclass(frozen=True)
class Heard:
    """One acknowledgement of a device: what it answers, how far it is, when the stream took it up."""

    device_id: str
    ref: str
    stage: Stage
    at: datetime
    deliveries: int = 1


@dataclass(eq=False)
class Open:
    """A ledger in memory."""

    notice_id: str
    version: Version
    issued_at: datetime
    ledger: Ledger
    book: Book
    used_at: datetime
    roster_seen: int = -1
    attempts: int = 0
    told: dict[str, Count] = field(default_factory=dict)

    @property
    def retry_at(self) -> datetime:
        """When who is silent is told again."""
        return self.issued_at + timedelta(seconds=sum(pause(number) for number in range(self.attempts + 1)))


class Ledgers:
    """The ledgers of notices, open while they are looked at or written."""

    def __init__(
        self, notices: Notices, bucket: Bucket, fanout: FanOut, voice: Voice, roster: Roster, clock: Clock
    ) -> None:
        self._notices = notices
        self._bucket = bucket
        self._fanout = fanout
        self._voice = voice
        self._roster = roster
        self._clock = clock
        self._open: dict[tuple[str, int], Open] = {}
        self._gates: dict[tuple[str, int], asyncio.Lock] = {}

    # -- one ledger ---------------------------------------------------------------------------------------------

    async def of(self, notice: Notice, ver: int | None = None) -> Open:
        """The ledger of a wording that went out, the newest without ``ver``, read from the bucket where need be.

        Raises:
            NotFound: it never went out.
            Unavailable, NatsError: it cannot be read now.
        """
        issued = (one for one in reversed(notice.versions) if one.confirmed and ver in (None, one.ver))
        version = next(issued, None)
        if version is None or version.issued_at is None:
            raise NotFound("notice-version")
        key = (notice.id, version.ver)
        async with self._gates.setdefault(key, asyncio.Lock()):
            known = self._open.get(key)
            if known is None:
                ledger = Ledger()
                book = Book(self._bucket, f"ledger.{notice.id}.{version.ver}")
                book.put_up(_CHUNK, LedgerShelf(ledger))
                known = Open(notice.id, version, version.issued_at, ledger, book, self._clock.now())
                await book.follow()
                self._open[key] = known
                if self._is_live(known, self._clock.now()):
                    # Who has been told before this process looked is not told again at once.
                    while known.retry_at <= self._clock.now():
                        known.attempts += 1
                    self._address(known)
        known.used_at = self._clock.now()
        return known

    def _address(self, one: Open) -> list[str]:
        """Bring who is meant in line with the roster; the keys that changed."""
        meant = self._roster.hearing(one.version.message.scopes)
        changed = one.ledger.address(meant)
        for device_id in [silent for silent in one.ledger.silent() if silent not in meant]:
            changed |= one.ledger.release(device_id)
        return [one.book.mark(_CHUNK, str(bucket)) for bucket in changed]

    async def addressed(self, notice: Notice) -> None:
        """Open the ledger of a notice that goes out, beside the answer to who issued it."""
        if notice.in_force(self._clock.now()):
            await asyncio.sleep(FIRST_WAVE_SECONDS)
            one = await self.of(notice)
            await one.book.flush()

    # -- what devices say ---------------------------------------------------------------------------------------

    async def heard(self, acks: Sequence[Heard]) -> list[bool]:
        """Take up acknowledgements and keep them; of each whether it is done with.

        Raises:
            Unavailable, NatsError: they are not kept, or it is not known: all come again.
        """
        done = [True] * len(acks)
        keys: dict[Open, set[str]] = {}
        opened: dict[str, Open | None] = {}
        for number, ack in enumerate(acks):
            if not ack.ref.startswith("ntc-"):
                continue
            if ack.ref not in opened:
                opened[ack.ref] = await self._find(ack.ref)
            one = opened[ack.ref]
            if one is None:
                # Another process may have issued it a moment ago, and its document is still on its way.
                done[number] = ack.deliveries >= _PATIENCE
                telemetry.ACKS.labels("unknown").inc()
                continue
            # A repeat is done with only when what it repeats is kept.
            chunk = str(bucket_of(ack.device_id))
            if self._note(one, ack):
                keys.setdefault(one, set()).add(one.book.mark(_CHUNK, chunk))
            elif not one.book.stored(_CHUNK, chunk):
                keys.setdefault(one, set()).add(one.book.key(_CHUNK, chunk))
        await asyncio.gather(*(one.book.save(changed) for one, changed in keys.items()))
        return done

    async def _find(self, ref: str) -> Open | None:
        notice_id, _, ver = ref.rpartition(".")
        notice = self._notices.all.get(notice_id)
        if notice is None or not ver.isdecimal():
            return None
        try:
            return await self.of(notice, int(ver))
        except NotFound:
            return None

    def _note(self, one: Open, ack: Heard) -> bool:
        device = self._roster.devices.get(ack.device_id)
        at_ms = milliseconds(one.issued_at, ack.at)
        news = one.ledger.note(ack.device_id, device.unit_id if device else "", ack.stage, at_ms)
        telemetry.ACKS.labels(ack.stage if news else "repeated").inc()
        if news and ack.stage == "verified":
            telemetry.VERIFIED.observe(at_ms / 1000)
        return news

    # -- turns --------------------------------------------------------------------------------------------------

    async def turn(self, roster_changes: int) -> None:
        """Open what is in force, follow other processes, take up roster changes, say orders again, close what rests."""
        now = self._clock.now()
        for notice in list(self._notices.all.values()):
            if notice.in_force(now):
                one = await self.of(notice)
                if one.roster_seen != roster_changes:
                    self._address(one)
                    one.roster_seen = roster_changes
                if one.retry_at <= now:
                    await self._again(one, now)
        for key, one in list(self._open.items()):
            await one.book.follow()
            await one.book.flush()
            if not self._is_live(one, now) and now - one.used_at > _KEPT_OPEN and not one.book.unstored:
                del self._open[key], self._gates[key]
        self._measure(now)

    async def _again(self, one: Open, now: datetime) -> None:
        one.attempts += 1
        silent = one.ledger.silent()
        for start in range(0, len(silent), _AT_ONCE):
            orders = [
                (f"dev.dn.{device_id}.alert", body)
                for device_id in silent[start : start + _AT_ONCE]
                for body in self.orders_for(device_id, one.version.message.scopes)
            ]
            await self._voice.say(orders)
            telemetry.RETRIES.inc(len(orders))
            await asyncio.sleep(0)
        if silent:
            log.info("said again", notice=one.notice_id, attempt=one.attempts, devices=len(silent))

    def orders_for(self, device_id: str, among: Iterable[str] | None = None) -> list[bytes]:
        """The signed orders in force that a device hears; one that nobody has told of hears what is said to all."""
        device = self._roster.devices.get(device_id)
        scopes = self._roster.scopes_of(device) if device and device.active else frozenset({"all"})
        return self._fanout.in_force_for(scopes if among is None else scopes & frozenset(among))

    def _is_live(self, one: Open, now: datetime) -> bool:
        """Whether devices obey this wording now. Its sound may have come since the ledger was opened."""
        version = self._notices.all[one.notice_id].in_force(now)
        return version is not None and version.ver == one.version.ver

    def _measure(self, now: datetime) -> None:
        live = [one for one in self._open.values() if self._is_live(one, now)]
        for status in ("actual", "exercise", "test"):
            telemetry.IN_FORCE.labels(status).set(sum(one.version.message.status == status for one in live))
        totals = [one.ledger.total() for one in live]
        telemetry.ADDRESSED.set(sum(total.devices for total in totals))
        telemetry.SILENT.set(sum(total.devices - total.reached for total in totals))

    def news(self) -> list[tuple[Open, str, Count]]:
        """Units in which something has changed since it was last told."""
        return [
            (one, unit_id, count)
            for one in self._open.values()
            for unit_id, count in one.ledger.counts().items()
            if unit_id and one.told.get(unit_id) != count and (count.reached or unit_id in one.told)
        ]
