"""What passes between the platform and a device, as JSON on ``dev.*`` subjects and as stored rundowns."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from lantoa_contracts.base import BlobRef, Contract, Id, Sha256, Timestamp


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


class Reported(Tolerant):
    """What the device has taken up; kept as the last value."""

    at: Timestamp
    desired_seq: int
    rundown_ver: int
    media_ready: int
    media_wanted: int


class Ack(Tolerant):
    """A device's answer to a command or an alert."""

    local_id: Annotated[str, Field(max_length=120)]
    ref: str
    stage: Literal["received", "verified", "playing", "finished", "failed"]
    at: Timestamp
    detail: str = ""


class Alarm(Tolerant):
    """Something is wrong at a device."""

    local_id: Annotated[str, Field(max_length=120)]
    code: Literal["signature_refused", "download_refused", "clock_off", "disk_full", "playback_failed"]
    at: Timestamp
    count: int = 1
    detail: Annotated[str, Field(max_length=400)] = ""


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
