"""Settings of alert: ``LANTOA_ALERT_*`` besides what every service has."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from lantoa_runtime.settings import RuntimeSettings


class AlertSettings(RuntimeSettings):
    """What alert needs to know of this installation."""

    model_config = SettingsConfigDict(populate_by_name=True)

    key_file: Path = Field(validation_alias="LANTOA_ALERT_KEY_FILE")
    """32 bytes: the key that signs orders to devices."""
    holders_file: Path | None = Field(default=None, validation_alias="LANTOA_ALERT_HOLDERS_FILE")
    """Public keys of the key holders, as `lantoa alert holders add` writes them; read at each request of theirs."""
    speech_command: tuple[str, ...] = Field(default=(), validation_alias="LANTOA_ALERT_SPEECH_COMMAND")
    """How the speech worker is started, as a JSON list; without one, notices sound only what was recorded."""
    voice: str = Field(default="vi-vn-x-south", validation_alias="LANTOA_ALERT_VOICE")
    turn_seconds: float = Field(default=0.5, gt=0, validation_alias="LANTOA_ALERT_TURN_SECONDS")
    """How often what other processes wrote is taken up, and what is still to be stored is tried again."""
    reach_seconds: float = Field(default=3.0, gt=0, validation_alias="LANTOA_ALERT_REACH_SECONDS")
    """How often events tell how far a notice has come."""
    cap_sender: str = Field(
        default="canhbao@lantoa.example", pattern=r"^[^\s,<&]+$", validation_alias="LANTOA_ALERT_CAP_SENDER"
    )
    """Who we are in CAP messages, unique in the world: an address or a domain of the province."""
    cap_sender_title: str = Field(default="Hệ thống Lan Tỏa", validation_alias="LANTOA_ALERT_CAP_SENDER_TITLE")
    """Who we are for people."""
    cap_poll_seconds: float = Field(default=60.0, gt=0, validation_alias="LANTOA_ALERT_CAP_POLL_SECONDS")
    """How often CAP sources are looked at."""
    cap_fetch_seconds: float = Field(default=10.0, gt=0, validation_alias="LANTOA_ALERT_CAP_FETCH_SECONDS")
    """How long a source may take to give one document."""
    cap_private_hosts: tuple[str, ...] = Field(default=(), validation_alias="LANTOA_ALERT_CAP_PRIVATE_HOSTS")
    """``host:port`` pairs outside the public internet from which CAP may be fetched all the same."""
