"""One small province and everybody who could stand in it: each role, at the object's unit and around it."""

import importlib
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, get_args, get_type_hints

from hostile_world import indexes_of

from lantoa_contracts.catalogue import UNIT_CHANGED
from lantoa_contracts.events.directory import UnitChanged
from lantoa_contracts.policy import EVERYWHERE, PERMISSIONS, ROLES, SYSTEM, Permission, allowed
from lantoa_runtime.http.api import declared
from lantoa_runtime.http.auth import HEADER, Caller, Grant
from lantoa_testing import eventually
from lantoa_testing.plugin import EventProbe, Running, StartService, token_for
from lantoa_testing.servers import NatsServer

PROVINCE, COMMUNE, HAMLET, OTHER, OLD_PROVINCE, FORMER = "u-p", "u-1", "u-1-a", "u-2", "u-84", "u-0"
PATHS = {
    PROVINCE: (PROVINCE,),
    COMMUNE: (PROVINCE, COMMUNE),
    HAMLET: (PROVINCE, COMMUNE, HAMLET),
    OTHER: (PROVINCE, OTHER),
    FORMER: (OLD_PROVINCE, FORMER),
}
OWN = PATHS[COMMUNE]
"""Where the objects lie that are asked for one by one."""
PLACES = {"own": COMMUNE, "parent": PROVINCE, "child": HAMLET, "sibling": OTHER, "former": FORMER}
_KINDS = {PROVINCE: "province", OLD_PROVINCE: "province", HAMLET: "body"}
_NAMES = {COMMUNE: "Xã Cầu Kè"}
_ENDED = {OLD_PROVINCE: (), FORMER: (COMMUNE,)}
"""With their successors. Whoever has a role in a unit that is no more has none in the one that followed it."""
_TOKEN_SECONDS = 20.0
"""How long a token is used again: signing one costs as much as a request."""
HIDDEN = ("fleet.no-such-device", "fleet.no-devices")
"""What is not for the caller is not there, also where a body names it."""


def everybody(shift: float = 0.0) -> dict[tuple[str, str], Caller]:
    """A caller for each role at each place, who signed in just now (``shift`` seconds away)."""
    since = int(time.time() + shift)
    return {
        (role, place): Caller(f"p-{role}-{place}", f"{role} {place}", (Grant(role, unit),), signed_in_at=since)
        for role in ROLES
        for place, unit in PLACES.items()
    }


@dataclass(frozen=True)
class Ask:
    """One request."""

    method: str
    path: str
    json: Any = None
    data: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Let = Callable[[int, Any], bool]
Make = Callable[[Caller], Awaitable[Ask]]


def let_through(status: int, answer: Any) -> bool:
    """Whether whoever asked has passed: what is wrong with the request otherwise was looked at later."""
    hidden = isinstance(answer, dict) and answer.get("code") in HIDDEN
    return status not in (401, 403, 404) and not hidden


@dataclass(frozen=True)
class Case:
    """A request about something at :data:`OWN`, or at another path; ``path`` is ``None`` where the place is all one.

    ``permission`` is what the use case asks for where that is not what the route names.
    """

    operation: str
    make: Make
    path: tuple[str, ...] | None = OWN
    permission: Permission | None = None
    let: Let = let_through


@dataclass(frozen=True)
class Listing:
    """A list with one object at each unit; ``seen`` reads from the answer whose objects it holds, or how many.

    ``overseen`` is held over a province to see everything, wherever it lies.
    """

    operation: str
    path: str
    seen: Callable[[Any], set[str] | int]
    permission: Permission | None = None
    overseen: Permission | None = None
    open_to_all: bool = False
    """Whoever does not hold the permission gets the list all the same, without these objects."""

    def expected(self, caller: Caller, permission: Permission) -> set[str]:
        """The units whose objects the caller is to see."""
        grants = [(grant.role, grant.unit_id) for grant in caller.grants]
        if self.overseen and allowed(grants, self.overseen, (PROVINCE,)):
            return set(PATHS)
        return {unit for unit, path in PATHS.items() if allowed(grants, permission, path)}


