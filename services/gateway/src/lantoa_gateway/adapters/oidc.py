"""A sign-in provider by OpenID Connect: what it says of itself, its keys, and whom its tokens name.

The code flow with PKCE (S256), state and nonce. Nothing is believed but an id token that is signed with a key of the
provider's own, by an algorithm of two keys, for us, for this browser's question, and now.
"""

import hashlib
import json
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from lantoa_runtime.errors import AppError, Unavailable
from lantoa_runtime.http.auth import signed_claims

log = structlog.get_logger()

ALGORITHMS = ["RS256", "PS256", "ES256", "Ed25519"]
"""What an id token may be signed by. No ``none``, and nothing by which our public knowledge could be the key."""
_KEPT_SECONDS = 3600.0
_KEYS_AGAIN_SECONDS = 30.0
"""How often a key that is not known lets the keys be fetched anew: a forged ``kid`` must not make us ask all day."""
_TIMEOUT = aiohttp.ClientTimeout(total=8.0)
_MOST_BYTES = 256 * 1024
_LEEWAY_SECONDS = 60


@dataclass(frozen=True)
class Question:
    """What one browser is sent to the provider with, and must come back to."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Question":
        """Three times 256 random bits."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))

    @property
    def challenge(self) -> str:
        """The verifier's digest (RFC 7636, 4.2)."""
        return urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True)
class Identity:
    """Whom the provider names."""

    issuer: str
    subject: str
    login: str | None
    """By what else to know them, where that is allowed."""
    mfa: bool


@dataclass(frozen=True)
class Client:
    """What we are to the provider."""

    issuer: str
    client_id: str
    secret: str | None
    scopes: str
    match: Literal["linked", "login", "email"]
    mfa: Sequence[str]


class Provider:
    """One provider. What it says of itself is remembered for an hour."""

    def __init__(
        self,
        client: Client,
        http: Callable[[], aiohttp.ClientSession],
        steady: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._client = client
        self._http = http
        self._steady = steady
        self._now = now
        self._metadata: tuple[float, Mapping[str, str]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def ask(self, question: Question, redirect_uri: str) -> str:
        """Where to send a browser.

        Raises:
            Unavailable: the provider does not answer.
        """
        metadata = await self._about()
        query = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": redirect_uri,
            "scope": self._client.scopes,
            "state": question.state,
            "nonce": question.nonce,
            "code_challenge": question.challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in metadata["authorization_endpoint"] else "?"
        return f"{metadata['authorization_endpoint']}{joint}{urlencode(query)}"

    async def answered(self, question: Question, code: str, redirect_uri: str) -> Identity:
        """Whom a code names.

        Raises:
            AppError: ``gateway.oidc-refused``, the provider does not take the code, or its token does not hold.
            Unavailable: the provider does not answer.
        """
        metadata = await self._about()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self._client.client_id,
            "code_verifier": question.verifier,
        }
        answer = await self._fetch("POST", metadata["token_endpoint"], self._authorization(), form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise _refused("no id token")
        return self._identity(await self._claims(token, question.nonce))

    def _authorization(self) -> dict[str, str]:
        """Who we are, where we have a secret: both parts are encoded first (RFC 6749, 2.3.1)."""
        if self._client.secret is None:
            return {}
        pair = f"{quote_plus(self._client.client_id)}:{quote_plus(self._client.secret)}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    async def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self._now()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._client.issuer},
            aud={"essential": True, "value": self._client.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        for fresh in (False, True):
            try:
                claims = signed_claims(token, await self._key_set(fresh), ALGORITHMS)
                registry.validate(claims)
            # A key that is not in the set: the provider may have a new one.
            except (JoseError, ValueError, TypeError, RecursionError) as error:
                if not fresh and self._may_look_again():
                    continue
                raise _refused(repr(error)) from error
            parties = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
            # OpenID Connect Core, 3.1.3.7: with others in the audience it must be said that it is for us.
            if (len(parties) > 1 or "azp" in claims) and claims.get("azp") != self._client.client_id:
                raise _refused("for another party")
            return claims
        raise _refused("no key")

    def _may_look_again(self) -> bool:
        return self._keys is not None and self._steady() - self._keys[0] > _KEYS_AGAIN_SECONDS

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        login = None
        if self._client.match == "login":
            login = claims.get("preferred_username")
        elif self._client.match == "email" and claims.get("email_verified") is True:
            login = claims.get("email")
        amr = claims.get("amr")
        shown = {*(amr if isinstance(amr, list) else []), claims.get("acr")} & {*self._client.mfa}
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise _refused("no subject")
        return Identity(self._client.issuer, subject, login if isinstance(login, str) else None, bool(shown))

    async def _about(self) -> Mapping[str, str]:
        if self._metadata is not None and self._steady() - self._metadata[0] < _KEPT_SECONDS:
            return self._metadata[1]
        found = await self._fetch("GET", f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration")
        named = {name: found.get(name) for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")}
        # OpenID Connect Discovery, 4.3: a document that names another issuer is another's.
        if named["issuer"] != self._client.issuer or not all(_is_address(named[name]) for name in named):
            log.warning("provider's document does not fit", issuer=self._client.issuer)
            raise Unavailable("oidc")
        metadata = {name: str(value) for name, value in named.items()}
        self._metadata = (self._steady(), metadata)
        return metadata

    async def _key_set(self, fresh: bool) -> KeySet:
        if self._keys is not None and not fresh and self._steady() - self._keys[0] < _KEPT_SECONDS:
            return self._keys[1]
        found = await self._fetch("GET", (await self._about())["jwks_uri"])
        keys = found.get("keys")
        usable = [key for key in keys if _signs(key)] if isinstance(keys, list) else []
        try:
            made = KeySet.import_key_set({"keys": usable})
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Unavailable("oidc") from error
        self._keys = (self._steady(), made)
        return made

    async def _fetch(
        self, method: str, address: str, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        sent = {"Accept": "application/json", **(headers or {})}
        options: dict[str, Any] = {"timeout": _TIMEOUT, "allow_redirects": False}
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            options["data"] = urlencode(form).encode()
        try:
            async with self._http().request(method, address, headers=sent, **options) as answer:
                if method == "POST" and answer.status in (400, 401, 403):
                    raise _refused(f"status {answer.status}")
                answer.raise_for_status()
                found = json.loads(await _whole(answer))
        except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
            log.warning("provider did not answer", address=address, error=repr(error))
            raise Unavailable("oidc") from error
        if not isinstance(found, dict):
            raise Unavailable("oidc")
        return found


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    """An answer's body, unless it is endless."""
    read = b""
    async for piece in answer.content.iter_any():
        read += piece
        if len(read) > _MOST_BYTES:
            raise ValueError("more than a provider has to say")
    return read


def _signs(key: object) -> bool:
    """Whether this is the public half of a pair by which tokens are signed."""
    return isinstance(key, dict) and key.get("use", "sig") == "sig" and key.get("kty") != "oct"


def _is_address(value: object) -> bool:
    parts = urlsplit(value) if isinstance(value, str) else None
    return parts is not None and (parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost"))


def _refused(why: str) -> AppError:
    log.warning("provider's word is not taken", why=why)
    return AppError("gateway.oidc-refused", 401)
