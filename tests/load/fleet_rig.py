"""A platform for thousands of devices: real servers, fleet, alert and two callouts, and a seeded registry."""

import asyncio
import json
import os
import secrets
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from nats.aio.client import Client
from pymongo import AsyncMongoClient

from lantoa_cli.layout import Layout, Program, checkout, load_layout
from lantoa_cli.servers import answers, free_port
from lantoa_contracts.base import SignedDocument
from lantoa_contracts.catalogue import DEVICE_CLAIMED, UNIT_CHANGED
from lantoa_contracts.envelope import Envelope
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.policy import EVERYWHERE, SYSTEM
from lantoa_fleet.domain.devices import desired_of
from lantoa_runtime.http.auth import HEADER, Caller, Grant
from lantoa_runtime.topology.keys import KeyRing, ensure_keys
from lantoa_signing import nkey
from lantoa_signing.documents import SigningKey
from lantoa_testing.plugin import token_for
from lantoa_testing.processes import ServerProcess, eventually
from lantoa_testing.servers import NatsServer, provision
from lantoa_testing.simulator.pace import Pace

PROVINCE = "u-province"
UNITS = 100
_AT_ONCE = 500
_LOGINS_A_SECOND = 150
_HERE = Path(__file__).parent
TECHNICIAN = Caller("p-tech", "Kỹ thuật viên", (Grant("technician", PROVINCE),))
OWNER = Caller("operator", "Người vận hành", (Grant(SYSTEM, EVERYWHERE),))


