"""Pytest fixtures: a real nats-server with the generated accounts, a real Mongo-wire server, services in process."""

import asyncio
import contextlib
import gc
import json
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import hypothesis
import pytest
import uvicorn
from fastapi.dependencies import models
from joserfc.jwk import OKPKey
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, ConsumerInfo, DeliverPolicy
from nats.js.errors import NotFoundError
from pydantic import BaseModel
from pymongo import DeleteMany, MongoClient

from lantoa_cli.servers import EmbeddedDatabase, answers, free_port
from lantoa_contracts.catalogue import EventSpec
from lantoa_contracts.envelope import Envelope
from lantoa_contracts.streams import STREAMS
from lantoa_runtime.clock import Clock
from lantoa_runtime.http.auth import HEADER, Caller, TokenSigner
from lantoa_runtime.mongo import Index
from lantoa_runtime.service import Server, Service, assemble, listening
from lantoa_runtime.settings import RuntimeSettings
from lantoa_runtime.telemetry import configure_logs
from lantoa_runtime.topology.keys import KeyRing
from lantoa_testing.patience import patiently
from lantoa_testing.processes import ServerProcess, eventually
from lantoa_testing.servers import NatsServer, make_nats, nats_in

# Shared cores make single examples slow; the run's own time limit is what counts.
hypothesis.settings.register_profile("lantoa", deadline=None)
hypothesis.settings.load_profile("lantoa")


def pytest_configure() -> None:
    """Logs as services write them: without it every logged exception is rendered at length, for seconds."""
    configure_logs("test", "WARNING")


def pytest_collection_finish() -> None:
    """What was loaded stays for ever: the collector need not walk through it."""
    gc.collect()
    gc.freeze()


S = TypeVar("S", bound=RuntimeSettings)
_PATIENCE_SECONDS = 60.0
"""For what is broken, not for what is slow."""


@pytest.fixture(scope="session")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and streams of a new installation, to be copied."""
    folder = tmp_path_factory.mktemp("provisioned")
    make_nats(folder).stop()
    return folder


@contextlib.contextmanager
def nats_like(provisioned: Path, folder: Path) -> Iterator[NatsServer]:
    """A nats-server of a new installation."""
    shutil.copytree(provisioned, folder, dirs_exist_ok=True)
    server = nats_in(folder)
    server.start()
    yield server
    server.kill()  # Its files are wanted by nobody: to bring them in order takes seconds.


@pytest.fixture(scope="module")
def nats_server(provisioned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A nats-server for the tests of one module: streams remember the ids of events that they were emptied of."""
    with nats_like(provisioned, tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture(scope="session")
def mongo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, str]]:
    """The embedded database of the whole run, and its URL."""
    folder = tmp_path_factory.mktemp("mongo")
    database = EmbeddedDatabase(folder / "db", free_port())
    server = ServerProcess("secantusd-py", database.command(), lambda: answers(database.port), folder / "mongo.log")
    server.start()
    yield server, database.url
    for client in _clients.values():
        client.close()
    server.stop()


@pytest.fixture(scope="session")
def mongo_url(mongo_server: tuple[ServerProcess, str]) -> str:
    """URL of the run's database."""
    return mongo_server[1]


SettingsFor = Callable[..., Any]


@pytest.fixture(scope="session")
def database_prefix() -> str:
    """Begins the names of the run's databases."""
    return f"t{secrets.token_hex(4)}_"


def settings_on(nats_server: NatsServer, mongo_url: str, folder: Path, prefix: str) -> SettingsFor:
    """Settings of services on these servers: databases of their own, short waits."""

    def make(service: str, settings_type: type[S] = RuntimeSettings, **overrides: Any) -> S:  # type: ignore[assignment]  # a default for a type variable
        values: dict[str, Any] = {
            "nats_url": nats_server.url,
            "nats_seed_file": nats_server.ring.seed_file(service),
            "mongo_url": mongo_url,
            "mongo_database_prefix": prefix,
            "media_url": f"file://{folder}/media",
            "internal_keys_file": nats_server.ring.internal_keys_file,
            "backoff_seconds": (0.05, 0.1, 0.2, 0.4),
            "infrastructure_wait_seconds": 0.2,
            "sweep_seconds": 0.5,
            "watch_seconds": 0.5,
            "drain_seconds": 5.0,
        }
        return settings_type(**{**values, **overrides})

    return make


