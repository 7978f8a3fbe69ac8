"""One service process: its parts put together, started, watched and drained."""

import argparse
import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import structlog
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from uvicorn.config import STARTUP_FAILURE

from lantoa_runtime import __version__
from lantoa_runtime.clock import Clock
from lantoa_runtime.http import conditions, problems
from lantoa_runtime.http.api import Api
from lantoa_runtime.http.auth import TokenVerifier
from lantoa_runtime.http.middleware import Chassis
from lantoa_runtime.http.routes import Routes
from lantoa_runtime.settings import RuntimeSettings
from lantoa_runtime.telemetry import BUILD_INFO, configure_logs, configure_traces, watch_loop

if TYPE_CHECKING:
    from lantoa_runtime.blobs import Blobs
    from lantoa_runtime.bus import Bus
    from lantoa_runtime.mongo import Aggregates, Database, Index

log = structlog.get_logger()
S = TypeVar("S", bound=RuntimeSettings)
Job = Callable[[], Awaitable[None]]


class EmbeddedRefused(Exception):
    """Production was pointed at the embedded development database."""


@dataclass
class Service(Generic[S]):
    """What a service's ``build`` gets to hang its routes, handlers and jobs on."""

    name: str
    settings: S
    clock: Clock
    app: FastAPI
    draining: bool = False
    stateless: bool = False
    """Set by a service that keeps nothing and reads no events: it needs neither MongoDB nor NATS, nor their code."""
    without_database: bool = False
    """Set by a service that keeps what it knows in NATS alone: it starts and works while MongoDB is away."""
    protocol: "type[asyncio.Protocol] | Literal['auto']" = "auto"
    """What speaks HTTP on a connection; uvicorn's own unless a service has limits to hold it to."""
    edges: Sequence[str] = ()
    """Addresses and networks of what stands in front; what these say of a client's own address is believed."""
    _aggregates: "list[Aggregates]" = field(default_factory=list)
    _jobs: list[tuple[str, float, Job]] = field(default_factory=list)
    _closers: list[Job] = field(default_factory=list)
    _drainers: list[Callable[[], None]] = field(default_factory=list)
    _checks: list[Callable[[], list[str]]] = field(default_factory=list)

    # The drivers are imported here, because they are half of the memory and of the start of a service without them.

    @cached_property
    def db(self) -> "Database":
        """The service's database."""
        from lantoa_runtime.http import database
        from lantoa_runtime.mongo import connect

        database.install(self.app)
        return connect(self.settings, self.name)

    @cached_property
    def blobs(self) -> "Blobs":
        """The platform's files."""
        from lantoa_runtime.blobs import Blobs

        return Blobs(self.settings.media_url)

    @cached_property
    def bus(self) -> "Bus":
        """Events in and out."""
        from lantoa_runtime.bus import Bus

        return Bus(self.name, self.settings, self.clock)

    def aggregates(self, collection: str) -> "Aggregates":
        """Documents whose changes are events, with their sweeper."""
        from lantoa_runtime.mongo import Aggregates

        made = Aggregates(self.db[collection], self.bus, self.clock, f"lantoa/{self.name}")
        self._aggregates.append(made)
        return made

    def routes(self, routes: Routes) -> None:
        """Serve these under ``/api/v1/<service>``."""
        routes.add_to(self.app.router, f"/api/v1/{self.name}", [self.name])

    def every(self, name: str, seconds: float, job: Job) -> None:
        """Run a job again and again while the service lives; a failure is logged and the next turn comes."""
        self._jobs.append((name, seconds, job))

    def on_stop(self, closer: Job) -> None:
        """Do this when the service stops."""
        self._closers.append(closer)

    def on_drain(self, drainer: Callable[[], None]) -> None:
        """Do this as soon as the service is told to stop: answers that never end by themselves are to end."""
        self._drainers.append(drainer)

    def drain(self) -> None:
        """Be ready for no more; what is under way is finished yet."""
        self.draining = True
        for drainer in self._drainers:
            drainer()

    def ready_when(self, check: Callable[[], list[str]]) -> None:
        """Add to readiness a check that names what is missing."""
        self._checks.append(check)

    @property
    def _uses_database(self) -> bool:
        return not (self.stateless or self.without_database)

    async def failures(self) -> list[str]:
        """Why this process should get no requests now; empty when it should."""
        missing = [name for check in self._checks for name in check()]
        if not self.stateless:
            missing += self.bus.failures()
        if self._uses_database:
            try:
                await asyncio.wait_for(self.db.ping(), 2.0)
            except Exception:  # noqa: BLE001 - whatever keeps the database from answering makes this process not ready
                missing.append("mongo")
        return [*missing, "draining"] if self.draining else missing

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """From start to drained."""
        if not self.stateless:
            self.bus.start()
        jobs = [asyncio.create_task(self._again(name, seconds, job)) for name, seconds, job in self._all_jobs()]
        jobs.append(asyncio.create_task(watch_loop()))
        try:
            yield
        finally:
            self.draining = True
            for job in jobs:
                job.cancel()
            if jobs:
                # A cancel can be swallowed in a driver together with its result: never wait for ever.
                await asyncio.wait(jobs, timeout=self.settings.drain_seconds)
            if not self.stateless:
                await self._let_go()
            for closer in self._closers:
                await closer()
            if self._uses_database:
                await self.db.close()

    async def _let_go(self) -> None:
        await self.bus.finish()
        for aggregates in self._aggregates:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(aggregates.drain(), self.settings.drain_seconds)
        await self.bus.stop()

    def _all_jobs(self) -> list[tuple[str, float, Job]]:
        age = timedelta(seconds=self.settings.sweep_seconds)

        def sweep_of(aggregates: "Aggregates") -> Job:
            async def sweep() -> None:
                await aggregates.sweep(age)

            return sweep

        sweeps = [(f"sweep {a.collection.name}", self.settings.sweep_seconds, sweep_of(a)) for a in self._aggregates]
        return [*self._jobs, *sweeps]

    async def _again(self, name: str, seconds: float, job: Job) -> None:
        while not self.draining:
            await asyncio.sleep(seconds)
            try:
                await job()
            except Exception as error:  # noqa: BLE001 - a job that failed once must have its next turn
                log.warning("job failed", job=name, error=repr(error))

    async def migrate(self, indexes: "Sequence[Index]") -> None:
        """Make what the service needs in its database; safe to repeat.

        Raises:
            EmbeddedRefused: production on the embedded server.
        """
        if not self._uses_database:
            return
        if self.settings.production and await self.db.is_embedded():
            raise EmbeddedRefused("LANTOA_ENV=production refuses the embedded development database")
        await self.db.ensure_indexes(self.with_chassis(indexes))

    def with_chassis(self, indexes: "Sequence[Index]") -> "list[Index]":
        """A service's own indexes with those of its outboxes and its idempotency keys."""
        from lantoa_runtime.mongo import Aggregates, Index

        keys = Index(conditions.COLLECTION, ("at",), ttl_seconds=conditions.KEPT_SECONDS)
        return [*indexes, *(Aggregates.index(a.collection.name) for a in self._aggregates), keys]


