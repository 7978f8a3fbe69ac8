"""What passes between the platform and a device, as JSON on ``dev.*`` subjects and as stored rundowns."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lantoa_contracts.base import BlobRef, Contract, Id, Language, Sha256, SignedDocument, Timestamp


class Tolerant(BaseModel):
    """What an older device reads from a newer platform: unknown fields are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class RundownEntry(Tolerant):
    """One item to play or show."""

    entry_id: Id
    item_id: Id
    revision: int
    title: str
    media: BlobRef
    seconds: float
    """Radio: length of the audio. Board: dwell of one showing."""


class RundownSession(Tolerant):
    """Entries that play one after the other from a moment on."""

    session_id: Id
    starts_at: Timestamp
    entries: tuple[RundownEntry, ...]


class RadioRundown(Tolerant):
    """What a station plays in the days ahead. Stored as JSON, immutable, named by its sha256."""

    kind: Literal["radio"] = "radio"
    device_id: Id
    ver: int
    sessions: tuple[RundownSession, ...]


class BoardEntry(RundownEntry):
    """A slide and the days on which it is shown."""

    valid_from: Timestamp
    valid_until: Timestamp


class BoardRundown(Tolerant):
    """What a board shows in turn. Stored as JSON, immutable, named by its sha256."""

    kind: Literal["board"] = "board"
    device_id: Id
    ver: int
    entries: tuple[BoardEntry, ...]


class RundownRef(Tolerant):
    """Which rundown a device is to obey."""

    ver: int
    rundown: BlobRef


class Desired(Tolerant):
    """The text inside the signed desired document of a device. ``seq`` only ever grows."""

    aud: Id
    seq: int
    iat: Timestamp
    exp: Timestamp
    unit_id: Id
    radio: RundownRef | None = None
    board: RundownRef | None = None
    alert_scopes: tuple[str, ...] = ()
    """Scopes (``all``, ``unit.<unit_id>``, ``grp.<g>``) whose alerts this device hears."""


class AiredProof(Contract):
    """A station's word, signed with its own key, on one attempt to play an entry."""

    kind: Literal["aired"] = "aired"
    device_id: Id
    local_id: Annotated[str, Field(max_length=120)]
    """``<entry_id>.<attempt>``: the same after a restart, so the ledger can tell a repeat."""
    outcome: Literal["aired", "cut"]
    session_id: Id
    entry_id: Id
    item_id: Id
    revision: int
    rundown_sha256: Sha256
    audio_sha256: Sha256
    planned_at: Timestamp
    started_at: Timestamp
    ended_at: Timestamp
    seconds: float
    """Seconds of sound that left the sink."""
    clock_offset_ms: int = 0


class DisplayedProof(Contract):
    """A board's word, signed with its own key, on one full showing of an entry."""

    kind: Literal["displayed"] = "displayed"
    device_id: Id
    local_id: Annotated[str, Field(max_length=120)]
    entry_id: Id
    item_id: Id
    revision: int
    rundown_sha256: Sha256
    slide_sha256: Sha256
    started_at: Timestamp
    ended_at: Timestamp
    seconds: float
    clock_offset_ms: int = 0


class ProofMessage(SignedDocument):
    """A proof as it arrives: signed, or from an MQTT receiver, which cannot sign, the bare proof.

    A bare one becomes the text of a document with neither key nor signature.
    """

    @property
    def signed(self) -> bool:
        """Whether somebody claims to have signed it."""
        return bool(self.kid or self.sig)

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("kind") in ("aired", "displayed"):
            return {"kid": "", "p": json.dumps(value, ensure_ascii=False), "sig": ""}
        return value


class Heartbeat(Tolerant):
    """Core only, unsigned, every minute: who is there and how it is."""

    at: Timestamp
    version: str
    state: Literal["starting", "idle", "playing", "showing"]
    desired_seq: int
    now: str | None = None
    """Title of what plays or shows."""
    disk_free_mb: int | None = None
    clock_offset_ms: int = 0
    volume: Annotated[int, Field(ge=0, le=100)] | None = None
    temperature_c: float | None = None
    signal_dbm: int | None = None
    boots: int | None = None
    """How often the device has started in its life: what rises tells of restarts."""
    repeats: int | None = None
    """Commands that it heard again since it started, and did not obey again: fleet's own repeats, or an attacker's."""


