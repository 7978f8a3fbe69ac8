"""Settings of content: `LANTOA_CONTENT_*` beside what every service shares."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from lantoa_runtime.settings import RuntimeSettings


class ContentSettings(RuntimeSettings):
    """What content needs to make renditions, and to publish them."""

    model_config = SettingsConfigDict(populate_by_name=True)

    speech_command: tuple[str, ...] = Field(min_length=1, validation_alias="LANTOA_CONTENT_SPEECH_COMMAND")
    """How the speech worker is started, as a JSON list (`workers/speech/README.md` is its protocol)."""
    voice: str = Field(default="vi-vn-x-south", validation_alias="LANTOA_CONTENT_VOICE")
    speech_seconds: float = Field(default=120.0, validation_alias="LANTOA_CONTENT_SPEECH_SECONDS")
    """How long the worker may speak one text; espeak-ng needs about fifteen seconds for the longest."""
    public_url: str = Field(pattern=r"^https?://[^/]+$", validation_alias="LANTOA_CONTENT_PUBLIC_URL")
    """The gateway as anybody reaches it: what public addresses begin with, and where posts are looked at."""
    approval_sign_in_minutes: float = Field(
        default=60.0, gt=0, validation_alias="LANTOA_CONTENT_APPROVAL_SIGN_IN_MINUTES"
    )
    """How long ago an approver may have shown who they are; after that they do it once more before they approve."""
    confirm_seconds: float = Field(default=2.0, gt=0, validation_alias="LANTOA_CONTENT_CONFIRM_SECONDS")
    """How often posts that are due are looked at, and the first wait after a look that did not find one."""
    recheck_seconds: float = Field(default=21_600.0, gt=0, validation_alias="LANTOA_CONTENT_RECHECK_SECONDS")
    """When a post that was found is looked at again; later, the older it is."""
