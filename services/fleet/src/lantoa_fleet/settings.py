"""Settings of fleet and of its auth callout, from ``LANTOA_*`` and ``LANTOA_FLEET_*``."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from lantoa_runtime.settings import RuntimeSettings


class KeysSettings(RuntimeSettings):
    """What both processes share."""

    model_config = SettingsConfigDict(populate_by_name=True)

    keys_folder: Path = Path("keys")
    """Folder with the installation's keys; each process reads only those it needs."""
    callout_refresh_s: float = Field(default=1.0, validation_alias="LANTOA_FLEET_CALLOUT_REFRESH_S")
    """How often a callout replica looks for changed rights; fleet repeats kicks until two of these have passed."""


class FleetSettings(KeysSettings):
    """Settings of the service."""

    media_base: str = Field(default="http://127.0.0.1:8080", validation_alias="LANTOA_FLEET_MEDIA_BASE")
    """What the addresses of files begin with: the gateway as devices reach it."""
    device_nats_urls: tuple[str, ...] = Field(
        default=("nats://127.0.0.1:4222",), validation_alias="LANTOA_FLEET_DEVICE_NATS_URLS"
    )
    """Where devices connect, told to them when they are accepted."""
    reconcile_s: float = Field(default=10.0, validation_alias="LANTOA_FLEET_RECONCILE_S")
    """How often desired states that a crash left unwritten are looked for, and those about to expire."""
    presence_s: float = Field(default=30.0, validation_alias="LANTOA_FLEET_PRESENCE_S")
    """How often the servers' full list of connections is read."""
    claim_code_s: float = Field(default=1800.0, validation_alias="LANTOA_FLEET_CLAIM_CODE_S")
    """How long a claim code may be used; a warehouse that prepares many devices at once may want longer."""
    seen_s: float = Field(default=60.0, validation_alias="LANTOA_FLEET_SEEN_S")
    """Heartbeats of a device are written down at most this often."""


class CalloutSettings(KeysSettings):
    """Settings of the auth callout."""

    snapshot_file: Path = Field(default=Path("registry.json"), validation_alias="LANTOA_FLEET_SNAPSHOT_FILE")
    """The registry as last seen: a callout starts and serves from it without MongoDB."""
    reload_s: float = Field(default=300.0, validation_alias="LANTOA_FLEET_CALLOUT_RELOAD_S")
    """How often the whole registry is read again, in case a change was missed."""
