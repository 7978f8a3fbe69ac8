"""Settings that make no sense are refused with one sentence."""

import pytest

from lantoa_devicekit import SettingsRefused
from lantoa_station.settings import station_settings

ENV = {"LANTOA_DEVICE_DATA": "/data", "LANTOA_DEVICE_GATEWAY": "http://gw/"}


def test_defaults_are_those_of_a_loudspeaker():
    settings = station_settings(ENV)
    assert settings.speed == 1.0
    assert settings.late_s == 1800
    assert settings.device.kind == "radio"
    assert settings.device.gateway == "http://gw"


def test_speed_is_for_demonstrations_only():
    assert station_settings(ENV | {"LANTOA_SPEED": "20"}).speed == 20
    assert station_settings(ENV | {"LANTOA_SPEED": "1", "LANTOA_ENV": "production"}).speed == 1
    with pytest.raises(SettingsRefused, match="LANTOA_SPEED"):
        station_settings(ENV | {"LANTOA_SPEED": "20", "LANTOA_ENV": "production"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LANTOA_DEVICE_DATA", ""),
        ("LANTOA_DEVICE_GATEWAY", " "),
        ("LANTOA_DEVICE_KIND", "board"),
        ("LANTOA_DEVICE_SINK", "alsa"),
        ("LANTOA_DEVICE_HEARTBEAT_S", "often"),
        ("LANTOA_DEVICE_RECONCILE_S", "-1"),
        ("LANTOA_DEVICE_JITTER_S", "nan"),
        ("LANTOA_DEVICE_PRESTAGE_S", "-5"),
        ("LANTOA_DEVICE_RATE_KIB_S", "fast"),
        ("LANTOA_SPEED", "0"),
        ("LANTOA_SPEED", "inf"),
        ("LANTOA_STATION_LATE_S", "soon"),
    ],
)
def test_a_senseless_setting_is_named(name, text):
    with pytest.raises(SettingsRefused, match=name):
        station_settings(ENV | {name: text})
