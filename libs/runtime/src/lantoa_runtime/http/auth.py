"""Who calls: the gateway's signed 60-second token, and nothing else."""

import json
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from lantoa_runtime.errors import AppError, Forbidden

HEADER = "x-internal-token"
ALGORITHM = "Ed25519"
ISSUER = "lantoa-gateway"
LIFETIME_SECONDS = 60
_REMEMBERED = 1000
ROLES = ("author", "approver", "technician", "reporter", "admin")
SYSTEM = "system"
"""Role of the gateway itself when it asks the directory who somebody is."""


@dataclass(frozen=True)
class Grant:
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
    """When the caller last typed their password, in Unix seconds; ``None`` for who has none."""

    def may(self, role: str, path: Iterable[str]) -> bool:
        """Whether the caller holds a role, or ``admin``, for a unit given by its path from the root."""
        units = frozenset(path)
        return any(grant.role in (role, "admin") and grant.unit_id in units for grant in self.grants)

    def require(self, roles: str | tuple[str, ...], path: Iterable[str]) -> None:
        """Pass when one of the roles is held.

        Raises:
            Forbidden: none is.
        """
        wanted = (roles,) if isinstance(roles, str) else roles
        units = tuple(path)
        if not any(self.may(role, units) for role in wanted):
            raise Forbidden

    def has(self, *roles: str) -> bool:
        """Whether the caller holds one of the roles anywhere."""
        return any(grant.role in (*roles, "admin") for grant in self.grants)

    @property
    def scopes(self) -> tuple[str, ...]:
        """The units whose trees the caller may see, whatever the role."""
        return tuple(sorted({grant.unit_id for grant in self.grants}))

    @property
    def signed_in(self) -> bool:
        """Whether this is one of the staff, not a citizen and not a stranger."""
        return bool(self.grants)


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
            claims = jwt.decode(token, self._keys, algorithms=[ALGORITHM]).claims
            self._claims.validate(claims)
        # In joserfc a header of the wrong type is a TypeError, one of endless brackets a RecursionError.
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise AppError("sign-in-required", 401) from error
        grants = tuple(Grant(role, unit) for role, unit in claims["grants"])
        since = claims.get("auth_time")
        since = since if isinstance(since, int) else None
        caller = Caller(claims["sub"], claims["name"], grants, claims.get("citizen") is True, since)
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


CallerDep = Annotated[Caller, Depends(_caller)]
"""The caller of a route; the route decides what the caller may."""