@dataclass
class Seeded:
    """Devices of the registry with their keys, where they stand, and what each would read from its bucket."""

    people: list[tuple[str, str]] = field(default_factory=list)
    documents: dict[str, bytes] = field(default_factory=dict)
    paths: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Rig:
    """Processes by name. ``urls`` are where devices connect."""

    def __init__(self, folder: Path, ring: KeyRing | None = None, urls: Sequence[str] = ()) -> None:
        """With ``urls`` the servers are somebody else's, who keeps their keys in ``ring``."""
        self.folder = folder
        self.layout: Layout = load_layout(checkout(), folder / "data", free_ports=True)
        self.ring = ring or ensure_keys(self.layout.ring.folder)
        self.nats = None if urls else NatsServer(self.layout.nats, folder / "nats.log")
        self.urls = tuple(urls) or (self.layout.nats.url,)
        database = self.layout.database
        self.mongo = ServerProcess(
            "mongo", database.command(), lambda: answers(database.port), folder / "mongo.log", os.environ
        )
        self.processes: dict[str, ServerProcess] = {}
        self.ports: dict[str, int] = {}

    # ---- life

    async def start(self) -> None:
        """The servers, with streams, and nothing else yet."""
        if self.nats:
            self.nats.start()
            await provision(self.nats)
        self.mongo.start()

    def stop(self) -> None:
        """End everything."""
        for process in reversed(self.processes.values()):
            process.stop()
        self.mongo.stop()
        if self.nats:
            self.nats.stop()

    def run(self, name: str, **env: str) -> None:
        """Start a service or a callout (``callout-1``, ``callout-2``) as `lantoa up` does, and wait for it."""
        kind = name.split("-")[0]
        program: Program = next(one for one in self.layout.services() if one.name == kind)
        port = self.ports[name] = free_port()
        shared = {
            "LANTOA_HTTP_PORT": str(port),
            "LANTOA_NATS_URL": self.urls[0],
            "LANTOA_NATS_SEED_FILE": str(self.ring.seed_file(kind)),
            "LANTOA_INTERNAL_KEYS_FILE": str(self.ring.internal_keys_file),
            "LANTOA_KEYS_FOLDER": str(self.ring.folder),
            "LANTOA_ALERT_KEY_FILE": str(self.ring.alert_file),
            "LANTOA_FLEET_SNAPSHOT_FILE": str(self.folder / name / "registry.json"),
            "LANTOA_FLEET_DEVICE_NATS_URLS": json.dumps(self.urls),
            "LANTOA_LOG_LEVEL": "WARNING",
        }
        environment = {**os.environ, **program.env, **shared, **env}
        self.processes[name] = ServerProcess(
            name, program.command, lambda: _ready(port), self.folder / f"{name}.log", environment
        )
        self.processes[name].start()

    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        found = {name: process.pid for name, process in self.processes.items()} | {"mongo": self.mongo.pid}
        return found | ({"nats": self.nats.pid} if self.nats else {})

    def metrics(self, name: str) -> list[str]:
        """The lines of a process's /metrics that are series."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}/metrics", timeout=10) as answer:
            return [line for line in answer.read().decode().splitlines() if line and not line.startswith("#")]

    async def connect(self, user: str = "topology") -> Client:
        """A connection as one of the installation's users."""
        import nats

        seed = self.ring.seed_file(user).read_text().strip()
        inbox = f"_INBOX_{user}".encode()
        return await nats.connect(list(self.urls), nkeys_seed_str=seed, inbox_prefix=inbox, max_reconnect_attempts=-1)

    async def call(self, service: str, method: str, path: str, caller: Caller, body: Any = None) -> Any:
        """The JSON answer of a service that must not refuse."""
        headers = {HEADER: token_for(self.ring, caller, service), "Idempotency-Key": secrets.token_hex(16)}
        url = f"http://127.0.0.1:{self.ports[service]}/api/v1/{service}{path}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, json=body, headers=headers) as response,
        ):
            text = await response.text()
            if response.status >= 400:
                raise RuntimeError(f"{method} {path}: {response.status} {text}")
            return json.loads(text) if text else None

    # ---- the registry

    async def seed(self, count: int) -> Seeded:
        """``count`` devices in :data:`UNITS` units: one enrolled and claimed over HTTP, the others in its likeness.

        Needs a running fleet. Enrolling each over HTTP would take longer than all the rest.
        """
        client = await self.connect()
        for number in range(-1, UNITS):
            await client.jetstream().publish(UNIT_CHANGED.subject, *_unit(number))
        first = await self._enrol_one()
        found = Seeded()
        mongo: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(self.layout.database.url)
        devices = mongo["lantoa_fleet"]["devices"]
        template = await devices.find_one({"_id": nkey.device_id(nkey.public_of(first))})
        assert template is not None
        await devices.delete_one({"_id": template["_id"]})
        key, now = SigningKey(self.ring.fleet_file.read_bytes()), datetime.now(UTC)
        for start in range(0, count, _AT_ONCE):
            made = [_likeness(template, number) for number in range(start, min(start + _AT_ONCE, count))]
            writes = []
            for seed, document in made:
                desired = desired_of(document, now)
                document |= {"kv_seq": desired.seq, "kv_exp": desired.exp}
                signed = key.sign(desired.model_dump_json()).model_dump_json().encode()
                found.people.append((document["_id"], seed))
                found.documents[document["_id"]] = signed
                found.paths[document["_id"]] = tuple(document["path"])
                writes.append(client.jetstream().publish(f"$KV.desired.{document['_id']}", signed, timeout=60))
            await devices.insert_many([document for _, document in made])
            await asyncio.gather(*writes)
        await mongo.close()
        await client.close()
        return found

    async def tell_all(self) -> None:
        """Let fleet publish its devices, and wait until alert has read them."""
        await self.call("fleet", "POST", "/replay", OWNER)
        client = await self.connect()
        stream, durable = DEVICE_CLAIMED.stream, DEVICE_CLAIMED.durable("alert")

        async def read() -> bool:
            info = await client.jetstream().consumer_info(stream, durable)
            return not info.num_pending and not info.num_ack_pending

        await eventually(read, 120, every=0.2)
        await client.close()

    async def _enrol_one(self) -> str:
        seed = nkey.new_seed(secrets.token_bytes(32))
        public, at = nkey.public_of(seed), datetime.now(UTC).isoformat()
        signature = nkey.sign_with_seed(seed, f"enrol\n{public}\nradio\nLT-S1\n{at}").sig
        body = {"public_key": public, "kind": "radio", "model": "LT-S1", "at": at, "signature": signature}
        waiting = await self.call("fleet", "POST", "/enrolments", Caller("gateway", "anonymous"), body)
        place = {"claim_code": waiting["claim_code"], "name": "Loa", "unit_id": "u-0", "site_type": "hamlet"}
        await eventually(lambda: self._claimed(place), 20, every=0.2)
        return seed

    async def _claimed(self, place: dict[str, Any]) -> bool:
        try:
            await self.call("fleet", "POST", "/devices/claim", TECHNICIAN, place)
        except RuntimeError as error:  # The unit's event has not reached fleet yet.
            if "unknown-unit" in str(error):
                return False
            raise
        return True


