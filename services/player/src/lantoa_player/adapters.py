"""The kiosk browser beside the agent, asked over its debugging port (Chrome DevTools Protocol)."""

import asyncio
import base64
import binascii

import aiohttp

from lantoa_contracts.device import Command
from lantoa_devicekit import CommandFailed, Device
from lantoa_devicekit.commands import text
from lantoa_player.settings import PlayerSettings

PORT_FILE = "DevToolsActivePort"
"""Written into its profile by a Chromium with ``--remote-debugging-port=0``: the port on the first line."""
_PATIENCE_S = 20.0
_MOST_BYTES = 16 * 1024 * 1024


class Kiosk:
    """The browser that shows the board's page."""

    def __init__(self, settings: PlayerSettings) -> None:
        self._settings = settings
        self.device: Device | None = None

    async def screenshot(self, command: Command) -> None:
        """Carry out the command ``screenshot``: what the browser shows now, uploaded as PNG.

        Raises:
            CommandFailed: there is no browser to ask, it does not answer, or the picture was not taken.
        """
        if self.device is None:
            raise CommandFailed("the agent is starting")
        await self.device.upload(text(command, "upload_url"), await self.picture(), "image/png")

    async def picture(self) -> bytes:
        """What the browser shows now, as PNG.

        Raises:
            CommandFailed: there is no browser to ask, or it does not answer.
        """
        profile = self._settings.browser
        if profile is None:
            raise CommandFailed("no browser to ask: LANTOA_PLAYER_BROWSER is not set")
        try:
            port = int((await asyncio.to_thread((profile / PORT_FILE).read_text)).split()[0])
            async with asyncio.timeout(_PATIENCE_S), aiohttp.ClientSession() as http:
                return await self._capture(http, port)
        except (OSError, ValueError, IndexError) as error:
            raise CommandFailed("the browser does not run with a debugging port") from error
        except (aiohttp.ClientError, TimeoutError, KeyError, binascii.Error) as error:
            raise CommandFailed(f"the browser does not answer: {type(error).__name__}") from error

    async def _capture(self, http: aiohttp.ClientSession, port: int) -> bytes:
        async with http.get(f"http://127.0.0.1:{port}/json") as answer:
            targets = await answer.json(content_type=None)
        own = (f"http://127.0.0.1:{self._settings.port}/", f"http://localhost:{self._settings.port}/")
        pages = [each["webSocketDebuggerUrl"] for each in targets if each["type"] == "page" and each["url"] in own]
        if not pages:
            raise CommandFailed("the browser shows another page than the board's")
        async with http.ws_connect(pages[0], max_msg_size=_MOST_BYTES) as socket:
            await socket.send_json({"id": 1, "method": "Page.captureScreenshot", "params": {"format": "png"}})
            while (told := await socket.receive_json()).get("id") != 1:
                continue
        return base64.b64decode(told["result"]["data"], validate=True)
