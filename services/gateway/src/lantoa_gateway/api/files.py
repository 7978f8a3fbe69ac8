"""Files: media under signed addresses, the API's own description, and the console."""

import time
from importlib import resources

import structlog
from fastapi import Request, Response
from starlette.responses import Response as StarletteResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from lantoa_contracts.policy import DOCS_READ, MEDIA_READ
from lantoa_gateway.adapters.services import DeviceKeys
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.errors import AppError
from lantoa_runtime.http import Routes, blob_response, declares
from lantoa_signing.documents import SignatureRefused
from lantoa_signing.media import check_path

log = structlog.get_logger()

_IMMUTABLE = "max-age=31536000, immutable"
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_FILE = {
    200: {"description": "The file.", "content": _BYTES},
    206: {"description": "The part of it that was asked for.", "content": _BYTES},
    304: {"description": "It is the one that the reader has."},
}


def media_routes(keys: DeviceKeys, blobs: Blobs) -> Routes:
    """``/media/<sha256>``: for whoever holds an address that fleet has signed, until it expires."""
    router = Routes(tags=["media"], dependencies=[declares(MEDIA_READ)])

    @router.get("/media/{sha256}", response_class=Response, responses=_FILE)
    async def media(request: Request, sha256: str) -> Response:
        """A stored file or a part of it."""
        try:
            opened = check_path(keys.current(), f"{request.url.path}?{request.url.query}", time.time())
        except SignatureRefused as refused:
            log.info("media refused", reason=str(refused), sha256=sha256[:64])
            raise AppError("gateway.media-refused", 403) from refused
        # A type that no browser runs or shows, whatever the bytes are.
        headers = {"Cache-Control": f"private, {_IMMUTABLE}"}
        return await blob_response(request, blobs, opened, "application/octet-stream", headers)

    return router


def docs_routes() -> Routes:
    """``/api/openapi.json`` and ``/api/docs``: what is reached through this door, for programs and for people.

    The files are made by ``lantoa contracts write`` and lie in this package, so that an image has those of its version.
    """
    router = Routes(prefix="/api", include_in_schema=False, dependencies=[declares(DOCS_READ)])
    folder = resources.files("lantoa_gateway.api") / "docs"

    def serve(path: str, name: str, media_type: str) -> None:
        content = (folder / name).read_bytes()

        async def shown() -> Response:
            return Response(content, media_type=media_type, headers={"Cache-Control": "no-cache"})

        router.add_api_route(path, shown, name=name)

    serve("/openapi.json", "openapi.json", "application/json")
    serve("/docs", "index.html", "text/html")
    serve("/docs.css", "docs.css", "text/css")
    return router


class Console(StaticFiles):
    """The built front end: files whose name holds their hash are kept for ever, all others are asked for again."""

    async def get_response(self, path: str, scope: Scope) -> StarletteResponse:
        """One file, ``index.html`` for the root."""
        response = await super().get_response(path, scope)
        hashed = path.startswith("assets/") and response.status_code in (200, 206, 304)
        response.headers["Cache-Control"] = f"public, {_IMMUTABLE}" if hashed else "no-cache"
        return response
