"""``lantoa-station``: a radio receiver without a loudspeaker."""

import asyncio
import os
import signal
import sys

from lantoa_devicekit import Device, SettingsRefused
from lantoa_devicekit.logs import configure
from lantoa_station.adapters import JsonLinesLog, NullSink
from lantoa_station.settings import StationSettings, station_settings
from lantoa_station.usecases import Station


def main() -> None:
    """Run until SIGTERM or SIGINT. Exit code 2 with one sentence when the settings make no sense."""
    configure()
    try:
        settings = station_settings(os.environ)
    except SettingsRefused as error:
        sys.exit(_refuse(str(error)))
    asyncio.run(run(settings))


def _refuse(sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return 2


async def run(settings: StationSettings) -> None:
    """One station's life. Raises what its background work died of, so that whoever supervises it starts it again."""
    played = settings.device.data / "played"
    station = Station(NullSink(played, settings.speed), JsonLinesLog(played / "log.jsonl"), settings.late_s)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, station.stop)
    commands = {"test_tone": station.test_tone, "screenshot": station.screenshot}
    async with Device(settings.device, station.take, station.take_alerts, commands) as device:
        playing = asyncio.create_task(station.run(device))
        broken = asyncio.create_task(device.join())
        await asyncio.wait({playing, broken}, return_when=asyncio.FIRST_COMPLETED)
        station.stop()
        await playing
        if broken.done():
            await broken
        broken.cancel()


if __name__ == "__main__":
    main()
