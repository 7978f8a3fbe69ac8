"""The gateway: the one HTTP door."""

import json
import time
from datetime import timedelta, timezone

from joserfc.jwk import OKPKey
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from lantoa_gateway.adapters.accounts import Accounts, Bearers
from lantoa_gateway.adapters.events import Events
from lantoa_gateway.adapters.oidc import Client, Provider
from lantoa_gateway.adapters.services import Citizens, DeviceKeys, Directory, Refusal, Upstreams, consents
from lantoa_gateway.adapters.units import all_units
from lantoa_gateway.api.apps import app_pages, app_routes
from lantoa_gateway.api.auth import auth_routes, session_routes
from lantoa_gateway.api.citizens import CitizenDoor, citizen_routes
from lantoa_gateway.api.connection import Connection
from lantoa_gateway.api.door import Door, refusal_shown
from lantoa_gateway.api.factors import factor_routes
from lantoa_gateway.api.files import Console, docs_routes, media_routes
from lantoa_gateway.api.guard import Guard
from lantoa_gateway.api.limits import Limiter
from lantoa_gateway.api.live import live_routes
from lantoa_gateway.api.oidc import link_routes, oidc_pages
from lantoa_gateway.api.pages import HOME, PACKAGE, citizen_pages
from lantoa_gateway.api.proxy import Proxy
from lantoa_gateway.api.tokens import token_routes
from lantoa_gateway.settings import GatewaySettings
from lantoa_gateway.usecases import Callers, People, Sessions, Tokens
from lantoa_gateway.usecases.admission import Lines
from lantoa_gateway.usecases.live import Hearing, Live
from lantoa_runtime.http.auth import TokenSigner
from lantoa_runtime.http.pages import Pages
from lantoa_runtime.http.problems import LANGUAGES
from lantoa_runtime.service import Service, service_main

_HERE = timezone(timedelta(hours=7))
"""The day that units begin and end by is Vietnam's."""


def build(service: Service[GatewaySettings]) -> None:
    """Hang the doors on the service."""
    service.stateless = True
    service.protocol = Connection
    settings, app = service.settings, service.app
    service.edges = [str(network) for network in settings.gateway_edges]
    key = OKPKey.import_key(json.loads(settings.gateway_key_file.read_text()))
    upstreams = Upstreams(settings.gateway_upstreams)
    service.on_stop(upstreams.close)
    tokens = Tokens(TokenSigner(key), time.time)
    directory = Directory(upstreams, tokens)
    sessions = Sessions(directory, time.monotonic)
    citizens = Citizens(upstreams, tokens)
    citizen_sessions = Sessions(citizens, time.monotonic)
    door = CitizenDoor(citizens, citizen_sessions, settings.gateway_citizens_per_minute)
    live = Live(settings.gateway_live_streams)
    app.state.live = live
    service.on_drain(live.drain)
    bearers = People(Bearers(upstreams, tokens), time.monotonic)
    hear_events(service, live, upstreams, tokens, (sessions, citizen_sessions, bearers))
    pages, agreed = Pages(PACKAGE, HOME), consents(LANGUAGES)
    app.add_middleware(Guard, production=settings.production)
    # Innermost, where add_middleware would put it outermost: inside the guard and the chassis, before any routing.
    callers = Callers(sessions, citizen_sessions, bearers)
    lines, limiter = Lines(time.monotonic), Limiter(settings.gateway_allowance)
    proxy = Middleware(
        Proxy, upstreams=upstreams, callers=callers, tokens=tokens, pages=pages, lines=lines, limiter=limiter
    )
    app.user_middleware.append(proxy)
    live_routes(live, callers).add_to(app.router)
    open_doors(service, Door(Accounts(upstreams, tokens), sessions, settings.gateway_public_url), upstreams)
    media_keys = DeviceKeys(settings.gateway_device_keys_file, settings.gateway_root_public)
    for routes in (
        citizen_routes(door, agreed),
        citizen_pages(pages, door, agreed),
        media_routes(media_keys, service.blobs),
        docs_routes(),
    ):
        routes.add_to(app.router)
    if settings.gateway_console_dir:
        app.mount("/", GZipMiddleware(Console(directory=settings.gateway_console_dir, html=True)))


def hear_events(
    service: Service[GatewaySettings], live: Live, upstreams: Upstreams, tokens: Tokens, people: tuple[People, ...]
) -> None:
    """Hear from NATS, while the service lives, what open pages are told and whose session ended."""

    def today() -> str:
        return service.clock.now().astimezone(_HERE).date().isoformat()

    async def learn() -> None:
        live.places.replace(await all_units(upstreams, tokens))

    hearing = Hearing(live, people, today)
    events = Events(service.settings.nats_url, service.settings.nats_seed_file, hearing, learn)
    service.every("events", 0, events.run)


def open_doors(service: Service[GatewaySettings], door: Door, upstreams: Upstreams) -> None:
    """Hang the ways in on the service."""
    app, settings = service.app, service.settings
    pages = Pages(PACKAGE, "/auth")
    provider = provider_of(settings, upstreams)
    app.add_exception_handler(Refusal, refusal_shown)
    shown = pages.router()
    oidc_pages(shown, door, provider, pages)
    app_pages(shown, door, pages)
    for routes in (
        auth_routes(door, settings.gateway_oidc_name if provider else None),
        session_routes(door),
        factor_routes(door),
        token_routes(door),
        link_routes(door, provider),
        app_routes(door),
        shown,
    ):
        routes.add_to(app.router)


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
