"""A device's own key: made at first start, never leaves the device."""

from dataclasses import dataclass, field
from pathlib import Path

from lantoa_contracts.base import SignedDocument
from lantoa_devicekit.files import write_durably
from lantoa_signing import nkey

SEED_FILE = "device.nk"


@dataclass(frozen=True)
class Identity:
    """Who this device is."""

    seed: str = field(repr=False)
    public: str
    device_id: str

    def sign(self, text: str) -> SignedDocument:
        """``text`` signed with the device's key."""
        return nkey.sign_with_seed(self.seed, text)


def load_identity(folder: Path, entropy: bytes) -> Identity:
    """The identity kept in ``folder``, or a new one from 32 random bytes, stored so that only its owner can read it.

    Raises:
        OSError: the folder cannot be read or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SEED_FILE
    if not path.exists():
        write_durably(path, nkey.new_seed(entropy).encode(), mode=0o600)
    seed = path.read_text().strip()
    public = nkey.public_of(seed)
    return Identity(seed, public, nkey.device_id(public))
