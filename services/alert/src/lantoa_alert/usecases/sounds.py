"""Sounds of notices: spoken or recorded, kept in parts, brought to the areas in which a notice is in force.

Nothing of a notice waits for its sound: until it is there, or if it never comes, devices sound the signal and show the
text.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol

import structlog

from lantoa_alert.domain.notices import Notice, Sound, Version
from lantoa_alert.domain.orders import MOST_SOUND_BYTES, PART_BYTES, in_force, parts
from lantoa_alert.domain.reach import BUCKETS
from lantoa_alert.usecases.book import Bucket
from lantoa_alert.usecases.fanout import Voice
from lantoa_alert.usecases.notices import Notices
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, NotFound

log = structlog.get_logger()

MEDIA_TYPE = "audio/ogg"
SPOKEN_LANGUAGE = "vi"
"""The machine speaks Vietnamese. There is no Khmer voice: people record it."""
_MOST_KEPT_BYTES = 24 * 1024 * 1024
"""Sounds beyond this, over all scopes, are said and not kept: a full bucket could not take the next order."""
_TRIES = 3
_REMEMBERED = 4
_SOUND_KEPT = timedelta(days=90)
_LEDGER_KEPT = timedelta(days=400)
"""A year and the time in which its report is written."""
SoundState = Literal["none", "making", "ready", "failed"]


class SoundRefused(AppError):
    """There is no sound; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code, 422)


@dataclass(frozen=True)
class Recorded:
    """A sound as devices play it."""

    data: bytes
    media_type: str
    seconds: float


class Maker(Protocol):
    """Who makes sounds."""

    @property
    def speaks(self) -> bool:
        """Whether there is a voice."""

    async def speak(self, text: str) -> Recorded:
        """A text, spoken; or SoundRefused."""

    async def record(self, file: bytes) -> Recorded:
        """A recording in the form that devices play; or SoundRefused."""


