"""The keys of one installation: random at first start, in a folder that only its owner reads."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import nkeys

from lantoa_contracts.catalogue import SERVICES
from lantoa_signing.documents import SigningKey, b64, make_key_set
from lantoa_signing.nkey import curve_public, new_seed, public_of

USERS = (*SERVICES, "topology", "callout", "sys", "holder")
"""NATS users: the services, the provisioner, the auth callout, fleet's view of the system account, and the key holders
who issue an alert without any other service."""


@dataclass(frozen=True)
class KeyRing:
    """Where each key of an installation lies, and what is public of it."""

    folder: Path

    def seed_file(self, user: str) -> Path:
        """File with a NATS user's seed."""
        return self.folder / f"{user}.nk"

    def public(self, user: str) -> str:
        """A NATS user's public key."""
        return public_of(self.seed_file(user).read_text())

    @property
    def issuer_file(self) -> Path:
        """Seed of the account key that signs the callout's answers."""
        return self.folder / "issuer.nk"

    @property
    def issuer_public(self) -> str:
        """Public form (``A...``) of that key."""
        return public_of(self.issuer_file.read_text())

    @property
    def curve_file(self) -> Path:
        """32 bytes: the callout's private X25519 key; device passwords cross the server encrypted to it."""
        return self.folder / "callout.x25519"

    @property
    def curve_public(self) -> str:
        """Public form (``X...``) of that key."""
        return curve_public(self.curve_file.read_bytes())

    @property
    def root_file(self) -> Path:
        """32 bytes: the root that devices pin; it signs the key set and nothing else."""
        return self.folder / "root.key"

    @property
    def root_public_file(self) -> Path:
        """The root's public half. No running service needs the private one, which belongs in a safe."""
        return self.folder / "root.pub"

    @property
    def root_public(self) -> str:
        """Public form of the root, base64url of 32 bytes, as devices pin it."""
        return self.root_public_file.read_text()

    @property
    def fleet_file(self) -> Path:
        """32 bytes: fleet's key for desired state and media addresses."""
        return self.folder / "fleet.key"

    @property
    def alert_file(self) -> Path:
        """32 bytes: alert's key, the only one whose orders devices sound and show at once."""
        return self.folder / "alert.key"

    @property
    def directory_file(self) -> Path:
        """32 bytes: what seals the secrets of second factors in the directory's database."""
        return self.folder / "directory.key"

    @property
    def holders_file(self) -> Path:
        """Public keys of the people who may issue an alert by `lantoa alert issue`, a JSON list of name and key."""
        return self.folder / "alert_holders.json"

    @property
    def audit_file(self) -> Path:
        """32 bytes: the directory's key that seals the audit."""
        return self.folder / "audit.key"

    @property
    def audit_public_file(self) -> Path:
        """Public forms of the keys that have sealed the audit, base64url of 32 bytes, one a line."""
        return self.folder / "audit.pub"

    @property
    def key_set_file(self) -> Path:
        """The key set that the root has signed."""
        return self.folder / "device_keys.json"

    @property
    def gateway_file(self) -> Path:
        """The gateway's private JWK for internal tokens."""
        return self.folder / "gateway.jwk"

    @property
    def internal_keys_file(self) -> Path:
        """Public JWK set of the gateway, which every service reads."""
        return self.folder / "internal_keys.json"


def write_key_file(path: Path, data: bytes) -> None:
    """Whole or not at all, readable by the owner alone."""
    temporary = path.with_suffix(path.suffix + ".new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def ensure_keys(folder: Path) -> KeyRing:
    """Make what is missing; what is there stays."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ring = KeyRing(folder)
    for user in USERS:
        if not ring.seed_file(user).exists():
            write_key_file(ring.seed_file(user), new_seed(secrets.token_bytes(32)).encode())
    if not ring.issuer_file.exists():
        write_key_file(ring.issuer_file, new_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_ACCOUNT).encode())
    for raw in (ring.curve_file, ring.fleet_file, ring.alert_file, ring.audit_file, ring.directory_file):
        if not raw.exists():
            write_key_file(raw, secrets.token_bytes(32))
    if not ring.audit_public_file.exists():
        write_key_file(ring.audit_public_file, f"{b64(SigningKey(ring.audit_file.read_bytes()).public)}\n".encode())
    if not ring.root_public_file.exists():  # Where it does, the private half may lie in a safe.
        if not ring.root_file.exists():
            write_key_file(ring.root_file, secrets.token_bytes(32))
        write_key_file(ring.root_public_file, b64(SigningKey(ring.root_file.read_bytes()).public).encode())
    if not ring.key_set_file.exists():
        root, fleet, alert = (
            SigningKey(file.read_bytes()) for file in (ring.root_file, ring.fleet_file, ring.alert_file)
        )
        signed = make_key_set(root, [fleet.public], [alert.public])
        write_key_file(ring.key_set_file, signed.model_dump_json().encode())
    if not ring.holders_file.exists():
        write_key_file(ring.holders_file, b"[]")
    if not ring.internal_keys_file.exists():
        _make_gateway_keys(ring)
    return ring


def _make_gateway_keys(ring: KeyRing) -> None:
    from joserfc.jwk import KeySet, OKPKey  # Slow to import, and needed at the first start only.

    if not ring.gateway_file.exists():
        key = OKPKey.generate_key("Ed25519", auto_kid=True)
        write_key_file(ring.gateway_file, json.dumps(key.as_dict(private=True)).encode())
    key = OKPKey.import_key(json.loads(ring.gateway_file.read_text()))
    write_key_file(ring.internal_keys_file, json.dumps(KeySet([key]).as_dict(private=False)).encode())
