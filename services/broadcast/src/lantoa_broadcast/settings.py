"""Settings of broadcast: ``LANTOA_BROADCAST_*`` besides what every service has."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from lantoa_runtime.settings import RuntimeSettings


class BroadcastSettings(RuntimeSettings):
    """What the programme needs to know of this installation."""

    model_config = SettingsConfigDict(populate_by_name=True)

    lead_minutes: float = Field(default=5.0, ge=0, validation_alias="LANTOA_BROADCAST_LEAD_MINUTES")
    """A session takes no more items this long before its start, so that stations have their audio in time."""
    late_minutes: float = Field(default=30.0, ge=0, validation_alias="LANTOA_BROADCAST_LATE_MINUTES")
    """A station that was down still plays a session this long after its planned end; so long it stays in rundowns."""

    missed_minutes: float = Field(default=60.0, ge=0, validation_alias="LANTOA_BROADCAST_MISSED_MINUTES")
    """So long after a session's end an entry that no proof has come for is called missed; keep it above ``late``."""
    missed_check_seconds: float = Field(default=60.0, gt=0, validation_alias="LANTOA_BROADCAST_MISSED_CHECK_SECONDS")
    """How often sessions are looked for whose proofs are due."""

    @property
    def missed(self) -> timedelta:
        """``missed_minutes`` as a duration."""
        return timedelta(minutes=self.missed_minutes)

    @property
    def lead(self) -> timedelta:
        """``lead_minutes`` as a duration."""
        return timedelta(minutes=self.lead_minutes)

    @property
    def late(self) -> timedelta:
        """``late_minutes`` as a duration."""
        return timedelta(minutes=self.late_minutes)
