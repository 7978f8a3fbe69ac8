"""How the device itself is."""

import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from lantoa_devicekit.alarms import Alarms

HOT_C = 80.0
"""Most boards of this class throttle at 80-85 degrees."""
RESTARTS = 5
"""So many starts within :data:`WITHIN_S` are no accident."""
WITHIN_S = 3600.0
THERMAL = Path("/sys/class/thermal")


def temperature_c(folder: Path = THERMAL) -> float | None:
    """The hottest of the machine's sensors in degrees Celsius; None where there is none."""
    found = []
    for zone in folder.glob("thermal_zone*/temp"):
        try:
            found.append(int(zone.read_text()) / 1000)
        except (OSError, ValueError):
            continue  # A sensor that is off says so in this way.
    return max(found, default=None)


def disk_free_mb(data: Path) -> int:
    """Free room in megabytes."""
    return shutil.disk_usage(data).free // 1_000_000


def program_version() -> str:
    """The version of the code."""
    return version("lantoa-devicekit")


class Health:
    """Watches the machine and raises its alarms."""

    def __init__(self, alarms: Alarms, sensor: Callable[[], float | None] = temperature_c) -> None:
        self._alarms = alarms
        self._sensor = sensor
        self.boots: int | None = None

    async def began(self, boots: int, lately: int) -> None:
        """The program has started for the ``boots``-th time, ``lately`` times within :data:`WITHIN_S`."""
        self.boots = boots or None
        if lately >= RESTARTS:
            await self._alarms.raise_("restarts", f"{lately} starts within {WITHIN_S / 60:.0f} minutes")

    async def look(self) -> float | None:
        """The temperature now; too high a one raises the alarm."""
        celsius = self._sensor()
        if celsius is not None and celsius >= HOT_C:
            await self._alarms.raise_("temperature", f"{celsius:.1f} C")
        return celsius
