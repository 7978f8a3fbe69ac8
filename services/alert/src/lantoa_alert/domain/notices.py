"""A notice: what it says, who asked for it, who confirmed it, how long it holds. Pure functions and dataclasses."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from lantoa_contracts import envelope

Status = Literal["actual", "exercise", "test"]
Severity = Literal["extreme", "severe", "moderate", "minor"]
Source = Literal["console", "operator", "cap"]
State = Literal["requested", "in_force", "refused", "lapsed", "cancelled", "expired"]

RECENT = timedelta(minutes=5)
"""How long ago somebody may have signed in who asks for, confirms or cancels a notice."""
REQUEST_LIFE = timedelta(minutes=30)
"""A request that nobody confirmed within this time has lapsed: its words may be wrong by then."""
_AHEAD = timedelta(minutes=1)
"""Clocks of two machines differ: a sign-in this far in the future has just happened."""


class NoticeRefused(Exception):
    """A step that the notice's state or the two-person rule does not allow. ``code`` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Sound:
    """A sound that stands ready, named by its hash."""

    sha256: str
    bytes: int
    media_type: str
    seconds: float
    spoken: bool
    """Spoken by the machine; otherwise recorded by people."""


@dataclass(frozen=True)
class Message:
    """What a notice says, where, how loudly and for how long."""

    status: Status
    severity: Severity
    headline: str
    texts: Mapping[str, str]
    """By language: ``vi``, ``km``, ``en``."""
    scopes: tuple[str, ...]
    """``all``, ``unit.<unit_id>``, ``grp.<g>``."""
    minutes: int
    repeat: int = 3
    gap_s: float = 10.0
    speak: bool = True
    """Whether the Vietnamese text is to be spoken by the machine."""


@dataclass(frozen=True)
class Act:
    """Somebody did something."""

    by: str
    name: str
    at: datetime


@dataclass(frozen=True)
class Version:
    """One wording of a notice on its way: requested, then confirmed by another or refused."""

    ver: int
    message: Message
    requested: Act
    confirmed: Act | None = None
    refused: Act | None = None
    reason: str = ""
    """Why it was refused."""
    sound: Sound | None = None
    ends_at: datetime | None = None
    """Set by an incoming message that names its own end; otherwise it ends ``minutes`` after it was confirmed."""

    @property
    def heard(self) -> Sound | None:
        """The sound that devices play: none in an exercise or a test."""
        return self.sound if self.message.status == "actual" else None

    @property
    def issued_at(self) -> datetime | None:
        """When it went out."""
        return self.confirmed.at if self.confirmed else None

    @property
    def expires_at(self) -> datetime | None:
        """When it ends by itself; ``None`` before it went out."""
        if self.confirmed is None:
            return None
        return self.ends_at or self.confirmed.at + timedelta(minutes=self.message.minutes)

    def waits(self, now: datetime) -> bool:
        """Whether somebody may still confirm it."""
        open_ = self.confirmed is None and self.refused is None
        return open_ and now < self.requested.at + REQUEST_LIFE


@dataclass(frozen=True)
class Event:
    """An event that waits for its stream."""

    name: str
    body: str
    at: datetime
    act: envelope.Act | None = None
    """Who did it, for the audit; ``None`` for what a source or a clock did."""


@dataclass(frozen=True)
class Notice:
    """A notice through its versions. ``rev`` grows with every change of the document."""

    id: str
    rev: int
    source: Source
    created_at: datetime
    versions: tuple[Version, ...]
    cancelled: Act | None = None
    cap: Mapping[str, str] = field(default_factory=dict)
    """What a CAP message called itself (``identifier``, ``sender``, ``sent``, ``references`` ...); else empty."""
    events: tuple[Event, ...] = ()

    @property
    def last(self) -> Version:
        """The newest wording."""
        return self.versions[-1]

    @property
    def issued(self) -> Version | None:
        """The newest wording that went out."""
        return next((one for one in reversed(self.versions) if one.confirmed), None)

    def in_force(self, now: datetime) -> Version | None:
        """The wording that devices obey now."""
        issued = self.issued
        if issued is None or self.cancelled or issued.expires_at is None or issued.expires_at <= now:
            return None
        return issued

    def waiting(self, now: datetime) -> Version | None:
        """The wording that waits for a second person."""
        if self.cancelled or (self.issued is not None and self.in_force(now) is None):
            return None
        return self.last if self.last.waits(now) else None

    def state(self, now: datetime) -> State:
        """Where the notice stands as a whole."""
        if self.cancelled:
            return "cancelled"
        if self.in_force(now):
            return "in_force"
        if self.issued:
            return "expired"
        if self.last.refused:
            return "refused"
        return "requested" if self.last.waits(now) else "lapsed"


