"""Settings of the board's agent."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lantoa_devicekit import DeviceSettings, SettingsRefused, settings_from_env


@dataclass(frozen=True)
class PlayerSettings:
    """The device's settings and the board's own."""

    device: DeviceSettings
    port: int = 18110
    """Where the page is served, on loopback only."""
    speed: float = 1.0
    """How many seconds of dwell pass in a second."""
    name: str = "Bảng tin điện tử công cộng"
    """What stands on the screen while there is nothing to show."""
    browser: Path | None = None
    """The profile folder of the kiosk browser, which tells where it can be asked for a picture."""


def player_settings(env: Mapping[str, str]) -> PlayerSettings:
    """Settings from the environment.

    Raises:
        SettingsRefused: a setting is missing or senseless, or production would show at another speed than 1.
    """
    device = settings_from_env(env, "board")
    try:
        port = int(env.get("LANTOA_PLAYER_PORT", PlayerSettings.port))
    except ValueError:
        port = 0
    if not 0 < port < 65_536:
        raise SettingsRefused("LANTOA_PLAYER_PORT phải là số cổng (must be a port number).")
    try:
        speed = float(env.get("LANTOA_SPEED", PlayerSettings.speed))
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise SettingsRefused("LANTOA_SPEED phải là số dương (must be a positive number).")
    if env.get("LANTOA_ENV") == "production" and speed != 1.0:
        raise SettingsRefused("LANTOA_SPEED phải bằng 1 trong production (LANTOA_SPEED must be 1 in production).")
    name = env.get("LANTOA_PLAYER_NAME", "").strip() or PlayerSettings.name
    browser = env.get("LANTOA_PLAYER_BROWSER", "").strip()
    return PlayerSettings(device, port, speed, name, Path(browser) if browser else None)
