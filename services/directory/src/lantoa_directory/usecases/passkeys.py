"""What is needed of passkeys, or of their stand-in in a test."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit


class PasskeyRefused(Exception):
    """A key's answer proves nothing."""


@dataclass(frozen=True)
class Site:
    """Where a browser says that it is: a key answers for one site alone."""

    origin: str
    """``https://lantoa.example.vn``"""
    rp_id: str
    """The host of it."""

    @classmethod
    def of(cls, origin: str | None) -> "Site | None":
        """The site of an origin; ``None`` for a bare address, which no key answers for (WebAuthn, 5.1.3)."""
        try:
            host = urlsplit(origin or "").hostname
        except ValueError:  # A bracket without its end.
            return None
        if not origin or not host:
            return None
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return cls(origin, host)
        return None


@dataclass(frozen=True)
class Key:
    """A passkey: its id (base64url), its public key (COSE, base64), and how often it has signed as far as known."""

    id: str
    public: str
    count: int


class Passkeys(Protocol):
    """Questions for a browser, and whether its answers hold."""

    def creation(
        self, site: Site, handle: bytes, login: str, name: str, known: Iterable[str], challenge: bytes
    ) -> dict[str, Any]:
        """What a browser needs to make a key."""

    def request(self, site: Site, allowed: Iterable[str], challenge: bytes) -> dict[str, Any]:
        """What a browser needs to use one."""

    def registered(self, site: Site, credential: Mapping[str, Any], challenge: bytes) -> Key:
        """The key that was made, or :class:`PasskeyRefused`."""

    def asserted(self, site: Site, credential: Mapping[str, Any], challenge: bytes, key: Key) -> int:
        """The key's new count, or :class:`PasskeyRefused`."""
