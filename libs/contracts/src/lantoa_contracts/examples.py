"""One true-to-life message of every kind: the same item on its way from the author's desk to the report.

The signatures are real: they were made with the seed of 32 bytes ``01`` for the station, ``02`` for the board.
"""

from datetime import UTC, date, datetime, timedelta

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
from lantoa_contracts.events.alert import NoticeAcknowledged, NoticeCancelled, NoticeIssued, NoticeUpdated
from lantoa_contracts.events.broadcast import AiringConfirmed, AiringMissed, RundownIssued, SessionChanged
from lantoa_contracts.events.content import (
    ItemApproved,
    ItemSubmitted,
    ItemWithdrawn,
    PostConfirmed,
    PostUnconfirmed,
    Rendition,
)
from lantoa_contracts.events.contest import AttemptAccepted
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.events.fleet import (
    AlarmRaised,
    AlarmResolved,
    DeviceClaimed,
    DeviceGrouped,
    DeviceMoved,
    DeviceOffline,
    DeviceOnline,
    DeviceRevoked,
)
from lantoa_contracts.events.signboard import BoardRundownIssued, DisplayConfirmed, PlaylistChanged

_UNIT, _OTHER_UNIT = "u-29308-2025", "u-29242-2025"
_ITEM, _AUTHOR, _APPROVER = "019aaf10-52c0-7d2e-9a41-3f0f6a1c7b21", "p-thao", "p-son"
_TITLE = "Không bấm vào đường liên kết lạ trong tin nhắn"
_TOPIC, _TASKS = "security", ("01", "08")
_SESSION, _PLAYLIST = "s-u-29308-2025-20261123", "pl-u-29308-2025"
_RADIO_ENTRY, _BOARD_ENTRY = "5b1f0c9d27ae83640f12", "c07d1e5a94b2f86a3310"
STATION_KEY = "UCFIRY65OQE7DFP5KLNS2PF2LVZMUZYJX4OZIEQ36N2IQANUB5XVZ45L"
BOARD_KEY = "UCATS5YOVB6ROX2WUNKGNQ2MP3GMXDMKSG2O4N5CLX3A6W4PZGZZJPJO"
_STATION, _BOARD = "d-d13665537e1479a6752b", "d-eec4332eea1bf791ff42"
_APPROVED_AT = datetime(2026, 11, 23, 8, 15, tzinfo=UTC)
_STARTS_AT = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
_SHOWN_AT = datetime(2026, 11, 23, 8, 20, tzinfo=UTC)

_AUDIO = BlobRef(sha256="a1" * 32, bytes=262_144, media_type="audio/ogg")
_SLIDE = BlobRef(sha256="b2" * 32, bytes=91_520, media_type="image/png")
_WEB = BlobRef(sha256="c3" * 32, bytes=4_210, media_type="text/html")
_RADIO_RUNDOWN = BlobRef(sha256="d4" * 32, bytes=1_480, media_type="application/json")
_BOARD_RUNDOWN = BlobRef(sha256="e5" * 32, bytes=1_120, media_type="application/json")

_AIRED = AiredProof(
    device_id=_STATION,
    local_id=f"{_RADIO_ENTRY}.1",
    outcome="aired",
    session_id=_SESSION,
    entry_id=_RADIO_ENTRY,
    item_id=_ITEM,
    revision=2,
    rundown_sha256=_RADIO_RUNDOWN.sha256,
    audio_sha256=_AUDIO.sha256,
    planned_at=_STARTS_AT,
    started_at=_STARTS_AT + timedelta(milliseconds=120),
    ended_at=_STARTS_AT + timedelta(milliseconds=64_720),
    seconds=64.6,
    clock_offset_ms=-35,
)
_DISPLAYED = DisplayedProof(
    device_id=_BOARD,
    local_id=f"{_BOARD_ENTRY}.1",
    entry_id=_BOARD_ENTRY,
    item_id=_ITEM,
    revision=2,
    rundown_sha256=_BOARD_RUNDOWN.sha256,
    slide_sha256=_SLIDE.sha256,
    started_at=_SHOWN_AT,
    ended_at=_SHOWN_AT + timedelta(seconds=10),
    seconds=10.0,
    clock_offset_ms=12,
)
_AIRED_SIGNED = SignedDocument(
    kid=STATION_KEY,
    p=_AIRED.model_dump_json(),
    sig="Mv2T5vdqVObwIngyHPx7m7WI5jBc_2YUZyZcIS_BUA5UM38Xi536n3EHyFTkgozfvXHmxA9Ue4YAevPL8UdCBQ",
)
_DISPLAYED_SIGNED = SignedDocument(
    kid=BOARD_KEY,
    p=_DISPLAYED.model_dump_json(),
    sig="Z6t1QrOtaFa5vXf4_Ik0SFljG_U4M36fCOO6h1w470EcsBYAfeldWoNCJg7uWpO8e7iRPT6-SNyT1QJJ32_7Cg",
)

