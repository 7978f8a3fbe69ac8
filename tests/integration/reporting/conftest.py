"""Events of a device that signs its proofs, and a running service."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lantoa_contracts.device import AiredProof, DisplayedProof
from lantoa_contracts.events.broadcast import AiringConfirmed
from lantoa_contracts.events.content import PostConfirmed
from lantoa_contracts.events.contest import AttemptAccepted
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.events.signboard import DisplayConfirmed
from lantoa_contracts.receipts import attempt_receipt
from lantoa_reporting.adapters import INDEXES
from lantoa_reporting.main import build
from lantoa_runtime.http import Caller, Grant
from lantoa_runtime.settings import RuntimeSettings
from lantoa_signing.nkey import device_id, new_seed, public_of, sign_with_seed

PLAN_FILE = Path(__file__).parents[3] / "demo" / "plan75.json"


@dataclass
class SigningDevice:
    """A device whose every airing and display is signed with its own key."""

    seed: str
    unit_id: str = "u-cau-ke"

    @property
    def public(self) -> str:
        return public_of(self.seed)

    @property
    def id(self) -> str:
        return device_id(self.public)

    def _parts(self, number: int, started_at: datetime, seconds: float, tasks: tuple[str, ...]) -> tuple[dict, dict]:
        shared = {
            "device_id": self.id,
            "entry_id": f"e-{number}",
            "item_id": f"i-{number % 7}",
            "revision": 1,
            "started_at": started_at,
            "ended_at": started_at + timedelta(seconds=seconds),
            "seconds": seconds,
        }
        told = {
            "ver": 1,
            "unit_id": self.unit_id,
            "title": f"Bản tin số {number}",
            "priority": "normal",
            "tasks": tasks,
            "topic": "skills",
            "device_public_key": self.public,
        }
        return shared, told

    def aired(
        self, number: int, started_at: datetime, seconds: float = 60.0, tasks: tuple[str, ...] = ("08",)
    ) -> AiringConfirmed:
        shared, told = self._parts(number, started_at, seconds, tasks)
        media = {"session_id": "s-1", "audio_sha256": f"{number:064x}"}
        proof = AiredProof(
            **shared, **media, local_id=f"e-{number}.1", outcome="aired", rundown_sha256="c" * 64, planned_at=started_at
        )
        document = sign_with_seed(self.seed, proof.model_dump_json())
        return AiringConfirmed(airing_id=f"{self.id}:e-{number}", **shared, **media, **told, proof=document)

    def displayed(
        self, number: int, started_at: datetime, seconds: float = 10.0, tasks: tuple[str, ...] = ("08",)
    ) -> DisplayConfirmed:
        shared, told = self._parts(number, started_at, seconds, tasks)
        media = {"slide_sha256": f"{number:064x}"}
        proof = DisplayedProof(**shared, **media, local_id=f"e-{number}.1", rundown_sha256="c" * 64)
        document = sign_with_seed(self.seed, proof.model_dump_json())
        return DisplayConfirmed(display_id=f"{self.id}:e-{number}", **shared, **media, **told, proof=document)


@pytest.fixture
def device() -> Callable[..., SigningDevice]:
    """The n-th device, standing in a unit."""
    return lambda number=1, unit_id="u-cau-ke": SigningDevice(new_seed(bytes([number]) * 32), unit_id)


@pytest.fixture
def posted() -> Callable[..., PostConfirmed]:
    """The n-th post of a unit, seen as it was approved."""

    def make(
        number: int, unit_id: str, published_at: datetime, tasks: tuple[str, ...] = ("08",), ver: int = 2
    ) -> PostConfirmed:
        return PostConfirmed(
            post_id=f"web-i-{number}-1",
            ver=ver,
            channel="web",
            item_id=f"i-{number}",
            revision=1,
            title=f"Bản tin số {number}",
            priority="normal",
            unit_id=unit_id,
            tasks=tasks,
            topic="skills",
            language="vi",
            url=f"https://lantoa.example.vn/tin/i-{number}",
            approval_sha256=f"{number:064x}",
            page_sha256="d" * 64,
            published_at=published_at,
            confirmed_at=published_at + timedelta(seconds=3),
        )

    return make


@pytest.fixture
def attempted() -> Callable[..., AttemptAccepted]:
    """The n-th attempt, sealed with its receipt."""

    def make(number: int, unit_id: str, submitted_at: datetime, tasks: tuple[str, ...] = ("10",)) -> AttemptAccepted:
        told = AttemptAccepted(
            attempt_id=f"attempt-{number}",
            ver=1,
            contest_id="q-1",
            title="Tìm hiểu an toàn trên mạng",
            contest_unit_id="u-vinh-long",
            unit_id=unit_id,
            tasks=tasks,
            topic="security",
            entrant=f"{number:064x}",
            score=number % 4,
            max_score=3,
            started_at=submitted_at - timedelta(minutes=3),
            submitted_at=submitted_at,
            rules_sha256="e" * 64,
            answer_key_sha256="f" * 64,
            receipt="0" * 64,
        )
        return told.model_copy(update={"receipt": attempt_receipt(told.model_dump(mode="json"))})

    return make


@pytest.fixture
def unit() -> Callable[..., UnitChanged]:
    """A unit's state as the directory tells it; one with successors ended with June 2025."""

    def make(
        unit_id: str,
        name: str,
        path: tuple[str, ...],
        kind: str = "commune",
        ver: int = 1,
        successors: tuple[str, ...] = (),
    ) -> UnitChanged:
        return UnitChanged(
            unit_id=unit_id,
            ver=ver,
            code="1",
            name=name,
            kind=kind,
            path=path,
            valid_from=None,
            valid_to=date(2025, 6, 30) if successors else None,
            successor_ids=successors,
        )

    return make


@pytest.fixture
def caller() -> Callable[..., Caller]:
    """Somebody with one grant."""
    return lambda role, unit_id: Caller("p-1", "Võ Thị Thu Hà", (Grant(role, unit_id),))


@pytest.fixture
def plan_file() -> dict[str, Any]:
    """The plan as the demo has it."""
    return json.loads(PLAN_FILE.read_text())


@pytest.fixture
async def reporting(start_service):
    """The running service."""
    return await start_service("reporting", RuntimeSettings, build, INDEXES)
