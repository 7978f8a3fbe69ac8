"""Sign a text, prove who signed it, and carry the keys that may sign.

A signature covers the UTF-8 bytes of the text as sent (RFC 8032, Ed25519), so nobody has to agree on a canonical form.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey as NaClKey
from nacl.signing import VerifyKey

from lantoa_contracts.base import SignedDocument


class SignatureRefused(Exception):
    """The document is not what it claims: wrong key, wrong signature or malformed."""


def b64(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Undo :func:`b64`.

    Raises:
        SignatureRefused: not base64url, or not the one way to write these bytes.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureRefused("not base64url") from error
    if b64(raw) != text:  # Spare bits in the last letter would let anyone write one signature in several ways.
        raise SignatureRefused("not base64url")
    return raw


def key_id(public: bytes) -> str:
    """A short name for a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 private key, made from 32 bytes of seed."""

    seed: bytes

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return bytes(NaClKey(self.seed).verify_key)

    @property
    def kid(self) -> str:
        """The key's name in signed documents."""
        return key_id(self.public)

    def sign_bytes(self, data: bytes) -> bytes:
        """The 64-byte signature over ``data``."""
        return NaClKey(self.seed).sign(data).signature

    def sign(self, text: str) -> SignedDocument:
        """The text as a signed document."""
        return SignedDocument(kid=self.kid, p=text, sig=b64(self.sign_bytes(text.encode())))


def verify_bytes(public: bytes, data: bytes, signature: bytes) -> None:
    """Check a signature.

    Raises:
        SignatureRefused: it does not fit, or the key is not one.
    """
    try:
        VerifyKey(public).verify(data, signature)
    except (BadSignatureError, ValueError, TypeError) as error:
        raise SignatureRefused("signature does not fit") from error


def verify(document: SignedDocument, public: bytes) -> str:
    """The signed text, once the signature has been checked against one key.

    Raises:
        SignatureRefused: the signature does not fit.
    """
    verify_bytes(public, document.p.encode(), unb64(document.sig))
    return document.p


KeyUse = Literal["platform", "alert"]
"""``platform``: desired state, commands, addresses of files. ``alert``: orders of the alert service."""


@dataclass(frozen=True)
class KeySet:
    """The keys that the root vouches for, by kid, each for one use. ``seq`` grows with every new set."""

    keys: dict[str, bytes]
    alert: frozenset[str] = frozenset()
    """Kids that sign alerts and nothing else; all others sign everything but alerts."""
    seq: int = 0

    def public(self, kid: str, use: KeyUse = "platform") -> bytes:
        """The public key of a name.

        Raises:
            SignatureRefused: the set has no such key for this use.
        """
        public = self.keys.get(kid)
        if public is None or (kid in self.alert) != (use == "alert"):
            raise SignatureRefused("unknown key")
        return public

    def verify(self, document: SignedDocument, use: KeyUse = "platform") -> str:
        """The signed text.

        Raises:
            SignatureRefused: the key is not in the set, is for another use, or the signature does not fit.
        """
        return verify(document, self.public(document.kid, use))


def make_key_set(
    root: SigningKey, platform: Iterable[bytes], alert: Iterable[bytes] = (), seq: int = 1
) -> SignedDocument:
    """A key set signed by the root, which a device pins when it is claimed."""
    keys = {"keys": sorted(b64(public) for public in platform), "alert": sorted(b64(public) for public in alert)}
    return root.sign(json.dumps({"seq": seq, **keys}))


def open_key_set(document: SignedDocument, root_public: bytes) -> KeySet:
    """The keys that the pinned root vouches for.

    Raises:
        SignatureRefused: not signed by this root, or not a key set.
    """
    text = verify(document, root_public)
    try:
        told = json.loads(text)
        platform, alert = ([unb64(key) for key in told[use]] for use in ("keys", "alert"))
        seq = int(told["seq"])
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureRefused("not a key set") from error
    keys = {key_id(public): public for public in (*platform, *alert)}
    return KeySet(keys, frozenset(key_id(public) for public in alert), seq)
