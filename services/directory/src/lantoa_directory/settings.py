"""Settings of the directory: ``LANTOA_DIRECTORY_*``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from lantoa_runtime.settings import RuntimeSettings

_REDIRECT = r"^(https://[^\s*#?]+|http://(127\.0\.0\.1|localhost)(:\d+)?/[^\s*#?]*|[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:/[^\s*#?]*)$"
"""HTTPS, a program on the same machine, or a scheme of one's own that is a reversed domain (RFC 8252, 7.1)."""


class RegisteredApp(BaseModel):
    """A public client: an app of our own, which keeps no secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
    name: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    redirect_uris: Annotated[tuple[Annotated[str, StringConstraints(pattern=_REDIRECT)], ...], Field(min_length=1)]


class DirectorySettings(RuntimeSettings):
    """How people and citizens sign in, and how the audit is sealed."""

    directory_key_file: Path | None = None
    """32 random bytes that seal what second factors are made of. Without it there are none."""
    directory_second_factor: Literal["required", "offered"] = "required"
    """Whether approvers, technicians and administrators can do anything before they have a second factor."""
    directory_apps: tuple[RegisteredApp, ...] = ()
    """Apps that may ask for tokens, as JSON: ``[{"client_id": ..., "name": ..., "redirect_uris": [...]}]``."""
    directory_codes_file: Path | None = None
    """The demo's way: codes are written into this file, readable by its owner. Without one nobody gets a code."""
    directory_audit_key_file: Path | None = None
    """32 bytes: the key that seals the audit. Without one nothing is sealed, which production refuses."""
    directory_seal_seconds: float = Field(default=3600.0, gt=0)
    """How often the audit's heads are sealed."""

    @model_validator(mode="after")
    def _production_keeps_secrets(self) -> "DirectorySettings":
        if self.production and self.directory_codes_file:
            raise ValueError("LANTOA_DIRECTORY_CODES_FILE is refused in production")
        if self.production and not self.directory_audit_key_file:
            raise ValueError("LANTOA_DIRECTORY_AUDIT_KEY_FILE is needed in production")
        if self.production and self.directory_key_file is None:
            raise ValueError("LANTOA_DIRECTORY_KEY_FILE is needed in production")
        return self
