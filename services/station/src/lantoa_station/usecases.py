"""Play what the rundown says and prove it."""

import asyncio
import contextlib
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import structlog

from lantoa_contracts.device import AiredProof, Command, RadioRundown, RundownEntry, RundownSession
from lantoa_devicekit import ActiveNotice, CommandFailed, Device, Order
from lantoa_devicekit.commands import number
from lantoa_devicekit.store import AttemptRow
from lantoa_station.domain import (
    AttemptState,
    Cue,
    Entry,
    Heard,
    Session,
    Sounding,
    is_complete,
    next_cue,
    next_sounding,
)

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
    """Plays one thing at a time until its end or until ``stop`` is set; blocking, on a thread of its own.

    ``label`` names what it keeps of it, ``volume`` is asked again and again for the percentage.
    """

    def play(self, audio: Path, label: str, stop: threading.Event, volume: Callable[[], int]) -> Played:
        """Play a file.

        Raises:
            AudioRefused: it is not audio, or breaks off undecodable.
        """
        ...

    def alert(self, sound: Path | None, label: str, stop: threading.Event) -> Played:
        """Play the attention signal, then the sound of a notice; as loud as can be, whatever the volume.

        Raises:
            AudioRefused: the sound is not audio.
        """
        ...

    def tone(self, seconds: float, label: str, stop: threading.Event, volume: Callable[[], int]) -> Played:
        """Play a test tone."""
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


@dataclass
class Tone:
    """A test tone that somebody waits for."""

    name: str
    seconds: float
    done: asyncio.Event
    heard_s: float = 0.0


class AlertDesk:
    """What of the notices in force has been heard, and what is to be heard next."""

    def __init__(self, sink: Sink, play_log: PlayLog) -> None:
        self._sink = sink
        self._log = play_log
        self._active: dict[str, ActiveNotice] = {}
        self._heard: dict[str, Heard] = {}
        self._sounding: str | None = None

    def take(self, active: tuple[ActiveNotice, ...], now_s: float) -> bool:
        """Note what is in force, in order of severity; whether what plays now is to be cut."""
        self._active = {each.ref: each for each in active}
        self._heard = {ref: heard for ref, heard in self._heard.items() if ref in self._active}
        if self._sounding is None:
            return self.busy(now_s)
        if self._sounding not in self._active:
            return True
        due = next_sounding(self._soundings(), {**self._heard, self._sounding: Heard()}, now_s)[0]
        return due is not None and due.rank < self._active[self._sounding].rank

    def busy(self, now_s: float) -> bool:
        """Whether a notice sounds, is due, or waits for the end of its gap."""
        return self._sounding is not None or self.next(now_s) != (None, None)

    def next(self, now_s: float) -> tuple[ActiveNotice | None, float | None]:
        """The notice to sound now, or when to look again; both None when the rundown may play."""
        found, look_at_s = next_sounding(self._soundings(), self._heard, now_s)
        return (self._active[found.ref] if found else None), look_at_s

    def _soundings(self) -> list[Sounding]:
        # One that we have heard to its end ourselves may be given its words afterwards: they are due all the same.
        return [_sounding(each) for each in self._active.values() if not each.finished or each.ref in self._heard]

    def _come(self, ref: str, heard: Heard) -> Path | None:
        active = self._active.get(ref)
        return None if active is None or heard.refused else active.sound

    async def sound(self, device: Device, active: ActiveNotice, cut: threading.Event) -> None:
        """Let a notice be heard once, and tell the platform how far it has come."""
        notice, ref = active.notice, active.ref
        heard = self._heard.setdefault(ref, Heard())
        sound = None if heard.refused else active.sound
        heard.begun += 1
        device.show("playing", notice.headline)
        about: dict[str, Any] = {
            "alert": ref,
            "repeat": heard.times + 1,
            "begun": heard.begun,
            "headline": notice.headline,
        }
        self._log.write("start", device.clock.now(), **about)
        self._sounding = ref
        telling = asyncio.create_task(device.acknowledge(notice, "playing"))  # The sound does not wait for the disk.
        try:
            played = await asyncio.to_thread(self._sink.alert, sound, f"{ref}.{heard.begun}", cut)
            if sound is None and played.whole and (sound := self._come(ref, heard)) is not None:
                # It came while the signal sounded: the words follow at once.
                words = await asyncio.to_thread(self._sink.play, sound, f"{ref}.{heard.begun}.words", cut, _full)
                played = Played(played.seconds + words.seconds, words.whole)
        except AudioRefused as error:
            heard.refused = True
            await device.alarm("playback_failed", f"{ref}: {error}")
            played = Played(0.0, whole=False)
        finally:
            self._sounding = None
        await telling
        about |= {"seconds": played.seconds, "whole": played.whole, "worded": sound is not None}
        self._log.write("stop", device.clock.now(), **about)
        if played.whole:
            heard.times += 1
            heard.worded += sound is not None
            heard.not_before_s = asyncio.get_running_loop().time() + notice.gap_s
        now = self._active.get(ref)
        if now is not None and is_complete(_sounding(now), heard):
            log.info("alert_heard", ref=ref, times=heard.times, refused=heard.refused)
            if heard.refused:
                await device.acknowledge(notice, "failed", "its sound cannot be decoded; the signal was heard")
            else:
                await device.acknowledge(notice, "finished")


