"""Settings of the gateway: ``LANTOA_GATEWAY_*``."""

from pathlib import Path

from pydantic import Field

from lantoa_runtime.settings import RuntimeSettings


class GatewaySettings(RuntimeSettings):
    """Where everything behind the door is, and the gateway's own keys."""

    gateway_upstreams: dict[str, str]
    """Address of each service by its name, as JSON: ``{"content": "http://127.0.0.1:8101", ...}``."""
    gateway_key_file: Path
    """Private JWK that signs internal tokens."""
    gateway_device_keys_file: Path
    """Key set (``SignedDocument``) whose keys sign media addresses; read again when the file changes."""
    gateway_root_public: str
    """Public key of the root that signed the key set: base64url of 32 bytes."""
    gateway_citizens_per_minute: int = Field(default=60, ge=1)
    """Codes, and entries of codes, from one address, as many at once: a school or a mobile network is one address."""
    gateway_allowance: float = Field(default=1.0, gt=0)
    """How many times what one subject may ask for in a while: more for who moves a whole province in by program."""
    gateway_live_streams: int = Field(default=5000, ge=1)
    """Open pages that one process tells of changes, at most."""
    gateway_console_dir: Path | None = None
    """The built console; without one only the API is served."""
    drain_seconds: float = Field(default=8.0)
    """Shorter than the chassis' own, so that the door is closed before ten seconds have passed."""
