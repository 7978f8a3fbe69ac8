"""The content service on real servers, with the real speech worker."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lantoa_content.main import build
from lantoa_content.settings import ContentSettings
from lantoa_content.usecases.stored import INDEXES
from lantoa_contracts.catalogue import UNIT_CHANGED
from lantoa_contracts.events.directory import UnitChanged
from lantoa_runtime.http import Caller, Grant
from lantoa_testing.plugin import EventProbe, Running, eventually

WORKER = Path(__file__).parents[3] / "workers" / "speech" / "speech_worker.py"
PROVINCE, COMMUNE, OTHER, ENDED = "u-86-2025", "u-29242-2025", "u-29272-2025", "u-29242-2022"
AUTHOR = Caller("p-lan", "Thạch Thị Lan", (Grant("author", COMMUNE),))
APPROVER = Caller("p-phuoc", "Nguyễn Văn Phước", (Grant("approver", PROVINCE),))
BOTH = Caller("p-hai", "Trần Thị Hải", (Grant("author", COMMUNE), Grant("approver", COMMUNE)))
ELSEWHERE = Caller("p-xa", "Lý Văn Xa", (Grant("author", OTHER), Grant("approver", OTHER)))
FIELDS = {
    "title": "Lịch tiêm chủng tháng 11",
    "body": "Sáng thứ Bảy, từ 7h30, trạm y tế xã tiêm chủng mở rộng.",
    "priority": "normal",
    "unit_id": COMMUNE,
    "tasks": ["08", "05"],
    "topic": "skills",
    "language": "vi",
}
Answer = tuple[int, Any, Mapping[str, str]]


@dataclass
class Office:
    """People at their desks: each call is one request of one person."""

    running: Running
    events: EventProbe
    _keys: int = 0

    author = AUTHOR
    approver = APPROVER
    author_and_approver = BOTH
    elsewhere = ELSEWHERE
    unit_id = COMMUNE
    other_unit_id = OTHER
    ended_unit_id = ENDED

    async def write(self, caller: Caller = AUTHOR, key: str | None = None, **fields: Any) -> Answer:
        self._keys += 1
        headers = {"Idempotency-Key": key or f"key-{self._keys:06d}"}
        return await self.running.call("POST", "/items", caller, {**FIELDS, **fields}, headers)

    async def read(self, item_id: str, caller: Caller = AUTHOR, headers: Mapping[str, str] | None = None) -> Any:
        return (await self.running.call("GET", f"/items/{item_id}", caller, headers=headers))[1]

    async def change(
        self, item: Mapping[str, Any], caller: Caller = AUTHOR, ver: int | None = None, **fields: Any
    ) -> Answer:
        headers = {"If-Match": f'"{ver or item["ver"]}"'}
        return await self.running.call("PATCH", f"/items/{item['id']}", caller, fields, headers)

    async def act(
        self, item: Mapping[str, Any], verb: str, caller: Caller, ver: int | None = None, **body: Any
    ) -> Answer:
        headers = {"If-Match": f'"{ver or item["ver"]}"'}
        return await self.running.call("POST", f"/items/{item['id']}/{verb}", caller, body, headers)

    async def until(self, item_id: str, state: str) -> Any:
        async def there() -> Any:
            item = await self.read(item_id)
            return item if item["state"] == state else None

        return await eventually(there, timeout=60)

    async def submitted(self, **fields: Any) -> Any:
        _, item, _ = await self.write(**fields)
        return (await self.act(item, "submit", AUTHOR))[1]

    async def reviewed(self, **fields: Any) -> Any:
        return await self.until((await self.submitted(**fields))["id"], "in_review")

    async def approved(self, **fields: Any) -> Any:
        item = await self.reviewed(**fields)
        return (await self.act(item, "approve", APPROVER, approval_sha256=item["approval_sha256"]))[1]

    async def unit(self, unit_id: str, name: str, path: tuple[str, ...], valid_to: date | None = None) -> None:
        event = UnitChanged(
            unit_id=unit_id,
            ver=1,
            code=unit_id.split("-")[1],
            name=name,
            kind="commune",
            path=path,
            valid_from=date(2022, 1, 1),
            valid_to=valid_to,
        )
        await self.events.publish(UNIT_CHANGED, event)


@pytest.fixture
async def start_content(start_service):
    async def start(**overrides):
        command = overrides.pop("speech_command", (sys.executable, str(WORKER)))
        return await start_service("content", ContentSettings, build, INDEXES, speech_command=command, **overrides)

    return start


@pytest.fixture
async def open_office(start_content, events):
    async def opened(**overrides):
        made = Office(await start_content(**overrides), events)
        await made.unit(PROVINCE, "Tỉnh Vĩnh Long", (PROVINCE,))
        await made.unit(COMMUNE, "Xã Cầu Kè", (PROVINCE, COMMUNE))
        await made.unit(OTHER, "Xã Tam Ngãi", (PROVINCE, OTHER))
        await made.unit(ENDED, "Xã Hòa Ân", (ENDED,), valid_to=date(2025, 6, 30))

        async def known():
            return await made.running.service.db["units"].count({}) == 4

        await eventually(known)
        return made

    return opened


@pytest.fixture
async def office(open_office):
    return await open_office()
