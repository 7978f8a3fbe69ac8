"""Who may sign in: a pure decision over what the server tells and what the registry says."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from lantoa_signing.documents import SignatureRefused, unb64, verify_bytes
from lantoa_signing.nkey import raw_public

raw_key = lru_cache(maxsize=32_768)(raw_public)
"""The bytes of a public nkey: reading base32 costs a tenth of a sign-in, and devices come back with the same key."""


@dataclass(frozen=True)
class Entry:
    """What the callout must know of a claimed device."""

    device_id: str
    public_key: str
    accepted: bool
    path: tuple[str, ...]
    token_sha256: str | None = None
    """Of an MQTT receiver's password, in hex."""
    groups: tuple[str, ...] = ()


class Entries(Protocol):
    """The registry in memory."""

    def by_id(self, device_id: str) -> Entry | None:
        """The device with this id."""

    def by_key(self, public_key: str) -> Entry | None:
        """The device with this key."""


class LoginRefused(Exception):
    """The device may not sign in; the message says why, for the server's log."""


@dataclass(frozen=True)
class Login:
    """A device that may sign in."""

    entry: Entry
    mqtt: bool


def decide(request: Mapping[str, Any], entries: Entries) -> Login:
    """Whether the client of an authorization request is a device of ours.

    A client with an nkey must have signed the server's nonce; one on the MQTT listener must bring its id, as user and
    as client id, and its token.

    Raises:
        LoginRefused: it is not.
    """
    options, client = request.get("connect_opts") or {}, request.get("client_info") or {}
    mqtt = client.get("type") == "mqtt"
    entry = _by_token(options, client, entries) if mqtt else _by_nkey(options, client, entries)
    if not entry.accepted:
        raise LoginRefused("revoked")
    return Login(entry, mqtt)


def _by_nkey(options: Mapping[str, Any], client: Mapping[str, Any], entries: Entries) -> Entry:
    public = str(options.get("nkey") or "")
    entry = entries.by_key(public) if public else None
    if entry is None:
        raise LoginRefused("unknown key")
    try:
        nonce = str(client.get("nonce") or "")
        if not nonce:
            raise SignatureRefused("no nonce")
        verify_bytes(raw_key(public), nonce.encode(), _signature(str(options.get("sig") or "")))
    except SignatureRefused as error:
        raise LoginRefused("wrong signature") from error
    return entry


def _signature(sent: str) -> bytes:
    """nats-py writes the signature in the standard alphabet with padding, other clients in base64url without."""
    return unb64(sent.rstrip("=").replace("+", "-").replace("/", "_"))


def _by_token(options: Mapping[str, Any], client: Mapping[str, Any], entries: Entries) -> Entry:
    device_id = str(options.get("user") or "")
    entry = entries.by_id(device_id)
    digest = hashlib.sha256(str(options.get("pass") or "").encode()).hexdigest()
    fits = hmac.compare_digest((entry and entry.token_sha256) or "", digest)
    if entry is None or not fits:
        raise LoginRefused("wrong name or token")
    # Whoever takes another's client id throws the other out: it must be the device's own.
    if client.get("mqtt_id") != device_id:
        raise LoginRefused("client id is not the device id")
    return entry
