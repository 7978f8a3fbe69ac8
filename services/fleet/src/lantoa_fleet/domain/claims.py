"""Claim codes: what a device shows, what a person types or scans, and when a technician has guessed often enough."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta

from lantoa_runtime.errors import AppError

CODE_BYTES = 5
"""40 random bits: eight letters."""
CODE_LIFETIME = timedelta(minutes=30)
"""A code that is not used within this is gone; the device shows the next one as soon as it asks again."""
GUESSES = 10
GUESS_WINDOW = timedelta(minutes=15)
"""So many wrong codes within so long, then the technician waits. Against 10,000 waiting devices and 2^40 codes a
guesser finds one in about three hundred years."""
SHEET_GUESSES = 500
SHEET_WINDOW = timedelta(hours=1)
"""The same for codes in spreadsheets, where typing errors come in numbers."""

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without I, O, 0 and 1, which look like others."""
_NOT_IN_A_CODE = re.compile(r"[^A-Z0-9]")
_NOT_HEX = re.compile(r"[^0-9a-f]")
_QR = re.compile(r"lantoa:claim:([^:]{1,40}):(.{1,120})", re.IGNORECASE)
_SHORTEST_FINGERPRINT = 16


@dataclass(frozen=True)
class Shown:
    """What was typed or scanned: the code as it is kept, and the key's fingerprint where a QR code brought it."""

    code: str
    fingerprint: str | None = None


def new_code(entropy: bytes) -> str:
    """``XXXX-XXXX`` of 32 letters that nobody confuses, from :data:`CODE_BYTES` random bytes."""
    number = int.from_bytes(entropy)
    letters = "".join(_LETTERS[number >> 5 * place & 31] for place in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def read_code(text: str) -> Shown:
    """What a person typed (with or without its dash, in any case) or a camera read in a QR code."""
    scanned = _QR.fullmatch(text.strip())
    typed, fingerprint = scanned.groups() if scanned else (text, None)
    letters = _NOT_IN_A_CODE.sub("", typed.upper())
    return Shown(f"{letters[:4]}-{letters[4:]}", fingerprint)


def is_of(fingerprint: str, public_key: str) -> bool:
    """Whether a fingerprint is this key's: the beginning of its SHA-256 in hex, alone, in groups or as a device id."""
    said = _NOT_HEX.sub("", fingerprint.lower().removeprefix("d-"))
    known = hashlib.sha256(public_key.encode()).hexdigest()[: len(said)]
    return len(said) >= _SHORTEST_FINGERPRINT and hmac.compare_digest(known, said)


class TooManyGuesses(AppError):
    """A technician gave too many codes that no device shows; ``seconds`` says when to try again."""

    def __init__(self, seconds: int) -> None:
        super().__init__("fleet.too-many-guesses", 429, retryable=True, seconds=seconds, minutes=-(-seconds // 60))
