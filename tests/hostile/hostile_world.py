"""Services on real servers with a small province in them, and callers who mean no good."""

import importlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from lantoa_contracts.catalogue import UNIT_CHANGED
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.policy import EVERYWHERE, ROLES, SYSTEM
from lantoa_runtime.http.auth import HEADER, Caller, Grant
from lantoa_runtime.mongo import Index
from lantoa_testing import eventually
from lantoa_testing.plugin import EventProbe, Running, StartService, token_for
from lantoa_testing.servers import NatsServer

ROOT = Path(__file__).parents[2]
PROVINCE, COMMUNE, OTHER = "u-p", "u-1", "u-2"
EVERYBODY = Caller(
    "gateway",
    "Tất cả",
    (*(Grant(role, PROVINCE) for role in ROLES), Grant(SYSTEM, EVERYWHERE), Grant("admin", PROVINCE)),
    signed_in_at=int(time.time()),
)
"""Holds every role there is: nothing that this caller sends is refused before it was looked at."""
AUTHOR = Caller("p-lan", "Thạch Thị Lan", (Grant("author", COMMUNE),))
APPROVER = Caller("p-phuoc", "Nguyễn Văn Phước", (Grant("approver", PROVINCE),), signed_in_at=int(time.time()))
ELSEWHERE = Caller("p-xa", "Lý Văn Xa", tuple(Grant(role, OTHER) for role in ROLES if role != "admin"))
ANONYMOUS = Caller("anonymous", "")
CITIZEN = Caller("c-0123456789abcdef0123", "09•• ••• 123", citizen=True)
UNITS: list[dict[str, Any]] = [
    {"unit_id": PROVINCE, "code": "86", "name": "Tỉnh Vĩnh Long", "kind": "province", "parent": None},
    {"unit_id": COMMUNE, "code": "29242", "name": "Xã Cầu Kè", "kind": "commune", "parent": PROVINCE},
    {"unit_id": OTHER, "code": "29272", "name": "Xã Tam Ngãi", "kind": "commune", "parent": PROVINCE},
]
ITEM = {
    "title": "Lịch tiêm chủng tháng 11",
    "body": "Sáng thứ Bảy, từ 7h30, trạm y tế xã tiêm chủng mở rộng.",
    "priority": "normal",
    "unit_id": COMMUNE,
    "tasks": ["08", "05"],
    "topic": "skills",
    "language": "vi",
    "air_from": f"{datetime.now(UTC):%Y-%m-%d}",
}
GRID = {"rule": "FREQ=DAILY", "at": "05:00", "max_minutes": 45}


