"""Settings of the station."""

from collections.abc import Mapping
from dataclasses import dataclass

from lantoa_devicekit import DeviceSettings, SettingsRefused, settings_from_env


@dataclass(frozen=True)
class StationSettings:
    """The device's settings and the station's own."""

    device: DeviceSettings
    speed: float = 1.0
    """How many seconds of sound the sink takes in a second."""
    late_s: float = 1800.0
    """For how long after its session an entry may still be played."""


def station_settings(env: Mapping[str, str]) -> StationSettings:
    """Settings from the environment.

    Raises:
        SettingsRefused: a setting is missing or senseless, or production would play at another speed than 1.
    """
    device = settings_from_env(env, "radio")
    if env.get("LANTOA_DEVICE_SINK", "null") != "null":
        raise SettingsRefused("LANTOA_DEVICE_SINK chỉ có thể là null (the only sink is null).")
    speed = _number(env, "LANTOA_SPEED", 1.0)
    if env.get("LANTOA_ENV") == "production" and speed != 1.0:
        raise SettingsRefused("LANTOA_SPEED phải bằng 1 trong production (LANTOA_SPEED must be 1 in production).")
    return StationSettings(device, speed, _number(env, "LANTOA_STATION_LATE_S", 1800.0))


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(env.get(name, default))
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise SettingsRefused(f"{name} phải là số dương (must be a positive number).")
    return value
