"""What every device last said, in memory; written down as snapshots and as hours, never heartbeat by heartbeat."""

import json
import zlib
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import structlog

from lantoa_contracts.device import Heartbeat
from lantoa_fleet import telemetry
from lantoa_fleet.domain.history import (
    Hour,
    State,
    day_key,
    day_of,
    heard,
    hour_of,
    hours_of,
    packed,
    repeats_since,
    unpacked,
)
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Collection as Documents
from lantoa_runtime.mongo import SetOne

log = structlog.get_logger()

SHARDS = 32
"""Documents that a snapshot of the whole fleet has, however many devices there are."""
_BATCH = 200
_OTHERS_HOURS = timedelta(minutes=10)


class States:
    """The last heartbeat of each device and the hour that runs. Every replica hears all, one writes."""

    def __init__(self, snapshots: Documents, days: Documents, clock: Clock) -> None:
        self._snapshots = snapshots
        self._days = days
        self._clock = clock
        self._states: dict[str, State] = {}
        self._ended: dict[tuple[str, int], tuple[Hour, datetime]] = {}
        self._changed: set[int] = set()
        self._loaded = False
        self.hours_written = 0

    def get(self, device_id: str) -> State | None:
        """What is known of a device; ``None`` when it was never heard."""
        return self._states.get(device_id)

    def hear(self, device_id: str, beat: Heartbeat, at: datetime) -> None:
        """Take up a heartbeat that arrived now."""
        before = self._states.get(device_id)
        if before is not None:
            telemetry.BEAT_GAP.observe((at - before.at).total_seconds())
        telemetry.REPEATS.inc(repeats_since(before, beat))
        self._states[device_id], ended = heard(before, beat, at)
        if ended is not None and ended.beats:
            self._ended[device_id, ended.number] = ended, at
        self._changed.add(_shard_of(device_id))

    def forget_all_but(self, device_ids: Collection[str]) -> None:
        """Let go of devices that are no more."""
        for device_id in self._states.keys() - set(device_ids):
            del self._states[device_id]
            self._changed.add(_shard_of(device_id))

    # -- snapshots ----------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Take up what the last snapshot tells of devices that were not heard since. Does it once.

        Raises:
            MongoError: the database is away; do it again.
        """
        if self._loaded:
            return
        for shard in await self._snapshots.find({}):
            for row in _rows(shard):
                device_id, state = row
                known = self._states.get(device_id)
                if known is None or known.at < state.at:
                    self._states[device_id] = state
        self._loaded = True

    async def save(self) -> int:
        """Write the parts of the snapshot that changed; how many there were.

        Raises:
            MongoError: the database is away; do it again.
        """
        if not self._loaded or not self._changed:
            return 0
        changed, self._changed = self._changed, set()
        rows: dict[int, list[Any]] = defaultdict(list)
        for device_id, state in self._states.items():
            shard = _shard_of(device_id)
            if shard in changed:
                rows[shard].append(packed(device_id, state))
        try:
            now = self._clock.now()
            for shard in sorted(changed):
                body = zlib.compress(json.dumps(rows[shard], separators=(",", ":")).encode(), 1)
                await self._snapshots.replace_one({"_id": f"s{shard}"}, {"at": now, "rows": body}, upsert=True)
        except BaseException:
            self._changed |= changed
            raise
        return len(changed)

    # -- hours --------------------------------------------------------------------------------------------------

    async def write_hours(self) -> int:
        """Write the hours that have ended into the days of their devices; how many. To be done before a snapshot.

        Raises:
            MongoError: the database is away; do it again.
        """
        now = self._clock.now()
        number = hour_of(now)
        for device_id, state in self._states.items():
            if state.hour.number < number and state.hour.beats:
                self._ended[device_id, state.hour.number] = state.hour, now
                state.hour = Hour(number)
                self._changed.add(_shard_of(device_id))
        ended = list(self._ended.items())
        for begin in range(0, len(ended), _BATCH):
            batch = ended[begin : begin + _BATCH]
            await self._days.set_many([_write(device_id, hour) for (device_id, _), (hour, _) in batch])
            for key, _ in batch:
                self._ended.pop(key, None)
            self.hours_written += len(batch)
        return len(ended)

    def leave_hours(self) -> None:
        """Another replica writes them: keep those of the last minutes only, for the case that it dies."""
        oldest = self._clock.now() - _OTHERS_HOURS
        self._ended = {key: value for key, value in self._ended.items() if value[1] >= oldest}

    async def hours(self, device_id: str, days: int) -> list[dict[str, Any]]:
        """A device's last hours in order, the running one last.

        Raises:
            MongoError: the database is away.
        """
        now = self._clock.now()
        keys = [day_key(device_id, now - timedelta(days=back)) for back in range(days)]
        kept = await self._days.find({"_id": {"$in": keys}})
        state = self._states.get(device_id)
        ended = [(hour, when) for (owner, _), (hour, when) in self._ended.items() if owner == device_id]
        for hour, _ in ended:
            day = day_of(hour.number)
            document = next((one for one in kept if one["at"] == day), None)
            if document is None:
                kept.append(document := {"at": day, "hours": {}})
            document["hours"][_hour_name(hour.number)] = hour.document()
        return list(hours_of(device_id, kept, state.hour if state and state.hour.beats else None))


def _hour_name(number: int) -> str:
    return f"{number % 24:02d}"


def _write(device_id: str, hour: Hour) -> SetOne:
    day = day_of(hour.number)
    fields = {"at": day, "device_id": device_id, f"hours.{_hour_name(hour.number)}": hour.document()}
    return SetOne(day_key(device_id, day), fields)


def _shard_of(device_id: str) -> int:
    return zlib.crc32(device_id.encode()) % SHARDS


def _rows(shard: Any) -> list[tuple[str, State]]:
    try:
        return [unpacked(row) for row in json.loads(zlib.decompress(shard["rows"]))]
    except (ValueError, TypeError, IndexError, KeyError, zlib.error) as error:
        log.error("snapshot of states is unusable", shard=shard.get("_id"), error=repr(error))
        return []