SERVICES = ("alert", "directory", "content", "fleet", "broadcast", "signboard", "reporting", "contest")
CONTEST = {
    "title": "An toàn trên mạng",
    "title_en": "Safe online",
    "unit_id": PROVINCE,
    "tasks": ["01"],
    "topic": "security",
    "opens_at": "2026-01-01T00:00:00+00:00",
    "closes_at": "2027-01-01T00:00:00+00:00",
    "minutes": 10,
    "rules": "Mỗi người một lượt.",
    "tie_breaks": "Ai nhanh hơn xếp trên.",
    "questions": [{"prompt": "Làm gì?", "prompt_km": "ធ្វើអ្វី?", "options": ["Một", "Hai", "Ba"], "right": 1}],
}
_PHONE = "0912345678"
_CONSENT = {"purpose": "contest", "text_sha256": "a" * 64, "version": "1"}
_PROFILE = {
    "name": "Lan", "title": "Chuyên viên", "body_id": COMMUNE, "phone": "0912 345 678", "email": "lan@vinhlong.example",
}  # fmt: skip
NOTICE = {
    "status": "actual",
    "severity": "severe",
    "headline": "Triều cường",
    "texts": {"vi": "Lên chỗ cao.", "km": "ឡើងទីខ្ពស់។"},
    "scopes": [COMMUNE],
    "minutes": 60,
    "repeat": 3,
    "gap_s": 10.0,
    "speak": False,
}
_FROM = {"device": "Chrome, Android", "place": "113.161.72.0/24", "origin": "https://lantoa.example"}
_APP = {
    "client_id": "x",
    "redirect_uri": "x",
    "response_type": "code",
    "code_challenge": "x",
    "code_challenge_method": "S256",
}
VALID: dict[str, dict[str, Any]] = {
    "alert_request": NOTICE,
    "alert_update": NOTICE,
    "alert_confirm": {"ver": 1},
    "alert_refuse": {"reason": "Sai địa bàn."},
    "alert_add_cap_source": {"name": "Đài khí tượng", "url": "https://cap.example.vn/feed", "automatic": False},
    "directory_by_password": {"login": "lan", "password": "x", **_FROM},
    "directory_second_factor": {"ticket": "x", "totp": "123456", "recovery": "x", "passkey": {}, **_FROM},
    "directory_new_password": {"ticket": "x", "password": "một câu dài khác", **_FROM},
    "directory_question": {"ticket": "x", **_FROM},
    "directory_passkey": {"passkey": {}, **_FROM},
    "directory_oidc": {"issuer": "https://idp.example", "subject": "x", "login": "lan", "mfa": True, **_FROM},
    "directory_again": {
        "session_id": "x", "password": "x", "totp": "123456", "recovery": "x", "passkey": {}, **_FROM,
    },
    "directory_change_password": {"session_id": "x", "old": "x", "new": "một câu dài khác", **_FROM},
    "directory_link": {"session_id": "x", "issuer": "https://idp.example", "subject": "x", **_FROM},
    "directory_list_sessions": {"session_id": "x"},
    "directory_end_one": {"session_id": "x", "id": "x"},
    "directory_end_others": {"session_id": "x"},
    "directory_begin_totp": {"session_id": "x", **_FROM},
    "directory_confirm_totp": {"session_id": "x", "code": "123456", **_FROM},
    "directory_remove_totp": {"session_id": "x", **_FROM},
    "directory_renew_recovery": {"session_id": "x", **_FROM},
    "directory_begin_passkey": {"session_id": "x", **_FROM},
    "directory_add_passkey": {"session_id": "x", "name": "Điện thoại", "credential": {}, **_FROM},
    "directory_list_passkeys": {"session_id": "x", **_FROM},
    "directory_remove_passkey": {"session_id": "x", "id": "x", **_FROM},
    "directory_list_tokens": {"session_id": "x"},
    "directory_make_token": {"session_id": "x", "name": "x", "permissions": ["content.item.read"], "days": 30},
    "directory_end_token": {"session_id": "x", "id": "x"},
    "directory_resolve_token": {"token": f"lta_{'A' * 43}"},
    "directory_asking": _APP,
    "directory_authorize": {"session_id": "x", **_APP},
    "directory_redeem": {"client_id": "x", "code": "x", "redirect_uri": "x", "code_verifier": "x", **_FROM},
    "directory_refresh": {"client_id": "x", "token": "x"},
    "directory_revoke": {"client_id": "x", "token": "x"},
    "directory_resolve": {"session_id": "x"},
    "directory_end": {"session_id": "x"},
    "directory_send_code": {"phone": _PHONE},
    "directory_citizen_sign_in": {"phone": _PHONE, "code": "123456", "consent": _CONSENT},
    "directory_load_all": {
        "units": [UNITS[1] | {"valid_from": "2025-07-01", "lat": 9.9, "lon": 106.3, "area_km2": 20.5}],
        "successors": [{"unit_id": COMMUNE, "successor_id": OTHER, "date": "2025-07-01", "act": "NQ 1687"}],
        "people": [
            {"id": "p-lan", "login": "lan", "name": "Lan", "title": "Chuyên viên", "body": COMMUNE,
             "grants": [{"role": "author", "unit_id": COMMUNE}], "password": "một câu dài khác"}
        ],
    },
    "directory_create_person": _PROFILE | {"login": "moi"},
    "directory_change_person": _PROFILE,
    "directory_add_grant": {
        "role": "author", "unit_id": COMMUNE, "from": "2026-01-01", "to": "2126-01-01", "reason": "QĐ 12",
    },
    "directory_lend_roles": {
        "to": "p-vinh", "roles": ["author"], "unit_id": COMMUNE, "from": "2026-01-01", "to_day": "2026-01-02",
        "reason": "Nghỉ phép",
    },
    "directory_lock": {"reason": "Mất điện thoại"},
    "directory_order_act": {
        "kind": "merge", "date": "2026-01-01", "act": "1687/NQ-UBTVQH15", "from": [OTHER],
        "into": {
            "name": "Phường Sông Hậu", "code": "29999", "kind": "ward", "parent": PROVINCE, "lat": 9.9, "lon": 106.3,
        },
    },
    "gateway_sign_in": {"login": "lan", "password": "x"},
    "gateway_second_factor": {"ticket": "x", "totp": "123456", "recovery": "x", "passkey": {}},
    "gateway_new_password": {"ticket": "x", "password": "một câu dài khác"},
    "gateway_passkey_options": {"ticket": "x"},
    "gateway_passkey_sign_in": {"passkey": {}},
    "gateway_again": {"password": "x", "totp": "123456", "recovery": "x", "passkey": {}},
    "gateway_change_password": {"old": "x", "new": "một câu dài khác"},
    "gateway_confirm_totp": {"code": "123456"},
    "gateway_add_passkey": {"name": "Điện thoại", "credential": {}},
    "gateway_make_token": {"name": "x", "permissions": ["content.item.read"], "days": 30},
    "gateway_send_code": {"phone": _PHONE},
    "gateway_citizen_sign_in": {"phone": _PHONE, "code": "123456", "consent": {"text_sha256": "a" * 64}},
    "content_create": ITEM,
    "content_edit": ITEM | {"body_html": "<p>Sáng thứ Bảy, từ 7h30.</p>"},
    "content_approve": {"approval_sha256": "a" * 64},
    "content_send_back": {"comment": "Xin sửa giờ."},
    "fleet_enrol": {
        "public_key": "U" * 56, "kind": "radio", "model": "LT-S1", "at": "2026-01-01T00:00:00Z", "signature": "x",
    },
    "fleet_claim": {
        "claim_code": "ABCD-EFGH", "name": "Loa", "unit_id": COMMUNE, "site_type": "commune_office", "model": "LT-S1",
        "lat": 9.9, "lon": 106.3,
    },
    "fleet_move": {"unit_id": OTHER},
    "fleet_make_receiver": {
        "name": "Loa ấp 3", "unit_id": COMMUNE, "site_type": "hamlet", "kind": "radio", "model": "MQ-1",
        "lat": 9.9, "lon": 106.3, "groups": ["Ven biển"],
    },
    "fleet_put_shapes": {"type": "FeatureCollection", "features": []},
    "fleet_regroup": {"groups": ["Ven biển"]},
    "fleet_order_command": {"device_ids": ["d-1"], "name": "volume", "args": {"percent": 50}, "expires_s": 120},
    "fleet_begin_update": {
        "version": "1.2.0", "files": [{"path": "app.bin", "sha256": "a" * 64}], "device_ids": ["d-1"],
        "waves": ["1", "100%"], "error_limit": 0.1, "wait_s": 900,
    },
    "fleet_acknowledge_alarm": {"note": "Đang xem."},
    "broadcast_put_grid": GRID,
    "broadcast_start_now": {"unit_id": COMMUNE, "in_seconds": 3.0},
    "contest_create": {"id": "an-toan", **CONTEST},
    "contest_replace": CONTEST,
    "contest_start": {"unit_id": COMMUNE},
    "contest_submit": {"answers": [0]},
    "reporting_import_plan": {"tasks": [{"code": "08", "vi": "Việc", "en": "Task", "lead": ["x"], "with": ["y"]}]},
}  # fmt: skip
"""A body that each operation takes, by the operation's id; a new operation without one fails the tests."""


