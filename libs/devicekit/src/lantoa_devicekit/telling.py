"""What a device tells of itself unasked: heartbeats, and how far it has come with its desired state."""

import contextlib
from typing import Literal

import structlog

from lantoa_contracts.device import Heartbeat, Reported
from lantoa_devicekit.clock import DeviceClock
from lantoa_devicekit.health import Health, disk_free_mb, program_version
from lantoa_devicekit.link import Link, LinkDown
from lantoa_devicekit.obedience import Obedience
from lantoa_devicekit.settings import DeviceSettings
from lantoa_devicekit.updates import Releases

log = structlog.get_logger("lantoa.telling")

Activity = Literal["starting", "idle", "playing", "showing"]


class Telling:
    """Knows what the device does now, and says it."""

    def __init__(
        self,
        settings: DeviceSettings,
        clock: DeviceClock,
        link: Link,
        obedience: Obedience,
        health: Health,
        releases: Releases,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._link = link
        self._obedience = obedience
        self._health = health
        self._releases = releases
        self.activity: tuple[Activity, str | None] = ("starting", None)
        self.desired_seq = 0
        self.volume: int | None = None
        self.repeats = 0
        """Commands heard again since the program began."""

    @property
    def version(self) -> str:
        """The release in use, or the program's own version before the first update."""
        return self._releases.current or program_version()

    def link(self) -> dict[str, str | int | None]:
        """Whom the device is connected to, and how often it had to connect."""
        return {"server": self._link.server, "connects": self._link.ups}

    async def heartbeat(self) -> Heartbeat:
        """How the device is now."""
        state, now = self.activity
        return Heartbeat(
            at=self._clock.now(),
            version=self.version,
            state=state,
            desired_seq=self.desired_seq,
            now=now,
            disk_free_mb=disk_free_mb(self._settings.data),
            clock_offset_ms=self._clock.offset_ms,
            volume=self.volume,
            temperature_c=await self._health.look(),
            boots=self._health.boots,
            repeats=self.repeats,
        )

    async def beat(self) -> None:
        """Send a heartbeat, if anybody can hear it."""
        beat = await self.heartbeat()
        with contextlib.suppress(LinkDown):
            await self._link.tell(f"dev.up.{self._link.device_id}.hb", beat.model_dump_json().encode())

    async def report(self) -> None:
        """Tell how far the device has come with its desired state, whenever that changes; for ever."""
        while True:
            await self._obedience.changed.wait()
            self._obedience.changed.clear()
            told = self._obedience.taken_up
            if told is None:
                continue
            reported = Reported(
                at=self._clock.now(),
                desired_seq=told.seq,
                rundown_ver=told.ver,
                media_ready=told.ready,
                media_wanted=told.wanted,
            )
            try:
                await self._link.publish(f"dev.up.{self._link.device_id}.reported", reported.model_dump_json().encode())
            except LinkDown as error:
                # Told again after the next connect, when the snapshot is back.
                log.info("not_reported", error=str(error))
