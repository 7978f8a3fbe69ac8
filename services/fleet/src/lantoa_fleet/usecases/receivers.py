"""Plain MQTT 3.1.1 receivers: no key of their own, a token instead."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lantoa_contracts.catalogue import DEVICE_CLAIMED
from lantoa_contracts.policy import DEVICE_MANAGE
from lantoa_fleet.domain.groups import Group
from lantoa_fleet.domain.places import Actor, Place, with_life
from lantoa_fleet.usecases import life
from lantoa_fleet.usecases.desired import DesiredWriter
from lantoa_fleet.usecases.groups import Groups
from lantoa_fleet.usecases.registry import Registry, actor_of
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Invalid
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.mongo import Aggregates, Outgoing, ReadModel

_TOKEN_BYTES = 24
_GENERIC = "mqtt"


@dataclass(frozen=True)
class Receiver:
    """A receiver and, where it was made just now, its token."""

    device_id: str
    token: str | None


@dataclass(frozen=True)
class Wish:
    """A receiver that is to be, judged and in its place."""

    device_id: str
    kind: str
    place: Place
    path: Sequence[str]
    groups: Sequence[Group]


def receiver_id(origin: str) -> str:
    """The id of a receiver that was asked for under this name: asked again, it is the same one."""
    return f"d-{hashlib.sha256(f'receiver:{origin}'.encode()).hexdigest()[:20]}"


class Receivers:
    """Receivers are claimed by being made; afterwards their life is that of every device."""

    def __init__(
        self,
        devices: Aggregates,
        units: ReadModel,
        registry: Registry,
        groups: Groups,
        desired: DesiredWriter,
        clock: Clock,
    ) -> None:
        self._devices = devices
        self._units = units
        self._registry = registry
        self._groups = groups
        self._desired = desired
        self._clock = clock

    async def make(self, caller: Caller, device_id: str, kind: str, place: Place) -> Receiver:
        """A new receiver in its place, with the token that is told this once.

        Raises:
            Invalid: no such unit, or too many groups.
            Forbidden: the caller is no technician there.
            DuplicateKey: there is one with this id.
        """
        unit = await self._units.get(place.unit_id)
        if unit is None:
            raise Invalid("unknown-unit", "/unit_id")
        caller.require(DEVICE_MANAGE, unit["path"])
        groups = await self._groups.named(place.groups)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        wish = Wish(device_id, kind, place, unit["path"], groups)
        fields, events = _document(wish, actor_of(caller), token, self._clock.now())
        await self._devices.insert(device_id, fields, events)
        await self._desired.write_soon(device_id)
        return Receiver(device_id, token)

    async def put_all(self, caller: Caller, wanted: Sequence[Wish]) -> dict[str, str]:
        """Store receivers that were judged already; the tokens of those that are new, by id.

        Their desired states are left to the reconciler.
        """
        actor, now = actor_of(caller), self._clock.now()
        tokens = {wish.device_id: secrets.token_urlsafe(_TOKEN_BYTES) for wish in wanted}
        documents = {wish.device_id: _document(wish, actor, tokens[wish.device_id], now) for wish in wanted}
        taken = await self._devices.insert_all(documents)
        return {device_id: token for device_id, token in tokens.items() if device_id not in taken}

    async def find(self, device_id: str) -> Receiver | None:
        """The receiver with this id, without the token, which nobody knows any more."""
        return Receiver(device_id, None) if await self._devices.load(device_id) else None

    async def new_token(self, caller: Caller, device_id: str) -> Receiver:
        """Another token for a receiver; the old one and what came in with it end at once.

        Raises:
            NotFound, Forbidden, Conflict: not seen, no technician there, no MQTT receiver, or revoked.
        """
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        await self._registry.new_token(caller, device_id, _digest(token))
        return Receiver(device_id, token)


def _digest(token: str) -> str:
    """Tokens are random and long: a plain digest gives nothing to try words against."""
    return hashlib.sha256(token.encode()).hexdigest()


def _document(wish: Wish, actor: Actor, token: str, at: datetime) -> tuple[dict[str, Any], list[Outgoing]]:
    about: Mapping[str, Any] = {
        "_id": wish.device_id, "public_key": "", "kind": wish.kind, "model": _GENERIC, "link": "mqtt", "ver": 0,
        "seq": 0,
    }  # fmt: skip
    fields, event = life.placed(about, actor, wish.place, wish.path, wish.groups, at)
    fields |= with_life(about, "claimed", actor, at, unit_id=wish.place.unit_id)
    fields |= {name: about[name] for name in ("public_key", "kind", "link")}
    # It shows no code; its id stands there because every device has another one.
    fields |= {"claim_code": wish.device_id, "token_sha256": _digest(token)}
    return fields, [Outgoing(DEVICE_CLAIMED, event)]
