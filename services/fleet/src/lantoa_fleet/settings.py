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
    snapshot_s: float = Field(default=60.0, validation_alias="LANTOA_FLEET_SNAPSHOT_S")
    """How often what devices last said is written down, and the hours that have ended."""
    roster_s: float = Field(default=120.0, validation_alias="LANTOA_FLEET_ROSTER_S")
    """How often the registry in memory is read again as a whole."""
    alarm_s: float = Field(default=10.0, validation_alias="LANTOA_FLEET_ALARM_S")
    """How often alarms are looked for."""
    grace_s: float = Field(default=180.0, validation_alias="LANTOA_FLEET_GRACE_S")
    """After a start or an outage of NATS nothing is said of devices for so long."""
    drift_s: float = Field(default=300.0, validation_alias="LANTOA_FLEET_DRIFT_S")
    """A device that obeys something old for longer than this drifts: it is shown, counted, and told again."""
    lease_s: float = Field(default=15.0, validation_alias="LANTOA_FLEET_LEASE_S")
    """How long the replica that keeps watch may be silent before another takes over."""
    update_s: float = Field(default=5.0, validation_alias="LANTOA_FLEET_UPDATE_S")
    """How often running updates are moved on."""


class CalloutSettings(KeysSettings):
    """Settings of the auth callout."""

    snapshot_file: Path = Field(default=Path("registry.json"), validation_alias="LANTOA_FLEET_SNAPSHOT_FILE")
    """The registry as last seen: a callout starts and serves from it without MongoDB."""
    reload_s: float = Field(default=300.0, validation_alias="LANTOA_FLEET_CALLOUT_RELOAD_S")
    """How often the whole registry is read again, in case a change was missed."""
