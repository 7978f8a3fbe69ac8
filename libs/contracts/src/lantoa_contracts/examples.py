"""One true-to-life message of every kind: the same item on its way from the author's desk to the report."""

from datetime import UTC, date, datetime, timedelta

from pydantic import BaseModel

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.deed_examples import DEEDS
from lantoa_contracts.device_examples import (
    AIRED,
    AIRED_SIGNED,
    APPROVED_AT,
    APPROVER,
    AUDIO,
    AUTHOR,
    BOARD,
    BOARD_ENTRY,
    BOARD_KEY,
    BOARD_RUNDOWN,
    DEVICE_MESSAGES,
    DISPLAYED,
    DISPLAYED_SIGNED,
    ITEM,
    OTHER_UNIT,
    PLAYLIST,
    RADIO_ENTRY,
    RADIO_RUNDOWN,
    SESSION,
    SLIDE,
    STARTS_AT,
    STATION,
    STATION_KEY,
    TASKS,
    TITLE,
    TOPIC,
    UNIT,
    WEB,
)
from lantoa_contracts.events.alert import NoticeAcknowledged, NoticeCancelled, NoticeIssued, NoticeUpdated
from lantoa_contracts.events.broadcast import AiringConfirmed, AiringMissed, RundownIssued, SessionChanged
from lantoa_contracts.events.content import (
    ItemApproved,
    ItemRendered,
    ItemReturned,
    ItemSubmitted,
    ItemWithdrawn,
    PostConfirmed,
    PostUnconfirmed,
    Rendition,
)
from lantoa_contracts.events.contest import AttemptAccepted
from lantoa_contracts.events.directory import (
    AccountChanged,
    AccountCreated,
    AccountGranted,
    AccountLocked,
    AccountReset,
    AccountRevoked,
    AccountSecured,
    AccountSignedIn,
    AccountUnlocked,
    ActDone,
    ActReversed,
    AuditSealed,
    Heir,
    SessionEnded,
    SignInRefused,
    Succession,
    UnitChanged,
)
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

_NOTICE = NoticeIssued(
    notice_id="ntc-019aaf31",
    ver=1,
    status="actual",
    severity="severe",
    headline="Triều cường vượt báo động 3 tối nay",
    scopes=(f"unit.{UNIT}",),
    source="console",
    requested_by="p-hung",
    confirmed_by="p-son",
    issued_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
    expires_at=datetime(2026, 11, 24, 15, 0, tzinfo=UTC),
)

_MERGED = Succession(
    unit_id="u-29305-2022",
    path=("u-84-2022", "u-845-2022", "u-29305-2022"),
    heirs=(Heir(unit_id=UNIT, path=("u-86-2025", UNIT), made=True),),
)

