"""Desired state turned into an order for the program: the rundown and its media, fetched, verified and kept."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from lantoa_contracts.base import BlobRef
from lantoa_contracts.device import BoardRundown, Desired, RadioRundown, RundownEntry
from lantoa_devicekit.alarms import Alarms
from lantoa_devicekit.backoff import jitter, longest_wait_s
from lantoa_devicekit.cache import MediaCache
from lantoa_devicekit.clock import DeviceClock
from lantoa_devicekit.settings import DeviceSettings

Rundown = RadioRundown | BoardRundown


@dataclass(frozen=True)
class Order:
    """What the device is to obey now: a verified rundown and the media that are already here, by sha256."""

    desired: Desired
    rundown: Rundown | None
    """None when the platform has nothing for a device of this kind (yet, or any more)."""
    rundown_sha256: str
    media: Mapping[str, Path]
    revoked: bool = False
    """The device lost its rights: fall silent now, not after what is playing."""


@dataclass(frozen=True)
class TakenUp:
    """How far the device has come with its desired state."""

    seq: int
    ver: int
    ready: int
    wanted: int


class Obedience:
    """Takes up one desired state after the other; a new one ends the work on the one before."""

    def __init__(
        self,
        settings: DeviceSettings,
        device_id: str,
        clock: DeviceClock,
        cache: MediaCache,
        alarms: Alarms,
        on_order: Callable[[Order], None],
    ) -> None:
        self._settings = settings
        self._device_id = device_id
        self._clock = clock
        self._cache = cache
        self._alarms = alarms
        self._on_order = on_order
        self._work: asyncio.Task[None] | None = None
        self._order: Order | None = None
        self.obeyed: Desired | None = None
        self.taken_up: TakenUp | None = None
        self.changed = asyncio.Event()
        """Set whenever ``taken_up`` has changed."""

    def obey(self, desired: Desired, group: asyncio.TaskGroup, *, revoked: bool) -> None:
        """Work towards this desired state from now on, in ``group``."""
        self.obeyed = desired
        if self._work is not None:
            self._work.cancel()
        self._work = group.create_task(self._take_up(desired, revoked=revoked))

    async def damaged(self, sha256: str, group: asyncio.TaskGroup) -> bool:
        """Whether a file of the order is damaged: then the order comes again without it, and with it once fetched."""
        if await self._cache.intact(sha256):
            return False
        order, told = self._order, self.taken_up
        if order is None or told is None or sha256 not in order.media:
            return True  # It is on its way already.
        media = {name: path for name, path in order.media.items() if name != sha256}
        self._deliver(replace(order, media=media), told.ver, told.wanted)
        await self._alarms.raise_("playback_failed", f"{sha256}: damaged on disk, fetched anew")
        self.obey(order.desired, group, revoked=order.revoked)
        return True

    async def _take_up(self, desired: Desired, *, revoked: bool) -> None:
        ref = desired.radio if self._settings.kind == "radio" else desired.board
        if revoked or ref is None:
            self._deliver(Order(desired, None, "", {}, revoked=revoked), 0, 0)
            return
        if not await self._cache.has(ref.rundown):
            await asyncio.sleep(jitter(self._settings.jitter_s))
        path = await self._cache.get(ref.rundown)
        try:
            rundown = self._parse(await asyncio.to_thread(path.read_bytes))
        except (ValidationError, ValueError) as error:
            await self._alarms.raise_("download_refused", f"rundown {ref.rundown.sha256}: {error}")
            return
        needed = needed_at(rundown)
        media = {entry.media.sha256: entry.media for entry in entries_of(rundown)}
        self._cache.need([ref.rundown.sha256, *media])
        here = {sha256: self._cache.path(sha256) for sha256, blob in media.items() if await self._cache.has(blob)}

        def deliver() -> None:
            self._deliver(Order(desired, rundown, ref.rundown.sha256, dict(here)), ref.ver, len(media))

        async def fetch(blob: BlobRef) -> None:
            needed_in_s = (needed[blob.sha256] - self._clock.now()).total_seconds()
            await asyncio.sleep(jitter(longest_wait_s(needed_in_s, self._settings.prestage_s)))
            here[blob.sha256] = await self._cache.get(blob)
            deliver()

        deliver()
        async with asyncio.TaskGroup() as downloads:
            for blob in [blob for sha256, blob in media.items() if sha256 not in here]:
                downloads.create_task(fetch(blob))
        await asyncio.to_thread(self._cache.tidy)

    def _parse(self, data: bytes) -> Rundown:
        model = RadioRundown if self._settings.kind == "radio" else BoardRundown
        rundown: Rundown = model.model_validate_json(data)
        if rundown.device_id != self._device_id:
            raise ValueError("made for another device")
        return rundown

    def _deliver(self, order: Order, ver: int, wanted: int) -> None:
        self._order = order
        self.taken_up = TakenUp(order.desired.seq, ver, len(order.media), wanted)
        self.changed.set()
        self._on_order(order)


def entries_of(rundown: Rundown) -> list[RundownEntry]:
    """Every entry, in the order in which the media are needed."""
    if isinstance(rundown, BoardRundown):
        return list(rundown.entries)
    sessions = sorted(rundown.sessions, key=lambda session: session.starts_at)
    return [entry for session in sessions for entry in session.entries]


def needed_at(rundown: Rundown) -> dict[str, datetime]:
    """When each of the media is first needed, by sha256."""
    if isinstance(rundown, BoardRundown):
        moments = [(entry.media.sha256, entry.valid_from) for entry in rundown.entries]
    else:
        moments = [(entry.media.sha256, session.starts_at) for session in rundown.sessions for entry in session.entries]
    first: dict[str, datetime] = {}
    for sha256, moment in moments:
        first[sha256] = min(moment, first.get(sha256, moment))
    return first
