"""Settings of the directory: ``LANTOA_DIRECTORY_*``."""

from pathlib import Path

from pydantic import Field, model_validator

from lantoa_runtime.settings import RuntimeSettings


class DirectorySettings(RuntimeSettings):
    """How citizens get their codes, and how the audit is sealed."""

    directory_codes_file: Path | None = None
    """The demo's way: codes are written into this file, readable by its owner. Without one nobody gets a code."""
    directory_audit_key_file: Path | None = None
    """32 bytes: the key that seals the audit. Without one nothing is sealed, which production refuses."""
    directory_seal_seconds: float = Field(default=3600.0, gt=0)
    """How often the audit's heads are sealed."""

    @model_validator(mode="after")
    def _codes_are_not_written_down_in_production(self) -> "DirectorySettings":
        if self.production and self.directory_codes_file:
            raise ValueError("LANTOA_DIRECTORY_CODES_FILE is refused in production")
        if self.production and not self.directory_audit_key_file:
            raise ValueError("LANTOA_DIRECTORY_AUDIT_KEY_FILE is needed in production")
        return self
