"""What stands behind the door: the services, the file with the keys of media addresses, the text of consent."""

import hashlib
import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp
import structlog

from lantoa_contracts.base import SignedDocument
from lantoa_contracts.policy import EVERYWHERE, SYSTEM
from lantoa_gateway.usecases import Person, Tokens
from lantoa_runtime.errors import AppError, Unavailable
from lantoa_runtime.http.auth import HEADER, Caller, Grant
from lantoa_runtime.http.middleware import MOST_BODY_BYTES
from lantoa_runtime.telemetry import answered, asking
from lantoa_signing.documents import KeySet, open_key_set, unb64

log = structlog.get_logger()

RESPONSE_START_SECONDS = 10.0
_BODY_SILENCE_SECONDS = 60.0
_CONNECTIONS_PER_SERVICE = 1000
"""Far above what admission lets wait at one service: the others are answers that slow clients are still reading."""
# Shorter than uvicorn's five, so that no request goes out on a connection which the other side is closing.
_KEEP_ALIVE_SECONDS = 3.0
_GATEWAY = Caller("gateway", "gateway", (Grant(SYSTEM, EVERYWHERE),))


@dataclass(frozen=True)
class Upstream:
    """One service: its address without a slash at the end, and the client to ask it with."""

    service: str
    base: str
    client: aiohttp.ClientSession