@pytest.fixture
def settings_for(nats_server: NatsServer, mongo_url: str, tmp_path: Path, database_prefix: str) -> SettingsFor:
    """Settings of a service on the servers of these tests: an empty database, short waits."""
    return settings_on(nats_server, mongo_url, tmp_path, database_prefix)


@cache
def _signer(key: bytes) -> TokenSigner:
    return TokenSigner(OKPKey.import_key(json.loads(key)))


def token_for(ring: KeyRing, caller: Caller, audience: str) -> str:
    """An internal token as the gateway would sign it."""
    return _signer(ring.gateway_file.read_bytes()).sign(caller, audience, time.time())


@dataclass
class Running:
    """A service in this process, answering on a port of its own."""

    service: Service[Any]
    url: str
    ring: KeyRing
    session: aiohttp.ClientSession
    server: uvicorn.Server
    task: asyncio.Task[None]

    async def call(
        self,
        method: str,
        path: str,
        caller: Caller | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, parsed JSON (or bytes) and headers; ``path`` is below ``/api/v1/<service>`` unless it is whole."""
        address = self.url + (path if path.startswith("/api/") else f"/api/v1/{self.service.name}{path}")
        sent = dict(headers or {})
        if caller is not None:
            sent[HEADER] = token_for(self.ring, caller, self.service.name)
        async with self.session.request(method, address, json=json, data=data, headers=sent) as response:
            body = await response.read()
            is_json = response.headers.get("content-type", "").partition(";")[0].endswith("json")
            parsed = await response.json(content_type=None) if is_json else body
            return response.status, parsed, response.headers

    async def ready(self) -> bool:
        """Whether the service says that it is ready.

        Raises:
            AssertionError: it could not start.
        """
        if self.task.done():
            self.task.result()
        return self.server.started and not await self.service.failures()

    async def stop(self) -> None:
        """Stop it as SIGTERM would."""
        self.server.should_exit = True
        await self.task


async def _serve(server: uvicorn.Server, name: str) -> None:
    """uvicorn ends its process when it cannot start, which here would be the tests' own."""
    try:
        await server.serve()
    except SystemExit as error:
        raise AssertionError(f"{name} did not start; its log says why") from error


StartService = Callable[..., Awaitable[Running]]


_clients: dict[str, MongoClient[dict[str, Any]]] = {}
"""By address, for what is done between tests: a service's own client lives no longer than its loop."""


async def _empty(url: str, names: Iterable[str]) -> None:
    """Leave the databases of a test empty to the next one.

    Their indexes stay: making them, each a file of the server's, and dropping them costs more than most tests.
    """
    if url not in _clients:
        _clients[url] = MongoClient(url)
    client = _clients[url]

    async def empty() -> None:
        found = [f"{name}.{collection}" for name in names for collection in client[name].list_collection_names()]
        if found:
            client.bulk_write([DeleteMany({}, namespace=collection) for collection in found])

    await patiently(empty)


_HOLDING = (
    models._is_gen_callable_cached,
    models._is_async_gen_callable_cached,
    models._is_coroutine_callable_cached,
)
"""FastAPI remembers every route's function in these, and with it hundreds of whole services that have ended."""


_migrated: set[object] = set()
"""Databases that have their indexes, and whose service made them."""


@contextlib.asynccontextmanager
async def services_on(settings_for: SettingsFor, nats_server: NatsServer) -> AsyncIterator[StartService]:
    """What starts services in this process; they end with it."""
    started: list[Running] = []
    session = aiohttp.ClientSession()

    async def start(
        name: str,
        settings_type: type[RuntimeSettings],
        build: Callable[[Any], None],
        indexes: Sequence[Index] = (),
        **overrides: Any,
    ) -> Running:
        settings = settings_for(name, settings_type, **overrides)
        service = assemble(name, settings)
        build(service)
        made = (settings.mongo_url, settings.mongo_database_prefix, name, *service.with_chassis(indexes))
        if made not in _migrated:
            await patiently(partial(service.migrate, indexes))
            _migrated.add(made)

        @contextlib.asynccontextmanager
        async def lifespan(_: Any) -> AsyncIterator[None]:
            async with service.running():
                yield

        service.app.router.lifespan_context = lifespan
        port = free_port()
        config = listening(service, "127.0.0.1", port)
        config.timeout_graceful_shutdown = 2
        # Longer than any client here keeps one: no request meets a connection that is being closed.
        config.timeout_keep_alive = 60
        server = Server(config, service)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # older uvicorn took signals here
        task = asyncio.create_task(_serve(server, name))
        running = Running(service, f"http://127.0.0.1:{port}", nats_server.ring, session, server, task)
        started.append(running)
        await eventually(running.ready)
        return running

    try:
        yield start
        await asyncio.gather(*(running.stop() for running in started if not running.task.done()))
    finally:
        await session.close()
        kept = [running.service for running in started if not running.service.without_database]
        for url, prefix in {(one.settings.mongo_url, one.settings.mongo_database_prefix) for one in kept}:
            await _empty(url, {prefix + service.name for service in kept})
        for held in _HOLDING:
            held.cache_clear()


@pytest.fixture
async def start_service(
    settings_for: SettingsFor, nats_server: NatsServer, events: "EventProbe"
) -> AsyncIterator[StartService]:
    """Start a service in this process: ``await start_service("content", ContentSettings, build, INDEXES)``.

    It stops before the streams are emptied: what it says at its end is not for the next test.
    """
    async with services_on(settings_for, nats_server) as start:
        yield start


def _backlog(info: ConsumerInfo) -> int:
    """How many messages a fresh consumer was created for."""
    delivered = info.delivered.consumer_seq if info.delivered else 0
    return (info.num_pending or 0) + delivered


@dataclass
class EventProbe:
    """Events put in as their owner would, and read back as they lie in the stream."""

    client: Client
    clock: Clock = field(default_factory=Clock)

    @property
    def js(self) -> JetStreamContext:
        """JetStream, asked patiently."""
        return self.client.jetstream(timeout=_PATIENCE_SECONDS)

    async def publish(self, spec: EventSpec, event: BaseModel, event_id: str | None = None) -> str:
        """Publish one event; its id."""
        event_id = event_id or secrets.token_hex(8)
        envelope = Envelope(event_id, spec.type, f"lantoa/{spec.owner}", self.clock.now())
        await self.js.publish(spec.subject, event.model_dump_json().encode(), headers=envelope.headers())
        return event_id

    async def publish_device(self, spec: EventSpec, device_id: str, body: bytes) -> None:
        """Publish a device's message as the device would (without the account border, which has its own tests)."""
        await self.js.publish(spec.subject.replace("*", device_id), body)

    async def all(self, spec: EventSpec) -> list[Any]:
        """Every event of a kind that the stream holds, oldest first."""
        return [spec.model.model_validate_json(body) for body in await self.bodies(spec.stream, spec.subject)]

    async def bodies(self, stream: str, subject: str) -> list[bytes]:
        """The bodies of every message on a subject of a stream, oldest first."""
        config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, filter_subject=subject, inactive_threshold=30)
        subscription = await self.js.subscribe(subject, stream=stream, ordered_consumer=True, config=config)
        info = await subscription.consumer_info()
        found = [(await subscription.next_msg(_PATIENCE_SECONDS)).data for _ in range(_backlog(info))]
        await subscription.unsubscribe()
        return found

    async def wait(
        self, spec: EventSpec, fits: Callable[[Any], bool] = lambda _: True, timeout: float = _PATIENCE_SECONDS
    ) -> Any:
        """The first event of a kind that fits, as soon as it is there."""

        async def found() -> Any:
            return next((event for event in await self.all(spec) if fits(event)), None)

        return await eventually(found, timeout, every=0.05)

    async def handled(self, spec: EventSpec, service: str) -> None:
        """Wait until a service has answered every message of a kind that the stream holds: acknowledged or given up.

        A consumer learns of a new message a moment after its publisher does: that nothing waits there is not enough.
        """
        try:
            last = (await self.js.get_last_msg(spec.stream, spec.subject)).seq or 0
        except NotFoundError:
            return

        async def answered() -> bool:
            info = await self.js.consumer_info(spec.stream, spec.durable(service))
            reached = info.ack_floor.stream_seq if info.ack_floor else 0
            return reached >= last and not info.num_pending and not info.num_ack_pending

        await eventually(answered, _PATIENCE_SECONDS, every=0.05)

    async def dead(self, service: str) -> list[bytes]:
        """What a service has dead-lettered."""
        return await self.bodies("DLQ", f"dlq.{service}.>")


@pytest.fixture
async def events(nats_server: NatsServer) -> AsyncIterator[EventProbe]:
    """A probe on the event streams, which are emptied when the test and its services have ended."""
    client = await nats_server.connect()
    probe = EventProbe(client)
    yield probe
    if client.is_connected:
        await asyncio.gather(*(probe.js.purge_stream(spec.name) for spec in STREAMS))
    await client.close()
