"""Commands and alert orders that no device may obey: the same ones for the same seed."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.device import AlertNotice, AlertOrder, Command
from lantoa_devicekit.documents import Reason
from lantoa_signing.documents import SigningKey

KINDS = ("forged", "wrong key's", "replayed", "expired", "another device's", "bit-flipped")
Channel = Literal["cmd", "alert"]


@dataclass(frozen=True)
class Forgery:
    """One document that must not be obeyed."""

    channel: Channel
    kind: str
    raw: bytes
    reasons: frozenset[str]
    """What the device may call it."""


def _only(*reasons: str) -> frozenset[str]:
    return frozenset(reasons)


@dataclass
class Workshop:
    """Makes forgeries of what the platform really sends to one device."""

    rng: random.Random
    device_id: str
    scope: str
    platform: SigningKey
    alert: SigningKey
    now: datetime
    played: dict[Channel, list[bytes]] = field(default_factory=lambda: {"cmd": [], "alert": []})
    """What the device has obeyed before."""
    highest: int = 0
    """Of the scope's orders obeyed."""
    _number: int = 0

    def _next(self) -> int:
        self._number += 1
        return self._number

    def command(self, **changes: object) -> str:
        """The text of a command that would be obeyed."""
        fields = {
            "aud": self.device_id,
            "iat": self.now,
            "exp": self.now + timedelta(hours=1),
            "cmd_id": f"cmd-{self._next()}",
            "name": "test_tone",
            "args": {"seconds": 3},
        }
        return Command.model_validate({**fields, **changes}).model_dump_json()

    def order(self, **changes: object) -> str:
        """The text of an order that would be obeyed, with a notice that would sound."""
        number = self._next()
        notice = AlertNotice(
            notice_id=f"ntc-{number}",
            ver=1,
            status="actual",
            severity="extreme",
            headline="Sơ tán ngay",
            texts={"vi": "Vỡ đê, chạy lên chỗ cao."},
            issued_at=self.now,
            expires_at=self.now + timedelta(hours=1),
        )
        fields = {
            "aud": self.scope,
            "seq": self.highest + number,
            "iat": self.now,
            "exp": self.now + timedelta(hours=1),
            "notices": (notice,),
        }
        return AlertOrder.model_validate({**fields, **changes}).model_dump_json()

    def _text(self, channel: Channel, **changes: object) -> str:
        return self.command(**changes) if channel == "cmd" else self.order(**changes)

    def _key(self, channel: Channel) -> SigningKey:
        return self.platform if channel == "cmd" else self.alert

    def _signed(self, channel: Channel, text: str, key: SigningKey | None = None) -> SignedDocument:
        return (key or self._key(channel)).sign(text)

    # ---- each kind

    def forged(self, channel: Channel) -> Forgery:
        """By somebody else's key, under its own name or ours; or our signature under another text."""
        text, thief = self._text(channel), SigningKey(self.rng.randbytes(32))
        stolen = self._signed(channel, self._text(channel))
        document, reason = self.rng.choice(
            [
                (thief.sign(text), "unknown_key"),
                (thief.sign(text).model_copy(update={"kid": stolen.kid}), "signature"),
                (stolen.model_copy(update={"p": text}), "signature"),
                (stolen.model_copy(update={"p": text, "sig": ""}), "signature"),
            ]
        )
        return Forgery(channel, "forged", _raw(document), _only(reason))

    def wrong_key(self, channel: Channel) -> Forgery:
        """Fleet's key under an alert, or the alert service's under a command."""
        key = self.alert if channel == "cmd" else self.platform
        return Forgery(channel, "wrong key's", _raw(self._signed(channel, self._text(channel), key)), _only("key_use"))

    def replayed(self, channel: Channel) -> Forgery:
        """What was obeyed once."""
        reason = "repeated" if channel == "cmd" else "old"
        return Forgery(channel, "replayed", self.rng.choice(self.played[channel]), _only(reason))

    def expired(self, channel: Channel) -> Forgery:
        """In every way good, but late: by a microsecond up to a month."""
        late = timedelta(microseconds=int(10 ** self.rng.uniform(0, 12.4)))
        text = self._text(channel, exp=self.now - late)
        return Forgery(channel, "expired", _raw(self._signed(channel, text)), _only("expired"))

    def elsewhere(self, channel: Channel) -> Forgery:
        """Signed for another device, or for a scope that this one does not hear."""
        other = f"{self.rng.getrandbits(80):020x}"
        near = self.device_id[:-1] + ("0" if self.device_id[-1] != "0" else "1")
        auds = [f"d-{other}", near, "all"] if channel == "cmd" else [f"unit.u-{other}", f"grp.{other}", "unit.u-10"]
        text = self._text(channel, aud=self.rng.choice(auds))
        return Forgery(channel, "another device's", _raw(self._signed(channel, text)), _only("audience"))

    def flipped(self, channel: Channel) -> Forgery:
        """One bit of a good document turned over, anywhere."""
        raw = bytearray(_raw(self._signed(channel, self._text(channel))))
        place = self.rng.randrange(len(raw) * 8)
        raw[place // 8] ^= 1 << place % 8
        return Forgery(channel, "bit-flipped", bytes(raw), _only("malformed", "unknown_key", "signature"))

    def makers(self) -> tuple[Callable[[Channel], Forgery], ...]:
        """One for each of ``KINDS``."""
        return (self.forged, self.wrong_key, self.replayed, self.expired, self.elsewhere, self.flipped)

    def make(self, count: int) -> Iterator[Forgery]:
        """So many, half of them commands and half orders, every kind in turn."""
        makers = self.makers()
        for number in range(count):
            channel: Channel = "cmd" if number % 2 else "alert"
            yield makers[number // 2 % len(makers)](channel)


def _raw(document: SignedDocument) -> bytes:
    return document.model_dump_json().encode()


def is_refusal(verdict: object) -> bool:
    """Whether a check of devicekit said no."""
    return isinstance(verdict, Reason)
