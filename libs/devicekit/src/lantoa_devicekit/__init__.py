"""What every device does: connect, verify, cache, obey, prove."""

from lantoa_devicekit.device import Device, Order
from lantoa_devicekit.settings import DeviceSettings, SettingsRefused, settings_from_env

__all__ = ["Device", "DeviceSettings", "Order", "SettingsRefused", "settings_from_env"]
