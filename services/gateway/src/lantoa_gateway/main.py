"""The gateway: the one HTTP door."""

import json
import time

from joserfc.jwk import OKPKey
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from lantoa_gateway.adapters.services import Citizens, DeviceKeys, Directory, Upstreams, consents
from lantoa_gateway.api.auth import auth_routes
from lantoa_gateway.api.citizens import CitizenDoor, citizen_routes
from lantoa_gateway.api.files import Console, docs_routes, media_routes
from lantoa_gateway.api.guard import Guard
from lantoa_gateway.api.pages import HOME, PACKAGE, citizen_pages
from lantoa_gateway.api.proxy import Proxy
from lantoa_gateway.settings import GatewaySettings
from lantoa_gateway.usecases import Callers, Sessions, Tokens
from lantoa_runtime.http.auth import TokenSigner
from lantoa_runtime.http.pages import Pages
from lantoa_runtime.http.problems import LANGUAGES
from lantoa_runtime.service import Service, service_main


def build(service: Service[GatewaySettings]) -> None:
    """Hang the doors on the service."""
    service.stateless = True
    settings, app = service.settings, service.app
    key = OKPKey.import_key(json.loads(settings.gateway_key_file.read_text()))
    upstreams = Upstreams(settings.gateway_upstreams)
    service.on_stop(upstreams.close)
    tokens = Tokens(TokenSigner(key), time.time)
    directory = Directory(upstreams, tokens)
    sessions = Sessions(directory, time.monotonic)
    citizens = Citizens(upstreams, tokens)
    citizen_sessions = Sessions(citizens, time.monotonic)
    door = CitizenDoor(citizens, citizen_sessions, settings.gateway_citizens_per_minute)
    pages, agreed = Pages(PACKAGE, HOME), consents(LANGUAGES)
    app.add_middleware(Guard, production=settings.production)
    # Innermost, where add_middleware would put it outermost: inside the guard and the chassis, before any routing.
    callers = Callers(sessions, citizen_sessions)
    app.user_middleware.append(Middleware(Proxy, upstreams=upstreams, callers=callers, tokens=tokens, pages=pages))
    app.include_router(auth_routes(directory, sessions))
    app.include_router(citizen_routes(door, agreed))
    app.include_router(citizen_pages(pages, door, agreed))
    app.include_router(
        media_routes(DeviceKeys(settings.gateway_device_keys_file, settings.gateway_root_public), service.blobs)
    )
    app.include_router(docs_routes())
    if settings.gateway_console_dir:
        app.mount("/", GZipMiddleware(Console(directory=settings.gateway_console_dir, html=True)))


main = service_main("gateway", GatewaySettings, build)

if __name__ == "__main__":
    main()