def recent(signed_in_at: datetime | None, now: datetime) -> bool:
    """Whether a sign-in is fresh enough for an alert."""
    return signed_in_at is not None and -_AHEAD <= now - signed_in_at <= RECENT


def new_notice(notice_id: str, source: Source, message: Message, by: Act, ends_at: datetime | None = None) -> Notice:
    """A notice that somebody asks for."""
    return Notice(notice_id, 1, source, by.at, (Version(1, message, by, ends_at=ends_at),))


def _changed(notice: Notice, version: Version) -> Notice:
    return replace(notice, rev=notice.rev + 1, versions=(*notice.versions[:-1], version))


def confirm(notice: Notice, by: Act, ver: int | None = None) -> Notice:
    """The notice once a second person has confirmed the wording that waits; the same person again changes nothing.

    Raises:
        NoticeRefused: nothing waits, another wording waits than was seen, or the one who asked would confirm it.
    """
    last = notice.last
    if last.confirmed and last.confirmed.by == by.by and ver in (None, last.ver):
        return notice
    waiting = notice.waiting(by.at)
    if waiting is None:
        raise NoticeRefused("alert.nothing-waits")
    if ver is not None and ver != waiting.ver:
        raise NoticeRefused("alert.other-version")
    if waiting.requested.by == by.by:
        raise NoticeRefused("alert.own-request")
    return _changed(notice, replace(waiting, confirmed=by))


def refuse(notice: Notice, by: Act, reason: str) -> Notice:
    """The notice once the wording that waits was refused; whoever asked may take it back.

    Raises:
        NoticeRefused: nothing waits.
    """
    if notice.last.refused and notice.last.refused.by == by.by:
        return notice
    waiting = notice.waiting(by.at)
    if waiting is None:
        raise NoticeRefused("alert.nothing-waits")
    return _changed(notice, replace(waiting, refused=by, reason=reason))


def update(notice: Notice, message: Message, by: Act, ends_at: datetime | None = None) -> Notice:
    """The notice with a new wording that waits for a second person.

    Raises:
        NoticeRefused: it is not in force, or a wording waits already.
    """
    if notice.in_force(by.at) is None:
        raise NoticeRefused("alert.not-in-force")
    if notice.waiting(by.at):
        raise NoticeRefused("alert.update-waits")
    added = Version(notice.last.ver + 1, message, by, ends_at=ends_at)
    return replace(notice, rev=notice.rev + 1, versions=(*notice.versions, added))


def cancel(notice: Notice, by: Act) -> Notice:
    """The notice called off.

    Raises:
        NoticeRefused: it is not in force.
    """
    if notice.cancelled:
        return notice
    if notice.in_force(by.at) is None:
        raise NoticeRefused("alert.not-in-force")
    return replace(notice, rev=notice.rev + 1, cancelled=by)


def with_sound(notice: Notice, ver: int, sound: Sound) -> Notice:
    """The notice whose wording has a sound now. A recorded one stays: the machine's voice does not replace it.

    A recording for a wording that went out already is refused: what sounds must have been confirmed. Speech may come
    late, because the words were confirmed.

    Raises:
        NoticeRefused: a recording came too late.
    """
    version = next((one for one in notice.versions if one.ver == ver), None)
    if version is None or (sound.spoken and version.sound is not None):
        return notice
    if not sound.spoken and (version.confirmed or version.refused):
        raise NoticeRefused("alert.sound-too-late")
    changed = replace(version, sound=sound)
    versions = tuple(changed if one.ver == ver else one for one in notice.versions)
    return replace(notice, rev=notice.rev + 1, versions=versions)


def merged(mine: Notice, theirs: Notice) -> Notice:
    """One of two states of a notice that two processes wrote at once: the one that went further, else the stored one.

    What went out to devices is never taken back by a state that does not know of it.
    """

    def far(notice: Notice) -> tuple[bool, int, int]:
        return notice.cancelled is not None, notice.issued.ver if notice.issued else 0, notice.rev

    if far(mine) == far(theirs):
        return theirs
    behind, ahead = sorted((mine, theirs), key=far)
    events = {(event.at, event.name): event for event in (*behind.events, *ahead.events)}
    waiting = tuple(event for _, event in sorted(events.items(), key=lambda one: one[0]))
    return replace(ahead, rev=max(mine.rev, theirs.rev), events=waiting)
