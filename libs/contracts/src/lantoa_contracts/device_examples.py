"""One true-to-life message of every kind from and to devices: the same item in the field.

The signatures are real: they were made with the seed of 32 bytes ``01`` for the station, ``02`` for the board.
"""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from lantoa_contracts.base import BlobRef, SignedDocument
from lantoa_contracts.device import (
    Ack,
    AiredProof,
    Alarm,
    AlertNotice,
    AlertOrder,
    BoardEntry,
    BoardRundown,
    Command,
    Desired,
    DisplayedProof,
    Heartbeat,
    ManifestAnswer,
    ManifestRequest,
    RadioRundown,
    Reported,
    RundownEntry,
    RundownRef,
    RundownSession,
    SnapshotAnswer,
)

UNIT, OTHER_UNIT = "u-29308-2025", "u-29242-2025"
ITEM, AUTHOR, APPROVER = "019aaf10-52c0-7d2e-9a41-3f0f6a1c7b21", "p-thao", "p-son"
TITLE = "Không bấm vào đường liên kết lạ trong tin nhắn"
TOPIC, TASKS = "security", ("01", "08")
SESSION, PLAYLIST = "s-u-29308-2025-20261123", "pl-u-29308-2025"
RADIO_ENTRY, BOARD_ENTRY = "5b1f0c9d27ae83640f12", "c07d1e5a94b2f86a3310"
STATION_KEY = "UCFIRY65OQE7DFP5KLNS2PF2LVZMUZYJX4OZIEQ36N2IQANUB5XVZ45L"
BOARD_KEY = "UCATS5YOVB6ROX2WUNKGNQ2MP3GMXDMKSG2O4N5CLX3A6W4PZGZZJPJO"
STATION, BOARD = "d-d13665537e1479a6752b", "d-eec4332eea1bf791ff42"
APPROVED_AT = datetime(2026, 11, 23, 8, 15, tzinfo=UTC)
STARTS_AT = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
SHOWN_AT = datetime(2026, 11, 23, 8, 20, tzinfo=UTC)

AUDIO = BlobRef(sha256="a1" * 32, bytes=262_144, media_type="audio/ogg")
SLIDE = BlobRef(sha256="b2" * 32, bytes=91_520, media_type="image/png")
WEB = BlobRef(sha256="c3" * 32, bytes=4_210, media_type="text/html")
RADIO_RUNDOWN = BlobRef(sha256="d4" * 32, bytes=1_480, media_type="application/json")
BOARD_RUNDOWN = BlobRef(sha256="e5" * 32, bytes=1_120, media_type="application/json")

AIRED = AiredProof(
    device_id=STATION,
    local_id=f"{RADIO_ENTRY}.1",
    outcome="aired",
    session_id=SESSION,
    entry_id=RADIO_ENTRY,
    item_id=ITEM,
    revision=2,
    rundown_sha256=RADIO_RUNDOWN.sha256,
    audio_sha256=AUDIO.sha256,
    planned_at=STARTS_AT,
    started_at=STARTS_AT + timedelta(milliseconds=120),
    ended_at=STARTS_AT + timedelta(milliseconds=64_720),
    seconds=64.6,
    clock_offset_ms=-35,
)
DISPLAYED = DisplayedProof(
    device_id=BOARD,
    local_id=f"{BOARD_ENTRY}.1",
    entry_id=BOARD_ENTRY,
    item_id=ITEM,
    revision=2,
    rundown_sha256=BOARD_RUNDOWN.sha256,
    slide_sha256=SLIDE.sha256,
    started_at=SHOWN_AT,
    ended_at=SHOWN_AT + timedelta(seconds=10),
    seconds=10.0,
    clock_offset_ms=12,
)
AIRED_SIGNED = SignedDocument(
    kid=STATION_KEY,
    p=AIRED.model_dump_json(),
    sig="Mv2T5vdqVObwIngyHPx7m7WI5jBc_2YUZyZcIS_BUA5UM38Xi536n3EHyFTkgozfvXHmxA9Ue4YAevPL8UdCBQ",
)
DISPLAYED_SIGNED = SignedDocument(
    kid=BOARD_KEY,
    p=DISPLAYED.model_dump_json(),
    sig="Z6t1QrOtaFa5vXf4_Ik0SFljG_U4M36fCOO6h1w470EcsBYAfeldWoNCJg7uWpO8e7iRPT6-SNyT1QJJ32_7Cg",
)

