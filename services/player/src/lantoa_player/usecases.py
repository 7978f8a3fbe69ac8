"""Give the page its slides and turn what it showed into proofs."""

import asyncio
import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from pathlib import Path
from typing import Literal

import structlog

from lantoa_contracts.device import AlertNotice, BoardEntry, BoardRundown, Command, DisplayedProof
from lantoa_devicekit import ActiveNotice, CommandFailed, Device, Order
from lantoa_player.domain import Slide, is_full_showing, showing

log = structlog.get_logger("lantoa.player")

_REMEMBERED = 50
PAGE_GONE_S = 10.0
"""A page asks every second; one that has not asked for so long is not there."""


@dataclass(frozen=True)
class Shown:
    """What the page says of one showing."""

    entry_id: str
    sha256: str
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True)
class Screen:
    """What the page is to show now."""

    claim_code: str | None
    """Shown large until a technician has claimed the board."""
    revoked: bool
    """Taken out of service: nothing is shown."""
    connected: bool
    slides: list[Slide]
    notices: tuple[AlertNotice, ...]
    """In force, the most severe first: they cover everything else."""


class Verdict(Enum):
    """What becomes of a reported showing."""

    PROVED = auto()
    """It counts; a repeat of what was proved before is no new proof."""
    REFUSED = auto()
    """It does not count and never will."""
    LATER = auto()
    """The agent does not know its own rundown yet: tell it again."""


class Player:
    """The board's agent. Give ``take`` to the device as its ``on_order``."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._order: Order | None = None
        self._before: Order | None = None
        self._damaged: set[str] = set()
        self._asked_at: float | None = None
        self._turn = 0
        self._active: tuple[ActiveNotice, ...] = ()
        self._told: dict[str, AlertNotice] = {}
        self._alerted = asyncio.Event()

    def take(self, order: Order) -> None:
        """A new or completed order. What the one before it showed last may still be reported."""
        if self._order is not None and self._order.rundown_sha256 != order.rundown_sha256:
            self._before = self._order
        self._order = order
        # What is not in it was forgotten by the device and comes back right.
        self._damaged &= order.media.keys()

    def take_alerts(self, active: tuple[ActiveNotice, ...]) -> None:
        """The notices in force have changed."""
        self._active = active
        # The page may still report on a notice that was just called off.
        latest = {**self._told, **{each.ref: each.notice for each in active}}
        self._told = dict(list(latest.items())[-_REMEMBERED:])
        self._alerted.set()
        self._alerted = asyncio.Event()

    @property
    def notices(self) -> str:
        """A name for what is in force now: another one means that something has changed."""
        refs = " ".join(each.ref for each in self._active)
        return hashlib.sha256(refs.encode()).hexdigest()[:12]

    async def changed(self, known: str, within_s: float) -> None:
        """Return when other notices are in force than those ``known``, or after the time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.notices == known:
                    await self._alerted.wait()

    async def alerted(self, device: Device, ref: str, stage: Literal["playing", "finished"]) -> Verdict:
        """Acknowledge that the page began to show a notice, or has shown all of it."""
        notice = self._told.get(ref) or device.notice(ref)
        if notice is None:
            log.info("alert_report_refused", ref=ref)
            return Verdict.REFUSED
        await device.acknowledge(notice, stage)
        return Verdict.PROVED

    def screen(self, device: Device) -> Screen:
        """What the page is to show now; being asked is the sign that there is a page."""
        self._asked_at = asyncio.get_running_loop().time()
        here = self._order.media.keys() - self._damaged if self._order else set()
        accepted = device.enrolment == "accepted"
        slides = [slide_of(entry) for entry in entries(self._order)] if accepted else []
        turn = showing(slides, here, device.clock.now())
        self._turn = len(turn)
        code = device.claim_code
        notices = tuple(each.notice for each in self._active)
        return Screen(code, device.enrolment == "revoked", device.connected, turn, notices)

    async def watch(self, device: Device) -> None:
        """Keep the heartbeat true, for ever: without a page nothing is shown, whatever the rundown says."""
        while True:
            now = asyncio.get_running_loop().time()
            if self._asked_at is None or now - self._asked_at > PAGE_GONE_S:
                device.show("idle", "chưa mở trang")
            elif self._active:
                device.show("showing", self._active[0].notice.headline)
            elif self._turn:
                device.show("showing", f"{self._turn} trang")
            else:
                device.show("idle")
            await asyncio.sleep(1)

    async def slide(self, device: Device, sha256: str) -> bytes | None:
        """A slide of the present order, checked again as it leaves; None when it is not here or no longer right.

        A damaged file raises an alarm and leaves the turn until the device has fetched it anew.
        """
        path = self._order.media.get(sha256) if self._order else None
        if path is None or sha256 in self._damaged:
            return None
        data = await asyncio.to_thread(_read, path)
        if data is not None and hashlib.sha256(data).hexdigest() == sha256:
            return data
        self._damaged.add(sha256)
        if not await device.damaged(sha256):
            self._damaged.discard(sha256)  # It could not be read just now.
        return None

    async def shown(self, device: Device, report: Shown) -> Verdict:
        """Prove a full showing, once an entry."""
        if self._order is None:
            return Verdict.LATER
        order, entry = next(self._known(report), (None, None))
        if order is None or entry is None:
            return _refused(report, "no such entry")
        if not is_full_showing(slide_of(entry), report.started_at, report.ended_at, device.clock.now(), self.speed):
            return _refused(report, "not a full showing")
        seconds = (report.ended_at - report.started_at).total_seconds() * self.speed
        await device.prove(
            DisplayedProof(
                device_id=device.identity.device_id,
                local_id=f"{entry.entry_id}.1",
                entry_id=entry.entry_id,
                item_id=entry.item_id,
                revision=entry.revision,
                rundown_sha256=order.rundown_sha256,
                slide_sha256=report.sha256,
                started_at=report.started_at,
                ended_at=report.ended_at,
                seconds=round(min(seconds, entry.seconds), 3),
                clock_offset_ms=device.clock.offset_ms,
            )
        )
        return Verdict.PROVED

    def _known(self, report: Shown) -> Iterator[tuple[Order, BoardEntry]]:
        for order in (self._order, self._before):
            for entry in entries(order):
                if order and (entry.entry_id, entry.media.sha256) == (report.entry_id, report.sha256):
                    yield order, entry


async def no_loudspeaker(_: Command) -> None:
    """Refuse the commands ``volume`` and ``test_tone``."""
    raise CommandFailed("no loudspeaker")


def entries(order: Order | None) -> tuple[BoardEntry, ...]:
    """The entries of an order for a board."""
    return order.rundown.entries if order is not None and isinstance(order.rundown, BoardRundown) else ()


def slide_of(entry: BoardEntry) -> Slide:
    """The entry as the rotation sees it."""
    return Slide(entry.entry_id, entry.media.sha256, entry.seconds, entry.valid_from, entry.valid_until)


def _refused(report: Shown, why: str) -> Verdict:
    log.info("showing_refused", entry_id=report.entry_id, why=why)
    return Verdict.REFUSED


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
