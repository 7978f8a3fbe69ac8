"""The shapes of alert's API."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from lantoa_alert.domain.notices import REQUEST_LIFE, Act, Message, Notice, Severity, State, Status, Version
from lantoa_alert.domain.reach import Count, Ledger, Stage
from lantoa_alert.domain.roster import Roster
from lantoa_alert.usecases.ledgers import Open
from lantoa_alert.usecases.sounds import SoundState
from lantoa_contracts.base import Language
from lantoa_runtime.http import Line, StrictModel

Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
Area = Annotated[str, StringConstraints(pattern=r"^(all|((unit|grp)\.)?[a-z0-9-]{1,64})$")]
"""``all``, a unit's id, a group, or a scope as devices know it."""
SILENT_IN_REPORT = 500


class MessageIn(StrictModel):
    """What a notice is to say. ``exercise`` and ``test`` never sound at devices; they are answered and counted."""

    status: Status
    severity: Severity
    headline: Annotated[Line, StringConstraints(min_length=1, max_length=200)]
    texts: Annotated[dict[Language, Text], Field(min_length=1)]
    scopes: Annotated[list[Area], Field(min_length=1, max_length=50)]
    minutes: Annotated[int, Field(ge=1, le=1440, strict=True)]
    """How long it is in force."""
    repeat: Annotated[int, Field(ge=1, le=100, strict=True)] = 3
    gap_s: Annotated[float, Field(ge=0, le=3600)] = 10.0
    """Seconds between two soundings."""
    speak: bool = True
    """Let the machine speak the Vietnamese text. Khmer sounds only as a recording."""

    def message(self) -> Message:
        """The domain's form of it."""
        texts = {str(language): text for language, text in self.texts.items()}
        fields = self.model_dump(exclude={"texts", "scopes"})
        return Message(texts=texts, scopes=tuple(self.scopes), **fields)


class Confirmation(StrictModel):
    """Which wording was seen; another one that waits meanwhile is not confirmed."""

    ver: Annotated[int, Field(ge=1, le=10_000, strict=True)]


class Refusal(StrictModel):
    """Why not."""

    reason: Annotated[str, StringConstraints(max_length=500)] = ""


class ActOut(BaseModel):
    """Who did something and when."""

    by: str
    name: str
    at: datetime


class ScopeOut(BaseModel):
    """An area and its name, empty when nobody has told of it."""

    scope: str
    name: str


class SoundOut(BaseModel):
    """A sound; ``spoken`` by the machine, else recorded by people."""

    sha256: str
    bytes: int
    seconds: float
    spoken: bool


class VersionOut(BaseModel):
    """One wording."""

    ver: int
    status: Status
    severity: Severity
    headline: str
    texts: dict[str, str]
    scopes: list[ScopeOut]
    minutes: int
    repeat: int
    gap_s: float
    speak: bool
    sound: SoundOut | None
    sound_state: SoundState
    requested: ActOut
    waits_until: datetime | None
    """Until when somebody may confirm it; ``None`` when that is over."""
    confirmed: ActOut | None
    refused: ActOut | None
    reason: str
    expires_at: datetime | None


class NoticeOut(BaseModel):
    """A notice: the wording in force or last, and one that waits for a second person."""

    id: str
    rev: int
    source: Literal["console", "operator", "cap"]
    state: State
    created_at: datetime
    current: VersionOut
    """The newest wording that went out; the newest of all when none did."""
    waiting: VersionOut | None
    cancelled: ActOut | None
    cap: dict[str, str]
    pending: list[str] = []
    """What JetStream has not stored yet, of ``notice`` and ``orders``: devices were told; it follows by itself."""


class CountOut(BaseModel):
    """Devices by how far the notice has come."""

    devices: int
    reached: int
    """Have answered anything; a plain MQTT receiver can say no more than that it has it."""
    verified: int
    playing: int
    """Have begun to play or show it, finished or not."""
    finished: int
    failed: int


class UnitReach(CountOut):
    """How far in one unit."""

    unit_id: str
    unit_name: str


class Times(BaseModel):
    """Seconds from issue to the first, the middle, nearly all and the last device at a stage."""

    first: float
    p50: float
    p99: float
    last: float