_BY_ITSELF = frozenset({"leases", "states", "audit", "audit_chains", "seals"})
"""Collections that jobs and what events tell fill in their own time, whatever is asked meanwhile."""


@dataclass
class Target:
    """A running service and the document of what it says to take and to give."""

    running: Running
    document: dict[str, Any]

    @property
    def name(self) -> str:
        return self.running.service.name

    def shows(self, caller: Caller) -> dict[str, str]:
        """The headers that say who asks."""
        return {HEADER: token_for(self.running.ring, caller, self.name)}

    async def counts(self) -> dict[str, int]:
        """How many documents each collection of the service holds that requests write."""
        if self.running.service.without_database:
            return {"notices": len(self.running.service.app.state.notices.all)}
        database = self.running.service.db
        names = await database.raw.list_collection_names()
        return {name: await database[name].count({}) for name in sorted(set(names) - _BY_ITSELF)}


def indexes_of(name: str) -> Sequence[Index]:
    """The indexes that a service's command makes."""
    main = importlib.import_module(f"lantoa_{name}.main")
    found = {cell.cell_contents for cell in main.main.__closure__ or () if isinstance(cell.cell_contents, tuple)}
    (indexes,) = found
    return indexes


async def _directory(running: Running) -> None:
    people = [
        {"id": "p-lan", "login": "lan", "name": "Lan", "grants": [{"role": "author", "unit_id": COMMUNE}]},
        {"id": "p-vinh", "login": "vinh", "name": "Vinh", "body": COMMUNE, "password": "một câu dài khác"},
    ]
    assert (await running.call("POST", "/import", EVERYBODY, {"units": UNITS, "people": people}))[0] == 200


