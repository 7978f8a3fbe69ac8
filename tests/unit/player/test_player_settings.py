"""Settings of a board that make no sense are refused with one sentence."""

import pytest

from lantoa_devicekit import SettingsRefused
from lantoa_player.settings import player_settings

ENV = {"LANTOA_DEVICE_DATA": "/data", "LANTOA_DEVICE_GATEWAY": "http://gw/"}


def test_defaults_are_those_of_a_board():
    settings = player_settings(ENV)
    assert (settings.port, settings.speed, settings.name) == (18110, 1.0, "Bảng tin điện tử công cộng")
    assert settings.device.kind == "board"
    assert settings.device.gateway == "http://gw"


def test_a_board_has_a_name_and_a_port():
    settings = player_settings(ENV | {"LANTOA_PLAYER_NAME": " Phường Trà Vinh ", "LANTOA_PLAYER_PORT": "8080"})
    assert (settings.port, settings.name) == (8080, "Phường Trà Vinh")
    assert player_settings(ENV | {"LANTOA_PLAYER_NAME": " "}).name == "Bảng tin điện tử công cộng"


def test_a_boards_speed_is_for_demonstrations_only():
    assert player_settings(ENV | {"LANTOA_SPEED": "20"}).speed == 20
    assert player_settings(ENV | {"LANTOA_SPEED": "1", "LANTOA_ENV": "production"}).speed == 1
    with pytest.raises(SettingsRefused, match="LANTOA_SPEED"):
        player_settings(ENV | {"LANTOA_SPEED": "20", "LANTOA_ENV": "production"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LANTOA_DEVICE_DATA", ""),
        ("LANTOA_DEVICE_GATEWAY", " "),
        ("LANTOA_DEVICE_KIND", "radio"),
        ("LANTOA_DEVICE_HEARTBEAT_S", "-1"),
        ("LANTOA_PLAYER_PORT", "http"),
        ("LANTOA_PLAYER_PORT", "0"),
        ("LANTOA_PLAYER_PORT", "65536"),
        ("LANTOA_SPEED", "0"),
        ("LANTOA_SPEED", "-1"),
        ("LANTOA_SPEED", "nan"),
        ("LANTOA_SPEED", "inf"),
        ("LANTOA_SPEED", "fast"),
    ],
)
def test_a_senseless_setting_of_a_board_is_named(name, text):
    with pytest.raises(SettingsRefused, match=name):
        player_settings(ENV | {name: text})
