"""What devices of one scope are told: every notice in force there."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lantoa_alert.domain.notices import Notice, Version
from lantoa_contracts.base import BlobRef
from lantoa_contracts.device import AlertNotice, AlertOrder

PART_BYTES = 48 * 1024
"""The largest part of a sound; a bucket's value holds 64 KiB."""
MOST_SOUND_BYTES = 1024 * 1024
_EMPTY_LIFE = timedelta(days=7)
"""How long an order holds that says only that nothing is in force any more."""


@dataclass(frozen=True)
class Said:
    """What an order says, in a form that can be compared."""

    notices: frozenset[tuple[str, int, str | None]] = frozenset()
    """Id, version and hash of the sound."""

    @property
    def sounds(self) -> frozenset[str]:
        """The sounds that devices fetch for it."""
        return frozenset(sound for _, _, sound in self.notices if sound)


def said(order: AlertOrder) -> Said:
    """What an order says."""
    return Said(frozenset((one.notice_id, one.ver, one.sound.sha256 if one.sound else None) for one in order.notices))


def saying(live: Iterable[tuple[Notice, Version]]) -> Said:
    """What an order of these notices would say."""
    return Said(frozenset((notice.id, one.ver, one.heard.sha256 if one.heard else None) for notice, one in live))


def in_force(notices: Iterable[Notice], now: datetime) -> dict[str, list[tuple[Notice, Version]]]:
    """Notices in force, by scope."""
    found: dict[str, list[tuple[Notice, Version]]] = {}
    for notice in notices:
        version = notice.in_force(now)
        if version:
            for scope in version.message.scopes:
                found.setdefault(scope, []).append((notice, version))
    return found


def order_for(scope: str, live: Iterable[tuple[Notice, Version]], last_seq: int, now: datetime) -> AlertOrder:
    """The order of a scope. Its number grows over the last one known, and over a clock that ran behind."""
    notices = tuple(
        _notice(notice, version) for notice, version in sorted(live, key=lambda one: (one[0].created_at, one[0].id))
    )
    ends = [one.expires_at for one in notices]
    return AlertOrder(
        aud=scope,
        seq=max(last_seq + 1, int(now.timestamp() * 1000)),
        iat=now,
        exp=max(ends) if ends else now + _EMPTY_LIFE,
        notices=notices,
    )


def _notice(notice: Notice, version: Version) -> AlertNotice:
    message, sound = version.message, version.heard
    return AlertNotice.model_validate(
        {
            "notice_id": notice.id,
            "ver": version.ver,
            "status": message.status,
            "severity": message.severity,
            "headline": message.headline,
            "texts": dict(message.texts),
            "issued_at": version.issued_at,
            "expires_at": version.expires_at,
            "repeat": message.repeat,
            "gap_s": message.gap_s,
            "sound": BlobRef(sha256=sound.sha256, bytes=sound.bytes, media_type=sound.media_type) if sound else None,
        }
    )


def parts(sound: bytes) -> list[bytes]:
    """A sound in the parts in which it travels."""
    return [sound[start : start + PART_BYTES] for start in range(0, len(sound), PART_BYTES)]