_NOTICE = NoticeIssued(
    notice_id="ntc-019aaf31",
    ver=1,
    status="actual",
    severity="severe",
    headline="Triều cường vượt báo động 3 tối nay",
    scopes=(f"unit.{_UNIT}",),
    source="console",
    requested_by="p-hung",
    confirmed_by="p-son",
    issued_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
    expires_at=datetime(2026, 11, 24, 15, 0, tzinfo=UTC),
)

_EVENTS: dict[str, BaseModel] = {
    "directory.unit.changed.v1": UnitChanged(
        unit_id=_UNIT,
        ver=3,
        code="29308",
        name="Xã Cầu Kè",
        kind="commune",
        path=("u-86-2025", _UNIT),
        valid_from=date(2025, 7, 1),
        valid_to=None,
    ),
    "content.item.submitted.v1": ItemSubmitted(item_id=_ITEM, ver=4, revision=2, unit_id=_UNIT, author_id=_AUTHOR),
    "content.item.approved.v1": ItemApproved(
        item_id=_ITEM,
        ver=6,
        revision=2,
        approval_sha256="f6" * 32,
        title=_TITLE,
        priority="normal",
        unit_id=_UNIT,
        tasks=_TASKS,
        topic=_TOPIC,
        language="vi",
        renditions=(
            Rendition(kind="audio", blob=_AUDIO, seconds=64.6, lufs=-16.2, voice="vi"),
            Rendition(kind="board", blob=_SLIDE),
            Rendition(kind="web", blob=_WEB),
        ),
        author_id=_AUTHOR,
        approver_id=_APPROVER,
        approved_at=_APPROVED_AT,
    ),
    "content.item.withdrawn.v1": ItemWithdrawn(
        item_id=_ITEM, ver=7, revision=2, unit_id=_UNIT, reason="edited", at=_APPROVED_AT + timedelta(days=2)
    ),
    "content.post.confirmed.v1": PostConfirmed(
        post_id=f"web-{_ITEM}-2",
        ver=2,
        channel="web",
        item_id=_ITEM,
        revision=2,
        title=_TITLE,
        priority="normal",
        unit_id=_UNIT,
        tasks=_TASKS,
        topic=_TOPIC,
        language="vi",
        url=f"https://lantoa.example.vn/tin/{_ITEM}",
        approval_sha256="f6" * 32,
        page_sha256="07" * 32,
        published_at=_APPROVED_AT + timedelta(seconds=1),
        confirmed_at=_APPROVED_AT + timedelta(seconds=4),
    ),
    "content.post.unconfirmed.v1": PostUnconfirmed(
        post_id=f"web-{_ITEM}-2",
        ver=3,
        channel="web",
        item_id=_ITEM,
        revision=2,
        unit_id=_UNIT,
        reason="edited",
        at=_APPROVED_AT + timedelta(days=2),
    ),
    "fleet.device.claimed.v1": DeviceClaimed(
        device_id=_STATION,
        ver=2,
        kind="radio",
        name="Cụm loa Chợ Cầu Kè",
        unit_id=_UNIT,
        public_key=STATION_KEY,
        claimed_by="p-khang",
        at=datetime(2026, 11, 20, 2, 30, tzinfo=UTC),
    ),
    "fleet.device.moved.v1": DeviceMoved(
        device_id=_STATION,
        ver=5,
        unit_id=_OTHER_UNIT,
        previous_unit_id=_UNIT,
        at=datetime(2026, 12, 1, 3, 0, tzinfo=UTC),
    ),
    "fleet.device.revoked.v1": DeviceRevoked(device_id=_STATION, ver=6, at=datetime(2027, 1, 4, 1, 0, tzinfo=UTC)),
    "fleet.device.online.v1": DeviceOnline(device_id=_STATION, ver=3, at=datetime(2026, 11, 20, 2, 31, tzinfo=UTC)),
    "fleet.device.offline.v1": DeviceOffline(
        device_id=_STATION, ver=4, at=datetime(2026, 11, 21, 11, 7, tzinfo=UTC), reason="Stale Connection"
    ),
    "fleet.device.grouped.v1": DeviceGrouped(
        device_id=_STATION, ver=7, groups=("ven-bien",), at=datetime(2026, 12, 2, 3, 0, tzinfo=UTC)
    ),
    "fleet.alarm.raised.v1": AlarmRaised(
        alarm_id="alm-019aaf40", ver=1, code="offline", unit_id=_UNIT, devices=4, at=_STARTS_AT
    ),
    "fleet.alarm.resolved.v1": AlarmResolved(
        alarm_id="alm-019aaf40", ver=3, code="offline", unit_id=_UNIT, at=_STARTS_AT + timedelta(minutes=25)
    ),
    "alert.notice.issued.v1": _NOTICE,
    "alert.notice.updated.v1": NoticeUpdated(
        **_NOTICE.model_dump() | {"ver": 2, "headline": "Triều cường: di dời ngay khỏi ấp ven sông"}
    ),
    "alert.notice.cancelled.v1": NoticeCancelled(
        notice_id="ntc-019aaf31", ver=3, cancelled_by="p-hung", at=datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
    ),
    "alert.notice.acknowledged.v1": NoticeAcknowledged(
        notice_id="ntc-019aaf31",
        ver=1,
        unit_id=_UNIT,
        devices=14,
        verified=13,
        played=12,
        at=datetime(2026, 11, 24, 9, 1, tzinfo=UTC),
    ),
    "broadcast.session.changed.v1": SessionChanged(session_id=_SESSION, ver=2, unit_id=_UNIT, starts_at=_STARTS_AT),
    "broadcast.rundown.issued.v1": RundownIssued(device_id=_STATION, ver=9, rundown=_RADIO_RUNDOWN, media=(_AUDIO,)),
    "broadcast.airing.missed.v1": AiringMissed(
        airing_id=f"{_STATION}:{_RADIO_ENTRY}",
        ver=1,
        device_id=_STATION,
        unit_id=_UNIT,
        session_id=_SESSION,
        entry_id=_RADIO_ENTRY,
        item_id=_ITEM,
        revision=2,
        planned_at=_STARTS_AT,
        at=_STARTS_AT + timedelta(hours=2),
    ),
    "broadcast.airing.confirmed.v1": AiringConfirmed(
        airing_id=f"{_STATION}:{_RADIO_ENTRY}",
        ver=1,
        device_id=_STATION,
        unit_id=_UNIT,
        session_id=_SESSION,
        entry_id=_RADIO_ENTRY,
        item_id=_ITEM,
        revision=2,
        title=_TITLE,
        priority="normal",
        tasks=_TASKS,
        topic=_TOPIC,
        audio_sha256=_AUDIO.sha256,
        started_at=_AIRED.started_at,
        ended_at=_AIRED.ended_at,
        seconds=_AIRED.seconds,
        device_public_key=STATION_KEY,
        proof=_AIRED_SIGNED,
    ),
    "signboard.playlist.changed.v1": PlaylistChanged(playlist_id=_PLAYLIST, ver=2, unit_id=_UNIT),
    "signboard.rundown.issued.v1": BoardRundownIssued(device_id=_BOARD, ver=4, rundown=_BOARD_RUNDOWN, media=(_SLIDE,)),
    "signboard.display.confirmed.v1": DisplayConfirmed(
        display_id=f"{_BOARD}:{_BOARD_ENTRY}",
        ver=1,
        device_id=_BOARD,
        unit_id=_UNIT,
        entry_id=_BOARD_ENTRY,
        item_id=_ITEM,
        revision=2,
        title=_TITLE,
        priority="normal",
        tasks=_TASKS,
        topic=_TOPIC,
        slide_sha256=_SLIDE.sha256,
        started_at=_DISPLAYED.started_at,
        ended_at=_DISPLAYED.ended_at,
        seconds=_DISPLAYED.seconds,
        device_public_key=BOARD_KEY,
        proof=_DISPLAYED_SIGNED,
    ),
    "contest.attempt.accepted.v1": AttemptAccepted(
        ver=1,
        attempt_id="019aaf22-7d10-7c55-8f0e-5b9d2c1a7e44",
        contest_id="an-toan-mang-2026",
        title="Tìm hiểu an toàn trên mạng",
        contest_unit_id="u-86-2025",
        unit_id=_UNIT,
        tasks=("10",),
        topic="security",
        entrant="18" * 32,
        score=3,
        max_score=3,
        started_at=datetime(2026, 11, 23, 13, 0, tzinfo=UTC),
        submitted_at=datetime(2026, 11, 23, 13, 2, 30, tzinfo=UTC),
        rules_sha256="29" * 32,
        answer_key_sha256="3a" * 32,
        receipt="7e0c203bd55381d2522618a13c0e626aa2cbe2680fa1e31a3d3bc0b1c31a6dd2",
    ),
}