class ReachOut(BaseModel):
    """How far a wording has come."""

    notice_id: str
    ver: int
    state: State
    issued_at: datetime
    units: list[UnitReach]
    totals: CountOut
    verified_s: Times | None
    played_s: Times | None


class SilentDevice(BaseModel):
    """A device that has not answered."""

    device_id: str
    name: str
    kind: str
    unit_id: str
    unit_name: str


class VersionReport(ReachOut):
    """One wording after the event."""

    ended_at: datetime
    message: VersionOut
    silent: list[SilentDevice]
    """The first of them."""
    silent_count: int


class ReportOut(BaseModel):
    """What happened, wording by wording."""

    notice: NoticeOut
    versions: list[VersionReport]


def act_view(act: Act | None) -> ActOut | None:
    """An act as the API shows it."""
    return ActOut(by=act.by, name=act.name, at=act.at) if act else None


def _scope_name(scope: str, roster: Roster) -> str:
    kind, _, name = scope.partition(".")
    unit = roster.units.get(name) if kind == "unit" else None
    return unit.name if unit else name


def version_view(version: Version, sound_state: SoundState, roster: Roster, now: datetime) -> VersionOut:
    """A wording as the API shows it."""
    message, sound = version.message, version.sound
    return VersionOut(
        ver=version.ver,
        status=message.status,
        severity=message.severity,
        headline=message.headline,
        texts=dict(message.texts),
        scopes=[ScopeOut(scope=scope, name=_scope_name(scope, roster)) for scope in message.scopes],
        minutes=message.minutes,
        repeat=message.repeat,
        gap_s=message.gap_s,
        speak=message.speak,
        sound=SoundOut(sha256=sound.sha256, bytes=sound.bytes, seconds=sound.seconds, spoken=sound.spoken)
        if sound
        else None,
        sound_state=sound_state,
        requested=ActOut(by=version.requested.by, name=version.requested.name, at=version.requested.at),
        waits_until=version.requested.at + REQUEST_LIFE if version.waits(now) else None,
        confirmed=act_view(version.confirmed),
        refused=act_view(version.refused),
        reason=version.reason,
        expires_at=version.expires_at,
    )


def count_view(count: Count) -> dict[str, int]:
    """The fields of a count."""
    return {name: getattr(count, name) for name in CountOut.model_fields}


def times_view(ledger: Ledger, stage: Stage) -> Times | None:
    """How long devices took to come to a stage; ``None`` when none has."""
    times = ledger.times(stage)
    if not times:
        return None

    def of(share: float) -> float:
        return times[min(len(times) - 1, int(share * len(times)))] / 1000

    return Times(first=times[0] / 1000, p50=of(0.5), p99=of(0.99), last=times[-1] / 1000)


def reach_fields(one: Open, notice: Notice, roster: Roster, now: datetime) -> dict[str, object]:
    """The fields of how far a wording has come."""
    return {
        "notice_id": notice.id,
        "ver": one.version.ver,
        "state": notice.state(now),
        "issued_at": one.issued_at,
        "units": [
            UnitReach(unit_id=unit_id, unit_name=unit_name(unit_id, roster), **count_view(count))
            for unit_id, count in one.ledger.counts().items()
        ],
        "totals": CountOut(**count_view(one.ledger.total())),
        "verified_s": times_view(one.ledger, "verified"),
        "played_s": times_view(one.ledger, "playing"),
    }


def unit_name(unit_id: str, roster: Roster) -> str:
    """A unit's name; empty when nobody has told of it."""
    unit = roster.units.get(unit_id)
    return unit.name if unit else ""


def silent_view(device_ids: Sequence[str], rows: Mapping[str, str], roster: Roster) -> list[SilentDevice]:
    """Silent devices, each with the unit in which the notice was meant for it."""
    found = []
    for device_id in device_ids:
        device = roster.devices.get(device_id)
        unit_id = rows.get(device_id, "")
        found.append(
            SilentDevice(
                device_id=device_id,
                name=device.name if device else "",
                kind=device.kind if device else "",
                unit_id=unit_id,
                unit_name=unit_name(unit_id, roster),
            )
        )
    return found