def _full() -> int:
    return 100


def _sounding(active: ActiveNotice) -> Sounding:
    notice = active.notice
    return Sounding(
        active.ref, active.rank, notice.repeat, notice.gap_s, notice.sound is not None, active.sound is not None
    )


class Station:
    """The player loop of one loudspeaker. Give ``take`` to the device as its ``on_order``."""

    def __init__(self, sink: Sink, play_log: PlayLog, late_s: float) -> None:
        self._sink = sink
        self._alerts = AlertDesk(sink, play_log)
        self._tones: deque[Tone] = deque()
        self._recovered = False
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

    def take_alerts(self, active: tuple[ActiveNotice, ...]) -> None:
        """The notices in force have changed: one that is due is heard at once, one that is over falls silent."""
        if self._alerts.take(active, asyncio.get_running_loop().time()):
            self._cut.set()
        self._changed.set()

    async def test_tone(self, command: Command) -> dict[str, Any]:
        """Carry out the command ``test_tone``: a bulletin is cut for it, an alert is not.

        Raises:
            CommandFailed: an alert sounds, or the device stops before the tone is over.
        """
        tone = Tone(command.cmd_id, number(command, "seconds", 0.1, 10, default=3), asyncio.Event())
        if self._alerts.busy(asyncio.get_running_loop().time()):
            raise CommandFailed("an alert is sounding")
        self._tones.append(tone)
        self._cut.set()
        self._changed.set()
        await tone.done.wait()
        if tone.heard_s < tone.seconds:
            raise CommandFailed(f"cut after {tone.heard_s:.1f} s")
        return {"seconds": tone.heard_s}

    @staticmethod
    async def screenshot(_: Command) -> None:
        """Refuse the command ``screenshot``."""
        raise CommandFailed("no screen")

    def stop(self) -> None:
        """Fall silent at once; ``run`` returns after the cut has been written."""
        self._stop.set()
        self._cut.set()
        self._changed.set()

    async def run(self, device: Device) -> None:
        """Play until stopped: alerts before anything else, then tones, then what the rundown says."""
        while not self._stop.is_set():
            self._changed.clear()
            self._cut.clear()
            now_s = asyncio.get_running_loop().time()
            notice, look_at_s = self._alerts.next(now_s)
            if notice is not None:
                await self._alerts.sound(device, notice, self._cut)
            elif look_at_s is not None:
                await self._wait(look_at_s - now_s)
            elif self._tones:
                await self._tone(device, self._tones.popleft())
            else:
                await self._go_on(device)
        for tone in self._tones:
            tone.done.set()

    async def _go_on(self, device: Device) -> None:
        """Play the next entry of the rundown if its time has come, else wait."""
        if not self._recovered:
            await self._recover(device)
            self._recovered = True
        cue = self._next(device)
        wait_s = (cue.play_at - device.clock.now()).total_seconds() if cue else LOOK_AGAIN_S
        if cue and wait_s <= 0:
            await self._play(device, cue)
        else:
            await self._wait(wait_s)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, LOOK_AGAIN_S)):
                await self._changed.wait()

    async def _tone(self, device: Device, tone: "Tone") -> None:
        device.show("playing", "test tone")
        self._log.write("start", device.clock.now(), tone=tone.name)
        played = await asyncio.to_thread(self._sink.tone, tone.seconds, tone.name, self._cut, lambda: device.volume)
        self._log.write("stop", device.clock.now(), tone=tone.name, seconds=played.seconds)
        tone.heard_s = played.seconds
        tone.done.set()

    async def _recover(self, device: Device) -> None:
        """Close what a crash left open."""
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
        if await device.damaged(entry.media.sha256) or self._cut.is_set():
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
            played = await asyncio.to_thread(self._sink.play, audio, cut.local_id, self._cut, lambda: device.volume)
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
