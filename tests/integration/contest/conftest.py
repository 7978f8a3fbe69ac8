"""A province with a contest, citizens with browsers, and a clock that can be moved on."""

import re
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from lantoa_contest.main import build
from lantoa_contest.settings import ContestSettings
from lantoa_contest.usecases.stored import INDEXES
from lantoa_contracts import catalogue
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.policy import EVERYWHERE, SYSTEM
from lantoa_runtime.http import Caller
from lantoa_runtime.http.auth import HEADER, Grant
from lantoa_testing import eventually
from lantoa_testing.plugin import EventProbe, Running, StartService, token_for

QUESTIONS = [
    {"prompt": "Ai được biết mã OTP?", "options": ["Không ai cả", "Công an", "Ngân hàng"], "right": 0},
    {
        "prompt": "Gặp đường dẫn lạ thì làm gì?",
        "prompt_km": "ជួបតំណចម្លែក ត្រូវធ្វើអ្វី?",
        "options": ["Bấm ngay", "Gửi bạn bè", "Không bấm, báo công an", "Trả lời"],
        "right": 2,
    },
    {"prompt": "Mật khẩu tốt?", "options": ["123456", "Dài và khác nhau", "Ngày sinh"], "right": 1},
]
RIGHT = {question["prompt"]: question["options"][question["right"]] for question in QUESTIONS}
ANONYMOUS = Caller("anonymous", "")


@dataclass
class Shown:
    """A page as a browser got it."""

    status: int
    text: str
    headers: Any

    @property
    def fields(self) -> dict[str, list[str]]:
        """Values of its radio buttons, by name."""
        found: dict[str, list[str]] = {}
        for name, value in re.findall(r'<input type="radio" name="(\w+)" value="(\w+)"', self.text):
            found.setdefault(name, []).append(value)
        return found


