"""A provider that speaks OpenID Connect over real HTTP, as well or as badly as a test wants."""

import base64
import contextlib
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, Key

from lantoa_cli.servers import free_port

CLIENT, SECRET = "lantoa", "bí mật của khách"


def signing_pair() -> ECKey:
    """A pair by which a provider signs."""
    return ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)


@dataclass
class Issuer:
    """Checks what a provider checks (client, redirect, PKCE), and says of the person what a test lets it say."""

    port: int = field(default_factory=free_port)
    keys: list[ECKey] = field(default_factory=lambda: [signing_pair()])
    claims: dict[str, Any] = field(default_factory=dict)
    """Said instead of what is true; ``None`` leaves a claim out."""
    header: dict[str, Any] = field(default_factory=dict)
    signer: Key | None = None
    """Signs instead of the first of the keys."""
    raw: Callable[[str], Any] | None = None
    """Makes of a token another one."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    key_asks: int = 0

    @property
    def url(self) -> str:
        """What it is called."""
        return f"http://127.0.0.1:{self.port}"

    def says(
        self,
        claims: dict[str, Any],
        header: dict[str, Any] | None = None,
        signer: Key | None = None,
        raw: Callable[[str], Any] | None = None,
    ) -> None:
        """From now on its tokens are these."""
        self.claims, self.header, self.signer, self.raw = claims, header or {}, signer, raw

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Issuer"]:
        """Listen meanwhile."""
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._configuration)
        app.router.add_get("/jwks", self._jwks)
        app.router.add_post("/token", self._token)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _configuration(self, _: web.Request) -> web.Response:
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        ends = {name: f"{self.url}/{path}" for name, path in names.items()}
        return web.json_response({"issuer": self.url, **ends})

    async def _jwks(self, _: web.Request) -> web.Response:
        self.key_asks += 1
        return web.json_response({"keys": [key.as_dict(private=False) for key in self.keys]})

    def authorize(self, location: str) -> str:
        """What a browser brings back after the person said yes: the address to go to.

        Raises:
            AssertionError: it was not asked as one asks.
        """
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        if (asked["client_id"], asked["code_challenge_method"]) != (CLIENT, "S256"):
            raise AssertionError(asked)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        address = urlsplit(asked["redirect_uri"])
        return f"{address.path}?code={code}&state={asked['state']}"

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self.codes.pop(str(form["code"]), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest()).rstrip(b"=")
        login = unquote_plus(base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode())
        if asked is None or challenge.decode() != asked["code_challenge"] or login != f"{CLIENT}:{SECRET}":
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        known = {"iss": self.url, "aud": CLIENT, "sub": "kc-1", "nonce": asked["nonce"], "iat": now, "exp": now + 60}
        claims = {name: value for name, value in {**known, **self.claims}.items() if value is not None}
        header = {"alg": "ES256", "kid": self.keys[0].kid, **self.header}
        made = jwt.encode(header, claims, self.signer or self.keys[0], algorithms=[header["alg"]])
        return web.json_response({"id_token": self.raw(made) if self.raw else made, "access_token": "x"})