def _unit(number: int) -> tuple[bytes, float | None, None, dict[str, str]]:
    """Arguments of a publish: the province is number -1."""
    unit_id = PROVINCE if number < 0 else f"u-{number}"
    event = UnitChanged(
        unit_id=unit_id,
        ver=1,
        code="1",
        name=unit_id,
        kind="province" if number < 0 else "commune",
        path=(PROVINCE,) if number < 0 else (PROVINCE, unit_id),
        valid_from=None,
        valid_to=None,
    )
    envelope = Envelope(f"{unit_id}:1", UNIT_CHANGED.type, "lantoa/directory", datetime.now(UTC))
    return event.model_dump_json().encode(), None, None, dict(envelope.headers())


def _likeness(template: dict[str, Any], number: int) -> tuple[str, dict[str, Any]]:
    seed = nkey.new_seed(secrets.token_bytes(32))
    public, unit_id = nkey.public_of(seed), f"u-{number % UNITS}"
    document = {
        **template,
        "_id": nkey.device_id(public),
        "public_key": public,
        "claim_code": f"{number:04}-{secrets.token_hex(2)}",
        "name": f"Loa {number}",
        "unit_id": unit_id,
        "path": [PROVINCE, unit_id],
    }
    for done in ("kv_due", "outbox", "ob_at"):
        document.pop(done, None)
    return seed, {**document, "outbox": []}


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


# ---- the simulated devices


class Crowd:
    """Simulated devices in processes of their own, all told the same."""

    def __init__(self, workers: int) -> None:
        self._count = workers
        self._workers: list[asyncio.subprocess.Process] = []

    async def open(self, ring: KeyRing, urls: Sequence[str], people: Sequence[tuple[str, str]], pace: Pace) -> None:
        """Start the processes; no device connects yet."""
        key_set = SignedDocument.model_validate_json(ring.key_set_file.read_bytes()).model_dump()
        shared = {"key_set": key_set, "root": ring.root_public, "urls": list(urls), "pace": pace.__dict__}
        for number in range(self._count):
            worker = await asyncio.create_subprocess_exec(
                sys.executable,
                str(_HERE / "sim_worker.py"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=1 << 26,
            )
            self._workers.append(worker)
            await self._send(worker, {**shared, "devices": people[number :: self._count]})
        await asyncio.gather(*(worker.stdout.readline() for worker in self._workers if worker.stdout))

    async def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            if worker.stdin:
                worker.stdin.close()
            await worker.wait()
        self._workers.clear()

    async def tell(self, do: str, **details: Any) -> list[dict[str, Any]]:
        """The answers of all to one order."""

        async def one(worker: asyncio.subprocess.Process) -> dict[str, Any]:
            await self._send(worker, {"do": do, **details})
            assert worker.stdout
            line = await worker.stdout.readline()
            if not line:
                raise RuntimeError(f"a process of devices ended at {do}")
            answer: dict[str, Any] = json.loads(line)
            return answer

        return await asyncio.gather(*map(one, self._workers))

    async def start(self, count: int, within: float | None = None) -> list[float]:
        """Start ``count`` devices, at a pace that spares the machine or ``within`` seconds; seconds until each was up.

        Raises:
            RuntimeError: some did not come up.
        """
        within = count / _LOGINS_A_SECOND if within is None else within
        found = await self.tell("start", count=count // self._count, within=within)
        if any("failed" in answer for answer in found):
            missing = [{"failed": answer.get("failed", 0), "lost": answer["lost"]} for answer in found]
            raise RuntimeError(f"devices did not come up: {missing}")
        return sorted(up for answer in found for up in answer["ups"])

    async def pids(self) -> list[int]:
        """Process ids."""
        return [worker.pid for worker in self._workers]

    @staticmethod
    async def _send(worker: asyncio.subprocess.Process, message: Any) -> None:
        assert worker.stdin
        worker.stdin.write(json.dumps(message).encode() + b"\n")
        await worker.stdin.drain()


@dataclass(frozen=True)
class Usage:
    """What a process used between two moments, and what it holds: cores and MB of 1,000,000 bytes (resident)."""

    cores: float
    mb: float


async def usage(pids: dict[str, int], seconds: float) -> dict[str, Usage]:
    """Processor and memory of processes over a while."""
    processes = {name: psutil.Process(pid) for name, pid in pids.items()}

    def spent() -> dict[str, float]:
        return {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}

    before, began = spent(), time.monotonic()
    await asyncio.sleep(seconds)
    after, took = spent(), time.monotonic() - began
    return {
        name: Usage((after[name] - before[name]) / took, process.memory_info().rss / 1e6)
        for name, process in processes.items()
    }
