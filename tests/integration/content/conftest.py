"""The content service on real servers, with the real speech worker."""

import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import RawTestServer as TestServer

from lantoa_content.adapters.audio import AudioRendition, make_audio
from lantoa_content.adapters.sound import SoundWorker
from lantoa_content.domain.webpage import web_page
from lantoa_content.main import build
from lantoa_content.settings import ContentSettings
from lantoa_content.usecases.stored import INDEXES
from lantoa_contracts.catalogue import ITEM_APPROVED, ITEM_WITHDRAWN, UNIT_CHANGED
from lantoa_contracts.events.content import ItemApproved, ItemWithdrawn, Rendition
from lantoa_contracts.events.directory import UnitChanged
from lantoa_runtime.clock import Clock
from lantoa_runtime.http import Caller, Grant
from lantoa_runtime.ids import new_id
from lantoa_testing.plugin import EventProbe, Running, eventually

WORKER = Path(__file__).parents[3] / "workers" / "speech" / "speech_worker.py"
PROVINCE, COMMUNE, OTHER, ENDED = "u-86-2025", "u-29242-2025", "u-29272-2025", "u-29242-2022"
AUTHOR = Caller("p-lan", "Thạch Thị Lan", (Grant("author", COMMUNE),))
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
    author_and_approver = BOTH
    elsewhere = ELSEWHERE
    unit_id = COMMUNE
    other_unit_id = OTHER
    ended_unit_id = ENDED

    @property
    def approver(self) -> Caller:
        """Somebody who has just signed in."""
        grants = (Grant("approver", PROVINCE),)
        return Caller("p-phuoc", "Nguyễn Văn Phước", grants, signed_in_at=int(time.time()))

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

        return await eventually(there)

    async def posted(self, item_id: str, state: str = "published", **fields: Any) -> Any:
        """The item as soon as its post stands so."""

        async def there() -> Any:
            item = await self.read(item_id)
            wanted = {"state": state, **fields}
            return item if item["post"] and wanted.items() <= item["post"].items() else None

        return await eventually(there)

    async def submitted(self, **fields: Any) -> Any:
        _, item, _ = await self.write(**fields)
        return (await self.act(item, "submit", AUTHOR))[1]

    async def reviewed(self, **fields: Any) -> Any:
        return await self.until((await self.submitted(**fields))["id"], "in_review")

    async def approved(self, **fields: Any) -> Any:
        item = await self.reviewed(**fields)
        return (await self.act(item, "approve", self.approver, approval_sha256=item["approval_sha256"]))[1]

    async def unit(
        self,
        unit_id: str,
        name: str,
        path: tuple[str, ...],
        valid_to: date | None = None,
        successor_ids: tuple[str, ...] = (),
    ) -> None:
        event = UnitChanged(
            unit_id=unit_id,
            ver=1,
            code=unit_id.split("-")[1],
            name=name,
            kind="commune",
            path=path,
            valid_from=date(2022, 1, 1),
            valid_to=valid_to,
            successor_ids=successor_ids,
        )
        await self.events.publish(UNIT_CHANGED, event)


class SoundHere(SoundWorker):
    """Makes sound in this process, which loads what that needs once for all tests; the real one does at each start."""

    async def make(self, pcm: bytes, sample_rate: int) -> AudioRendition:
        return await asyncio.to_thread(make_audio, pcm, sample_rate)


@pytest.fixture
async def start_content(start_service, monkeypatch):
    monkeypatch.setattr("lantoa_content.main.SoundWorker", SoundHere)

    async def start(**overrides):
        quiet = {
            "speech_command": (sys.executable, str(WORKER)),
            "public_url": "http://127.0.0.1:9",
            "confirm_seconds": 3600.0,
        }
        return await start_service("content", ContentSettings, build, INDEXES, **(quiet | overrides))

    return start


@pytest.fixture
async def open_office(start_content, events):
    async def opened(**overrides):
        made = Office(await start_content(**overrides), events)
        await made.unit(PROVINCE, "Tỉnh Vĩnh Long", (PROVINCE,))
        await made.unit(COMMUNE, "Xã Cầu Kè", (PROVINCE, COMMUNE))
        await made.unit(OTHER, "Xã Tam Ngãi", (PROVINCE, OTHER))
        await made.unit(ENDED, "Xã Hòa Ân", (ENDED,), valid_to=date(2025, 6, 30), successor_ids=(COMMUNE,))

        async def known():
            return await made.running.service.db["units"].count({}) == 4

        await eventually(known)
        return made

    return opened


@pytest.fixture
async def office(open_office):
    return await open_office()


