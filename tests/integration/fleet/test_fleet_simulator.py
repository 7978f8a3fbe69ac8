"""Simulated devices against a real fleet, callout and server: they live like real ones."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.device import AlertNotice, AlertOrder
from lantoa_signing.documents import SigningKey, open_key_set, unb64
from lantoa_testing import eventually
from lantoa_testing.simulator.device import SimulatedDevice, Trust
from lantoa_testing.simulator.fleet import SimulatedFleet
from lantoa_testing.simulator.pace import Pace, Tally, Who
from lantoa_testing.simulator.receiver import SimulatedReceiver

RADIOS, RECEIVERS = 50, 5
QUICK = Pace(heartbeat_s=0.5, reconcile_s=1.0, reconnect_min_s=0.05, reconnect_max_s=0.3, ack_within_s=0.1, play_s=0.2)


@dataclass
class Field:
    """The simulated devices of a test, and what each has verified."""

    fleet: Any
    sim: SimulatedFleet
    tally: Tally
    verified: list[tuple[str, str]] = field(default_factory=list)

    async def alert(self, scope: str, seq: int, status: str = "actual", key: bytes | None = None) -> str:
        """Sign an order with one notice and put it into its bucket, which republishes it; the notice's id."""
        now, notice_id = datetime.now(UTC), f"ntc-{secrets.token_hex(4)}"
        notice = AlertNotice.model_validate(
            {
                "notice_id": notice_id, "ver": 1, "status": status, "severity": "extreme", "headline": "Bão",
                "texts": {"vi": "Bão khẩn cấp"}, "issued_at": now, "expires_at": now + timedelta(hours=1),
            }
        )  # fmt: skip
        order = AlertOrder(aud=scope, seq=seq, iat=now, exp=now + timedelta(hours=1), notices=(notice,))
        signed = SigningKey(key or self.fleet.nats.ring.alert_file.read_bytes()).sign(order.model_dump_json())
        await self.fleet.platform.jetstream().publish(f"$KV.alert.{scope}.alert", signed.model_dump_json().encode())
        return notice_id

    def who_verified(self, notice_id: str) -> list[str]:
        return [device_id for device_id, heard in self.verified if heard == notice_id]


MakeField = Callable[[int, int], Any]


@pytest.fixture
def make_field(fleet: Any) -> MakeField:
    @asynccontextmanager
    async def make(radios: int, receivers: int) -> AsyncIterator[Field]:
        ring, tally = fleet.nats.ring, Tally()
        keys = open_key_set(SignedDocument.model_validate_json(ring.key_set_file.read_bytes()), unb64(ring.root_public))
        trust = Trust(keys, (fleet.nats.url,))
        claimed = [await fleet.claimed("u-1") for _ in range(radios + receivers)]
        devices: list[Any] = [
            SimulatedDevice(Who(device.id, "radio", device.seed), trust, QUICK, tally) for device in claimed[:radios]
        ]
        for device in claimed[radios:]:
            who = Who(device.id, "radio", await fleet.token(device))
            devices.append(SimulatedReceiver(who, "127.0.0.1", fleet.nats.plan.mqtt_port, QUICK, tally))
        made = Field(fleet, SimulatedFleet(devices, tally), tally)

        def note(device_id: str, order: AlertOrder) -> None:
            made.verified.extend((device_id, notice.notice_id) for notice in order.notices)

        tally.on_verified = note
        async with made.sim.running():
            yield made

    return make


async def test_fifty_radios_and_five_receivers_come_up_obey_and_answer(make_field: MakeField, fleet: Any) -> None:
    async with make_field(RADIOS, RECEIVERS) as field_:
        everybody = RADIOS + RECEIVERS
        await eventually(lambda: field_.tally.in_sync == everybody, 60)

        async def known_online() -> bool:
            listed = int(await fleet.documents.count({"online": True}))
            return listed == field_.tally.connected == everybody

        await eventually(known_online)

        notice = await field_.alert("unit.u-1", 1)
        stages = field_.tally.alerts
        wanted = {"verified": RADIOS, "received": RECEIVERS, "playing": everybody, "finished": everybody}
        await eventually(lambda: stages == wanted, 60)
        assert sorted(field_.who_verified(notice)) == sorted(device.who.device_id for device in field_.sim.devices)
        assert not field_.tally.refused


async def test_a_moved_device_hears_its_new_unit_and_no_longer_the_old_one(make_field: MakeField, fleet: Any) -> None:
    async with make_field(3, 0) as field_:
        await eventually(lambda: field_.tally.in_sync == 3, 60)
        await fleet.unit("u-2")
        moved = fleet.devices[0]
        await fleet.change(moved, "move", {"unit_id": "u-2"})
        mine = next(device for device in field_.sim.devices if device.who.device_id == moved.id)
        await eventually(lambda: field_.tally.in_sync == 3 and mine.connected and "unit.u-2" in mine.scopes, 60)
        new, old = await field_.alert("unit.u-2", 1), await field_.alert("unit.u-1", 2)
        await eventually(lambda: field_.who_verified(new) == [moved.id])
        await eventually(lambda: len(field_.who_verified(old)) == 2)
        assert moved.id not in field_.who_verified(old)


async def test_a_device_that_was_away_finds_the_order_and_a_forged_one_is_refused(make_field: MakeField) -> None:
    async with make_field(4, 0) as field_:
        await eventually(lambda: field_.tally.in_sync == 4, 60)
        field_.sim.drop(1.0)
        notice = await field_.alert("all", 7, status="test")
        await eventually(lambda: len(field_.who_verified(notice)) == 4, 60)
        await eventually(lambda: field_.tally.alerts["verified"] == 4)
        assert field_.tally.alerts["playing"] == 0

        await eventually(lambda: field_.tally.connected == 4)
        forged = await field_.alert("all", 8, key=os.urandom(32))
        await eventually(lambda: field_.tally.refused["unknown_key"] >= 4)
        assert not field_.who_verified(forged)
        await asyncio.gather(*(field_.alert("all", seq) for seq in (5, 9)))
        await eventually(lambda: len(field_.verified) == 8)