_DEVICE_MESSAGES: dict[str, BaseModel] = {
    "device.aired.v1": _AIRED_SIGNED,
    "device.displayed.v1": _DISPLAYED_SIGNED,
    "device.alarm.v1": Alarm(
        local_id="signature_refused.20261123T2200",
        code="signature_refused",
        at=_STARTS_AT,
        count=3,
        detail="desired: unknown key",
        reasons={"unknown_key": 3},
    ),
    "device.reported.v1": Reported(at=_SHOWN_AT, desired_seq=12, rundown_ver=9, media_ready=1, media_wanted=1),
    "device.hb.v1": Heartbeat(
        at=_STARTS_AT,
        version="0.1.0",
        state="playing",
        desired_seq=12,
        now=_TITLE,
        disk_free_mb=5_120,
        clock_offset_ms=-35,
    ),
    "device.ack.v1": Ack(local_id="ntc-019aaf31.1.verified", ref="ntc-019aaf31.1", stage="verified", at=_STARTS_AT),
    "device.command.v1": Command(
        aud=_STATION,
        iat=_STARTS_AT,
        exp=_STARTS_AT + timedelta(minutes=2),
        cmd_id="cmd-019aaf35",
        name="volume",
        args={"percent": 70},
    ),
    "device.alert-order.v1": AlertOrder(
        aud=f"unit.{_UNIT}",
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
                sound=_AUDIO,
            ),
        ),
    ),
    "device.aired-proof.v1": _AIRED,
    "device.displayed-proof.v1": _DISPLAYED,
    "device.desired.v1": Desired(
        aud=_STATION,
        seq=12,
        iat=_SHOWN_AT,
        exp=_SHOWN_AT + timedelta(days=30),
        unit_id=_UNIT,
        radio=RundownRef(ver=9, rundown=_RADIO_RUNDOWN),
        alert_scopes=("all", "unit.u-86-2025", f"unit.{_UNIT}"),
    ),
    "device.radio-rundown.v1": RadioRundown(
        device_id=_STATION,
        ver=9,
        sessions=(
            RundownSession(
                session_id=_SESSION,
                starts_at=_STARTS_AT,
                entries=(
                    RundownEntry(
                        entry_id=_RADIO_ENTRY, item_id=_ITEM, revision=2, title=_TITLE, media=_AUDIO, seconds=64.6
                    ),
                ),
            ),
        ),
    ),
    "device.board-rundown.v1": BoardRundown(
        device_id=_BOARD,
        ver=4,
        entries=(
            BoardEntry(
                entry_id=_BOARD_ENTRY,
                item_id=_ITEM,
                revision=2,
                title=_TITLE,
                media=_SLIDE,
                seconds=10.0,
                valid_from=_APPROVED_AT,
                valid_until=_APPROVED_AT + timedelta(days=7),
            ),
        ),
    ),
    "device.manifest-request.v1": ManifestRequest(sha256=(_RADIO_RUNDOWN.sha256, _AUDIO.sha256)),
    "device.manifest-answer.v1": ManifestAnswer(
        urls={
            _AUDIO.sha256: f"/media/{_AUDIO.sha256}?a={_STATION}&e=1795471200&k=0123456789abcdef&s=" + "A" * 86,
        },
        refused=(_RADIO_RUNDOWN.sha256,),
    ),
    "device.snapshot-answer.v1": SnapshotAnswer(now=_STARTS_AT),
}

EXAMPLES: dict[str, BaseModel] = {**_EVENTS, **_DEVICE_MESSAGES}
"""An instance of every message, by ``<name>.v<version>``."""
