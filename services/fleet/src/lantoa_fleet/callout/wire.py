"""NATS JWTs and the encryption between server and callout (notes/messaging, section 13; xkv1 of the auth callout)."""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import nkeys
from nacl.exceptions import CryptoError
from nacl.public import Box, PrivateKey, PublicKey

from lantoa_fleet.callout.decision import raw_key
from lantoa_fleet.domain.rights import BIGGEST_MESSAGE, LIFETIME_SECONDS, MOST_SUBSCRIPTIONS, Rights
from lantoa_signing.documents import SignatureRefused, b64, unb64, verify_bytes
from lantoa_signing.nkey import raw_public

_MARK = b"xkv1"
_NONCE = 24
_SERVERS = 64
_HEADER = b64(json.dumps({"typ": "JWT", "alg": "ed25519-nkey"}, separators=(",", ":")).encode())


class Unreadable(Exception):
    """The request is not an encrypted JWT signed by its issuer."""


class Sealer:
    """Opens what servers send to the callout's curve key and seals the answers to theirs."""

    def __init__(self, private: bytes) -> None:
        self._private = PrivateKey(private)
        # What two curve keys share costs as much as a signature, and the servers are few.
        self._box = lru_cache(maxsize=_SERVERS)(self._box_with)

    def _box_with(self, server_xkey: str) -> Box:
        return Box(self._private, PublicKey(raw_public(server_xkey)))

    def open(self, data: bytes, server_xkey: str) -> bytes:
        """The request's text.

        Raises:
            Unreadable: not sealed to us by this key.
        """
        if data[: len(_MARK)] != _MARK:
            raise Unreadable("not encrypted")
        try:
            start = len(_MARK) + _NONCE
            return self._box(server_xkey).decrypt(data[start:], data[len(_MARK) : start])
        except (CryptoError, SignatureRefused, ValueError) as error:
            raise Unreadable("not sealed to this callout") from error

    def seal(self, text: bytes, server_xkey: str) -> bytes:
        """The answer as only that server can read it."""
        return _MARK + bytes(self._box(server_xkey).encrypt(text))


def read_jwt(text: bytes) -> dict[str, Any]:
    """The claims of a NATS JWT whose signature fits its own issuer. Whether that issuer counts is not decided here.

    Raises:
        Unreadable: malformed, or the signature does not fit.
    """
    try:
        signed, signature = text.decode("ascii").rsplit(".", 1)
        claims: dict[str, Any] = json.loads(unb64(signed.split(".")[1]))
        verify_bytes(raw_key(claims["iss"]), signed.encode(), unb64(signature))
    except (SignatureRefused, ValueError, KeyError, IndexError, TypeError) as error:
        raise Unreadable("not a signed NATS JWT") from error
    return claims


class Issuer:
    """Makes the JWTs of the account key that the server's configuration names as issuer."""

    def __init__(self, seed: str) -> None:
        self._pair = nkeys.from_seed(seed.encode())
        self.public = bytes(self._pair.public_key).decode()

    def user(self, user_nkey: str, device_id: str, rights: Rights, now: int) -> str:
        """A user of the account DEVICES with exactly these rights."""
        nats = {
            "pub": {"allow": list(rights.publish)},
            "sub": {"allow": list(rights.subscribe)},
            "subs": MOST_SUBSCRIPTIONS,
            "data": -1,
            "payload": BIGGEST_MESSAGE,
            "allowed_connection_types": list(rights.listeners),
            "type": "user",
            "version": 2,
        }
        claims = {"sub": user_nkey, "aud": "DEVICES", "name": device_id, "exp": now + LIFETIME_SECONDS, "nats": nats}
        return self._sign(claims, now)

    def answer(self, request: Mapping[str, Any], now: int, *, jwt: str = "", error: str = "") -> str:
        """The answer to an authorization request: a user or the reason why not."""
        nats: dict[str, Any] = {"type": "authorization_response", "version": 2}
        nats |= {"error": error} if error else {"jwt": jwt}
        return self._sign({"aud": request["server_id"]["id"], "sub": request["user_nkey"], "nats": nats}, now)

    def _sign(self, claims: Mapping[str, Any], now: int) -> str:
        full = {**claims, "iss": self.public, "iat": now}
        digest = hashlib.sha256(json.dumps(full, separators=(",", ":")).encode()).digest()
        full["jti"] = base64.b32encode(digest).decode().rstrip("=")
        signed = f"{_HEADER}.{b64(json.dumps(full, separators=(',', ':')).encode())}"
        return f"{signed}.{b64(bytes(self._pair.sign(signed.encode())))}"
