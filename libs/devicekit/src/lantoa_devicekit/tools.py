"""The commands that every device knows."""

from typing import Any
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from lantoa_contracts.device import Command
from lantoa_devicekit import logs
from lantoa_devicekit.alarms import Alarms
from lantoa_devicekit.commands import CommandFailed, Handler, Leaving, number, text
from lantoa_devicekit.enrolment import Enroller
from lantoa_devicekit.health import program_version
from lantoa_devicekit.journal import Journal
from lantoa_devicekit.settings import DeviceSettings
from lantoa_devicekit.telling import Telling
from lantoa_devicekit.updates import Releases

MAX_UPLOAD = 5 * 1024 * 1024
FULL = 100
_TIMEOUT = aiohttp.ClientTimeout(total=120)


class Tools:
    """Volume, restart, diagnose, log_upload and update."""

    def __init__(
        self,
        settings: DeviceSettings,
        journal: Journal,
        http: aiohttp.ClientSession,
        telling: Telling,
        alarms: Alarms,
        enroller: Enroller,
        releases: Releases,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._http = http
        self._telling = telling
        self._alarms = alarms
        self._enroller = enroller
        self._releases = releases
        self.volume = FULL

    async def load(self) -> None:
        """Take up the volume that is kept."""
        kept = await self._journal.volume()
        self.volume = FULL if kept is None else kept
        self._tell_volume()

    def handlers(self) -> dict[str, Handler]:
        """By the command's name."""
        handlers: dict[str, Handler] = {
            "restart": self._restart,
            "diagnose": self._diagnose,
            "log_upload": self._log_upload,
            "update": self._update,
        }
        return handlers | ({"volume": self._volume} if self._settings.kind == "radio" else {})

    async def upload(self, url: str, data: bytes, media_type: str) -> None:
        """PUT a file to an address that a signed command named, absolute or of the gateway.

        Raises:
            CommandFailed: too big, or not taken.
        """
        if len(data) > MAX_UPLOAD:
            raise CommandFailed(f"{len(data)} bytes are too many to upload")
        try:
            address = URL(urljoin(self._settings.gateway, url), encoded=True)
            headers = {"Content-Type": media_type}
            async with self._http.put(address, data=data, headers=headers, timeout=_TIMEOUT) as answer:
                if answer.status >= 400:
                    raise CommandFailed(f"the upload was refused ({answer.status})")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise CommandFailed(f"upload: {type(error).__name__}") from error

    def _tell_volume(self) -> None:
        self._telling.volume = self.volume if self._settings.kind == "radio" else None

    async def _volume(self, command: Command) -> dict[str, Any]:
        self.volume = round(number(command, "percent", 0, FULL))
        await self._journal.save_volume(self.volume)
        self._tell_volume()
        await self._telling.beat()
        return {"percent": self.volume}

    async def _restart(self, _: Command) -> None:
        raise Leaving

    async def _diagnose(self, _: Command) -> dict[str, Any]:
        cached = [path.stat().st_size for path in (self._settings.data / "media").iterdir()]
        heartbeat = await self._telling.heartbeat()
        return {
            "heartbeat": heartbeat.model_dump(mode="json"),
            "program": program_version(),
            "release": self._releases.current,
            "link": self._telling.link(),
            "model": self._settings.model,
            "key_set": self._enroller.keys.seq,
            "cache_files": len(cached),
            "cache_bytes": sum(cached),
            "waiting": len(await self._journal.waiting(1000, 0)),
            "refusals": dict(self._alarms.refusals),
        }

    async def _log_upload(self, command: Command) -> None:
        await self.upload(text(command, "upload_url"), logs.recent_gzip(), "application/gzip")

    async def _update(self, command: Command) -> dict[str, Any]:
        data: dict[str, Any] = await self._releases.update(command)
        await self._telling.beat()
        return data
