"""Which alarms stand: what is wrong with each device, for how long, and where many have the same cause.

Three steps, all pure: :func:`causes` looks at one device, :class:`Persistence` lets nothing rise or end by a single
look, :func:`standing` makes of many devices with one cause one alarm.
"""

import bisect
import collections
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lantoa_fleet.domain.history import State
from lantoa_fleet.domain.listing import Row

CODES = (
    "offline",
    "silent",
    "sounding",
    "signature_refused",
    "download_refused",
    "playback_failed",
    "clock_off",
    "disk_full",
    "temperature",
    "restarts",
)
"""``silent``: should play and does not. ``sounding``: plays although nothing is planned."""


@dataclass(frozen=True)
class Limits:
    """When something is wrong. Of each pair the second is where it has ended, so that an alarm does not flicker."""

    clock_ms: tuple[int, int] = (60_000, 30_000)
    disk_mb: tuple[int, int] = (200, 500)
    temperature_c: tuple[float, float] = (75.0, 68.0)
    restarts: int = 3
    """So many starts within an hour are too many."""
    start_patience: timedelta = timedelta(minutes=2)
    """A station may begin so long after the session's begin before it counts as silent."""
    late: timedelta = timedelta(minutes=30)
    """A station that was away makes up for a session so long after its end."""
    told: timedelta = timedelta(hours=2)
    """A device tells a trouble at most once an hour: without news for so long it is over."""


LIMITS = Limits()
_HOUR = timedelta(hours=1)
_TOLD = (
    "signature_refused",
    "download_refused",
    "playback_failed",
    "clock_off",
    "disk_full",
    "temperature",
    "restarts",
)


def window_at(row: Row, at: datetime) -> tuple[int, int] | None:
    """The session that runs at a moment, or else the last one before it."""
    stamp = int(at.timestamp())
    place = bisect.bisect_right(row.windows, (stamp, 1 << 62))
    return row.windows[place - 1] if place else None


def causes(
    row: Row, state: State | None, now: datetime, standing_: Collection[str], *, alerting: bool, limits: Limits = LIMITS
) -> set[str]:
    """What is wrong with a device at this moment; ``standing_`` are the causes that hold for it already.

    ``alerting`` says that an emergency notice sounds or shows there, which is no fault.
    """
    if not row.accepted:
        return set()
    found = {trouble.code for trouble in row.troubles if trouble.code in _TOLD and now - trouble.at < limits.told}
    if not row.online:
        return found | {"offline"}
    if state is None:
        return found
    beat = state.beat
    found -= _measured_well(state, standing_, limits)
    if abs(beat.clock_offset_ms) > limits.clock_ms["clock_off" in standing_]:
        found.add("clock_off")
    if beat.disk_free_mb is not None and beat.disk_free_mb < limits.disk_mb["disk_full" in standing_]:
        found.add("disk_full")
    if beat.temperature_c is not None and beat.temperature_c > limits.temperature_c["temperature" in standing_]:
        found.add("temperature")
    if sum(now - start < _HOUR for start in state.starts) >= limits.restarts:
        found.add("restarts")
    return found if alerting else found | _sound(row, state, now, limits)


def _measured_well(state: State, standing_: Collection[str], limits: Limits) -> set[str]:
    """Troubles that the device told of and that its own heartbeat now denies."""
    beat = state.beat
    well = set()
    if abs(beat.clock_offset_ms) <= limits.clock_ms["clock_off" in standing_]:
        well.add("clock_off")
    if beat.disk_free_mb is not None and beat.disk_free_mb >= limits.disk_mb["disk_full" in standing_]:
        well.add("disk_full")
    if beat.temperature_c is not None and beat.temperature_c <= limits.temperature_c["temperature" in standing_]:
        well.add("temperature")
    return well


def _sound(row: Row, state: State, now: datetime, limits: Limits) -> set[str]:
    """A radio's word against its plan. The heartbeat is judged by the moment when it came, not by now."""
    if row.kind == "board" or row.seq != state.beat.desired_seq:
        return set()
    window = window_at(row, state.at)
    stamp, begin, end = state.at.timestamp(), *(window or (0, 0))
    if state.beat.state == "playing":
        return {"sounding"} if stamp > end + limits.late.total_seconds() else set()
    due = begin + limits.start_patience.total_seconds() <= stamp < end
    quiet = state.quiet_since is not None and state.quiet_since.timestamp() <= stamp
    return {"silent"} if due and quiet and state.beat.state == "idle" else set()


# -- in time --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Patience:
    """How long a cause must hold before it counts, and be away before it does not."""

    rise: timedelta
    end: timedelta


