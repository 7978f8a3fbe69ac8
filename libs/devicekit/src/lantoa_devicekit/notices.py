"""Which emergency notices are in force here. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lantoa_contracts.device import AlertNotice, AlertOrder

_RANK = {"extreme": 0, "severe": 1, "moderate": 2, "minor": 3}


def ref_of(notice: AlertNotice) -> str:
    """What acknowledgements of a notice call it: the same in every scope."""
    return f"{notice.notice_id}.{notice.ver}"


@dataclass(frozen=True)
class ActiveNotice:
    """A notice that is to be sounded or shown now, and what is here of it."""

    notice: AlertNotice
    sound: Path | None = None
    """The verified sound, once it is here."""
    finished: bool = False
    """It was played to its end, or shown in full, before: it is not sounded again."""

    @property
    def ref(self) -> str:
        """``<notice_id>.<ver>``."""
        return ref_of(self.notice)

    @property
    def rank(self) -> int:
        """0 for the most severe."""
        return _RANK[self.notice.severity]


def in_force(
    orders: Iterable[AlertOrder], now: datetime, versions: Mapping[str, int] | None = None
) -> list[AlertNotice]:
    """The notices that public devices obey now, the most severe first and of equals the newest.

    A notice of several scopes counts once, in its highest version; ``versions`` are the highest that were ever seen,
    below which none comes back. Exercises and tests are never among them.
    """
    found: dict[str, AlertNotice] = {}
    for order in orders:
        for notice in order.notices:
            if notice.ver < (versions or {}).get(notice.notice_id, 0):
                continue
            known = found.get(notice.notice_id)
            if known is None or notice.ver > known.ver:
                found[notice.notice_id] = notice
    actual = [notice for notice in found.values() if notice.status == "actual" and notice.expires_at > now]
    return sorted(actual, key=lambda each: (_RANK[each.severity], -each.issued_at.timestamp(), each.notice_id))


def next_expiry(notices: Iterable[AlertNotice]) -> datetime | None:
    """When the first of them ends by itself."""
    return min((notice.expires_at for notice in notices), default=None)