_EVENTS: dict[str, BaseModel] = {
    "directory.act.done.v1": ActDone(
        act_id="019aaf31c2a7",
        ver=3,
        kind="merge",
        date=date(2025, 7, 1),
        act="1687/NQ-UBTVQH15",
        units=(_MERGED,),
        at=datetime(2025, 6, 30, 17, 0, 2, tzinfo=UTC),
    ),
    "directory.act.reversed.v1": ActReversed(
        act_id="019aaf31c2a7",
        ver=5,
        kind="merge",
        date=date(2025, 7, 1),
        act="1687/NQ-UBTVQH15",
        units=(_MERGED,),
        at=datetime(2025, 7, 2, 1, 30, tzinfo=UTC),
    ),
    "directory.unit.changed.v1": UnitChanged(
        unit_id=UNIT,
        ver=3,
        code="29308",
        name="Xã Cầu Kè",
        kind="commune",
        path=("u-86-2025", UNIT),
        valid_from=date(2025, 7, 1),
        valid_to=None,
        lat=9.869,
        lon=106.062,
    ),
    "directory.account.created.v1": AccountCreated(person_id=AUTHOR, ver=1, unit_id=UNIT),
    "directory.account.changed.v1": AccountChanged(person_id=AUTHOR, ver=4, unit_id=UNIT, fields=("phone", "title")),
    "directory.account.granted.v1": AccountGranted(
        person_id=AUTHOR,
        ver=5,
        unit_id=UNIT,
        grant_id="019aaf31-7c1e",
        role="approver",
        valid_from=date(2026, 11, 23),
        valid_to=date(2026, 11, 27),
        lender_id=APPROVER,
    ),
    "directory.account.revoked.v1": AccountRevoked(
        person_id=AUTHOR,
        ver=6,
        unit_id=UNIT,
        grant_id="019aaf31-7c1e",
        role="approver",
        valid_from=date(2026, 11, 23),
        valid_to=date(2026, 11, 24),
        lender_id=APPROVER,
    ),
    "directory.account.locked.v1": AccountLocked(person_id=APPROVER, ver=7, unit_id=UNIT, also=(AUTHOR,)),
    "directory.account.unlocked.v1": AccountUnlocked(person_id=APPROVER, ver=8, unit_id=UNIT, also=(AUTHOR,)),
    "directory.account.reset.v1": AccountReset(person_id=APPROVER, ver=9, unit_id=UNIT, what="password"),
    "directory.audit.sealed.v1": AuditSealed(
        number=1,
        ver=1,
        seal=SignedDocument(
            kid="4f5ac1e0d3b24a7f",
            p='{"at":"2026-11-24T09:00:00.000+00:00","heads":[["'
            + UNIT
            + '",12,"'
            + "ab" * 32
            + '"]],"number":1,"prev":"'
            + "0" * 64
            + '"}',
            sig="c2ln" * 21 + "cw",
        ),
    ),
    "directory.account.signedin.v1": AccountSignedIn(
        person_id=APPROVER,
        way="totp",
        mfa=True,
        device="Chrome trên Android",
        place="113.161.72.0/24",
        session="5e" * 32,
        at=APPROVED_AT - timedelta(minutes=4),
    ),
    "directory.account.refused.v1": SignInRefused(
        person_id=None, because="password", place="113.161.72.0/24", at=APPROVED_AT - timedelta(minutes=5)
    ),
    "directory.account.secured.v1": AccountSecured(person_id=APPROVER, what="totp", at=APPROVED_AT),
    "directory.session.ended.v1": SessionEnded(person_id=APPROVER, ver=2, digests=("5e" * 32,), at=APPROVED_AT),
    "content.item.submitted.v1": ItemSubmitted(item_id=ITEM, ver=4, revision=2, unit_id=UNIT, author_id=AUTHOR),
    "content.item.rendered.v1": ItemRendered(
        item_id=ITEM, ver=5, revision=2, unit_id=UNIT, state="in_review", at=APPROVED_AT - timedelta(minutes=3)
    ),
    "content.item.returned.v1": ItemReturned(
        item_id=ITEM, ver=3, revision=1, unit_id=UNIT, author_id=AUTHOR, at=APPROVED_AT - timedelta(hours=1)
    ),
    "content.item.approved.v1": ItemApproved(
        item_id=ITEM,
        ver=6,
        revision=2,
        approval_sha256="f6" * 32,
        title=TITLE,
        priority="normal",
        unit_id=UNIT,
        tasks=TASKS,
        topic=TOPIC,
        language="vi",
        renditions=(
            Rendition(kind="audio", blob=AUDIO, seconds=64.6, lufs=-16.2, voice="vi"),
            Rendition(kind="board", blob=SLIDE),
            Rendition(kind="web", blob=WEB),
        ),
        author_id=AUTHOR,
        approver_id=APPROVER,
        approved_at=APPROVED_AT,
    ),
    "content.item.withdrawn.v1": ItemWithdrawn(
        item_id=ITEM, ver=7, revision=2, unit_id=UNIT, reason="edited", at=APPROVED_AT + timedelta(days=2)
    ),
    "content.post.confirmed.v1": PostConfirmed(
        post_id=f"web-{ITEM}-2",
        ver=2,
        channel="web",
        item_id=ITEM,
        revision=2,
        title=TITLE,
        priority="normal",
        unit_id=UNIT,
        tasks=TASKS,
        topic=TOPIC,
        language="vi",
        url=f"https://lantoa.example.vn/tin/{ITEM}",
        approval_sha256="f6" * 32,
        page_sha256="07" * 32,
        published_at=APPROVED_AT + timedelta(seconds=1),
        confirmed_at=APPROVED_AT + timedelta(seconds=4),
    ),
    "content.post.unconfirmed.v1": PostUnconfirmed(
        post_id=f"web-{ITEM}-2",
        ver=3,
        channel="web",
        item_id=ITEM,
        revision=2,
        unit_id=UNIT,
        reason="edited",
        at=APPROVED_AT + timedelta(days=2),
    ),
    "fleet.device.claimed.v1": DeviceClaimed(
        device_id=STATION,
        ver=2,
        kind="radio",
        name="Cụm loa Chợ Cầu Kè",
        unit_id=UNIT,
        public_key=STATION_KEY,
        claimed_by="p-khang",
        at=datetime(2026, 11, 20, 2, 30, tzinfo=UTC),
    ),
    "fleet.device.moved.v1": DeviceMoved(
        device_id=STATION,
        ver=5,
        unit_id=OTHER_UNIT,
        previous_unit_id=UNIT,
        at=datetime(2026, 12, 1, 3, 0, tzinfo=UTC),
    ),
    "fleet.device.revoked.v1": DeviceRevoked(
        device_id=STATION, ver=6, at=datetime(2027, 1, 4, 1, 0, tzinfo=UTC), unit_id=UNIT
    ),
    "fleet.device.online.v1": DeviceOnline(
        device_id=STATION, ver=3, at=datetime(2026, 11, 20, 2, 31, tzinfo=UTC), unit_id=UNIT
    ),
    "fleet.device.offline.v1": DeviceOffline(
        device_id=STATION, ver=4, at=datetime(2026, 11, 21, 11, 7, tzinfo=UTC), reason="Stale Connection", unit_id=UNIT
    ),
    "fleet.device.grouped.v1": DeviceGrouped(
        device_id=STATION, ver=7, groups=("ven-bien",), at=datetime(2026, 12, 2, 3, 0, tzinfo=UTC), unit_id=UNIT
    ),
    "fleet.alarm.raised.v1": AlarmRaised(
        alarm_id="alm-019aaf40", ver=1, code="offline", unit_id=UNIT, devices=4, at=STARTS_AT
    ),
    "fleet.alarm.resolved.v1": AlarmResolved(
        alarm_id="alm-019aaf40", ver=3, code="offline", unit_id=UNIT, at=STARTS_AT + timedelta(minutes=25)
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
        unit_id=UNIT,
        devices=14,
        verified=13,
        played=12,
        at=datetime(2026, 11, 24, 9, 1, tzinfo=UTC),
    ),
    "broadcast.session.changed.v1": SessionChanged(session_id=SESSION, ver=2, unit_id=UNIT, starts_at=STARTS_AT),
    "broadcast.rundown.issued.v1": RundownIssued(device_id=STATION, ver=9, rundown=RADIO_RUNDOWN, media=(AUDIO,)),
    "broadcast.airing.missed.v1": AiringMissed(
        airing_id=f"{STATION}:{RADIO_ENTRY}",
        ver=1,
        device_id=STATION,
        unit_id=UNIT,
        session_id=SESSION,
        entry_id=RADIO_ENTRY,
        item_id=ITEM,
        revision=2,
        planned_at=STARTS_AT,
        at=STARTS_AT + timedelta(hours=2),
    ),
    "broadcast.airing.confirmed.v1": AiringConfirmed(
        airing_id=f"{STATION}:{RADIO_ENTRY}",
        ver=1,
        device_id=STATION,
        unit_id=UNIT,
        session_id=SESSION,
        entry_id=RADIO_ENTRY,
        item_id=ITEM,
        revision=2,
        title=TITLE,
        priority="normal",
        tasks=TASKS,
        topic=TOPIC,
        audio_sha256=AUDIO.sha256,
        started_at=AIRED.started_at,
        ended_at=AIRED.ended_at,
        seconds=AIRED.seconds,
        device_public_key=STATION_KEY,
        proof=AIRED_SIGNED,
    ),
    "signboard.playlist.changed.v1": PlaylistChanged(playlist_id=PLAYLIST, ver=2, unit_id=UNIT),
    "signboard.rundown.issued.v1": BoardRundownIssued(device_id=BOARD, ver=4, rundown=BOARD_RUNDOWN, media=(SLIDE,)),
    "signboard.display.confirmed.v1": DisplayConfirmed(
        display_id=f"{BOARD}:{BOARD_ENTRY}",
        ver=1,
        device_id=BOARD,
        unit_id=UNIT,
        entry_id=BOARD_ENTRY,
        item_id=ITEM,
        revision=2,
        title=TITLE,
        priority="normal",
        tasks=TASKS,
        topic=TOPIC,
        slide_sha256=SLIDE.sha256,
        started_at=DISPLAYED.started_at,
        ended_at=DISPLAYED.ended_at,
        seconds=DISPLAYED.seconds,
        device_public_key=BOARD_KEY,
        proof=DISPLAYED_SIGNED,
    ),
    "contest.attempt.accepted.v1": AttemptAccepted(
        ver=1,
        attempt_id="019aaf22-7d10-7c55-8f0e-5b9d2c1a7e44",
        contest_id="an-toan-mang-2026",
        title="Tìm hiểu an toàn trên mạng",
        contest_unit_id="u-86-2025",
        unit_id=UNIT,
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

EXAMPLES: dict[str, BaseModel] = {**_EVENTS, **DEEDS, **DEVICE_MESSAGES}
"""An instance of every message, by ``<name>.v<version>``."""
