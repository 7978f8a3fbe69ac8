"""Settings of content: `LANTOA_CONTENT_*` beside what every service shares."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from lantoa_runtime.settings import RuntimeSettings


class ContentSettings(RuntimeSettings):
    """What content needs to make renditions."""

    model_config = SettingsConfigDict(populate_by_name=True)

    speech_command: tuple[str, ...] = Field(min_length=1, validation_alias="LANTOA_CONTENT_SPEECH_COMMAND")
    """How the speech worker is started, as a JSON list (`workers/speech/README.md` is its protocol)."""
    voice: str = Field(default="vi-vn-x-south", validation_alias="LANTOA_CONTENT_VOICE")
    speech_seconds: float = Field(default=120.0, validation_alias="LANTOA_CONTENT_SPEECH_SECONDS")
    """How long the worker may speak one text; espeak-ng needs about fifteen seconds for the longest."""