def assemble(name: str, settings: S) -> Service[S]:
    """A service with its chassis and no business yet."""
    clock = Clock(settings.clock_shift_seconds)
    app = Api(name)
    service = Service(
        name=name,
        settings=settings,
        clock=clock,
        app=app,
    )
    app.state.service = service
    BUILD_INFO.labels(name, __version__).set(1)
    if settings.internal_keys_file:
        app.state.verifier = TokenVerifier(settings.internal_keys_file, name)
    problems.install(app, f"lantoa_{name}")
    app.add_middleware(Chassis)

    @app.get("/livez", include_in_schema=False)
    async def livez() -> Response:
        return Response("ok")

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        failures = await service.failures()
        return JSONResponse({"failures": failures}, 503 if failures else 200)

    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(REGISTRY), headers={"content-type": content_type})

    return service


class Server(uvicorn.Server):
    """Tells the service before it waits for what is under way."""

    def __init__(self, config: uvicorn.Config, service: Service[Any]) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and let those that are there end."""
        self._service.drain()
        await super().shutdown(sockets)


def _forwarding(service: Service[S]) -> dict[str, Any]:
    """Whose ``X-Forwarded-*`` is believed: uvicorn by itself believes everybody on its machine."""
    return {"proxy_headers": bool(service.edges), "forwarded_allow_ips": [*service.edges]}


def listening(service: Service[S], host: str, port: int) -> uvicorn.Config:
    """How a service listens."""
    return uvicorn.Config(
        service.app,
        host=host,
        port=port,
        http=service.protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(service.settings.drain_seconds),
        **_forwarding(service),
    )


def serve(service: Service[S], indexes: "Sequence[Index]", *, migrate: bool) -> None:
    """Answer HTTP and handle events until SIGTERM or SIGINT, then drain."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if migrate:
            await service.migrate(indexes)
        async with service.running():
            # What was loaded stays for ever: a collector that need not walk through it holds up no request.
            gc.collect()
            gc.freeze()
            yield

    service.app.router.lifespan_context = lifespan
    server = Server(listening(service, service.settings.http_host, service.settings.http_port), service)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def service_main(
    name: str, settings_type: type[S], build: Callable[[Service[S]], None], indexes: "Sequence[Index]" = ()
) -> Callable[[], None]:
    """The command of a service: ``serve [--migrate] | migrate | version``."""

    def main() -> None:
        parser = argparse.ArgumentParser(prog=f"lantoa-{name}")
        commands = parser.add_subparsers(dest="command", required=True)
        commands.add_parser("serve").add_argument("--migrate", action="store_true")
        commands.add_parser("migrate")
        commands.add_parser("version")
        arguments = parser.parse_args()
        if arguments.command == "version":
            sys.stdout.write(f"lantoa-{name} {__version__}\n")
            return
        settings = settings_type()
        configure_logs(name, settings.log_level)
        configure_traces(name, settings)
        service = assemble(name, settings)
        build(service)
        if arguments.command == "migrate":
            asyncio.run(service.migrate(indexes))
        else:
            serve(service, indexes, migrate=arguments.migrate)

    return main
