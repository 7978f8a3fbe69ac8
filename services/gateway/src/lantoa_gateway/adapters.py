"""What stands behind the door: the services, and the file with the keys of media addresses."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import structlog

from lantoa_contracts.base import SignedDocument
from lantoa_gateway.usecases import Person, Tokens
from lantoa_runtime.errors import AppError, Unavailable
from lantoa_runtime.http.auth import HEADER, SYSTEM, Caller, Grant
from lantoa_runtime.telemetry import answered, asking
from lantoa_signing.documents import KeySet, open_key_set, unb64

log = structlog.get_logger()

RESPONSE_START_SECONDS = 10.0
_BODY_SILENCE_SECONDS = 60.0
_CONNECTIONS_PER_SERVICE = 100
# Shorter than uvicorn's five, so that no request goes out on a connection which the other side is closing.
_KEEP_ALIVE_SECONDS = 3.0
_GATEWAY = Caller("gateway", "gateway", (Grant(SYSTEM, "*"),))


class Upstreams:
    """The services by name, over connections that are kept."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = {name: address.rstrip("/") for name, address in addresses.items()}
        self._client: aiohttp.ClientSession | None = None

    def address(self, service: str) -> str | None:
        """Where a service is; ``None`` for one that is not there."""
        return self._addresses.get(service)

    @property
    def client(self) -> aiohttp.ClientSession:
        """The client; made when first used, because it needs the running loop."""
        if self._client is None:
            self._client = aiohttp.ClientSession(
                # No limit over all: one slow service must not take the connections of the others.
                connector=aiohttp.TCPConnector(
                    limit=0, limit_per_host=_CONNECTIONS_PER_SERVICE, keepalive_timeout=_KEEP_ALIVE_SECONDS
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                timeout=aiohttp.ClientTimeout(total=None, sock_read=_BODY_SILENCE_SECONDS),
            )
        return self._client

    async def close(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            await self._client.close()


class Refusal(Exception):
    """The directory's own problem document, to be shown as it is."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers


class Directory:
    """Sign-in and sessions, as the directory keeps them."""

    def __init__(self, upstreams: Upstreams, tokens: Tokens) -> None:
        self._upstreams = upstreams
        self._tokens = tokens

    async def sign_in(self, login: str, password: str, language: str) -> tuple[str, Person]:
        """A new session's id and its person.

        Raises:
            Refusal: wrong credentials, or too many tries.
            Unavailable: the directory does not answer.
        """
        answer = await self._ask("sign-in", {"login": login, "password": password}, language)
        return answer["session_id"], Person(answer["person"])

    async def person(self, session_id: str) -> Person:
        """Whose session this is.

        Raises:
            AppError: ``sign-in-required``.
            Unavailable: the directory does not answer.
        """
        try:
            return Person((await self._ask("sessions/resolve", {"session_id": session_id}))["person"])
        except Refusal as refusal:
            raise AppError("sign-in-required", 401) from refusal

    async def end(self, session_id: str) -> None:
        """End a session.

        Raises:
            Unavailable: the directory does not answer; the session may still hold.
        """
        await self._ask("sessions/end", {"session_id": session_id})

    async def _ask(self, what: str, body: Any, language: str = "vi") -> Any:
        token = self._tokens.token(_GATEWAY, "directory")
        headers = {HEADER: token, "Accept-Language": language, "Content-Type": "application/json"}
        base, path = self._upstreams.address("directory") or "", f"/api/v1/directory/{what}"
        timeout = aiohttp.ClientTimeout(total=RESPONSE_START_SECONDS)
        post = self._upstreams.client.post
        try:
            with asking("POST", base, path) as (span, carried):
                sent = headers | carried
                async with post(base + path, json=body, headers=sent, timeout=timeout) as answer:
                    answered(span, answer.status)
                    if answer.status in (401, 429):
                        raise Refusal(answer.status, await answer.read(), _shown(answer.headers))
                    answer.raise_for_status()
                    return await answer.json() if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("directory did not answer", asked=what, error=repr(error))
            raise Unavailable("directory") from error


def _shown(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in ("Content-Type", "Content-Language", "Retry-After") if name in headers}


class DeviceKeys:
    """The keys that may sign media addresses, as the root has put them into a file."""

    def __init__(self, file: Path, root_public: str) -> None:
        self._file = file
        self._root = unb64(root_public)
        self._read_at = 0
        self._keys = KeySet({})

    def current(self) -> KeySet:
        """The key set, read again when its file changed.

        Raises:
            SignatureRefused: the root has not signed it.
        """
        changed_at = self._file.stat().st_mtime_ns
        if changed_at != self._read_at:
            document = SignedDocument.model_validate_json(self._file.read_text())
            self._keys = open_key_set(document, self._root)
            self._read_at = changed_at
        return self._keys
