"""Sign a text, prove who signed it, and carry the keys that may sign.

A signature covers the UTF-8 bytes of the text as sent (RFC 8032, Ed25519), so nobody has to agree on a canonical form.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

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


@dataclass(frozen=True)
class KeySet:
    """The keys that may sign for the platform, by kid."""

    keys: dict[str, bytes]

    def verify(self, document: SignedDocument) -> str:
        """The signed text.

        Raises:
            SignatureRefused: the key is not in the set or the signature does not fit.
        """
        public = self.keys.get(document.kid)
        if public is None:
            raise SignatureRefused("unknown key")
        return verify(document, public)


def make_key_set(root: SigningKey, publics: Iterable[bytes]) -> SignedDocument:
    """A key set signed by the root, which a device pins when it is claimed."""
    return root.sign(json.dumps({"keys": sorted(b64(public) for public in publics)}))


def open_key_set(document: SignedDocument, root_public: bytes) -> KeySet:
    """The keys that the pinned root vouches for.

    Raises:
        SignatureRefused: not signed by this root, or not a key set.
    """
    text = verify(document, root_public)
    try:
        publics = [unb64(key) for key in json.loads(text)["keys"]]
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureRefused("not a key set") from error
    return KeySet({key_id(public): public for public in publics})
