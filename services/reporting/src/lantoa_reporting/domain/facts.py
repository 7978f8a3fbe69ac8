"""Facts: what was proven to have happened, over which channel, and on whose word."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Literal

from lantoa_calendar.periods import local_day

Channel = Literal["radio", "board", "web", "contest"]
CHANNELS: tuple[Channel, ...] = ("board", "contest", "radio", "web")
Priority = Literal["normal", "priority", "emergency"]


def utc_text(moment: datetime) -> str:
    """UTC with microseconds: texts of one length, in the order of time (MongoDB's own dates stop at milliseconds)."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceWord:
    """Proof of an airing or display: the text ``p`` as the device signed it, the key ``kid``, the signature ``sig``.

    An MQTT receiver cannot sign: then the key and the signature are empty.

    ``media_sha256`` is the audio's or the slide's hash; a board has no ``session_id``.
    """

    kid: str
    p: str
    sig: str
    device_public_key: str
    session_id: str | None
    entry_id: str
    media_sha256: str

    @property
    def signed(self) -> bool:
        """Whether a key stands behind the text."""
        return bool(self.kid or self.sig or self.device_public_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSeen:
    """Proof of a post: its page was fetched as a stranger and holds the article that was approved."""

    post_id: str
    url: str
    approval_sha256: str
    page_sha256: str
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class SealedAttempt:
    """Proof of an attempt: every field that the contest sealed, as JSON, ``receipt`` being the hash over them."""

    fields: Mapping[str, Any]


Proof = DeviceWord | PageSeen | SealedAttempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One confirmed airing, display or post, or one accepted attempt; ``proof`` is what its channel brings.

    Only posts come in versions (``ver``), and they have no length: everything else is said once. An attempt has no
    item, revision or device; ``contest_id`` stands in their place. A post starts and ends when it was published.
    """

    fact_id: str
    channel: Channel
    ver: int = 1
    unit_id: str
    device_id: str | None
    item_id: str | None
    contest_id: str | None = None
    revision: int | None
    title: str
    priority: Priority
    tasks: tuple[str, ...]
    topic: str
    started_at: datetime
    ended_at: datetime
    seconds: float
    proof: Proof

    @property
    def at(self) -> datetime:
        """The moment that it counts at: an attempt's submission, everything else's start."""
        return self.ended_at if self.channel == "contest" else self.started_at

    @property
    def day(self) -> date:
        """The day in Việt Nam of that moment, which decides the period."""
        return local_day(self.at)

    @property
    def milliseconds(self) -> int:
        """Its length as a whole number, so that sums do not depend on the order of adding."""
        return round(self.seconds * 1000)

    @property
    def order(self) -> str:
        """Where it stands among all facts: by its moment, then by its id."""
        return f"{utc_text(self.at)}|{self.fact_id}"

    @property
    def first_task(self) -> str:
        """The first of its tasks, by code: where sums over several tasks take it, so that they take it once."""
        return min(self.tasks, default="")

    @property
    def cells(self) -> tuple["CellKey", ...]:
        """Where it counts: once for each task that it names, nothing is inferred (blueprint, Credit)."""
        return tuple(CellKey(task, self.unit_id, self.day, self.channel) for task in sorted(set(self.tasks)))


@dataclass(frozen=True, slots=True)
class CellKey:
    """One task in one unit on one day over one channel."""

    task: str
    unit_id: str
    day: date
    channel: Channel

    @property
    def id(self) -> str:
        """The key as one text."""
        return f"{self.task}|{self.unit_id}|{self.day.isoformat()}|{self.channel}"

    @classmethod
    def of(cls, text: str) -> "CellKey":
        """The key that :attr:`id` made this text of."""
        task, unit_id, day, channel = text.split("|")
        return cls(task, unit_id, date.fromisoformat(day), next(known for known in CHANNELS if known == channel))


@dataclass(frozen=True, slots=True)
class Kept:
    """All that is known under one fact's id, the same in whatever order it was told.

    ``fact`` is the newest confirmation, ``taken_back`` the newest version that said it does not stand (0: none did),
    ``places`` every cell that some confirmation counted in.
    """

    fact: Fact | None = None
    taken_back: int = 0
    places: frozenset[CellKey] = frozenset()

    @property
    def standing(self) -> bool:
        """Whether it counts: the highest version decides."""
        return self.fact is not None and self.fact.ver > self.taken_back

    @property
    def counted_in(self) -> frozenset[CellKey]:
        """The cells that it is to be counted in; all its other places are to be without it."""
        return frozenset(self.fact.cells) if self.fact and self.standing else frozenset()

    def confirmed(self, fact: Fact) -> "Kept":
        """With a confirmation; what is already known in this version or a newer one changes nothing."""
        if self.fact is not None and self.fact.ver >= fact.ver:
            return self
        return replace(self, fact=fact, places=self.places | set(fact.cells))

    def withdrawn(self, ver: int) -> "Kept":
        """With the word that it does not stand in this version."""
        return replace(self, taken_back=max(self.taken_back, ver))
