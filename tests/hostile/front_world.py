"""The whole platform in this process behind its door, and people who come to it."""

import base64
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostile_answers import Answers
from hostile_world import COMMUNE, EVERYBODY, PROVINCE, SERVICES, Target, open_target
from yarl import URL

from lantoa_contracts.policy import ROLES
from lantoa_directory.domain.factors import totp
from lantoa_gateway.adapters.services import consents
from lantoa_gateway.main import build
from lantoa_gateway.settings import GatewaySettings
from lantoa_runtime.http.auth import Caller
from lantoa_signing.documents import SigningKey, b64
from lantoa_testing import eventually
from lantoa_testing.plugin import EventProbe, Running, StartService
from lantoa_testing.servers import NatsServer

PASSWORD = "một câu dài khác"
SITE = "https://lantoa.example"
BACK = f"{SITE}/back"
APP = {"client_id": "vn.lantoa.field", "name": "Lan Tỏa hiện trường", "redirect_uris": [BACK]}
CONSENT = consents(("vi",))["vi"].record["text_sha256"]
ADMIN, LEARNER = "quan-tri", "hoc-viec"
PEOPLE = [
    {"id": "p-quan-tri", "login": ADMIN, "name": "Quản trị", "password": PASSWORD,
     "grants": [{"role": role, "unit_id": PROVINCE} for role in ROLES]},
    {"id": "p-hoc-viec", "login": LEARNER, "name": "Học việc", "body": COMMUNE, "password": PASSWORD,
     "grants": [{"role": "author", "unit_id": COMMUNE}]},
]  # fmt: skip
Answer = tuple[int, Any, bytes]


def code_of(secret: str) -> str:
    """What an authenticator shows for a secret."""
    return totp(base64.b32decode(secret), int(time.time()) // 30)


@dataclass
class Front(Target):
    """The gateway as a target: whoever asks shows a session."""

    directory: Target
    codes: Path
    sid: str = ""
    """A session of :data:`ADMIN`."""

    def shows(self, caller: Caller) -> dict[str, str]:
        return {"Cookie": f"__Host-sid={self.sid}", "Sec-Fetch-Site": "same-origin"}

    async def counts(self) -> dict[str, int]:
        """The gateway itself keeps nothing."""
        return await self.directory.counts()

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        """Status, headers and body."""
        url = URL(self.running.url + path, encoded=True)
        async with self.running.session.request(method, url, allow_redirects=False, **options) as answer:
            return answer.status, answer.headers, await answer.read()

    async def sign_in(self, login: str = ADMIN) -> str:
        """A new session's id."""
        status, headers, body = await self.ask("POST", "/auth/sign-in", json={"login": login, "password": PASSWORD})
        assert status == 200, body
        return cookie_in(headers)

    def code(self, phone: str) -> str:
        """The last code that was sent to a phone."""
        lines = [json.loads(line) for line in self.codes.read_text().splitlines()]
        return str([line["code"] for line in lines if line["phone"] == f"+84{phone[1:]}"][-1])

    async def citizen(self) -> str:
        """A new citizen's session id."""
        phone = new_phone()
        assert (await self.ask("POST", "/auth/citizen/code", json={"phone": phone}))[0] == 202
        entered = {"phone": phone, "code": self.code(phone), "consent": {"text_sha256": CONSENT}}
        status, headers, body = await self.ask("POST", "/auth/citizen/sign-in", json=entered)
        assert status == 200, body
        return cookie_in(headers)


def new_phone() -> str:
    """A mobile number that nobody has used."""
    return f"09{secrets.randbelow(10**8):08}"


def cookie_in(headers: Any) -> str:
    """The session id that an answer gives."""
    return str(headers["set-cookie"].split(";")[0].partition("=")[2])


async def open_front(
    start: StartService, events: EventProbe, nats_server: NatsServer, folder: Path, issuer: str
) -> Front:
    """Start every service with the province in it, and the gateway in front of them."""
    codes = folder / "codes.jsonl"
    over = {
        "directory": {"directory_second_factor": "offered", "directory_codes_file": codes, "directory_apps": (APP,)}
    }
    targets = {}
    for name in ("directory", *(name for name in SERVICES if name != "directory")):
        targets[name] = await open_target(name, start, events, nats_server, **over.get(name, {}))
    directory = targets["directory"]
    status, answer, _ = await directory.running.call("POST", "/import", EVERYBODY, {"people": PEOPLE})
    assert status == 200, answer
    ring = nats_server.ring
    gateway: Running = await start(
        "gateway",
        GatewaySettings,
        build,
        gateway_upstreams={name: target.running.url for name, target in targets.items()},
        gateway_key_file=ring.gateway_file,
        gateway_device_keys_file=ring.key_set_file,
        gateway_root_public=b64(SigningKey(ring.root_file.read_bytes()).public),
        gateway_allowance=1000.0,
        gateway_citizens_per_minute=100_000,
        gateway_public_url=SITE,
        gateway_oidc_issuer=issuer,
        gateway_oidc_client_id="lantoa",
        gateway_oidc_name="Cổng tỉnh",
    )
    await eventually(lambda: gateway.server.started)
    front = Front(gateway, gateway.service.app.openapi(), directory, codes)
    front.sid = await front.sign_in()
    return front


class Visitor:
    """Asks for operations by their names, and holds every answer against the document."""

    def __init__(self, front: Front, answers: Answers) -> None:
        self.front = front
        self.answers = answers
        self.cookies: dict[str, str] = {}
        self.faults: list[str] = []
        self.done: set[str] = set()
        """Operations that were answered with a 2xx."""

    async def __call__(self, operation: str, json_: Any = None, *parts: str, **options: Any) -> Any:
        """What a 2xx says; ``parts`` fill the address. A session that the answer gives or takes is so."""
        path, method, _ = self.answers.operations[operation]
        for part in parts:
            before, _, rest = path.partition("{")
            path = before + part + rest.partition("}")[2]
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {**options.pop("headers", {}), **({"Cookie": cookies} if cookies else {})}
        status, said, body = await self.front.ask(method.upper(), path, json=json_, headers=headers, **options)
        fault = self.answers.fault(operation, status, said.get("content-type", ""), body)
        self.faults += [fault] if fault else []
        assert status < 300, (operation, status, body)
        self.done.add(operation)
        for line in said.getall("set-cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            if value.strip('"'):
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return json.loads(body) if body and "json" in said["content-type"] else body
