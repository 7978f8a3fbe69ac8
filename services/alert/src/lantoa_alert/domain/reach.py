"""Who has a notice: the ledger of one wording, folded from acknowledgements. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from zlib import crc32

Stage = Literal["received", "verified", "playing", "finished", "failed"]
STAGES: tuple[Stage, ...] = ("received", "verified", "playing", "finished", "failed")
BUCKETS = 128
"""Chunks of a ledger: one stays far under the 64 KiB of a bucket's value with a hundred thousand devices."""
_PAUSES = (4.0, 5.0, 15.0, 60.0, 300.0)
"""The first is longer than the time over which devices spread their answers: nobody is told again whose is due."""
LONGEST_PAUSE = 600.0
"""Seconds between two sendings of an order to a device that is silent."""


@dataclass(slots=True)
class Row:
    """One device: its unit when the notice reached it, and by stage the milliseconds since the notice went out."""

    unit_id: str
    at: dict[Stage, int] = field(default_factory=dict)
    addressed: bool = True
    """Whether the notice was meant for it; a device that alert does not know, or that has left, may answer too."""

    @property
    def silent(self) -> bool:
        """Whether nothing was heard of it."""
        return self.addressed and not self.at

    @property
    def verified(self) -> bool:
        """Whether it has the order and has checked it; who plays has."""
        return any(stage in self.at for stage in ("verified", "playing", "finished"))


@dataclass(frozen=True)
class Count:
    """How far a notice has come among some devices."""

    devices: int = 0
    reached: int = 0
    verified: int = 0
    playing: int = 0
    """Have begun to play or show it, finished or not."""
    finished: int = 0
    failed: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(*(mine + theirs for mine, theirs in zip(self._all(), other._all(), strict=True)))

    def _all(self) -> tuple[int, ...]:
        return self.devices, self.reached, self.verified, self.playing, self.finished, self.failed


def bucket_of(device_id: str) -> int:
    """The chunk that holds a device."""
    return crc32(device_id.encode()) % BUCKETS


def pause(attempts: int) -> float:
    """Seconds from one sending to the next for those who are silent; the first is the notice itself."""
    return _PAUSES[attempts] if attempts < len(_PAUSES) else LONGEST_PAUSE


class Ledger:
    """Who has one wording of one notice; in chunks, because they are stored apart."""

    def __init__(self) -> None:
        self._chunks: list[dict[str, Row]] = [{} for _ in range(BUCKETS)]
        self._counts: dict[str, Count] | None = {}

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Every device with its row."""
        for chunk in self._chunks:
            yield from chunk.items()

    def chunk(self, bucket: int) -> Mapping[str, Row]:
        """The rows of one chunk."""
        return self._chunks[bucket]

    def address(self, devices: Mapping[str, str]) -> set[int]:
        """Take up devices that hear the notice, with their units; the chunks that changed."""
        changed = set()
        for device_id, unit_id in devices.items():
            bucket = bucket_of(device_id)
            row = self._chunks[bucket].setdefault(device_id, Row(unit_id, addressed=False))
            if not row.addressed:
                row.addressed = True
                changed.add(bucket)
        if changed:
            self._counts = None
        return changed

    def release(self, device_id: str) -> set[int]:
        """Let go of a silent device that does not hear the notice any more; the chunks that changed."""
        bucket = bucket_of(device_id)
        row = self._chunks[bucket].get(device_id)
        if row is None or not row.silent:
            return set()
        del self._chunks[bucket][device_id]
        self._counts = None
        return {bucket}

    def note(self, device_id: str, unit_id: str, stage: Stage, at_ms: int) -> bool:
        """Take up one acknowledgement; whether it was news. The earliest time stays."""
        bucket = bucket_of(device_id)
        row = self._chunks[bucket].get(device_id)
        if row is None:
            row = self._chunks[bucket][device_id] = Row(unit_id, addressed=False)
        known = row.at.get(stage)
        if known is not None and known <= at_ms:
            return False
        row.at[stage] = at_ms
        self._counts = None
        return True

    def merge(self, rows: Mapping[str, Row]) -> bool:
        """Take up what another process noted; whether this one knows more of these devices than that."""
        more = False
        self._counts = None
        for device_id, theirs in rows.items():
            mine = self._chunks[bucket_of(device_id)].setdefault(device_id, theirs)
            for stage, at_ms in theirs.at.items():
                mine.at[stage] = min(at_ms, mine.at.get(stage, at_ms))
            mine.addressed = mine.addressed or theirs.addressed
            more = more or mine.at != theirs.at or mine.addressed != theirs.addressed
        return more

    def silent(self, unit_id: str | None = None) -> list[str]:
        """Devices of which nothing was heard, by id."""
        return sorted(one for one, row in self.rows() if row.silent and unit_id in (None, row.unit_id))

    def counts(self) -> Mapping[str, Count]:
        """How far the notice has come, by unit."""
        if self._counts is None:
            self._counts = self._counted()
        return self._counts

    def _counted(self) -> dict[str, Count]:
        found: defaultdict[str, list[int]] = defaultdict(lambda: [0] * 6)
        for _, row in self.rows():
            count = found[row.unit_id]
            played = "playing" in row.at or "finished" in row.at
            facts = (True, bool(row.at), row.verified, played, "finished" in row.at, "failed" in row.at)
            for place, fact in enumerate(facts):
                count[place] += fact
        return {unit_id: Count(*count) for unit_id, count in sorted(found.items())}

    def total(self) -> Count:
        """How far the notice has come in all."""
        return sum(self.counts().values(), Count())

    def times(self, stage: Stage) -> list[int]:
        """When devices came to a stage, in milliseconds since the notice went out, earliest first."""
        return sorted(row.at[stage] for _, row in self.rows() if stage in row.at)
