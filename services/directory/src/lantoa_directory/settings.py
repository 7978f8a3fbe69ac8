"""Settings of the directory: ``LANTOA_DIRECTORY_*``."""

from pathlib import Path

from pydantic import model_validator

from lantoa_runtime.settings import RuntimeSettings


class DirectorySettings(RuntimeSettings):
    """How citizens get their codes."""

    directory_codes_file: Path | None = None
    """The demo's way: codes are written into this file, readable by its owner. Without one nobody gets a code."""

    @model_validator(mode="after")
    def _codes_are_not_written_down_in_production(self) -> "DirectorySettings":
        if self.production and self.directory_codes_file:
            raise ValueError("LANTOA_DIRECTORY_CODES_FILE is refused in production")
        return self
