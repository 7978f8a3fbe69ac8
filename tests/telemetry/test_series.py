"""What /metrics has grows with the code, never with the province."""

import asyncio
import re
import secrets
from datetime import UTC, datetime, timedelta

from conftest import COMMUNE, TECHNICIAN

from lantoa_contracts import catalogue
from lantoa_contracts.device import Ack, AiredProof, Alarm, Heartbeat
from lantoa_contracts.events.broadcast import AiringConfirmed
from lantoa_reporting.adapters import INDEXES as REPORTING_INDEXES
from lantoa_reporting.main import build as build_reporting
from lantoa_runtime.settings import RuntimeSettings
from lantoa_signing import nkey
from lantoa_testing import eventually
from lantoa_testing.patience import stop_clock

FEW, MANY = 10, 200
MORNING = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)


async def series(running):
    async with running.session.get(f"{running.url}/metrics") as answer:
        text = await answer.text()
    return set(re.findall(r"^(lantoa_\w+(?:\{[^}]*\})?) ", text, re.MULTILINE))


async def run_jobs(*services):
    """Each leaves the series of its operations, whether its own time comes before the first look or after it."""
    for running in services:
        for name, _, job in running.service._all_jobs():
            if name != "lease":  # Two turns of one holder at once would look like a loss.
                await job()


async def test_series_of_fleet_and_broadcast_are_the_same_for_ten_and_for_two_hundred_devices(
    start_network, monkeypatch
):
    """Devices report and prove; what they prove is refused, which takes the longest way through the metrics."""
    network = await start_network()
    stop_clock(network.fleet.service, monkeypatch)  # An hour that ended between the two looks would be written down.
    client, documents = network.events.client, network.fleet.service.db["devices"]

    async def live(device_id):
        fields = {"kind": "radio", "state": "accepted", "claim_code": device_id, "unit_id": COMMUNE, "name": "Loa"}
        fields |= {"path": [COMMUNE], "alarms": [], "seq": 9, "online": True, "last_seen": MORNING}
        await documents.insert_one({"_id": device_id, "ver": 1, **fields})
        for spec, body in ((catalogue.DEVICE_REPORTED, b"{}"), (catalogue.DEVICE_AIRED, b"{}")):
            await client.jetstream().publish(spec.subject.replace("*", device_id), body)
        refusal = {"local_id": "s.1", "code": "signature_refused", "at": MORNING, "reasons": {device_id: 1, "old": 2}}
        alarm = Alarm.model_validate(refusal).model_dump_json().encode()
        await client.jetstream().publish(catalogue.DEVICE_ALARM.subject.replace("*", device_id), alarm)
        ack = Ack(local_id="x", ref=f"cmd-{device_id}", stage="finished", at=MORNING)
        await client.jetstream().publish(
            catalogue.DEVICE_ACK.subject.replace("*", device_id), ack.model_dump_json().encode()
        )
        beat = Heartbeat(at=MORNING, version="1", state="idle", desired_seq=1)
        for _ in range(2):
            await client.publish(f"dev.up.{device_id}.hb", beat.model_dump_json().encode())

    async def asked(device_id):
        await network.fleet.call("GET", f"/devices/{device_id}", TECHNICIAN)
        await network.fleet.call("GET", f"/nowhere/{device_id}", TECHNICIAN)

    async def watch_is_kept():
        """What only the holder of the lease does was done, and the lease was kept."""
        await run_jobs(network.fleet, network.broadcast)
        told = " ".join(await series(network.fleet))
        done = (
            'collection="states",le="+Inf",operation="replace_one"',
            'collection="leases",le="+Inf",operation="update_one"',
        )
        return all(one in told for one in done)

    async def state(count):
        ids = [f"d-{secrets.token_hex(8)}" for _ in range(count)]
        for start in range(0, count, 25):
            await asyncio.gather(*(live(device_id) for device_id in ids[start : start + 25]))
        await asyncio.gather(*map(asked, ids[:FEW]))  # Each of them would be a series of its own, were an id a label.
        for spec in (catalogue.DEVICE_REPORTED, catalogue.DEVICE_ALARM, catalogue.DEVICE_ACK):
            await network.events.handled(spec, "fleet")
        await network.events.handled(catalogue.DEVICE_AIRED, "broadcast")
        await eventually(watch_is_kept, every=0.2)
        await run_jobs(network.fleet, network.broadcast)
        return await series(network.fleet), await series(network.broadcast)

    few = await state(FEW)
    many = await state(MANY - FEW)

    assert [sorted(after - before) for before, after in zip(few, many, strict=True)] == [[], []]
    assert await documents.count({}) == MANY


async def test_series_of_reporting_are_the_same_for_the_evidence_of_ten_and_of_two_hundred_devices(
    start_service, events
):
    running = await start_service("reporting", RuntimeSettings, build_reporting, REPORTING_INDEXES)

    def confirmed(number):
        seed = nkey.new_seed(secrets.token_bytes(32))
        public = nkey.public_of(seed)
        shared = {
            "device_id": nkey.device_id(public),
            "entry_id": f"e-{number}",
            "item_id": "i-1",
            "revision": 1,
            "session_id": "s-1",
            "audio_sha256": "a" * 64,
            "started_at": MORNING,
            "ended_at": MORNING + timedelta(seconds=60),
            "seconds": 60.0,
        }
        proof = AiredProof(
            **shared, local_id=f"e-{number}.1", outcome="aired", rundown_sha256="c" * 64, planned_at=MORNING
        )
        told = {
            "ver": 1,
            "unit_id": COMMUNE,
            "title": "Bản tin",
            "priority": "normal",
            "tasks": ("08",),
            "topic": "skills",
        }
        return AiringConfirmed(
            airing_id=f"{shared['device_id']}:e-{number}",
            **shared,
            **told,
            device_public_key=public,
            proof=nkey.sign_with_seed(seed, proof.model_dump_json()),
        )

    async def state(numbers):
        for start in range(0, len(numbers), 50):
            batch = [confirmed(number) for number in numbers[start : start + 50]]
            await asyncio.gather(*(events.publish(catalogue.AIRING_CONFIRMED, event) for event in batch))
        await events.handled(catalogue.AIRING_CONFIRMED, "reporting")
        return await series(running)

    few = await state(range(FEW))
    many = await state(range(FEW, MANY))

    assert sorted(many - few) == []
    assert await running.service.db["facts"].count({}) == MANY
