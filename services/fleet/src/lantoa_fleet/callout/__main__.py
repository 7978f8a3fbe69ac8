"""The callout's composition root: ``python -m lantoa_fleet.callout``."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import REGISTRY, Gauge
from prometheus_client.exposition import choose_encoder

from lantoa_fleet.callout.registry import Registry
from lantoa_fleet.callout.responder import Responder, Servers
from lantoa_fleet.callout.wire import Issuer, Sealer
from lantoa_fleet.settings import CalloutSettings
from lantoa_runtime import __version__
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import connect
from lantoa_runtime.telemetry import BUILD_INFO, configure_logs
from lantoa_runtime.topology.keys import KeyRing

REGISTRY_AGE = Gauge("lantoa_callout_registry_age_seconds", "Since the registry was last read from the database")
DEVICES = Gauge("lantoa_callout_devices", "Devices in the registry, accepted or revoked")


def make_app(settings: CalloutSettings) -> FastAPI:
    """The callout with its probes; it works while the application lives."""
    ring = KeyRing(settings.keys_folder)
    database = connect(settings, "fleet")
    clock = Clock(settings.clock_shift_seconds)
    registry = Registry(database["devices"], settings.snapshot_file, clock, settings.reload_s)
    responder = Responder(
        settings.nats_url,
        ring.seed_file("callout").read_text().strip(),
        registry,
        Servers(settings.nats_url, ring.seed_file("sys").read_text().strip()),
        Issuer(ring.issuer_file.read_text().strip()),
        Sealer(ring.curve_file.read_bytes()),
    )
    BUILD_INFO.labels("callout", __version__).set(1)
    REGISTRY_AGE.set_function(registry.age_seconds)
    DEVICES.set_function(lambda: len(registry))

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        registry.load_file()
        work = [
            asyncio.create_task(registry.run(settings.callout_refresh_s)),
            asyncio.create_task(responder.run()),
        ]
        try:
            yield
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            await responder.close()
            await database.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None)

    @app.get("/livez")
    async def livez() -> Response:
        return Response("ok")

    @app.get("/readyz")
    async def readyz() -> Response:
        failures = responder.failures()
        return JSONResponse({"failures": failures}, 503 if failures else 200)

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(REGISTRY), headers={"content-type": content_type})

    return app


def main() -> None:
    """Answer authorization requests until SIGTERM or SIGINT."""
    settings = CalloutSettings()
    configure_logs("callout", settings.log_level)
    uvicorn.run(
        make_app(settings),
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.drain_seconds),
    )


if __name__ == "__main__":
    main()
