"""Settings of the board's agent."""

from collections.abc import Mapping
from dataclasses import dataclass

from lantoa_devicekit import DeviceSettings, SettingsRefused, settings_from_env


@dataclass(frozen=True)
class PlayerSettings:
    """The device's settings and the board's own."""

    device: DeviceSettings
    port: int
    """Where the page is served, on loopback only."""
    speed: float = 1.0
    """How many seconds of dwell pass in a second."""


def player_settings(env: Mapping[str, str]) -> PlayerSettings:
    """Settings from the environment.

    Raises:
        SettingsRefused: a setting is missing or senseless, or production would show at another speed than 1.
    """
    try:
        port, speed = int(env.get("LANTOA_PLAYER_PORT", "18110")), float(env.get("LANTOA_SPEED", "1"))
    except ValueError as error:
        raise SettingsRefused("LANTOA_PLAYER_PORT, LANTOA_SPEED phải là số (must be numbers).") from error
    if not 0 < speed < float("inf") or (env.get("LANTOA_ENV") == "production" and speed != 1.0):
        raise SettingsRefused("LANTOA_SPEED phải dương, và bằng 1 trong production (positive, and 1 in production).")
    return PlayerSettings(settings_from_env(env, "board"), port, speed)