_USUAL = Patience(timedelta(0), timedelta(minutes=1))
PATIENCE: Mapping[str, Patience] = {
    "offline": Patience(timedelta(minutes=5), timedelta(seconds=30)),
    "silent": Patience(timedelta(seconds=90), timedelta(seconds=30)),
    "sounding": Patience(timedelta(minutes=3), timedelta(minutes=1)),
    "temperature": Patience(timedelta(minutes=2), timedelta(minutes=5)),
    "disk_full": Patience(timedelta(minutes=1), timedelta(minutes=1)),
    "clock_off": Patience(timedelta(minutes=1), timedelta(minutes=1)),
}


class Persistence:
    """Which causes count at which device: those that have held, until they have been away for a while."""

    def __init__(self, patience: Callable[[str], Patience] = lambda code: PATIENCE.get(code, _USUAL)) -> None:
        self._patience = patience
        self.counting: dict[str, frozenset[str]] = {}
        """Codes by device; devices without any are not in it."""
        self._turned: dict[str, dict[str, datetime]] = {}

    def take(self, counting: Mapping[str, Iterable[str]]) -> None:
        """Begin with what is known to count, as from the alarms that are open."""
        self.counting = {device_id: frozenset(codes) for device_id, codes in counting.items()}
        self._turned.clear()

    def see(self, device_id: str, found: Collection[str], now: datetime) -> None:
        """One look at a device. A cause that goes before it counted begins anew the next time."""
        counting = self.counting.get(device_id, frozenset())
        turned = self._turned.pop(device_id, {})
        for code in counting.symmetric_difference(found):
            since = turned.get(code, now)
            patience = self._patience(code)
            if now - since >= (patience.end if code in counting else patience.rise):
                counting ^= {code}
            else:
                self._turned.setdefault(device_id, {})[code] = since
        if counting:
            self.counting[device_id] = counting
        else:
            self.counting.pop(device_id, None)

    def forget_all_but(self, seen: Collection[str]) -> None:
        """Let go of devices that are no more."""
        for gone in (self.counting.keys() | self._turned.keys()) - set(seen):
            self.counting.pop(gone, None)
            self._turned.pop(gone, None)


# -- in space -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """An alarm that stands: one cause, the smallest unit that names it, every device concerned."""

    code: str
    unit_id: str
    devices: frozenset[str]

    @property
    def key(self) -> str:
        """What no two open alarms share."""
        return f"{self.code}:{self.unit_id}"


WIDE_SHARE = 0.5
"""A unit above the communes has one alarm when so much of it is concerned ..."""
STILL_WIDE_SHARE = 0.3
"""... and keeps it while so much is."""
WIDE_DEVICES = 3


def standing(
    places: Mapping[str, tuple[str, ...]],
    concerned: Mapping[str, Collection[str]],
    communes: Collection[str],
    wide: Collection[str] = (),
) -> list[Standing]:
    """The alarms that stand, each device in exactly one of each of its causes.

    Devices with one cause are one alarm of their commune. Where it is the cause of at least half of a wider unit's
    devices, in more than one commune, it is one alarm of the widest such unit: a power cut of a province is one.

    Args:
        places: path from the root of every accepted device, by device.
        concerned: devices by cause.
        communes: units that are communes, wards or towns; a device outside of any stands for its own unit.
        wide: keys of wide alarms that stand now.
    """
    totals = collections.Counter(unit_id for path in places.values() for unit_id in path)
    found: list[Standing] = []
    for code in sorted(concerned):
        devices = [device_id for device_id in concerned[code] if places.get(device_id)]
        home = {device_id: _home(places[device_id], communes) for device_id in devices}
        touched: collections.Counter[str] = collections.Counter()
        parts: dict[str, set[str]] = defaultdict(set)
        for device_id in devices:
            for unit_id in _above(places[device_id], home[device_id]):
                touched[unit_id] += 1
                parts[unit_id].add(home[device_id])
        groups: dict[str, set[str]] = defaultdict(set)
        for device_id in devices:
            at = home[device_id]
            for unit_id in _above(places[device_id], at):
                share = STILL_WIDE_SHARE if f"{code}:{unit_id}" in wide else WIDE_SHARE
                many = touched[unit_id] >= WIDE_DEVICES and len(parts[unit_id]) > 1
                if many and touched[unit_id] >= share * totals[unit_id]:
                    at = unit_id
                    break
            groups[at].add(device_id)
        found += [Standing(code, unit_id, frozenset(groups[unit_id])) for unit_id in sorted(groups)]
    return found


def _home(path: tuple[str, ...], communes: Collection[str]) -> str:
    return next((unit_id for unit_id in path if unit_id in communes), path[-1])


def _above(path: tuple[str, ...], home: str) -> tuple[str, ...]:
    """The units above a device's commune, the widest first."""
    return path[: path.index(home)]
