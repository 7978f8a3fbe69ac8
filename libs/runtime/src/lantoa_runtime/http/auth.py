"""Who calls: the gateway's signed 60-second token, and nothing else."""

import json
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from lantoa_contracts.policy import SYSTEM, Permission, allowed
from lantoa_runtime.acting import Actor, act_as
from lantoa_runtime.errors import AppError, Forbidden

HEADER = "x-internal-token"
ALGORITHM = "Ed25519"
ISSUER = "lantoa-gateway"
LIFETIME_SECONDS = 60
GATEWAY = "gateway"
"""The id under which the gateway itself asks: what it does is another's doing, or nobody's."""
_REMEMBERED = 1000


class Grant(NamedTuple):
    """A role that holds for a unit and everything below it."""

    role: str
    unit_id: str


@dataclass(frozen=True)
class Caller:
    """Who stands behind a request. ``anonymous`` has no grants."""

    id: str
    name: str
    grants: tuple[Grant, ...] = ()
    citizen: bool = False
    """Somebody who signed in by phone: has no grants, ``name`` is the masked number."""
    signed_in_at: int | None = None
    """When the caller last showed who they are, in Unix seconds; ``None`` for who has no password."""
    only: frozenset[str] | None = None
    """Names of the permissions to which an access token is limited; ``None`` for who signed in themselves."""
    origin: str = ""
    """The address from which they came, as the gateway saw it."""

    def may(self, permission: Permission, path: Iterable[str]) -> bool:
        """Whether the caller may do this to what lies at a path from the root."""
        return self._within(permission) and allowed(self.grants, permission, path)

    def require(self, permission: Permission, path: Iterable[str]) -> None:
        """Pass when the caller may do this to what lies at a path from the root.

        Raises:
            Forbidden: they may not.
        """
        if not self.may(permission, path):
            raise Forbidden

    def holds(self, permission: Permission) -> bool:
        """Whether the caller may do this somewhere, or as who they are."""
        if permission.who == "anyone":
            return True
        if not self._within(permission):
            return False
        match permission.who:
            case "citizen":
                return self.citizen
            case "system":
                return any(grant.role == SYSTEM for grant in self.grants)
            case "role":
                return any(grant.role in permission.roles for grant in self.grants)

    def units(self, permission: Permission) -> tuple[str, ...]:
        """The units in whose trees the caller may do this: what a list is asked for by."""
        if not self._within(permission):
            return ()
        return tuple(sorted({grant.unit_id for grant in self.grants if grant.role in permission.roles}))

    @property
    def signed_in(self) -> bool:
        """Whether this is one of the staff, not a citizen and not a stranger."""
        return bool(self.grants)

    def _within(self, permission: Permission) -> bool:
        return self.only is None or permission.name in self.only


def signed_claims(token: str, keys: KeySet, algorithms: Sequence[str]) -> dict[str, Any]:
    """What a token says, if one of our keys signed it by one of our algorithms: what it says of either itself only
    chooses among these.

    Raises:
        JoseError, ValueError, TypeError, RecursionError: it is not so. In joserfc a key that is not in the set is a
            ValueError, a header of the wrong type a TypeError, one of endless brackets a RecursionError.
    """
    return jwt.decode(token, keys, algorithms=algorithms).claims


class TokenSigner:
    """Makes internal tokens; only the gateway holds its key."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key

    def sign(self, caller: Caller, audience: str, now: float) -> str:
        """A token for one service that lives :data:`LIFETIME_SECONDS`."""
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": audience,
            "sub": caller.id,
            "name": caller.name,
            "grants": [[grant.role, grant.unit_id] for grant in caller.grants],
            "citizen": caller.citizen,
            "auth_time": caller.signed_in_at,
            **({"only": sorted(caller.only)} if caller.only is not None else {}),
            **({"origin": caller.origin} if caller.origin else {}),
            "iat": int(now),
            "exp": int(now) + LIFETIME_SECONDS,
        }
        header = {"alg": ALGORITHM, "kid": self._key.thumbprint(), "typ": "int+jwt"}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])


class TokenVerifier:
    """Checks internal tokens for one service; each token once, then from memory until it expires."""

    def __init__(self, keys_file: Path, audience: str) -> None:
        self._keys = KeySet.import_key_set(json.loads(keys_file.read_text()))
        self._audience = audience
        self._claims = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )
        self._known: OrderedDict[str, tuple[float, Caller]] = OrderedDict()

    def verify(self, token: str) -> Caller:
        """The caller that a token speaks for.

        Raises:
            AppError: ``sign-in-required`` for whatever is wrong with it.
        """
        now = time.time()
        known = self._known.get(token)
        if known and known[0] > now:
            return known[1]
        try:
            claims = signed_claims(token, self._keys, [ALGORITHM])
            self._claims.validate(claims)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise AppError("sign-in-required", 401) from error
        grants = tuple(Grant(role, unit) for role, unit in claims["grants"])
        since = claims.get("auth_time")
        since = since if isinstance(since, int) else None
        only = frozenset(claims["only"]) if "only" in claims else None
        origin = str(claims.get("origin", ""))
        caller = Caller(claims["sub"], claims["name"], grants, claims.get("citizen") is True, since, only, origin)
        self._known[token] = (claims["exp"], caller)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return caller


_TOKEN = APIKeyHeader(name=HEADER, scheme_name="internal", description="The gateway's token.", auto_error=False)


def _caller(request: Request, token: Annotated[str | None, Security(_TOKEN)]) -> Caller:
    if not token:
        raise AppError("sign-in-required", 401)
    verifier: TokenVerifier = request.app.state.verifier
    return verifier.verify(token)


class Allows:
    """A dependency that a route declares: the caller, if they hold the permission somewhere.

    What a route touches is known later; its use case asks again, with the path.
    """

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    # async, because the framework calls what is not from a thread, which costs more than all that is done here.
    async def __call__(self, request: Request, token: Annotated[str | None, Security(_TOKEN)]) -> Caller:
        """The caller.

        Raises:
            AppError: ``sign-in-required``, of a stranger.
            Forbidden: they do not hold it; ``citizens-only``, to staff where citizens are meant.
        """
        caller = _caller(request, token)
        act_as(Actor(caller.id, caller.origin) if caller.signed_in and caller.id != GATEWAY else None)
        if caller.holds(self.permission):
            return caller
        if not (caller.signed_in or caller.citizen):
            raise AppError("sign-in-required", 401)
        if self.permission.who == "citizen":
            raise Forbidden("citizens-only")
        raise Forbidden


def allows(permission: Permission) -> Any:
    """``caller: Annotated[Caller, allows(ITEM_WRITE)]``: what a route's signature says."""
    return Depends(Allows(permission))


class Declares:
    """A dependency that says a route is open to anyone and asks nobody who they are."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self) -> None:
        """Nothing is asked."""


def declares(permission: Permission) -> Any:
    """``dependencies=[declares(PAGE_READ)]``, for routes that do not look at a token.

    Raises:
        ValueError: not everybody holds the permission, so somebody must ask for it.
    """
    if permission.who != "anyone":
        raise ValueError(f"{permission.name} is not for anyone")
    return Depends(Declares(permission))
