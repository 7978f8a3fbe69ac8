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

FEW, MANY = 10, 1000
MORNING = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)


async def series(running):
    async with running.session.get(f"{running.url}/metrics") as answer:
        text = await answer.text()
    return set(re.findall(r"^(lantoa_\w+(?:\{[^}]*\})?) ", text, re.MULTILINE))


async def handled(client, *durables):
    """Everything published for these durables is answered."""

    async def nothing_left():
        infos = [await client.jetstream().consumer_info(stream, durable) for stream, durable in durables]
        return not any(info.num_pending or info.num_ack_pending for info in infos)

    await eventually(nothing_left, timeout=60, every=0.2)


async def test_series_of_fleet_and_broadcast_are_the_same_for_ten_and_for_a_thousand_devices(start_network):
    """Devices report and prove; what they prove is refused, which takes the longest way through the metrics."""
    network = await start_network()
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

    async def jobs_have_run():
        """Those of fleet: each leaves the series of its operations."""
        found = await series(network.fleet)
        wanted = (("states", "replace_one"), ("devices", "count"), ("updates", "find"), ("orders", "find"))
        names = {f'lantoa_mongo_seconds_count{{collection="{name}",operation="{what}"}}' for name, what in wanted}
        return names <= found

    async def state(count):
        ids = [f"d-{secrets.token_hex(8)}" for _ in range(count)]
        for start in range(0, count, 25):
            await asyncio.gather(*(live(device_id) for device_id in ids[start : start + 25]))
        await asyncio.gather(*map(asked, ids[:FEW]))  # Each of them would be a series of its own, were an id a label.
        await handled(
            client,
            ("REPORTED", catalogue.DEVICE_REPORTED.durable("fleet")),
            ("ACK", catalogue.DEVICE_AIRED.durable("broadcast")),
            ("ACK", catalogue.DEVICE_ALARM.durable("fleet")),
            ("ACK", catalogue.DEVICE_ACK.durable("fleet")),
        )
        await eventually(jobs_have_run, timeout=60, every=0.5)
        return await series(network.fleet), await series(network.broadcast)

    few = await state(FEW)
    many = await state(MANY - FEW)

    assert [sorted(after - before) for before, after in zip(few, many, strict=True)] == [[], []]
    assert await documents.count({}) == MANY


async def test_series_of_reporting_are_the_same_for_the_evidence_of_ten_and_of_a_thousand_devices(
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
        await handled(events.client, ("EVT", catalogue.AIRING_CONFIRMED.durable("reporting")))
        return await series(running)

    few = await state(range(FEW))
    many = await state(range(FEW, MANY))

    assert sorted(many - few) == []
    assert await running.service.db["facts"].count({}) == MANY