class Reported(Tolerant):
    """What the device has taken up; kept as the last value."""

    at: Timestamp
    desired_seq: int
    rundown_ver: int
    media_ready: int
    media_wanted: int


class Command(Tolerant):
    """The text inside a signed command on ``dev.dn.<id>.cmd``: core NATS, short-lived, repeated until acknowledged."""

    aud: Id
    iat: Timestamp
    exp: Timestamp
    cmd_id: Annotated[Id, Field(pattern=r"^cmd-")]
    """A device acts on it once; a repeat is acknowledged again and does nothing."""
    name: Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")]
    """``volume``, ``restart``, ``test_tone``, ``screenshot``, ``log_upload``, ``diagnose``, ``update``; a device that
    does not know it answers ``failed``."""
    args: dict[str, str | int | float | bool] = {}


class AlertNotice(Tolerant):
    """One emergency notice as devices obey it."""

    notice_id: Annotated[Id, Field(pattern=r"^ntc-")]
    ver: int
    """Grows with every update; a device that has obeyed this ``ver`` does not begin again."""
    status: Literal["actual", "exercise", "test"]
    """Anything but ``actual`` is acknowledged and neither sounded nor shown."""
    severity: Literal["extreme", "severe", "moderate", "minor"]
    headline: Annotated[str, Field(max_length=200)]
    texts: dict[Language, Annotated[str, Field(max_length=2000)]]
    issued_at: Timestamp
    expires_at: Timestamp
    repeat: Annotated[int, Field(ge=1, le=100)] = 3
    """How often the sound plays, the attention signal first."""
    gap_s: Annotated[float, Field(ge=0, le=3600)] = 10.0
    sound: BlobRef | None = None
    """Ogg Opus or WAV; its parts lie at ``<scope>.sound.<sha256>.<n>`` beside the order. Without it, or until it is
    here, the attention signal alone sounds."""


class AlertOrder(Tolerant):
    """The text inside a scope's signed document on ``dev.bc.<scope>.alert``: every notice in force there.

    A notice that is not in it is over. ``seq`` only ever grows in a scope, across restarts of either side.
    """

    aud: Annotated[str, Field(pattern=r"^(all|unit\.[a-z0-9-]{1,64}|grp\.[a-z0-9-]{1,64})$")]
    seq: int
    iat: Timestamp
    exp: Timestamp
    notices: tuple[AlertNotice, ...] = ()


class Ack(Tolerant):
    """A device's answer to a command or an alert.

    ``ref`` is the ``cmd_id`` or ``<notice_id>.<ver>``, ``local_id`` is ``<ref>.<stage>``.
    """

    local_id: Annotated[str, Field(max_length=120)]
    ref: Annotated[str, Field(max_length=80)]
    stage: Literal["received", "verified", "playing", "finished", "failed"]
    at: Timestamp
    detail: Annotated[str, Field(max_length=400)] = ""
    data: dict[str, Any] = {}
    """What a command found out (``diagnose``), a few kilobytes at most."""


class Alarm(Tolerant):
    """Something is wrong at a device."""

    local_id: Annotated[str, Field(max_length=120)]
    code: Literal[
        "signature_refused", "download_refused", "clock_off", "disk_full", "playback_failed", "temperature", "restarts"
    ]
    at: Timestamp
    count: int = 1
    detail: Annotated[str, Field(max_length=400)] = ""
    reasons: dict[str, int] = {}
    """For ``signature_refused``: how many of each reason (``signature``, ``audience``, ``expired``, ``old`` ...)."""


class ManifestRequest(Contract):
    """Over ``dev.rpc.<id>.manifest``: where can I fetch these?"""

    sha256: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=200)]


class ManifestAnswer(Tolerant):
    """Signed, short-lived URLs by hash; ``refused`` names hashes that are not this device's."""

    urls: dict[Sha256, str]
    refused: tuple[Sha256, ...] = ()


class SnapshotAnswer(Tolerant):
    """Over ``dev.rpc.<id>.snapshot``: the server's clock, for the device's offset."""

    now: Timestamp
