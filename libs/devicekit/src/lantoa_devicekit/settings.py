"""Settings of a device, read once from the environment by the program's ``main``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ProgramKind = Literal["radio", "board"]
"""What a program is; a device that is both runs two programs."""


class SettingsRefused(Exception):
    """A setting is missing or makes no sense; the text is one sentence for the person who set it."""


@dataclass(frozen=True)
class DeviceSettings:
    """Where a device keeps its things, whom it asks, and how patient it is. Times in seconds."""

    data: Path
    gateway: str
    """``http(s)://host[:port]`` of the platform's gateway."""
    kind: ProgramKind
    model: str = "generic"
    heartbeat_s: float = 60.0
    reconnect_min_s: float = 1.0
    reconnect_max_s: float = 60.0
    jitter_s: float = 30.0
    """A new rundown is fetched after a random wait up to this, so that a province does not fetch at once."""
    reconcile_s: float = 60.0
    """How often the desired state is read again, which is also the watchdog's round trip."""
    keep_media_s: float = 7 * 86_400.0
    downloads: int = 3
    prestage_s: float = 300.0
    """Media that are not needed soon are fetched after a random wait up to this, each on its own."""
    rate_kib_s: float = 0.0
    """All downloads together take at most so many KiB a second; 0 for no limit."""
    alert_jitter_s: float = 3.0
    """What every device says of the same alert at once (acknowledgements, questions for parts of its sound that the
    broadcast left out) waits a random while up to this."""
    alarm_every_s: float = 3600.0
    """An alarm of one code is told at most so often, with the count of those held back."""


def settings_from_env(env: Mapping[str, str], kind: ProgramKind) -> DeviceSettings:
    """Settings of a program of ``kind`` from ``LANTOA_DEVICE_*``; ``DATA`` and ``GATEWAY`` are required.

    Raises:
        SettingsRefused: one is missing, not a number, negative, or ``KIND`` contradicts the program.
    """
    if env.get("LANTOA_DEVICE_KIND", kind) != kind:
        raise SettingsRefused(f"LANTOA_DEVICE_KIND phải là {kind} với chương trình này (must be {kind} here).")
    reconnect_min = _seconds(env, "RECONNECT_MIN_S", 1.0)
    return DeviceSettings(
        data=Path(_required(env, "DATA")),
        gateway=_required(env, "GATEWAY").rstrip("/"),
        kind=kind,
        model=env.get("LANTOA_DEVICE_MODEL", "generic"),
        heartbeat_s=_seconds(env, "HEARTBEAT_S", 60.0),
        reconnect_min_s=reconnect_min,
        reconnect_max_s=max(reconnect_min, _seconds(env, "RECONNECT_MAX_S", 60.0)),
        jitter_s=_seconds(env, "JITTER_S", 30.0),
        reconcile_s=_seconds(env, "RECONCILE_S", 60.0),
        prestage_s=_seconds(env, "PRESTAGE_S", 300.0),
        rate_kib_s=_number(env, "RATE_KIB_S", 0.0, "số KiB mỗi giây (must be KiB a second)"),
    )


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(f"LANTOA_DEVICE_{name}", "").strip()
    if not value:
        raise SettingsRefused(f"Thiếu LANTOA_DEVICE_{name} (LANTOA_DEVICE_{name} is not set).")
    return value


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    return _number(env, name, default, "số giây (must be a number of seconds)")


def _number(env: Mapping[str, str], name: str, default: float, what: str) -> float:
    text = env.get(f"LANTOA_DEVICE_{name}")
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SettingsRefused(f"LANTOA_DEVICE_{name} phải là {what}.")
    return value