class Street:
    """The public address: passes on what a stranger asks the service for, or what a test makes of it."""

    def __init__(self) -> None:
        self.target = ""
        self.tamper: Callable[[int, bytes], web.Response] | None = None
        self.alerts: Callable[[str], bytes] | None = None
        self.asked: list[web.BaseRequest] = []
        self.session = ClientSession(auto_decompress=False)
        self.open = asyncio.Event()
        self.open.set()

    async def answer(self, request: web.BaseRequest) -> web.Response:
        if request.path.startswith("/api/v1/alert/"):
            return web.Response(body=self.alerts(request.path)) if self.alerts else web.Response(status=503)
        self.asked.append(request)
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        address = self.target + request.path_qs
        async with self.session.request(request.method, address, headers=headers, allow_redirects=False) as answer:
            body = await answer.read()
            await self.open.wait()
            if self.tamper:
                return self.tamper(answer.status, body)
            kept = {n: v for n, v in answer.headers.items() if n.lower() not in ("content-length", "server", "date")}
            return web.Response(status=answer.status, body=body, headers=kept)


@pytest.fixture
async def street():
    """A public address of one's own; `url` is where it is."""
    made = Street()
    server = TestServer(made.answer)
    await server.start_server()
    made.url = str(server.make_url("")).rstrip("/")
    yield made
    await server.close()
    await made.session.close()


@dataclass
class Newsroom(Office):
    """An office without a voice: what it publishes comes as events, and strangers read it on the street."""

    street: Street = field(default_factory=Street)

    async def publish(self, title: str = "Tin mới", body: str = "Nội dung của tin.", **fields: Any) -> ItemApproved:
        """An approval of a web page and a sound, as content itself would say it."""
        event = await self.approval(title, body, **fields)
        await self.events.publish(ITEM_APPROVED, event)
        await self.live(event)
        return event

    async def publish_many(self, titles: Sequence[str], **fields: Any) -> list[str]:
        """Posts one second apart, the last the newest, as copies of one that was published; their items' ids."""
        posts, made = self.running.service.db["posts"], []
        first = await self.live(await self.publish(**fields))
        await posts.delete_one({"_id": first["_id"]})
        for number, title in enumerate(titles):
            at = first["published_at"] - timedelta(seconds=len(titles) - number)
            item_id = new_id(at)
            own = {"_id": f"web-{item_id}-1", "item_id": item_id, "title": title}
            await posts.insert_one(first | own | {"published_at": at, "first_published_at": at})
            made.append(item_id)
        return made

    async def live(self, event: ItemApproved) -> Any:
        async def there() -> Any:
            return await self.running.service.db["posts"].find_one({"_id": f"web-{event.item_id}-{event.revision}"})

        return await eventually(there)

    async def approval(self, title: str = "Tin mới", body: str = "Nội dung của tin.", **fields: Any) -> ItemApproved:
        now, blobs = Clock().now(), self.running.service.blobs
        language = fields.get("language", "vi")
        page = web_page(title, body, "Xã Cầu Kè", "Thứ Sáu, ngày 10 tháng 10 năm 2025", language)
        page_ref = await blobs.put(page.encode(), "text/html; charset=utf-8")
        sound_ref = await blobs.put(b"OggS" + title.encode(), "audio/ogg")
        values = {
            "item_id": new_id(now),
            "ver": 4,
            "revision": 1,
            "approval_sha256": "a" * 64,
            "title": title,
            "priority": "normal",
            "unit_id": COMMUNE,
            "tasks": ("08",),
            "topic": "skills",
            "language": language,
            "renditions": (
                Rendition(kind="audio", blob=sound_ref, seconds=65.0, lufs=-16.0, voice="vi-vn-x-south"),
                Rendition(kind="web", blob=page_ref),
            ),
            "author_id": "p-lan",
            "approver_id": "p-phuoc",
            "approved_at": now,
        }
        return ItemApproved(**{**values, **fields})

    async def withdraw(self, event: ItemApproved, reason: str = "withdrawn") -> ItemWithdrawn:
        """What content says when an approval ends."""
        told = ItemWithdrawn(
            item_id=event.item_id,
            ver=event.ver + 1,
            revision=event.revision,
            unit_id=event.unit_id,
            reason=reason,
            at=Clock().now(),
        )
        await self.events.publish(ITEM_WITHDRAWN, told)
        return told

    async def get(self, path: str, **headers: str) -> tuple[int, str, Mapping[str, str]]:
        """What a stranger gets under the public address."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.running.session.get(self.street.url + path, headers=sent, allow_redirects=False) as answer:
            return answer.status, (await answer.read()).decode(errors="replace"), answer.headers


@pytest.fixture
async def newsroom(open_office, street, monkeypatch):
    # The first look at a feed of notices that is not there would change pages in the middle of a test.
    monkeypatch.setattr("lantoa_content.main._NOTICES_SECONDS", 3600.0)

    async def opened(**overrides):
        quiet = {"speech_command": ("/nonexistent",), "public_url": street.url}
        office = await open_office(**(quiet | overrides))
        street.target = office.running.url
        return Newsroom(office.running, office.events, street=street)

    return opened
