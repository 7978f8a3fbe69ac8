"""Give the page its slides and turn what it showed into proofs."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lantoa_contracts.device import BoardEntry, BoardRundown, DisplayedProof
from lantoa_devicekit import Device, Order
from lantoa_player.domain import Slide, is_full_showing, showing


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
    slides: list[Slide]
    connected: bool


class Player:
    """The board's agent. Give ``take`` to the device as its ``on_order``."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._order: Order | None = None

    def take(self, order: Order) -> None:
        """A new or completed order."""
        self._order = order

    def screen(self, device: Device) -> Screen:
        """What the page is to show now."""
        claimed = device.enrolment == "accepted"
        order = self._order
        slides = [slide_of(entry) for entry in entries(order)]
        here = order.media.keys() if order else set()
        turn = showing(slides, set(here), device.clock.now())
        device.show("showing" if turn else "idle", f"{len(turn)} trang" if turn else None)
        return Screen(None if claimed else device.identity.claim_code, turn, device.connected)

    def slide_file(self, sha256: str) -> Path | None:
        """The verified file of a slide of the present order."""
        return self._order.media.get(sha256) if self._order else None

    async def shown(self, device: Device, report: Shown) -> bool:
        """Prove a full showing, once an entry; ``False`` when it does not count."""
        order = self._order
        entry = next((e for e in entries(order) if e.entry_id == report.entry_id), None)
        if order is None or entry is None or entry.media.sha256 != report.sha256:
            return False
        now = device.clock.now()
        if not is_full_showing(slide_of(entry), report.started_at, report.ended_at, now, self.speed):
            return False
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
        return True


def entries(order: Order | None) -> tuple[BoardEntry, ...]:
    """The entries of an order for a board."""
    return order.rundown.entries if order is not None and isinstance(order.rundown, BoardRundown) else ()


def slide_of(entry: BoardEntry) -> Slide:
    """The entry as the rotation sees it."""
    return Slide(entry.entry_id, entry.media.sha256, entry.seconds, entry.valid_from, entry.valid_until)
