"""A province with devices, two people who may alert it, and ears that hear what devices hear."""

import secrets
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from lantoa_alert.main import build
from lantoa_alert.settings import AlertSettings
from lantoa_contracts.base import SignedDocument
from lantoa_contracts.catalogue import DEVICE_ACK, DEVICE_CLAIMED, DEVICE_GROUPED, UNIT_CHANGED
from lantoa_contracts.device import Ack, AlertOrder
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.events.fleet import DeviceClaimed, DeviceGrouped
from lantoa_runtime.http import Caller
from lantoa_runtime.http.auth import Grant
from lantoa_signing.documents import KeySet
from lantoa_testing import eventually
from lantoa_testing.plugin import EventProbe, Running, StartService
from lantoa_testing.servers import NatsServer

ROOT = Path(__file__).parents[3]
WORKER = (sys.executable, str(ROOT / "workers/speech/speech_worker.py"))
NOWHERE = "mongodb://127.0.0.1:1/"
"""No test of this service has a database."""
PROVINCE, CAU_KE, TRA_CU = "u-86", "u-cau-ke", "u-tra-cu"


def person(name: str, role: str = "approver", unit: str = PROVINCE, since: float | None = 0.0) -> Caller:
    """Somebody who signed in ``since`` seconds ago."""
    signed_in_at = None if since is None else int(time.time() - since)
    return Caller(f"p-{name}", name, (Grant(role, unit),), signed_in_at=signed_in_at)


@dataclass
class Ears:
    """Everything that devices are told, as they hear it, checked as they check it."""

    keys: KeySet
    heard: list[tuple[str, bytes]] = field(default_factory=list)

    async def listen(self, client: Client) -> None:
        async def hear(message: Msg) -> None:
            self.heard.append((message.subject, bytes(message.data)))

        for subject in ("dev.bc.>", "dev.dn.*.alert"):
            await client.subscribe(subject, cb=hear)
        await client.flush()

    def orders(self, subject: str) -> list[AlertOrder]:
        found = []
        for said, body in self.heard:
            if said == subject:
                text = self.keys.verify(SignedDocument.model_validate_json(body), "alert")
                found.append(AlertOrder.model_validate_json(text))
        return found

    async def order(self, subject: str, *, says: int) -> AlertOrder:
        """The newest order on a subject once it says so many notices."""

        def fits() -> AlertOrder | None:
            orders = self.orders(subject)
            return orders[-1] if orders and len(orders[-1].notices) == says else None

        found = await eventually(fits)
        assert isinstance(found, AlertOrder)
        return found

    def sound(self, scope: str, sha256: str) -> bytes:
        """The parts of a sound as they came, in their order."""
        prefix = f"dev.bc.{scope}.sound.{sha256}."
        parts = {int(subject.removeprefix(prefix)): body for subject, body in self.heard if subject.startswith(prefix)}
        return b"".join(parts[number] for number in sorted(parts))


@dataclass
class Province:
    """The alert service and all around it."""

    running: Running
    events: EventProbe
    ears: Ears
    start_service: StartService
    nats: NatsServer
    options: dict[str, Any]

    async def second(self) -> Running:
        """Another process of the service, on the same buckets."""
        return await self.start_service("alert", AlertSettings, build, **self.options)

    async def unit(self, unit_id: str, *path: str, name: str = "") -> None:
        await self.events.publish(
            UNIT_CHANGED,
            UnitChanged(
                unit_id=unit_id,
                ver=1,
                code="1",
                name=name or unit_id,
                kind="commune",
                path=(*path, unit_id),
                valid_from=None,
                valid_to=None,
            ),
        )

    async def device(self, device_id: str, unit_id: str, *groups: str, ver: int = 1) -> None:
        claimed = DeviceClaimed(
            device_id=device_id,
            ver=ver,
            kind="radio",
            name=f"Cụm loa {device_id}",
            unit_id=unit_id,
            public_key="U" + "A" * 55,
            claimed_by="p-tech",
            at=datetime.now(UTC),
        )
        await self.events.publish(DEVICE_CLAIMED, claimed)
        if groups:
            grouped = DeviceGrouped(device_id=device_id, ver=ver + 1, groups=groups, at=datetime.now(UTC))
            await self.events.publish(DEVICE_GROUPED, grouped)

    async def settle(self, devices: int) -> None:
        """Wait until the service knows its units and so many devices."""
        roster = self.running.service.app.state.roster
        await eventually(lambda: len([d for d in roster.devices.values() if d.active]) == devices and roster.units)

    async def ack(self, device_id: str, ref: str, stage: str) -> None:
        ack = Ack(local_id=f"{ref}.{stage}", ref=ref, stage=stage, at=datetime.now(UTC))
        await self.events.publish_device(DEVICE_ACK, device_id, ack.model_dump_json().encode())

    async def ask(self, who: Caller, key: str | None = None, **changed: Any) -> tuple[int, Any]:
        body = {
            "status": "actual",
            "severity": "severe",
            "headline": "Triều cường vượt báo động 3",
            "texts": {"vi": "Bà con ven sông đưa người già, trẻ em lên chỗ cao."},
            "scopes": [CAU_KE],
            "minutes": 60,
            "speak": False,
            **changed,
        }
        headers = {"Idempotency-Key": key or secrets.token_hex(8)}
        status, answer, _ = await self.running.call("POST", "/notices", who, json=body, headers=headers)
        return status, answer

    async def step(self, who: Caller, notice_id: str, step: str, body: Any = None) -> tuple[int, Any]:
        sent = body if body is not None or step != "confirm" else {"ver": 1}
        status, answer, _ = await self.running.call("POST", f"/notices/{notice_id}/{step}", who, json=sent)
        return status, answer

    async def issue(self, **changed: Any) -> Any:
        """A notice that one person asks for and another confirms."""
        status, asked = await self.ask(person("hung"), **changed)
        assert status == 201, asked
        status, issued = await self.step(person("son"), asked["id"], "confirm", {"ver": 1})
        assert status == 200, issued
        assert issued["pending"] == []
        return issued

    async def get(self, path: str, who: Caller | None = None) -> Any:
        status, answer, _ = await self.running.call("GET", path, who or person("hung"))
        assert status == 200, answer
        return answer
