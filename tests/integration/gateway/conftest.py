import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, StreamingResponse
from starlette.requests import ClientDisconnect
from yarl import URL

from lantoa_cli.servers import free_port
from lantoa_contracts.policy import EVERYWHERE, PAGE_READ, SYSTEM
from lantoa_directory.main import INDEXES
from lantoa_directory.main import build as build_directory
from lantoa_directory.settings import DirectorySettings
from lantoa_gateway.main import build
from lantoa_gateway.settings import GatewaySettings
from lantoa_runtime.http import Routes, allows, blob_response
from lantoa_runtime.http.auth import Caller, Grant
from lantoa_runtime.settings import RuntimeSettings
from lantoa_signing.documents import SigningKey, b64
from lantoa_testing import eventually
from lantoa_testing.plugin import Running

OPERATOR = Caller("operator", "operator", (Grant(SYSTEM, EVERYWHERE),))
UNIT = {"unit_id": "u-1", "code": "1", "name": "Phường Trà Vinh", "kind": "ward"}
APP = {
    "client_id": "vn.lantoa.field",
    "name": "Lan Tỏa hiện trường",
    "redirect_uris": ["https://app.example/back", "vn.lantoa.field:/back"],
}
LAN = {
    "id": "p-lan",
    "login": "lan",
    "name": "Lan",
    "grants": [{"role": "author", "unit_id": "u-1"}],
    "password": "đúng",
}
VINH = {**LAN, "id": "p-vinh", "login": "vinh", "grants": [{"role": "admin", "unit_id": "u-1"}]}


@dataclass
class Probe:
    """What the probe service saw."""

    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    sha256: str = ""


def probe_routes(probe: Probe) -> Routes:
    """A service that shows what reached it; stands in the place of ``content``."""
    router = Routes()

    @router.api_route("/echo", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
    async def echo(request: Request, caller: Annotated[Caller, allows(PAGE_READ)]) -> dict[str, Any]:
        size = 0
        with contextlib.suppress(ClientDisconnect):
            async for piece in request.stream():
                size += len(piece)
        return {
            "headers": dict(request.headers),
            "query": request.url.query,
            "caller": [caller.id, caller.name, [[grant.role, grant.unit_id] for grant in caller.grants]],
            "origin": caller.origin,
            "bytes": size,
        }

    @router.get("/blob")
    async def blob(request: Request) -> Response:
        return await blob_response(request, request.app.state.service.blobs, probe.sha256, "audio/ogg")

    @router.get("/endless")
    async def endless() -> Response:
        async def pieces() -> Any:
            try:
                yield b"first"
                probe.waiting.set()
                await asyncio.Event().wait()
            finally:
                probe.left.set()

        return StreamingResponse(pieces())

    @router.get("/silent")
    async def silent() -> None:
        try:
            probe.waiting.set()
            await asyncio.Event().wait()
        finally:
            probe.left.set()

    @router.get("/page")
    async def page() -> Response:
        return HTMLResponse("<p>Xin chào", headers={"Content-Security-Policy": "sandbox"})

    @router.get("/away")
    async def away(request: Request) -> Response:
        response = RedirectResponse(str(request.base_url) + "api/v1/content/echo")
        response.set_cookie("stray", "1")
        return response

    return router


def page_routes() -> Routes:
    """Public pages that say who reads them."""
    router = Routes()

    @router.get("/tin/khung")
    async def column() -> Response:
        policy = {"Content-Security-Policy": "default-src 'none'; frame-ancestors *"}
        return HTMLResponse("<p>Tin", headers=policy | {"Cross-Origin-Resource-Policy": "cross-origin"})

    @router.api_route("/tin", methods=["GET", "HEAD"])
    @router.api_route("/wifi", methods=["GET", "HEAD"])
    @router.api_route("/robots.txt", methods=["GET", "HEAD"])
    @router.api_route("/sitemap.xml", methods=["GET", "HEAD"])
    @router.api_route("/{first}/{rest:path}", methods=["GET", "HEAD", "POST"])
    async def page(request: Request, caller: Annotated[Caller, allows(PAGE_READ)]) -> Response:
        body = (await request.body()).decode()
        said = {"caller": caller.id, "citizen": caller.citizen, "path": request.url.path, "body": body}
        return JSONResponse({**said, "query": request.url.query, "method": request.method})

    return router


@dataclass
class Door:
    """A client in front of the gateway, without a cookie jar: tests show the cookies they mean."""

    running: Running
    directory: Running
    content: Running
    probe: Probe
    media_key: SigningKey

    async def __call__(self, method: str, path: str, sid: str | None = None, **options: Any) -> tuple[int, Any, Any]:
        headers = {**({"cookie": f"__Host-sid={sid}"} if sid else {}), **options.pop("headers", {})}
        url = URL(self.running.url + path, encoded=True)
        async with self.running.session.request(
            method, url, headers=headers, allow_redirects=False, **options
        ) as answer:
            body = await answer.read()
            parsed = json.loads(body) if body and "json" in answer.headers.get("content-type", "") else body
            return answer.status, parsed, answer.headers

    async def sign_in(self, login: str = "lan", sid: str | None = None) -> str:
        status, body, headers = await self("POST", "/auth/sign-in", sid, json={"login": login, "password": "đúng"})
        assert status == 200, body
        return headers["set-cookie"].split(";")[0].removeprefix("__Host-sid=")


@pytest.fixture
def public_pages() -> Routes:
    return page_routes()


@pytest.fixture
async def start_door(start_service, nats_server, tmp_path):
    """Start directory, probe and gateway; settings of the gateway may be given."""

    async def start(codes=tmp_path / "codes.jsonl", **overrides):
        directory = await start_service(
            "directory",
            DirectorySettings,
            build_directory,
            INDEXES,
            directory_codes_file=codes,
            directory_key_file=nats_server.ring.directory_file,
            directory_second_factor="offered",
            directory_apps=(APP,),
        )
        status, body, _ = await directory.call("POST", "/import", OPERATOR, {"units": [UNIT], "people": [LAN, VINH]})
        assert status == 200, body
        probe = Probe()

        async def listening(*arguments, **settings):
            # A service without a database is ready before its port is open.
            running = await start_service(*arguments, **settings)
            await eventually(lambda: running.server.started)
            return running

        def build_probe(service):
            service.stateless = True
            service.routes(probe_routes(probe))
            page_routes().add_to(service.app.router)

        content = await listening("content", RuntimeSettings, build_probe)
        probe.sha256 = (await content.service.blobs.put(bytes(range(256)) * 4096, "audio/ogg")).sha256
        ring, refusing = nats_server.ring, f"http://127.0.0.1:{free_port()}"
        upstreams = {"directory": directory.url, "content": content.url, "reporting": refusing}
        settings = {
            "gateway_upstreams": {**upstreams, **overrides.pop("upstreams", {})},
            "gateway_key_file": ring.gateway_file,
            "gateway_device_keys_file": ring.key_set_file,
            "gateway_root_public": b64(SigningKey(ring.root_file.read_bytes()).public),
        }
        gateway = await listening("gateway", GatewaySettings, build, **{**settings, **overrides})
        return Door(gateway, directory, content, probe, SigningKey(ring.fleet_file.read_bytes()))

    return start


@pytest.fixture
async def door(start_door):
    return await start_door()


@pytest.fixture
async def crude_server():
    """A server that says given bytes to whoever connects and, where told so, breaks off."""
    servers = []

    async def start(said: bytes, stay: bool = False) -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(said)
                await writer.drain()
                if stay:
                    await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
