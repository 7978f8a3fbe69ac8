"""Second factors in software, as a phone holds them: an app that makes codes, and a passkey that answers what
`webauthn` asks, well or as badly as a test wants."""

import base64
import hashlib
import hmac
import json
import secrets
import struct
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40
_STEP_SECONDS = 30


@dataclass
class CodeApp:
    """An app that makes codes from a secret, in base32 as it is typed in by hand (RFC 6238 with SHA-1, six digits)."""

    secret: str
    step: int = 0

    def code(self) -> str:
        """A code that it has not given before: of now, or else of the step to come, which counts already.

        Raises:
            AssertionError: a third one is wanted within half a minute.
        """
        now = int(time.time()) // _STEP_SECONDS
        self.step = max(self.step + 1, now)
        assert self.step <= now + 1, "more codes are wanted than there are in this time"
        text = self.secret.replace(" ", "")
        key = base64.b32decode(text + "=" * (-len(text) % 8))
        digest = hmac.new(key, struct.pack(">Q", self.step), hashlib.sha1).digest()
        begin = digest[-1] & 15
        return f"{(struct.unpack('>I', digest[begin : begin + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def b64url(data: bytes) -> str:
    """Base64url without padding, as browsers write bytes in JSON."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class SoftKey:
    """One discoverable key on P-256. ``origin`` is the site that the browser around it says to be on."""

    origin: str
    verifies: bool = True
    """Whether somebody showed a finger or a PIN."""
    count: int = 0
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.create` would give for these options, as JSON."""
        numbers = self.private.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(cose)
        data = self._data(options["rp"]["id"], _ATTESTED) + attested
        made = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options["challenge"])
        return self._credential({"clientDataJSON": b64url(client), "attestationObject": b64url(made)})

    def get(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.get` would give for these options, as JSON."""
        self.count += 1
        data = self._data(options["rpId"], 0)
        client = self._client("webauthn.get", options["challenge"])
        signed = self.private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        answer = {"clientDataJSON": client, "authenticatorData": data, "signature": signed}
        return self._credential({name: b64url(value) for name, value in answer.items()})

    def _data(self, rp_id: str, flags: int) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.verifies else 0)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _credential(self, response: dict[str, str]) -> dict[str, Any]:
        name = b64url(self.id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}