class SoundDesk:
    """Makes, keeps and brings sounds."""

    def __init__(
        self, notices: Notices, book: Bucket, orders: Bucket, voice: Voice, maker: Maker, clock: Clock
    ) -> None:
        self._notices = notices
        self._book = book
        self._orders = orders
        self._voice = voice
        self._maker = maker
        self._clock = clock
        self._failures: dict[tuple[str, int], int] = {}
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        self._brought: dict[tuple[str, str], int] = {}
        """Bytes kept at a scope for a sound; 0 for one that was said only."""
        self._recalled = False
        self._cleared: set[str] = set()

    # -- making -------------------------------------------------------------------------------------------------

    def state(self, notice: Notice, version: Version) -> SoundState:
        """How it stands with a wording's sound."""
        if version.sound:
            return "ready"
        if not version.message.speak or SPOKEN_LANGUAGE not in version.message.texts:
            return "none"
        tried = self._failures.get((notice.id, version.ver), 0)
        return "making" if self._maker.speaks and tried < _TRIES else "failed"

    async def record(self, notice: Notice, ver: int, file: bytes) -> Notice:
        """Give a wording that waits a recording.

        Raises:
            SoundRefused: the file is no sound.
            Conflict: the wording went out already.
        """
        made = await self._maker.record(file)
        return (await self._notices.sound(notice.id, ver, await self._keep(made, spoken=False))).notice

    async def speak(self) -> None:
        """Speak what waits for a voice, what is in force first; a job."""
        now = self._clock.now()
        waiting = [
            (version is not notice.in_force(now), notice, version)
            for notice in list(self._notices.all.values())
            for version in (notice.in_force(now), notice.waiting(now))
            if version and self.state(notice, version) == "making"
        ]
        for _, notice, version in sorted(waiting, key=lambda one: one[0]):
            key = (notice.id, version.ver)
            try:
                made = await self._maker.speak(version.message.texts[SPOKEN_LANGUAGE])
                await self._notices.sound(notice.id, version.ver, await self._keep(made, spoken=True))
            except AppError as error:
                self._failures[key] = self._failures.get(key, 0) + 1
                log.warning("not spoken", error=repr(error), tried=self._failures[key])

    async def _keep(self, made: Recorded, *, spoken: bool) -> Sound:
        if len(made.data) > MOST_SOUND_BYTES:
            raise SoundRefused("alert.sound-too-long")
        sha256 = hashlib.sha256(made.data).hexdigest()
        for number, part in enumerate(parts(made.data)):
            await self._book.put(f"sound.{sha256}.{number}", part)
        self._remember(sha256, made.data)
        return Sound(sha256, len(made.data), made.media_type, made.seconds, spoken)

    async def get(self, sound: Sound) -> bytes:
        """A sound, whole.

        Raises:
            NotFound: not all of it is here.
            Unavailable, NatsError: it cannot be read now.
        """
        known = self._recent.get(sound.sha256)
        if known is not None:
            return known
        found = [await self._book.last(f"sound.{sound.sha256}.{number}") for number in range(_count(sound.bytes))]
        data = b"".join(part.body for part in found if part)
        if hashlib.sha256(data).hexdigest() != sound.sha256:
            raise NotFound("sound")
        self._remember(sound.sha256, data)
        return data

    def _remember(self, sha256: str, data: bytes) -> None:
        self._recent[sha256] = data
        if len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)

    # -- bringing -----------------------------------------------------------------------------------------------

    async def bring(self) -> None:
        """Bring the sounds of notices in force to their scopes, and take away those that no notice uses; a job.

        Raises:
            Unavailable, NatsError: not now; a later turn goes on.
        """
        if not self._recalled:
            await self._recall()
        wanted = self._wanted()
        for scope, sha256 in [one for one in self._brought if one not in wanted]:
            for number in range(_count(self._brought[scope, sha256])):
                await self._orders.delete(f"{scope}.sound.{sha256}.{number}")
            del self._brought[scope, sha256]
        for (scope, sha256), sound in wanted.items():
            if (scope, sha256) not in self._brought:
                self._brought[scope, sha256] = await self._bring(scope, sound)

    async def _recall(self) -> None:
        """What an earlier life brought."""
        for pattern in ("all.sound.>", "*.*.sound.>"):
            seen = 0
            while entries := await self._orders.after(seen, pattern):
                for entry in entries:
                    seen = max(seen, entry.revision)
                    scope, _, rest = entry.key.partition(".sound.")
                    if entry.body:
                        sha256 = rest.partition(".")[0]
                        self._brought[scope, sha256] = self._brought.get((scope, sha256), 0) + len(entry.body)
        self._recalled = True

    def _wanted(self) -> Mapping[tuple[str, str], Sound]:
        live = in_force(self._notices.all.values(), self._clock.now())
        return {
            (scope, version.heard.sha256): version.heard
            for scope, said in live.items()
            for _, version in said
            if version.heard
        }

    async def _bring(self, scope: str, sound: Sound) -> int:
        prefix = f"{scope}.sound.{sound.sha256}"
        there = await self._orders.last(f"{prefix}.{_count(sound.bytes) - 1}")
        if there and there.body:
            return sound.bytes  # Another process was first.
        data = parts(await self.get(sound))
        if sum(self._brought.values()) + sound.bytes > _MOST_KEPT_BYTES:
            await self._voice.say((f"dev.bc.{prefix}.{number}", part) for number, part in enumerate(data))
            return 0
        for number, part in enumerate(data):
            await self._orders.put(f"{prefix}.{number}", part)
        return sound.bytes

    async def clear(self) -> None:
        """Forget sounds and ledgers of wordings that ended long ago; a job. What was said and when stays.

        Raises:
            Unavailable, NatsError: not now; a later turn goes on.
        """
        now = self._clock.now()
        versions = [(notice.id, one) for notice in self._notices.all.values() for one in notice.versions]
        ended = [(notice_id, one, now - (one.expires_at or one.requested.at)) for notice_id, one in versions]
        used = {one.sound.sha256 for _, one, since in ended if one.sound and since <= _SOUND_KEPT}
        for notice_id, version, since in ended:
            if version.sound and version.sound.sha256 not in used:
                await self._forget([f"sound.{version.sound.sha256}.{n}" for n in range(_count(version.sound.bytes))])
            if version.confirmed and since > _LEDGER_KEPT:
                await self._forget([f"ledger.{notice_id}.{version.ver}.c.{bucket}" for bucket in range(BUCKETS)])

    async def _forget(self, keys: list[str]) -> None:
        if keys[0] in self._cleared:
            return
        for key in keys:
            there = await self._book.last(key)
            if there and there.body:
                await self._book.delete(key)
        self._cleared.add(keys[0])


def _count(size: int) -> int:
    return -(-size // PART_BYTES)
