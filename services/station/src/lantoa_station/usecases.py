"""Play what the rundown says and prove it."""

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import structlog

from lantoa_contracts.device import AiredProof, RadioRundown, RundownEntry, RundownSession
from lantoa_devicekit import Device, Order
from lantoa_devicekit.store import AttemptRow
from lantoa_station.domain import AttemptState, Cue, Entry, Session, next_cue

log = structlog.get_logger("lantoa.station")

LOOK_AGAIN_S = 1.0
"""The clock's offset may change while we wait, so no wait is longer."""


class AudioRefused(Exception):
    """The file cannot be decoded."""


@dataclass(frozen=True)
class Played:
    """What left the sink: seconds of sound, and whether that was all of the file."""

    seconds: float
    whole: bool


class Sink(Protocol):
    """Plays one file at a time; blocking, on a thread of its own."""

    def play(self, audio: Path, label: str, stop: threading.Event) -> Played:
        """Play ``audio`` until its end or until ``stop`` is set.

        Raises:
            AudioRefused: it is not audio, or breaks off undecodable.
        """
        ...


class PlayLog(Protocol):
    """A diary of starts and stops for people; the proofs are elsewhere."""

    def write(self, event: Literal["start", "stop"], at: datetime, **fields: Any) -> None:
        """Note an event."""
        ...


def sessions_of(rundown: RadioRundown) -> list[Session]:
    """The rundown as the schedule sees it."""
    return [
        Session(
            session.session_id,
            session.starts_at,
            tuple(Entry(entry.entry_id, entry.media.sha256, entry.seconds) for entry in session.entries),
        )
        for session in rundown.sessions
    ]


def states_of(attempts: Iterable[AttemptRow]) -> dict[str, list[AttemptState]]:
    """States of earlier attempts by entry, in order."""
    states: dict[str, list[AttemptState]] = defaultdict(list)
    for row in attempts:
        states[row.entry_id].append(row.state)
    return states


class Station:
    """The player loop of one loudspeaker. Give ``take`` to the device as its ``on_order``."""

    def __init__(self, sink: Sink, play_log: PlayLog, late_s: float) -> None:
        self._sink = sink
        self._log = play_log
        self._late = timedelta(seconds=late_s)
        self._order: Order | None = None
        self._changed = asyncio.Event()
        self._stop = threading.Event()
        self._cut = threading.Event()
        self._broken: set[str] = set()
        self._past: dict[str, list[AttemptState]] = {}

    def take(self, order: Order) -> None:
        """A new or completed order. What is playing goes on, unless the device was revoked."""
        self._order = order
        if order.revoked:
            self._cut.set()
        self._changed.set()

    def stop(self) -> None:
        """Fall silent at once; ``run`` returns after the cut has been written."""
        self._stop.set()
        self._cut.set()
        self._changed.set()

    async def run(self, device: Device) -> None:
        """Close what a crash left open, then play until stopped."""
        await self._recover(device)
        while not self._stop.is_set():
            self._changed.clear()
            self._cut.clear()
            cue = self._next(device)
            wait_s = (cue.play_at - device.clock.now()).total_seconds() if cue else LOOK_AGAIN_S
            if cue and wait_s <= 0:
                await self._play(device, cue)
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(wait_s, LOOK_AGAIN_S)):
                        await self._changed.wait()

    async def _recover(self, device: Device) -> None:
        for row in await device.attempts():
            if row.state == "started":
                cut = AiredProof.model_validate_json(row.cut_proof)
                await device.finish(row.attempt, cut)
                about: dict[str, Any] = {"entry_id": row.entry_id, "attempt": row.attempt}
                self._log.write("stop", cut.ended_at, outcome="cut", seconds=0.0, **about)
                log.warning("cut_by_restart", **about)
        self._past = states_of(await device.attempts())

    def _next(self, device: Device) -> Cue | None:
        device.show("idle")
        order = self._order
        if order is None or not isinstance(order.rundown, RadioRundown):
            return None
        sessions, now = sessions_of(order.rundown), device.clock.now()
        return next_cue(sessions, self._past, order.media.keys(), self._broken, now, self._late)

    async def _play(self, device: Device, cue: Cue) -> None:
        order = self._order
        if order is None or not isinstance(order.rundown, RadioRundown):
            return
        session, entry = find(order.rundown, cue)
        if await device.damaged(entry.media.sha256):
            return
        now = device.clock.now()
        cut = AiredProof(
            device_id=device.identity.device_id,
            local_id=f"{cue.entry_id}.{cue.attempt}",
            outcome="cut",
            session_id=session.session_id,
            entry_id=entry.entry_id,
            item_id=entry.item_id,
            revision=entry.revision,
            rundown_sha256=order.rundown_sha256,
            audio_sha256=entry.media.sha256,
            planned_at=cue.planned_at,
            started_at=now,
            ended_at=now,
            seconds=0.0,
            clock_offset_ms=device.clock.offset_ms,
        )
        await device.begin(cue.attempt, cut)
        device.show("playing", entry.title)
        about: dict[str, Any] = {"entry_id": entry.entry_id, "attempt": cue.attempt, "title": entry.title}
        started_at = device.clock.now()
        self._log.write("start", started_at, planned_at=cue.planned_at.isoformat(), **about)
        audio = order.media[entry.media.sha256]
        try:
            played = await asyncio.to_thread(self._sink.play, audio, cut.local_id, self._cut)
        except AudioRefused as error:
            self._broken.add(entry.media.sha256)
            await device.alarm("playback_failed", f"{entry.entry_id}: {error}")
            played = Played(0.0, whole=False)
        ended_at = device.clock.now()
        outcome = "aired" if played.whole else "cut"
        proof = cut.model_copy(
            update={"outcome": outcome, "started_at": started_at, "ended_at": ended_at, "seconds": played.seconds}
        )
        await device.finish(cue.attempt, proof)
        self._past = states_of(await device.attempts())
        self._log.write("stop", ended_at, outcome=outcome, seconds=played.seconds, **about)
        log.info("played", outcome=outcome, **about)


def find(rundown: RadioRundown, cue: Cue) -> tuple[RundownSession, RundownEntry]:
    """The session and entry that a cue names."""
    return next(
        (session, entry)
        for session in rundown.sessions
        if session.session_id == cue.session_id
        for entry in session.entries
        if entry.entry_id == cue.entry_id
    )
