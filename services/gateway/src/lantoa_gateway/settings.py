"""Settings of the gateway: ``LANTOA_GATEWAY_*``."""

from pathlib import Path
from typing import Literal

from pydantic import Field, IPvAnyNetwork, model_validator

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
    gateway_edges: tuple[IPvAnyNetwork, ...] = ()
    """Addresses and networks, as JSON, of what ends TLS in front: ``["10.244.0.0/16"]``. Its ``X-Forwarded-For`` and
    ``X-Forwarded-Proto`` are believed, nobody else's; without one all that comes through it has its address."""
    gateway_citizens_per_minute: int = Field(default=60, ge=1)
    """Codes, and entries of codes, from one address, as many at once: a school or a mobile network is one address."""
    gateway_allowance: float = Field(default=1.0, gt=0)
    """How many times what one subject may ask for in a while: more for who moves a whole province in by program."""
    gateway_live_streams: int = Field(default=5000, ge=1)
    """Open pages that one process tells of changes, at most."""
    gateway_public_url: str | None = Field(default=None, pattern=r"^https?://[^/\s]+$")
    """The gateway as browsers reach it: the site of passkeys, and where providers send people back to. Without one it
    is what each request says."""
    gateway_oidc_issuer: str | None = Field(default=None, pattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/])")
    """A provider by which staff may sign in, as its discovery document names itself. Without one there is none."""
    gateway_oidc_client_id: str = ""
    gateway_oidc_secret_file: Path | None = None
    """The client's secret; a public client has none."""
    gateway_oidc_scopes: str = "openid profile email"
    gateway_oidc_name: str = ""
    """What people call the provider: it stands on the button."""
    gateway_oidc_match: Literal["linked", "login", "email"] = "linked"
    """Whom the provider may name: who was linked to it, or also whoever's login is its ``preferred_username``, or its
    verified ``email``. Only for a provider that lets nobody choose these themselves."""
    gateway_oidc_mfa: tuple[str, ...] = ("mfa",)
    """Values of ``amr``, or of ``acr``, by which the provider says that two factors were shown (RFC 8176)."""
    gateway_console_dir: Path | None = None
    """The built console; without one only the API is served."""
    drain_seconds: float = Field(default=8.0)
    """Shorter than the chassis' own, so that the door is closed before ten seconds have passed."""

    @model_validator(mode="after")
    def _a_provider_knows_us(self) -> "GatewaySettings":
        if self.gateway_oidc_issuer and not (self.gateway_oidc_client_id and self.gateway_oidc_name):
            raise ValueError("LANTOA_GATEWAY_OIDC_ISSUER needs ..._OIDC_CLIENT_ID and ..._OIDC_NAME")
        return self