async def _content(running: Running) -> None:
    for number in range(3):
        headers = {"Idempotency-Key": f"seed-{number:04d}"}
        assert (await running.call("POST", "/items", AUTHOR, ITEM, headers))[0] == 201


async def _broadcast(running: Running) -> None:
    assert (await running.call("PUT", f"/grids/{COMMUNE}", EVERYBODY, GRID))[0] == 200


async def _reporting(running: Running) -> None:
    plan = json.loads((ROOT / "demo" / "plan75.json").read_text())
    assert (await running.call("POST", "/plan", EVERYBODY, plan))[0] == 200


_SEEDS = {"directory": _directory, "content": _content, "broadcast": _broadcast, "reporting": _reporting}


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Nobody has to sign in anew meanwhile."""
    patch.setattr("lantoa_alert.domain.notices.RECENT", timedelta(days=1))
    patch.setenv("LANTOA_CONTENT_APPROVAL_SIGN_IN_MINUTES", "1440")


async def open_target(
    name: str, start_service: StartService, events: EventProbe, nats_server: NatsServer, **over: Any
) -> Target:
    """Start a service by its name, with the province in it; ``over`` are settings."""
    main = importlib.import_module(f"lantoa_{name}.main")
    (settings_type,) = get_args(get_type_hints(main.build)["service"])
    if name == "content":
        over |= {"speech_command": (sys.executable, "-c", "pass"), "public_url": "http://127.0.0.1:9"}
    if name == "directory":
        over["directory_key_file"] = nats_server.ring.directory_file
    if name == "alert":
        over["key_file"] = nats_server.ring.alert_file
    if name == "fleet":
        over["keys_folder"] = nats_server.ring.folder
    running = await start_service(name, settings_type, main.build, indexes_of(name), **over)
    if name != "directory":
        await _know_units(running, events)
    if name in _SEEDS:
        await _SEEDS[name](running)
    return Target(running, running.service.app.openapi())


async def _know_units(running: Running, events: EventProbe) -> None:
    for given in UNITS:
        path = (PROVINCE,) if given["unit_id"] == PROVINCE else (PROVINCE, str(given["unit_id"]))
        fields = {name: given[name] for name in ("unit_id", "code", "name", "kind")}
        event = UnitChanged(ver=1, path=path, valid_from=None, valid_to=None, **fields)
        await events.publish(UNIT_CHANGED, event)

    async def known() -> bool:
        if running.service.without_database:
            return len(running.service.app.state.roster.units) >= len(UNITS)
        return await running.service.db["units"].count({}) >= len(UNITS)

    await eventually(known)
