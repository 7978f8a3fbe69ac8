"""How much one subject may ask for in a while, by what it costs. Pure.

A subject is somebody signed in or a token; only who is neither, and is no reader of public pages, is an address: behind
one address of a mobile network stand thousands.
"""

from dataclasses import dataclass
from functools import cached_property

from lantoa_gateway.domain import SAFE_METHODS, Buckets, Target


@dataclass(frozen=True)
class Allowance:
    """``burst`` requests at once, then ``per_minute``."""

    name: str
    burst: int
    per_minute: int

    @cached_property
    def policy(self) -> bytes:
        """It as a header field: so many in so many seconds."""
        return f'"{self.name}";q={self.burst};w={self.burst * 60 // self.per_minute}'.encode()


READ = Allowance("read", 300, 1200)
"""A page of the console asks for a dozen things at once."""
WRITE = Allowance("write", 60, 240)
PAPER = Allowance("paper", 10, 20)
"""Documents and spreadsheets that are made when asked for."""
UPLOAD = Allowance("upload", 40, 60)
DEVICE = Allowance("device", 6000, 6000)
"""Of one address: a province's devices come back together after a power cut, and behind one."""
ALL = (READ, WRITE, PAPER, UPLOAD, DEVICE)
_MADE_WHEN_ASKED = (".docx", ".xlsx", ".pdf", ".csv", ".zip", "/export")
_FILES = ("multipart/", "audio/", "image/", "video/", "application/octet-stream", "application/vnd")


def allowance_of(target: Target, path: str, method: str, content_type: str, known: bool) -> Allowance | None:
    """What a request counts against; ``None`` for what is open to all and read by many behind one address.

    ``known`` says that somebody is signed in.
    """
    if not known:
        return None if target.page or target.service == "contest" else DEVICE
    if method in SAFE_METHODS:
        return PAPER if path.endswith(_MADE_WHEN_ASKED) else READ
    return UPLOAD if content_type.startswith(_FILES) else WRITE


@dataclass(frozen=True)
class Count:
    """What is left to a subject after a request; ``wait`` in seconds, 0 for a request that was within it."""

    allowance: Allowance
    left: int
    wait: float

    @property
    def fields(self) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
        """The header fields that say so (draft-ietf-httpapi-ratelimit-headers-10)."""
        of = self.allowance
        again = max(1, round(self.wait or (of.burst - self.left) * 60 / of.per_minute))
        left = f'"{of.name}";r={self.left};t={again}'
        return (b"ratelimit-policy", of.policy), (b"ratelimit", left.encode())


class Limits:
    """What every subject has used of each allowance."""

    def __init__(self, times: float = 1.0) -> None:
        """``times`` as much as the allowances say."""
        self._allowances = {a.name: Allowance(a.name, int(a.burst * times), int(a.per_minute * times)) for a in ALL}
        self._used = {a.name: Buckets(a.burst, a.per_minute) for a in self._allowances.values()}

    def count(self, allowance: Allowance, subject: str, now: float) -> Count:
        """Count one request; time in seconds by any steady clock."""
        used = self._used[allowance.name]
        wait = used.take(subject, now)
        return Count(self._allowances[allowance.name], used.left(subject), wait)
