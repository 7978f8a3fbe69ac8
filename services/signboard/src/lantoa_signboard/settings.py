"""Settings of signboard: ``LANTOA_SIGNBOARD_*`` besides what every service has."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from lantoa_runtime.settings import RuntimeSettings


class SignboardSettings(RuntimeSettings):
    """What the playlists need to know of this installation."""

    model_config = SettingsConfigDict(populate_by_name=True)

    valid_days: float = Field(default=7.0, gt=0, validation_alias="LANTOA_SIGNBOARD_VALID_DAYS")
    """How long an approved item is shown, from its approval on."""
    kept_days: float = Field(default=90.0, gt=0, validation_alias="LANTOA_SIGNBOARD_KEPT_DAYS")
    """How long an entry stays on record after its last day, for the proof of a board that was without network."""
    dwell_seconds: float = Field(default=10.0, gt=0, validation_alias="LANTOA_SIGNBOARD_DWELL_SECONDS")
    """How long a slide stands before the next one comes."""
    expire_seconds: float = Field(default=3600.0, gt=0, validation_alias="LANTOA_SIGNBOARD_EXPIRE_SECONDS")
    """How often boards are looked for whose entries have expired."""

    @property
    def valid(self) -> timedelta:
        """``valid_days`` as a duration."""
        return timedelta(days=self.valid_days)

    @property
    def kept(self) -> timedelta:
        """``kept_days`` as a duration."""
        return timedelta(days=self.kept_days)
