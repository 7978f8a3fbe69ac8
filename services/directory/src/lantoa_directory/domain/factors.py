"""Second factors: codes that change with the time (RFC 6238), recovery codes, the challenge inside a key's answer."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from hmac import compare_digest
from typing import Any
from urllib.parse import quote

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
"""RFC 4226, 4: 160 bits."""
_WINDOW = (0, -1, 1)

RECOVERY_CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""31 letters and digits that nobody takes for another."""
_LENGTH = 10
MOST_PASSKEYS = 10
ISSUER = "Lan Tỏa"


def step_of(moment: datetime) -> int:
    """The number of the time step that a moment lies in (RFC 6238, 4.2)."""
    return int(moment.timestamp()) // STEP_SECONDS


def totp(secret: bytes, step: int) -> str:
    """The code of a time step (RFC 4226, 5.3: HMAC-SHA-1, six digits)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def fitting_step(secret: bytes, code: str, now: datetime, after: int) -> int | None:
    """The step whose code this is, one before or after now at most; ``None`` for none, or one already used up.

    ``after`` is the last step that was used: neither it nor an earlier one counts again (RFC 6238, 5.2).
    """
    around = [step_of(now) + shift for shift in _WINDOW]
    fitting = [step for step in around if compare_digest(totp(secret, step), code) and step > after]
    return fitting[0] if fitting else None


def base32(secret: bytes) -> str:
    """The secret as authenticator programs take it."""
    return base64.b32encode(secret).decode().rstrip("=")


def totp_uri(secret: bytes, login: str) -> str:
    """What the picture with the secret says to an authenticator program."""
    issuer = quote(ISSUER)
    return f"otpauth://totp/{issuer}:{quote(login)}?secret={base32(secret)}&issuer={issuer}"


def recovery_code(random: bytes) -> str:
    """A code of ten letters and digits, ``xxxxx-xxxxx``, from ten random numbers.

    Raises:
        ValueError: these are not ten.
    """
    if len(random) != _LENGTH:
        raise ValueError(f"{len(random)} random bytes")
    text = "".join(_LETTERS[byte % len(_LETTERS)] for byte in random)
    return f"{text[:5]}-{text[5:]}"


def plain_recovery(typed: str) -> str:
    """A recovery code as it is compared, however it was typed."""
    return "".join(letter for letter in typed.lower() if letter in _LETTERS)


def challenge_of(credential: Mapping[str, Any]) -> str | None:
    """The text that a key's answer was asked with; ``None`` for what is no answer to a question of ours."""
    response = credential.get("response")
    written = response.get("clientDataJSON") if isinstance(response, Mapping) else None
    try:
        said = json.loads(_bytes(written))
        return _bytes(said["challenge"]).decode("ascii")
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _bytes(written: Any) -> bytes:
    if not isinstance(written, str):
        raise TypeError
    return base64.urlsafe_b64decode(written + "=" * (-len(written) % 4))


def user_handle(person_id: str) -> bytes:
    """What a key knows a person by: it names nobody to whoever finds the key (WebAuthn, 14.6.1)."""
    return hashlib.sha256(f"lantoa passkey {person_id}".encode()).digest()
