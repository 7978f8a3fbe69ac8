"""The page and what it asks of its agent, on loopback."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from lantoa_devicekit import Device
from lantoa_devicekit.notices import ref_of
from lantoa_player.settings import PlayerSettings
from lantoa_player.usecases import Player, Shown, Verdict

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_HOLD_S = 1.0
"""A page that knows the notices in force is answered after so long, or as soon as they change."""
_STATIC = Path(__file__).parent / "static"
# A slide is written into a sandboxed frame, which inherits the page's policy: inline styles yes, scripts never.
_PAGE_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
# A page on another port of this machine is "same-site": it has no more business here than the rest of the world.
_OWN = frozenset({"same-origin", "none"})
_FILES = {"/": "index.html", "/alert.js": "alert.js", "/app.js": "app.js", "/sw.js": "sw.js", "/style.css": "style.css"}
_ANSWERS = {Verdict.PROVED: 204, Verdict.REFUSED: 409, Verdict.LATER: 503}
_PLAYER = web.AppKey("player", Player)
_DEVICE = web.AppKey("device", Device)
_SETTINGS = web.AppKey("settings", PlayerSettings)


class _Report(BaseModel):
    model_config = ConfigDict(extra="forbid")

    entry_id: str
    sha256: str
    started_at: AwareDatetime
    ended_at: AwareDatetime


class _AlertReport(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ref: str
    stage: Literal["playing", "finished"]


@web.middleware
async def _only_this_page(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Another site open in the kiosk must not speak for the board (DNS rebinding, cross-site posts)."""
    port = request.app[_SETTINGS].port
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
    if request.host not in hosts or request.headers.get("Sec-Fetch-Site", "none") not in _OWN:
        return web.Response(status=403)
    response = await handler(request)
    response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


async def _file(request: web.Request) -> web.StreamResponse:
    return web.FileResponse(_STATIC / _FILES[request.path], headers={"Cache-Control": "no-cache"})


async def _live(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _state(request: web.Request) -> web.Response:
    player, device = request.app[_PLAYER], request.app[_DEVICE]
    if "known" in request.query:
        await player.changed(request.query["known"], _HOLD_S)
    screen = player.screen(device)
    body = {
        "name": request.app[_SETTINGS].name,
        "claim_code": screen.claim_code,
        "revoked": screen.revoked,
        "connected": screen.connected,
        "offset_ms": device.clock.offset_ms,
        "speed": player.speed,
        "notices": player.notices,
        "alerts": [
            {
                "ref": ref_of(notice),
                "severity": notice.severity,
                "headline": notice.headline,
                "texts": notice.texts,
                "expires_at": notice.expires_at.isoformat(),
            }
            for notice in screen.notices
        ],
        "slides": [
            {
                "entry_id": slide.entry_id,
                "sha256": slide.sha256,
                "milliseconds": round(slide.seconds * 1000 / player.speed),
                "valid_until": slide.valid_until.isoformat(),
            }
            for slide in screen.slides
        ],
    }
    return web.Response(text=json.dumps(body), content_type="application/json", headers={"Cache-Control": "no-cache"})


async def _slide(request: web.Request) -> web.Response:
    data = await request.app[_PLAYER].slide(request.app[_DEVICE], request.match_info["sha256"])
    if data is None:
        return web.Response(status=404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return web.Response(body=data, content_type="text/plain", charset="utf-8", headers=headers)


async def _shown(request: web.Request) -> web.Response:
    if request.content_type != "application/json":
        return web.Response(status=415)
    try:
        report = _Report.model_validate_json(await request.read())
    except ValidationError:
        return web.Response(status=422)
    shown = Shown(report.entry_id, report.sha256, report.started_at, report.ended_at)
    return web.Response(status=_ANSWERS[await request.app[_PLAYER].shown(request.app[_DEVICE], shown)])


async def _alerted(request: web.Request) -> web.Response:
    if request.content_type != "application/json":
        return web.Response(status=415)
    try:
        report = _AlertReport.model_validate_json(await request.read())
    except ValidationError:
        return web.Response(status=422)
    verdict = await request.app[_PLAYER].alerted(request.app[_DEVICE], report.ref, report.stage)
    return web.Response(status=_ANSWERS[verdict])


def make_app(player: Player, device: Device, settings: PlayerSettings) -> web.Application:
    """The board's page and its few addresses."""
    app = web.Application(middlewares=[_only_this_page], client_max_size=16 * 1024)
    app[_PLAYER] = player
    app[_DEVICE] = device
    app[_SETTINGS] = settings
    for path in _FILES:
        app.router.add_get(path, _file)
    app.router.add_get("/livez", _live)
    app.router.add_get("/state", _state)
    app.router.add_get("/slides/{sha256:[0-9a-f]{64}}", _slide)
    app.router.add_post("/shown", _shown)
    app.router.add_post("/alerted", _alerted)
    return app
