"""Citizens: their phone numbers, and the codes that are sent to them."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

CODE_LIFE = timedelta(minutes=5)
"""How long a code holds that was sent to a citizen's phone."""
CODE_TRIES = 5
CODES_ALLOWED = ((3, timedelta(minutes=10)), (10, timedelta(days=1)))
"""How many codes one phone number gets in which time."""
_MOBILE = re.compile(r"(?:0|\+?84|0084)([35789][0-9]{8})")


def phone_of(typed: str) -> str | None:
    """A Vietnamese mobile number as ``+84`` and nine digits; ``None`` for what is none.

    Blanks, dots and hyphens may stand in it. The prefixes 03, 05, 07, 08 and 09 are those in use since 2018.
    """
    match = _MOBILE.fullmatch(re.sub(r"[ .\-]", "", typed))
    return f"+84{match[1]}" if match else None


def masked(phone: str) -> str:
    """A number as others may see it: ``09•• ••• 123``."""
    return f"0{phone[3]}•• ••• {phone[-3:]}"


def code_digest(code: str, salt: str) -> str:
    """The form in which a code is kept."""
    return hashlib.sha256(f"{salt}:{code}".encode()).hexdigest()


def code_wait(sent: Sequence[datetime], now: datetime) -> timedelta:
    """How long a number waits for its next code that got codes at these moments, oldest first; zero for not at all."""
    waits = [sent[-most] + span - now for most, span in CODES_ALLOWED if len(sent) >= most]
    return max([timedelta(0), *waits])