@dataclass
class Province:
    """The service, units that no other test uses, and everything that it said."""

    running: Running
    events: EventProbe
    RIGHT = RIGHT
    OPERATOR = Caller("operator", "Người vận hành", (Grant(SYSTEM, EVERYWHERE),))
    root: str = field(default_factory=lambda: f"u-{secrets.token_hex(4)}")
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.commune = f"{self.root}-xa"
        self.ward = f"{self.root}-phuong"
        self.gone = f"{self.root}-cu"
        self.body = f"{self.root}-so"
        self.approver = self.staff("approver")

    def staff(self, role: str, unit_id: str | None = None) -> Caller:
        return Caller(f"p-{role}", "Võ Thị Thu Hà", (Grant(role, unit_id or self.root),))

    @staticmethod
    def citizen() -> Caller:
        return Caller(f"c-{secrets.token_hex(10)}", "09•• ••• 123", citizen=True)

    # -- time and territory ------------------------------------------------------------------------------------------

    def travel(self, **by: float) -> None:
        """Move the service's clock."""
        self.running.service.clock._shift += timedelta(**by)

    def stop_the_clock(self) -> None:
        """From here on the service's time passes by :meth:`travel` alone."""
        clock = self.running.service.clock
        stopped = clock.now() - clock._shift
        clock.now = lambda: stopped + clock._shift

    async def settle(self) -> None:
        """Tell the service of the units and wait until it knows them."""
        units = [
            (self.root, "province", [self.root], None),
            (self.commune, "commune", [self.root, self.commune], None),
            (self.ward, "ward", [self.root, self.ward], None),
            (self.gone, "town", [self.root, self.gone], "2025-06-30"),
            (self.body, "body", [self.root, self.body], None),
        ]
        for unit_id, kind, path, valid_to in units:
            unit = {"unit_id": unit_id, "ver": 1, "code": "29236", "name": f"Tên {unit_id}", "kind": kind, "path": path}
            event = UnitChanged.model_validate({**unit, "valid_from": None, "valid_to": valid_to})
            await self.events.publish(catalogue.UNIT_CHANGED, event)

        async def known() -> bool:
            return await self.running.service.db["units"].count({"path": self.root}) == len(units)

        await eventually(known)

    # -- apps --------------------------------------------------------------------------------------------------------

    async def call(self, method: str, path: str, caller: Caller = ANONYMOUS, json: Any = None, **headers: str) -> Any:
        """Status and answer of the JSON API."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        status, answer, _ = await self.running.call(method, path, caller, json, headers=sent)
        self.said.append(str(answer))
        return status, answer

    def draft(self, **changes: Any) -> dict[str, Any]:
        now = self.running.service.clock.now()
        return {
            "id": f"thi-{secrets.token_hex(5)}",
            "title": "An toàn trên không gian mạng",
            "title_en": "Safe online",
            "unit_id": self.root,
            "tasks": ["01", "06"],
            "topic": "security",
            "opens_at": (now + timedelta(minutes=1)).isoformat(),
            "closes_at": (now + timedelta(days=1)).isoformat(),
            "minutes": 10,
            "rules": "Mỗi người dự thi một lượt.\nKhông sao chép bài.",
            "tie_breaks": "Ai làm nhanh hơn xếp trên.",
            "questions": QUESTIONS,
            **changes,
        }

    async def create(self, **changes: Any) -> dict[str, Any]:
        key = secrets.token_hex(8)
        status, made = await self.call("POST", "/contests", self.approver, self.draft(**changes), Idempotency_Key=key)
        assert status == 201, made
        return made

    async def published(self, **changes: Any) -> str:
        """A contest that opens in a minute; its id."""
        made = await self.create(**changes)
        address = f"/contests/{made['id']}/publish"
        status, shown = await self.call("POST", address, self.approver, If_Match=f'"{made["ver"]}"')
        assert (status, shown["state"]) == (200, "published")
        return str(made["id"])

    async def open(self, **changes: Any) -> str:
        """A contest that is open; its id."""
        contest_id = await self.published(**changes)
        self.travel(seconds=61)
        return contest_id

    async def start(self, contest_id: str, caller: Caller) -> Any:
        status, attempt = await self.call("POST", f"/contests/{contest_id}/attempts", caller, {"unit_id": self.commune})
        assert status == 200, attempt
        return attempt

    async def submit(self, contest_id: str, caller: Caller, answers: Any) -> Any:
        return await self.call("POST", f"/contests/{contest_id}/attempts/mine/submit", caller, {"answers": answers})

    @staticmethod
    def right(attempt: Any, wrong: int = 0) -> list[int]:
        """Choices for a paper, the first ``wrong`` of them wrong."""
        places = [one["options"].index(RIGHT[one["prompt"]]) for one in attempt["questions"]]
        return [(at + 1) % 3 if n < wrong else at for n, at in enumerate(places)]

    # -- browsers ----------------------------------------------------------------------------------------------------

    async def browse(self, path: str, caller: Caller = ANONYMOUS, form: Any = None, **headers: str) -> Shown:
        """A page, or the answer to a form; redirects are not followed."""
        sent = {HEADER: token_for(self.running.ring, caller, "contest"), **headers}
        data = None
        if form is not None:
            data = form if isinstance(form, bytes) else urlencode(form)
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        method, url = "GET" if form is None else "POST", self.running.url + path
        async with self.running.session.request(
            method, url, data=data, headers=sent, allow_redirects=False
        ) as response:
            text = await response.text()
            self.said.append(text + str(response.headers))
            return Shown(response.status, text, response.headers)


@pytest.fixture
def patience() -> float:
    """Seconds that an entrant waits for the stream: more than a busy machine needs."""
    return 60.0


@pytest.fixture
async def province(start_service: StartService, events: EventProbe, patience: float) -> Province:
    running = await start_service("contest", ContestSettings, build, INDEXES, ack_seconds=patience)
    made = Province(running, events)
    await made.settle()
    return made
