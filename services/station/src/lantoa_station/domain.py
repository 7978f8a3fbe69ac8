"""What a station plays next, and when: entries of its rundown, and alerts before them. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

AttemptState = Literal["started", "cut", "aired"]

PATIENCE = timedelta(seconds=10)
"""So long after its start a session keeps its order for the sake of audio that is still on its way."""

MAX_ATTEMPTS = 10
"""An entry that cuts this often (a file that kills the decoder) is given up, so that the others are heard."""


@dataclass(frozen=True)
class Entry:
    """One item of a session. ``seconds`` is the planned length, ``audio`` the sha256 of its file."""

    entry_id: str
    audio: str
    seconds: float


@dataclass(frozen=True)
class Session:
    """Entries that play one after the other from ``starts_at`` on."""

    session_id: str
    starts_at: datetime
    entries: tuple[Entry, ...]

    @property
    def ends_at(self) -> datetime:
        """When the session is over if it keeps its time."""
        return self.starts_at + timedelta(seconds=sum(entry.seconds for entry in self.entries))


@dataclass(frozen=True)
class Cue:
    """The next thing to play: ``planned_at`` by its place in the session, not before ``play_at``."""

    session_id: str
    entry_id: str
    attempt: int
    planned_at: datetime
    play_at: datetime


def next_cue(
    sessions: Iterable[Session],
    attempts: Mapping[str, Sequence[AttemptState]],
    ready: Collection[str],
    broken: Collection[str],
    now: datetime,
    late: timedelta,
) -> Cue | None:
    """The first entry, by session start and order, that is still to be heard and whose audio is here.

    A session that has begun plays back to back, whatever the plan of the single entry says. An entry counts as still
    to be heard while it was never aired whole and its session has not been over for longer than ``late``: a bulletin
    for the morning is not read out at noon (messaging notes, 8). An entry whose audio is missing holds up the others
    for :data:`PATIENCE` at most, then it is passed over and taken up when it has come. ``ready`` and ``broken`` are the
    sha256 of audio that is here and of audio that cannot be decoded. ``attempts`` are the states of
    earlier attempts by entry; all must be closed.
    """
    # Stable: of sessions that start together the rundown names that of the nearest unit first.
    for session in sorted(sessions, key=lambda session: session.starts_at):
        if now >= session.ends_at + late:
            continue
        planned_at = not_before = session.starts_at
        for entry in session.entries:
            past = attempts.get(entry.entry_id, ())
            if "aired" not in past and len(past) < MAX_ATTEMPTS and entry.audio not in broken:
                if entry.audio in ready:
                    return Cue(
                        session_id=session.session_id,
                        entry_id=entry.entry_id,
                        attempt=len(past) + 1,
                        planned_at=planned_at,
                        play_at=max(now, not_before),
                    )
                not_before = session.starts_at + PATIENCE
            planned_at += timedelta(seconds=entry.seconds)
    return None


SIGNAL_S = 6.0
"""Six sweeps: long enough to make people stop and listen, short enough not to delay the words."""
_SWEEP_S = 1.0
_HIGH_HZ, _LOW_HZ = 1200.0, 500.0


@dataclass(frozen=True)
class Sounding:
    """A notice in force as the loudspeaker sees it."""

    ref: str
    rank: int
    """0 for the most severe."""
    repeat: int
    gap_s: float
    worded: bool
    """It has a sound of its own beside the signal."""
    here: bool
    """That sound has come."""


@dataclass
class Heard:
    """What of a notice has left the sink so far."""

    begun: int = 0
    times: int = 0
    """How often it was heard to its end."""
    worded: int = 0
    """How many of those times with its own sound."""
    not_before_s: float = 0.0
    """Its gap lasts until then, on the loop's clock."""
    refused: bool = False
    """Its sound cannot be decoded: the signal alone has to do."""


def is_due(notice: Sounding, heard: Heard) -> bool:
    """Whether the notice is to be heard again: as often as told, and its own sound once even if it came late."""
    late = notice.here and not heard.worded and not heard.refused
    return heard.times < notice.repeat or late


def is_complete(notice: Sounding, heard: Heard) -> bool:
    """Whether all of it was heard; one whose own sound is still missing waits for it."""
    return not is_due(notice, heard) and (not notice.worded or heard.worded > 0 or heard.refused)


def next_sounding(
    active: Iterable[Sounding], heard: Mapping[str, Heard], now_s: float
) -> tuple[Sounding | None, float | None]:
    """The notice to sound now, or when one has to be looked at again; both None when nothing is due.

    ``active`` are in order of severity. In the gap of one notice another may sound, and nothing else does.
    """
    waits = []
    for notice in active:
        been = heard.get(notice.ref, Heard())
        if is_due(notice, been):
            if been.not_before_s <= now_s:
                return notice, None
            waits.append(been.not_before_s)
    return None, min(waits, default=None)


def sweep_hz(at_s: Any) -> Any:
    """The signal's frequency: falling from 1200 to 500 Hz each second, as DIN 33404-3 has it for emergencies.

    ``at_s`` is a number of seconds or an array of them.
    """
    return _HIGH_HZ - (_HIGH_HZ - _LOW_HZ) * (at_s % _SWEEP_S) / _SWEEP_S
