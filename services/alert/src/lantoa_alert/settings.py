"""Settings of alert: ``LANTOA_ALERT_*`` besides what every service has."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from lantoa_runtime.settings import RuntimeSettings


class AlertSettings(RuntimeSettings):
    """What alert needs to know of this installation."""

    model_config = SettingsConfigDict(populate_by_name=True)

    key_file: Path = Field(default=Path("alert.key"), validation_alias="LANTOA_ALERT_KEY_FILE")
    """32 bytes: the key that signs orders to devices."""
