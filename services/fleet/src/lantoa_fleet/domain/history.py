"""What a device's heartbeats come to: its present state, and hours of history. Plain numbers, no clock."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lantoa_contracts.device import Heartbeat

KEPT_DAYS = 90
HEARD_TOGETHER = timedelta(seconds=150)
"""Two heartbeats no further apart than this mean that the device was there in between."""
ACTIVE = ("playing", "showing")
_HOUR = 3600


def hour_of(at: datetime) -> int:
    """Hours since 1970."""
    return int(at.timestamp()) // _HOUR


@dataclass(slots=True)
class Hour:
    """One hour of one device; ``online`` and ``playing`` have a bit for each minute."""

    number: int
    beats: int = 0
    online: int = 0
    playing: int = 0
    worst_offset_ms: int = 0
    least_disk_mb: int | None = None
    highest_temperature_c: float | None = None
    restarts: int = 0

    def note(self, beat: Heartbeat, at: datetime, before: "State | None") -> None:
        """Count a heartbeat in; ``before`` is the state that the one before it left."""
        self.beats += 1
        minute = int(at.timestamp()) % _HOUR // 60
        first = minute
        if before is not None and timedelta() <= at - before.at <= HEARD_TOGETHER:
            begin = self.number * _HOUR
            first = max(0, int(before.at.timestamp()) - begin) // 60
        bits = (1 << minute + 1) - (1 << min(first, minute))
        self.online |= bits
        if beat.state in ACTIVE:
            self.playing |= bits if before is not None and before.beat.state in ACTIVE else 1 << minute
        if abs(beat.clock_offset_ms) > abs(self.worst_offset_ms):
            self.worst_offset_ms = beat.clock_offset_ms
        if beat.disk_free_mb is not None:
            self.least_disk_mb = min(beat.disk_free_mb, self.least_disk_mb or beat.disk_free_mb)
        if beat.temperature_c is not None:
            self.highest_temperature_c = max(beat.temperature_c, self.highest_temperature_c or -math.inf)
        if before is not None and before.beat.boots is not None and beat.boots is not None:
            self.restarts += max(0, beat.boots - before.beat.boots)

    def document(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "beats": self.beats,
            "online": self.online.bit_count(),
            "playing": self.playing.bit_count(),
            "offset": self.worst_offset_ms,
            "disk": self.least_disk_mb,
            "temperature": self.highest_temperature_c,
            "restarts": self.restarts,
        }


@dataclass(slots=True)
class State:
    """A device as its last heartbeat told, the hour that runs, and starts seen within the last while."""

    at: datetime
    beat: Heartbeat
    hour: Hour
    active_since: datetime | None = None
    """Since when every heartbeat has said that it plays or shows."""
    quiet_since: datetime | None = None
    """Since when none has."""
    starts: list[datetime] = field(default_factory=list)
    """When it was seen to have started anew, the last few times."""


_STARTS_KEPT = 10


def heard(before: State | None, beat: Heartbeat, at: datetime) -> tuple[State, Hour | None]:
    """The state after a heartbeat that arrived at ``at``, and the hour that it ended, if it did."""
    number, ended = hour_of(at), None
    if before is None or before.hour.number != number:
        ended = before.hour if before is not None and before.hour.number < number else None
        hour = Hour(number)
    else:
        hour = before.hour
    hour.note(beat, at, before)
    active = beat.state in ACTIVE
    starts = before.starts if before is not None else []
    if before is not None and before.beat.boots is not None and (beat.boots or 0) > before.beat.boots:
        starts = [*starts, at][-_STARTS_KEPT:]
    return (
        State(
            at,
            beat,
            hour,
            active_since=(before.active_since if before and before.active_since else at) if active else None,
            quiet_since=(before.quiet_since if before and before.quiet_since else at) if not active else None,
            starts=starts,
        ),
        ended,
    )


def repeats_since(before: State | None, beat: Heartbeat) -> int:
    """Commands that a device has heard again since its last heartbeat; one that started anew counts anew."""
    if before is None or before.beat.repeats is None or beat.repeats is None:
        return 0
    return beat.repeats - before.beat.repeats if beat.repeats >= before.beat.repeats else beat.repeats


# -- snapshots ------------------------------------------------------------------------------------------------------

_BEAT = (
    "version", "state", "desired_seq", "now", "disk_free_mb", "clock_offset_ms", "volume", "temperature_c",
    "signal_dbm", "boots", "repeats",
)  # fmt: skip
_HOUR_FIELDS = (
    "number", "beats", "online", "playing", "worst_offset_ms", "least_disk_mb", "highest_temperature_c", "restarts",
)  # fmt: skip


def _stamp(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


def _moment(stamp: int | None) -> datetime | None:
    return None if stamp is None else datetime.fromtimestamp(stamp / 1000, UTC)


def packed(device_id: str, state: State) -> list[Any]:
    """A state as a row of plain values for a snapshot."""
    return [
        device_id,
        [_stamp(state.at), _stamp(state.beat.at), _stamp(state.active_since), _stamp(state.quiet_since)],
        [getattr(state.beat, name) for name in _BEAT],
        [getattr(state.hour, name) for name in _HOUR_FIELDS],
        [_stamp(start) for start in state.starts],
    ]


def unpacked(row: Sequence[Any]) -> tuple[str, State]:
    """Undo :func:`packed`.

    Raises:
        ValueError, TypeError, IndexError: no such row.
    """
    device_id, times, beat, hour, starts = row
    at, sent, active, quiet = (_moment(stamp) for stamp in times)
    if at is None or len(beat) != len(_BEAT):
        raise ValueError("not a state")
    told = Heartbeat.model_validate({"at": sent, **dict(zip(_BEAT, beat, strict=True))})
    return device_id, State(at, told, Hour(*hour), active, quiet, [start for start in map(_moment, starts) if start])


# -- days as they are kept ------------------------------------------------------------------------------------------


def day_of(number: int) -> datetime:
    """The day (UTC) in which an hour lies."""
    return datetime.fromtimestamp(number * _HOUR // 86_400 * 86_400, UTC)


def day_key(device_id: str, day: datetime) -> str:
    """The id of a device's document of a day."""
    return f"{device_id}:{day:%Y-%m-%d}"


def hours_of(device_id: str, days: Sequence[Mapping[str, Any]], running: Hour | None) -> Iterator[dict[str, Any]]:
    """A device's kept hours in order, each with its beginning ``at``, the running one last."""
    for day in sorted(days, key=lambda one: one["at"]):
        for hour in sorted(day["hours"], key=int):
            if running is None or hour_of(day["at"]) + int(hour) != running.number:
                yield {"at": day["at"] + timedelta(hours=int(hour)), **day["hours"][hour]}
    if running is not None:
        yield {"at": datetime.fromtimestamp(running.number * _HOUR, UTC), **running.document()}
