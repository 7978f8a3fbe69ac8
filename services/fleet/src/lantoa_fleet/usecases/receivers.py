"""Plain MQTT 3.1.1 receivers: no key of their own, a token instead."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lantoa_contracts.catalogue import DEVICE_CLAIMED
from lantoa_fleet.domain.groups import Group
from lantoa_fleet.domain.places import Place, with_life
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
        caller.require("technician", unit["path"])
        groups = await self._groups.named(place.groups)
        made = await self.put(caller, device_id, kind, place, unit["path"], groups)
        await self._desired.write_soon(device_id)
        return made

    async def put(
        self, caller: Caller, device_id: str, kind: str, place: Place, path: Sequence[str], groups: Sequence[Group]
    ) -> Receiver:
        """Store a receiver that was judged already; its desired state is left to the reconciler."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now, actor = self._clock.now(), actor_of(caller)
        # It shows no code; its id stands there because every device has another one.
        about: Mapping[str, Any] = {
            "_id": device_id, "public_key": "", "kind": kind, "model": _GENERIC, "link": "mqtt", "ver": 0, "seq": 0,
        }  # fmt: skip
        fields, event = life.placed(about, actor, place, path, groups, now)
        fields |= with_life(about, "claimed", actor, now, unit_id=place.unit_id)
        kept = {name: about[name] for name in ("public_key", "kind", "link")}
        document = {**kept, **fields, "claim_code": device_id, "token_sha256": _digest(token)}
        await self._devices.insert(device_id, document, [Outgoing(DEVICE_CLAIMED, event)])
        return Receiver(device_id, token)

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
