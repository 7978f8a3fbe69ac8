"""What a station plays next, and when. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

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