DEVICE_MESSAGES: dict[str, BaseModel] = {
    "device.aired.v1": AIRED_SIGNED,
    "device.displayed.v1": DISPLAYED_SIGNED,
    "device.alarm.v1": Alarm(
        local_id="signature_refused.20261123T2200",
        code="signature_refused",
        at=STARTS_AT,
        count=3,
        detail="desired: unknown key",
        reasons={"unknown_key": 3},
    ),
    "device.reported.v1": Reported(at=SHOWN_AT, desired_seq=12, rundown_ver=9, media_ready=1, media_wanted=1),
    "device.hb.v1": Heartbeat(
        at=STARTS_AT,
        version="0.1.0",
        state="playing",
        desired_seq=12,
        now=TITLE,
        disk_free_mb=5_120,
        clock_offset_ms=-35,
    ),
    "device.ack.v1": Ack(local_id="ntc-019aaf31.1.verified", ref="ntc-019aaf31.1", stage="verified", at=STARTS_AT),
    "device.command.v1": Command(
        aud=STATION,
        iat=STARTS_AT,
        exp=STARTS_AT + timedelta(minutes=2),
        cmd_id="cmd-019aaf35",
        name="volume",
        args={"percent": 70},
    ),
    "device.alert-order.v1": AlertOrder(
        aud=f"unit.{UNIT}",
        seq=1_795_510_800_000,
        iat=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
        exp=datetime(2026, 11, 24, 15, 0, tzinfo=UTC),
        notices=(
            AlertNotice(
                notice_id="ntc-019aaf31",
                ver=1,
                status="actual",
                severity="severe",
                headline="Triều cường vượt báo động 3 tối nay",
                texts={"vi": "Bà con ven sông đưa người già, trẻ em lên chỗ cao trước 20 giờ."},
                issued_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
                expires_at=datetime(2026, 11, 24, 15, 0, tzinfo=UTC),
                sound=AUDIO,
            ),
        ),
    ),
    "device.aired-proof.v1": AIRED,
    "device.displayed-proof.v1": DISPLAYED,
    "device.desired.v1": Desired(
        aud=STATION,
        seq=12,
        iat=SHOWN_AT,
        exp=SHOWN_AT + timedelta(days=30),
        unit_id=UNIT,
        radio=RundownRef(ver=9, rundown=RADIO_RUNDOWN),
        alert_scopes=("all", "unit.u-86-2025", f"unit.{UNIT}"),
    ),
    "device.radio-rundown.v1": RadioRundown(
        device_id=STATION,
        ver=9,
        sessions=(
            RundownSession(
                session_id=SESSION,
                starts_at=STARTS_AT,
                entries=(
                    RundownEntry(
                        entry_id=RADIO_ENTRY, item_id=ITEM, revision=2, title=TITLE, media=AUDIO, seconds=64.6
                    ),
                ),
            ),
        ),
    ),
    "device.board-rundown.v1": BoardRundown(
        device_id=BOARD,
        ver=4,
        entries=(
            BoardEntry(
                entry_id=BOARD_ENTRY,
                item_id=ITEM,
                revision=2,
                title=TITLE,
                media=SLIDE,
                seconds=10.0,
                valid_from=APPROVED_AT,
                valid_until=APPROVED_AT + timedelta(days=7),
            ),
        ),
    ),
    "device.manifest-request.v1": ManifestRequest(sha256=(RADIO_RUNDOWN.sha256, AUDIO.sha256)),
    "device.manifest-answer.v1": ManifestAnswer(
        urls={
            AUDIO.sha256: f"/media/{AUDIO.sha256}?a={STATION}&e=1795471200&k=0123456789abcdef&s=" + "A" * 86,
        },
        refused=(RADIO_RUNDOWN.sha256,),
    ),
    "device.snapshot-answer.v1": SnapshotAnswer(now=STARTS_AT),
}
