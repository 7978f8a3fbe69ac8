"""``lantoa-player``: a public board's agent; a browser in kiosk mode shows its page."""

import asyncio
import os
import signal
import sys

from aiohttp import web

from lantoa_devicekit import Device, SettingsRefused
from lantoa_devicekit.logs import configure
from lantoa_player.adapters import Kiosk
from lantoa_player.api import make_app
from lantoa_player.settings import PlayerSettings, player_settings
from lantoa_player.usecases import Player, no_loudspeaker


def main() -> None:
    """Run until SIGTERM or SIGINT. Exit code 2 with one sentence when the settings make no sense."""
    configure()
    try:
        settings = player_settings(os.environ)
    except SettingsRefused as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    asyncio.run(run(settings))


async def run(settings: PlayerSettings) -> None:
    """One board's life. Raises what its background work died of, so that whoever supervises it starts it again."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    player, kiosk = Player(settings.speed), Kiosk(settings)
    commands = {"screenshot": kiosk.screenshot, "test_tone": no_loudspeaker, "volume": no_loudspeaker}
    async with Device(settings.device, player.take, player.take_alerts, commands) as device:
        kiosk.device = device
        runner = web.AppRunner(make_app(player, device, settings), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", settings.port).start()
        watching = asyncio.create_task(player.watch(device))
        broken = asyncio.create_task(device.join())
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({broken, stopped}, return_when=asyncio.FIRST_COMPLETED)
        await runner.cleanup()
        watching.cancel()
        stopped.cancel()
        if broken.done():
            await broken
        broken.cancel()


if __name__ == "__main__":
    main()
