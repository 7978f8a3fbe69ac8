"""NATS keys as raw Ed25519 keys: devices and services sign in with them, devices sign their proofs with them."""

import base64
import binascii
import hashlib

import nkeys
from nacl.public import PrivateKey

from lantoa_contracts.base import SignedDocument
from lantoa_signing.documents import SignatureRefused, b64, verify

_USER_PREFIX = 20 << 3
_CURVE_PREFIX = 23 << 3
_KEY_BYTES = 35


def new_seed(entropy: bytes, prefix: int = nkeys.PREFIX_BYTE_USER) -> str:
    """A seed (``S...``) from 32 random bytes; by default for a user."""
    return bytes(nkeys.encode_seed(entropy, prefix)).decode()


def public_of(seed: str) -> str:
    """The public key (``U...``, ``A...``) that belongs to a seed."""
    return bytes(nkeys.from_seed(seed.encode()).public_key).decode()


def curve_public(private: bytes) -> str:
    """The public key (``X...``) of 32 private X25519 bytes, as nats.conf wants it for the auth callout."""
    raw = bytes([_CURVE_PREFIX]) + bytes(PrivateKey(private).public_key)
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def raw_public(public: str) -> bytes:
    """The 32 key bytes inside a public nkey.

    Raises:
        SignatureRefused: not a public nkey (length, alphabet or CRC).
    """
    try:
        raw = base64.b32decode(public + "=" * (-len(public) % 8))
    except (binascii.Error, ValueError) as error:
        raise SignatureRefused("not an nkey") from error
    if len(raw) != _KEY_BYTES or binascii.crc_hqx(raw[:-2], 0) != int.from_bytes(raw[-2:], "little"):
        raise SignatureRefused("not an nkey")
    return raw[1:-2]


def is_user_key(public: str) -> bool:
    """Whether this is a well-formed public key of a NATS user."""
    try:
        raw_public(public)
    except SignatureRefused:
        return False
    return base64.b32decode(public + "=" * (-len(public) % 8))[0] == _USER_PREFIX


def sign_with_seed(seed: str, text: str) -> SignedDocument:
    """A text signed by a device; ``kid`` is the device's public nkey."""
    pair = nkeys.from_seed(seed.encode())
    return SignedDocument(kid=bytes(pair.public_key).decode(), p=text, sig=b64(bytes(pair.sign(text.encode()))))


def verify_by_nkey(document: SignedDocument, public: str) -> str:
    """The text of a document that the holder of ``public`` signed.

    Raises:
        SignatureRefused: another key or a signature that does not fit.
    """
    if document.kid != public:
        raise SignatureRefused("another key")
    return verify(document, raw_public(public))


def fingerprint(public: str) -> str:
    """What a device shows of its key: 20 hex digits of the key's SHA-256."""
    return hashlib.sha256(public.encode()).hexdigest()[:20]


def device_id(public: str) -> str:
    """A device's id, bound to its key: ``d-`` and the key's fingerprint."""
    return f"d-{fingerprint(public)}"
