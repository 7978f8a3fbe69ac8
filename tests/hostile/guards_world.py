"""The front door with real services behind it, two people of two communes, and what an attacker prepares there."""

import base64
import contextlib
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import Request
from hostile_world import COMMUNE, EVERYBODY, ITEM, OTHER, open_target
from rights_world import Ask, keyed
from yarl import URL

from lantoa_contracts.policy import PAGE_READ
from lantoa_gateway.main import build
from lantoa_gateway.settings import GatewaySettings
from lantoa_runtime.http import Routes, allows
from lantoa_runtime.http.auth import Caller
from lantoa_signing.documents import SigningKey, b64
from lantoa_testing import eventually
from lantoa_testing.issuer import CLIENT, SECRET, Issuer
from lantoa_testing.plugin import EventProbe, Running, SettingsFor, StartService, services_on
from lantoa_testing.servers import NatsServer

PASSWORD = "cây dừa bến nước"
ITEMS = "/api/v1/content/items"
ECHO = "/api/v1/content/echo"
APP = {"client_id": "vn.lantoa.field", "name": "Hiện trường", "redirect_uris": ["https://app.example/back"]}
PEOPLE = [
    {"id": f"p-{login}", "login": login, "name": login.title(), "grants": [{"role": "author", "unit_id": unit}]}
    for login, unit in (("lan", COMMUNE), ("vinh", OTHER))
]
_KEPT = {"directory": ("sessions", "identities"), "content": ("items",)}
"""What the attacks are after."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]
    cookies: Mapping[str, str]

    @property
    def code(self) -> str | None:
        """The code of a problem."""
        return self.body.get("code") if isinstance(self.body, dict) else None


def ask(method: str, path: str, sid: str | None = None, json: Any = None, **headers: str) -> Ask:
    """A request that shows a session; underscores in names of headers are hyphens."""
    shown = {"cookie": f"__Host-sid={sid}"} if sid else {}
    return Ask(method, path, json, headers=keyed(**shown, **{k.replace("_", "-"): v for k, v in headers.items()}))


def form(path: str, **fields: str) -> Ask:
    """A form as OAuth libraries send it."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return Ask("POST", path, data=urlencode(fields).encode(), headers=headers)


@dataclass
class Town:
    """Directory, content and gateway, a provider of sign-ins, and Lan and Vinh, who are signed in."""

    start: StartService
    nats: NatsServer
    directory: Running
    content: Running
    issuer: Issuer
    folder: Path
    door: str = ""
    lan: str = ""
    vinh: str = ""

    async def open_door(self) -> str:
        """The address of another gateway."""
        secret = self.folder / "oidc-secret"
        secret.write_text(SECRET)
        ring = self.nats.ring
        running = await self.start(
            "gateway",
            GatewaySettings,
            build,
            gateway_upstreams={"directory": self.directory.url, "content": self.content.url},
            gateway_key_file=ring.gateway_file,
            gateway_device_keys_file=ring.key_set_file,
            gateway_root_public=b64(SigningKey(ring.root_file.read_bytes()).public),
            gateway_allowance=1000,
            gateway_oidc_issuer=self.issuer.url,
            gateway_oidc_client_id=CLIENT,
            gateway_oidc_secret_file=secret,
            gateway_oidc_name="Cổng đăng nhập tỉnh",
            gateway_oidc_match="login",
        )
        await eventually(lambda: running.server.started)
        return running.url

    async def send(self, one: Ask) -> Answer:
        """Send it to the door, or to whom its whole address says."""
        url = URL(one.path if one.path.startswith("http") else self.door + one.path, encoded=True)
        async with self.content.session.request(
            one.method, url, json=one.json, data=one.data, headers=one.headers, allow_redirects=False
        ) as answer:
            body = await answer.read()
            read = json.loads(body) if body and "json" in answer.headers.get("content-type", "") else body
            return Answer(answer.status, read, answer.headers, {k: v.value for k, v in answer.cookies.items()})

    async def done(self, one: Ask) -> Answer:
        """What nobody refuses."""
        answer = await self.send(one)
        assert answer.status < 400, (one, answer)
        return answer

    async def sign_in(self, login: str, shown: str | None = None) -> str:
        """Somebody signs in by password, in a browser that shows a session id; the id that they get."""
        answer = await self.done(ask("POST", "/auth/sign-in", shown, {"login": login, "password": PASSWORD}))
        return answer.cookies["__Host-sid"]

    async def newcomer(self) -> str:
        """The login of somebody who was never here."""
        login = secrets.token_hex(6)
        person = {**PEOPLE[0], "id": f"p-{login}", "login": login, "password": PASSWORD}
        assert (await self.directory.call("POST", "/import", EVERYBODY, {"people": [person]}))[0] == 200
        return login

    async def item(self, sid: str, unit: str) -> str:
        """A draft of whose session this is."""
        made = await self.done(ask("POST", ITEMS, sid, {**ITEM, "unit_id": unit}))
        return str(made.body["id"])

    async def app_tokens(self) -> dict[str, str]:
        """What Lan's app gets (RFC 6749, 4.1, with PKCE)."""
        verifier, (back,) = secrets.token_urlsafe(48), APP["redirect_uris"]
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        about = {"client_id": str(APP["client_id"]), "redirect_uri": back}
        asked = {**about, "response_type": "code", "code_challenge": challenge, "code_challenge_method": "S256"}
        yes = ask("POST", f"/auth/app/authorize?{urlencode(asked)}", self.lan, sec_fetch_site="same-origin")
        code = parse_qs(urlsplit((await self.done(yes)).headers["location"]).query)["code"][0]
        grant = {**about, "grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        return dict((await self.done(form("/auth/app/token", **grant))).body)

    async def stored(self) -> set[tuple[Any, ...]]:
        """The documents that an attack could have made or changed, each with its version."""
        return {
            (name, document["_id"], document.get("ver"))
            for running in (self.directory, self.content)
            for name in _KEPT[running.service.name]
            for document in await running.service.db[name].find({}, {"ver": 1})
        }


def refreshing(token: str) -> Ask:
    """An app's wish for the next tokens."""
    return form("/auth/app/token", grant_type="refresh_token", client_id=str(APP["client_id"]), refresh_token=token)


def _echo() -> Routes:
    router = Routes()

    @router.get("/echo")
    async def echo(request: Request, caller: Annotated[Caller, allows(PAGE_READ)]) -> dict[str, Any]:
        return {"headers": dict(request.headers), "origin": caller.origin}

    return router


@contextlib.asynccontextmanager
async def open_town(settings_for: SettingsFor, nats_server: NatsServer, folder: Path) -> AsyncIterator[Town]:
    """All of it, started."""
    client = await nats_server.connect()
    async with services_on(settings_for, nats_server) as start, Issuer().running() as issuer:
        events = EventProbe(client)
        content = (await open_target("content", start, events, nats_server)).running
        content.service.routes(_echo())
        over: dict[str, Any] = {"directory_apps": (APP,)}
        directory = (await open_target("directory", start, events, nats_server, **over)).running
        people = [{**person, "password": PASSWORD} for person in PEOPLE]
        assert (await directory.call("POST", "/import", EVERYBODY, {"people": people}))[0] == 200
        town = Town(start, nats_server, directory, content, issuer, folder)
        town.door = await town.open_door()
        town.lan, town.vinh = [await town.sign_in(login) for login in ("lan", "vinh")]
        yield town
    await client.close()
