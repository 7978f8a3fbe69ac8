"""What every device does: connect, verify, cache, obey, prove."""

from lantoa_devicekit.commands import CommandFailed
from lantoa_devicekit.device import Device
from lantoa_devicekit.notices import ActiveNotice
from lantoa_devicekit.obedience import Order
from lantoa_devicekit.settings import DeviceSettings, SettingsRefused, settings_from_env

__all__ = [
    "ActiveNotice",
    "CommandFailed",
    "Device",
    "DeviceSettings",
    "Order",
    "SettingsRefused",
    "settings_from_env",
]
