"""Settings from the environment: ``LANTOA_*`` for what every service shares, ``LANTOA_<NAME>_*`` for its own."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class RuntimeSettings(BaseSettings):
    """What the chassis of every service needs."""

    model_config = SettingsConfigDict(env_prefix="LANTOA_", extra="ignore", frozen=True)

    env: Literal["development", "production"] = "development"
    http_host: str = "127.0.0.1"
    http_port: int = 0
    nats_url: str = "nats://127.0.0.1:4222"
    nats_seed_file: Path | None = None
    """This service's nkey seed. Without one the connection is made without credentials (unit tests of the bus)."""
    mongo_url: str = "mongodb://127.0.0.1:27017/?directConnection=true&retryWrites=false&w=majority&journal=true"
    mongo_driver: Literal["pymongo", "motor"] = "pymongo"
    mongo_database_prefix: str = "lantoa_"
    mongo_pool: int = 16
    """Connections a process, and operations it runs at once."""
    media_url: str = "file:///var/lib/lantoa/media"
    """Where blobs lie: ``file://`` folder or any bucket URL that obstore opens."""
    internal_keys_file: Path | None = None
    """Public keys (JWK set) of the gateway, which signs internal tokens."""
    log_level: str = "INFO"
    otlp_endpoint: str | None = None
    clock_shift_seconds: float = 0.0
    """Moves this process's clock, for demo and tests; refused in production."""
    backoff_seconds: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    """Waits before a retryable failure is tried again; after the last it is dead-lettered."""
    infrastructure_wait_seconds: float = 2.0
    """Wait before a message is tried again because NATS or MongoDB was away; never counted."""
    sweep_seconds: float = 3.0
    """How often events that a crash left in an outbox are looked for, and how old they must be."""
    watch_seconds: float = 5.0
    """How often the consumers are checked to be there and alive."""
    drain_seconds: float = Field(default=10.0)
    """How long requests and handlers may finish after SIGTERM."""

    @model_validator(mode="after")
    def _production_is_strict(self) -> "RuntimeSettings":
        if self.env == "production" and self.clock_shift_seconds:
            raise ValueError("LANTOA_CLOCK_SHIFT_SECONDS is refused in production")
        return self

    @property
    def production(self) -> bool:
        """Whether demo commands, shifted clocks and embedded servers are refused."""
        return self.env == "production"
