"""The gateway: the one HTTP door."""

import json
import time

from joserfc.jwk import OKPKey
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from lantoa_gateway.adapters.accounts import Accounts, Bearers
from lantoa_gateway.adapters.oidc import Client, Provider
from lantoa_gateway.adapters.services import Citizens, DeviceKeys, Directory, Refusal, Upstreams, consents
from lantoa_gateway.api.apps import app_pages, app_routes
from lantoa_gateway.api.auth import auth_routes, session_routes
from lantoa_gateway.api.citizens import CitizenDoor, citizen_routes
from lantoa_gateway.api.door import Door, refusal_shown
from lantoa_gateway.api.factors import factor_routes
from lantoa_gateway.api.files import Console, docs_routes, media_routes
from lantoa_gateway.api.guard import Guard
from lantoa_gateway.api.oidc import link_routes, oidc_pages
from lantoa_gateway.api.pages import HOME, PACKAGE, citizen_pages
from lantoa_gateway.api.proxy import Proxy
from lantoa_gateway.api.tokens import token_routes
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
    bearers = Sessions(Bearers(upstreams, tokens), time.monotonic)
    callers = Callers(sessions, citizen_sessions, bearers)
    app.user_middleware.append(Middleware(Proxy, upstreams=upstreams, callers=callers, tokens=tokens, pages=pages))
    open_doors(service, Door(Accounts(upstreams, tokens), sessions, settings.gateway_public_url), upstreams)
    app.include_router(citizen_routes(door, agreed))
    app.include_router(citizen_pages(pages, door, agreed))
    app.include_router(
        media_routes(DeviceKeys(settings.gateway_device_keys_file, settings.gateway_root_public), service.blobs)
    )
    app.include_router(docs_routes())
    if settings.gateway_console_dir:
        app.mount("/", GZipMiddleware(Console(directory=settings.gateway_console_dir, html=True)))


def open_doors(service: Service[GatewaySettings], door: Door, upstreams: Upstreams) -> None:
    """Hang the ways in on the service."""
    app, settings = service.app, service.settings
    pages = Pages(PACKAGE, "/auth")
    provider = provider_of(settings, upstreams)
    app.add_exception_handler(Refusal, refusal_shown)
    app.include_router(auth_routes(door, settings.gateway_oidc_name if provider else None))
    app.include_router(session_routes(door))
    app.include_router(factor_routes(door))
    app.include_router(token_routes(door))
    app.include_router(link_routes(door, provider))
    app.include_router(app_routes(door))
    router = pages.router()
    oidc_pages(router, door, provider, pages)
    app_pages(router, door, pages)
    app.include_router(router)


def provider_of(settings: GatewaySettings, upstreams: Upstreams) -> Provider | None:
    """The provider by which staff may sign in, where the settings name one."""
    if settings.gateway_oidc_issuer is None:
        return None
    file = settings.gateway_oidc_secret_file
    client = Client(
        issuer=settings.gateway_oidc_issuer,
        client_id=settings.gateway_oidc_client_id,
        secret=file.read_text().strip() if file else None,
        scopes=settings.gateway_oidc_scopes,
        match=settings.gateway_oidc_match,
        mfa=settings.gateway_oidc_mfa,
    )
    return Provider(client, lambda: upstreams.client, time.monotonic, time.time)


main = service_main("gateway", GatewaySettings, build)

if __name__ == "__main__":
    main()
