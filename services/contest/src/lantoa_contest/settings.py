"""Settings of contest: ``LANTOA_CONTEST_*`` besides what every service has."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from lantoa_runtime.settings import RuntimeSettings


class ContestSettings(RuntimeSettings):
    """What the contests need to know of this installation."""

    model_config = SettingsConfigDict(populate_by_name=True)

    ack_seconds: float = Field(default=3.0, gt=0, validation_alias="LANTOA_CONTEST_ACK_SECONDS")
    """How long an entrant waits for the stream's acknowledgement before the page says that it is still to come."""