@dataclass
class World:
    """A running service with the province in it."""

    running: Running
    shift: float = 0.0
    tokens: dict[Caller, tuple[float, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.running.service.name

    @property
    def db(self) -> Any:
        return self.running.service.db

    @property
    def root(self) -> Caller:
        """May everything everywhere, and is none of those who are tried."""
        grants = (
            Grant(SYSTEM, EVERYWHERE),
            *(Grant(role, unit) for role in ROLES for unit in (PROVINCE, OLD_PROVINCE)),
        )
        return Caller("p-root", "Gốc", grants, signed_in_at=int(time.time() + self.shift))

    async def send(self, caller: Caller, ask: Ask) -> tuple[int, Any]:
        """Status and answer."""
        made_at, token = self.tokens.get(caller, (-_TOKEN_SECONDS, ""))
        if time.monotonic() - made_at > _TOKEN_SECONDS:
            made_at, token = time.monotonic(), token_for(self.running.ring, caller, self.name)
            self.tokens[caller] = made_at, token
        headers = {**ask.headers, HEADER: token}
        status, answer, _ = await self.running.call(ask.method, ask.path, None, ask.json, headers, ask.data)
        return status, answer

    async def done(self, method: str, path: str, json: Any = None, **more: Any) -> Any:
        """What :attr:`root` is answered."""
        ask = Ask(method, path, json, headers=keyed(**more.pop("headers", {})), **more)
        status, answer = await self.send(self.root, ask)
        assert status < 300, (path, status, answer)
        return answer

    def permission_of(self, operation: str) -> Permission:
        """What the route of an operation names."""
        return self.permissions[operation]

    @cached_property
    def permissions(self) -> dict[str, Permission]:
        """What each documented operation names."""
        app = self.running.service.app
        document = app.openapi()["paths"]
        named = {}
        for route in declared(app):
            for method in route.methods:
                if operation := document.get(route.path, {}).get(method.lower()):
                    named[operation["operationId"]] = PERMISSIONS[operation["x-permission"]]
        return named


def keyed(**headers: str) -> dict[str, str]:
    """Headers with an Idempotency-Key that nobody used."""
    return {"Idempotency-Key": secrets.token_hex(8), **headers}


def fixed(method: str, path: str, json: Any = None, **headers: str) -> Make:
    """The same request whoever asks, each time with another Idempotency-Key."""

    async def make(_: Caller) -> Ask:
        return Ask(method, path, json, headers=keyed(**{name.replace("_", "-"): it for name, it in headers.items()}))

    return make


async def open_world(
    name: str, start_service: StartService, events: EventProbe, nats_server: NatsServer, shift: float = 0.0
) -> World:
    """Start a service and tell it of the units."""
    main = importlib.import_module(f"lantoa_{name}.main")
    (settings_type,) = get_args(get_type_hints(main.build)["service"])
    over: dict[str, Any] = {
        "content": {"speech_command": (sys.executable, "-c", "pass"), "public_url": "http://127.0.0.1:9"},
        "alert": {"key_file": nats_server.ring.alert_file, "cap_poll_seconds": 3600.0},
        "fleet": {"keys_folder": nats_server.ring.folder},
    }.get(name, {})
    running = await start_service(name, settings_type, main.build, indexes_of(name), clock_shift_seconds=shift, **over)
    world = World(running, shift)
    if name == "directory":
        units = [
            {"unit_id": event.unit_id, "code": event.code, "name": event.name, "kind": event.kind,
             "parent": event.path[-2] if len(event.path) > 1 else None,
             "valid_to": event.valid_to.isoformat() if event.valid_to else None}
            for event in _units()
        ]  # fmt: skip
        await world.done("POST", "/import", {"units": units})
        return world
    for event in _units():
        await events.publish(UNIT_CHANGED, event)

    async def known() -> bool:
        if running.service.without_database:
            return len(running.service.app.state.roster.units) == len(_units())
        return bool(await running.service.db["units"].count({}) == len(_units()))

    await eventually(known)
    return world


def _units() -> Sequence[UnitChanged]:
    paths = {OLD_PROVINCE: (OLD_PROVINCE,), **PATHS}
    return [
        UnitChanged(
            unit_id=unit,
            ver=1,
            code=unit[2:],
            name=_NAMES.get(unit, f"Đơn vị {unit}"),
            kind=_KINDS.get(unit, "commune"),
            path=path,
            valid_from=None,
            valid_to=date(2025, 6, 30) if unit in _ENDED else None,
            successor_ids=_ENDED.get(unit, ()),
        )
        for unit, path in paths.items()
    ]