class Upstreams:
    """The services by name, over connections that are kept."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = {name: address.rstrip("/") for name, address in addresses.items()}
        self._client: aiohttp.ClientSession | None = None

    def of(self, service: str) -> Upstream | None:
        """A service by its name; ``None`` for one that is not there."""
        base = self._addresses.get(service)
        return Upstream(service, base, self.client) if base else None

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

    @property
    def told(self) -> str:
        """What the problem says to people."""
        problem = json.loads(self.body)
        return f"{problem['title']}. {problem['detail']}"


_REFUSALS = frozenset({401, 422, 429})
_PROBLEM = "application/problem+json"


class Asking:
    """Calls of the directory, by the gateway itself unless somebody else is named."""

    def __init__(self, upstreams: Upstreams, tokens: Tokens) -> None:
        self._upstreams = upstreams
        self._tokens = tokens

    async def owner(self, kind: str, session_id: str) -> dict[str, Any]:
        """Whose session this is, with a ``person`` or a ``citizen``; the other kind's sessions are none here.

        Raises:
            AppError: ``sign-in-required``.
            Unavailable: the directory does not answer.
        """
        try:
            found: dict[str, Any] = await self.ask("sessions/resolve", {"session_id": session_id})
        except Refusal as refusal:
            raise AppError("sign-in-required", 401) from refusal
        if kind not in found:
            raise AppError("sign-in-required", 401)
        return found

    async def ask(
        self,
        what: str,
        body: Any,
        language: str = "vi",
        caller: Caller = _GATEWAY,
        refusals: Container[int] = _REFUSALS,
    ) -> Any:
        """The directory's answer, ``None`` for an empty one.

        Raises:
            Refusal: it answers with one of these statuses.
            AppError: ``body-too-large``, with what is added to it and as it is written.
            Unavailable: it does not answer, or with another error.
        """
        data = None if body is None else json.dumps(body).encode()
        if data is not None and len(data) > MOST_BODY_BYTES:
            raise AppError("body-too-large", 413)
        token = self._tokens.token(caller, "directory")
        headers = {HEADER: token, "Accept-Language": language, "Content-Type": "application/json"}
        directory, path = self._upstreams.of("directory"), f"/api/v1/directory/{what}"
        if directory is None:
            raise Unavailable("directory")
        timeout = aiohttp.ClientTimeout(total=RESPONSE_START_SECONDS)
        post = directory.client.post
        try:
            with asking("POST", directory.base, path) as (span, carried):
                sent = headers | carried
                async with post(directory.base + path, data=data, headers=sent, timeout=timeout) as answer:
                    answered(span, answer.status)
                    if answer.status in refusals and answer.content_type == _PROBLEM:
                        raise Refusal(answer.status, await answer.read(), _shown(answer.headers))
                    answer.raise_for_status()
                    return None if answer.status == 204 else await answer.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("directory did not answer", asked=what, error=repr(error))
            raise Unavailable("directory") from error


class Directory:
    """Sessions of the staff, as the directory keeps them."""

    def __init__(self, upstreams: Upstreams, tokens: Tokens) -> None:
        self._asking = Asking(upstreams, tokens)

    async def person(self, session_id: str) -> Person:
        """Whose session this is.

        Raises:
            AppError: ``sign-in-required``.
            Unavailable: the directory does not answer.
        """
        found = await self._asking.owner("person", session_id)
        return Person(found["person"], owns={name: found[name] for name in ("factors", "must_add_factor")})

    async def end(self, session_id: str) -> None:
        """End a session.

        Raises:
            Unavailable: the directory does not answer; the session may still hold.
        """
        await self._asking.ask("sessions/end", {"session_id": session_id})


class Citizens:
    """Sign-in and sessions of citizens, as the directory keeps them."""

    def __init__(self, upstreams: Upstreams, tokens: Tokens) -> None:
        self._asking = Asking(upstreams, tokens)

    async def send_code(self, phone: str, language: str) -> dict[str, Any]:
        """Send a code to a phone: ``{phone, seconds}`` with the masked number and how long the code holds.

        Raises:
            Refusal: no mobile number, too many codes, or no way to send one.
            Unavailable: the directory does not answer.
        """
        # The directory's own 503 says why no code can be sent; a gateway without a directory says its own.
        body = {"phone": phone}
        sent: dict[str, Any] = await self._asking.ask("citizen/code", body, language, refusals=_REFUSALS | {503})
        return sent

    async def sign_in(self, phone: str, code: str, consent: Mapping[str, str], language: str) -> tuple[str, Person]:
        """A new session's id and its citizen.

        Raises:
            Refusal: the code is wrong or does not hold.
            Unavailable: the directory does not answer.
        """
        body = {"phone": phone, "code": code, "consent": consent}
        answer = await self._asking.ask("citizen/sign-in", body, language)
        return answer["session_id"], Person(answer["citizen"], citizen=True)

    async def person(self, session_id: str) -> Person:
        """Whose session this is.

        Raises:
            AppError: ``sign-in-required``.
            Unavailable: the directory does not answer.
        """
        return Person((await self._asking.owner("citizen", session_id))["citizen"], citizen=True)

    async def end(self, session_id: str) -> None:
        """End a session.

        Raises:
            Unavailable: the directory does not answer; the session may still hold.
        """
        await self._asking.ask("sessions/end", {"session_id": session_id})

    async def erase(self, citizen: Person) -> None:
        """Forget a citizen's number and name, and end their sessions.

        Raises:
            Refusal: they are forgotten already.
            Unavailable: the directory does not answer.
        """
        await self._asking.ask("citizen/erase", None, caller=citizen.caller)


def _shown(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in ("Content-Type", "Content-Language", "Retry-After") if name in headers}


@dataclass(frozen=True)
class Consent:
    """What citizens agree to when they sign in, in one language."""

    text: str

    PURPOSE = "sign-in-and-contests"
    VERSION = "1"

    @property
    def record(self) -> dict[str, str]:
        """What the directory keeps of it."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        return {"purpose": self.PURPOSE, "version": self.VERSION, "text_sha256": digest}


def consents(languages: tuple[str, ...]) -> dict[str, Consent]:
    """The text of consent by its language."""
    folder = resources.files("lantoa_gateway") / "pages"
    texts = {language: (folder / f"consent.{language}.txt").read_text("utf-8") for language in languages}
    return {language: Consent(text.strip()) for language, text in texts.items()}


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
