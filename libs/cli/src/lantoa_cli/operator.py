"""The operator's way in: calls to the services with a token signed by the installation's own key."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from joserfc.jwk import OKPKey

from lantoa_cli.errors import Refused
from lantoa_contracts.policy import EVERYWHERE, SYSTEM
from lantoa_runtime.http.auth import HEADER, Caller, Grant, TokenSigner
from lantoa_runtime.ids import new_id
from lantoa_runtime.topology.keys import KeyRing

_LINES = "application/jsonl"
_TRIES, _WAIT_SECONDS = 10, 1.0
"""For a service that says it is away for a moment, as one does on a machine that starts everything at once."""


class Operator:
    """Speaks to the services of one installation with the rights of its owner."""

    def __init__(self, ring: KeyRing, url_of: Callable[[str], str], root_units: tuple[str, ...] = ()) -> None:
        self._url_of = url_of
        grants = (Grant(SYSTEM, EVERYWHERE), *(Grant("admin", unit) for unit in root_units))
        self._caller = Caller("operator", "Người vận hành", grants)
        key = OKPKey.import_key(json.loads(ring.gateway_file.read_text()))
        self._signer = TokenSigner(key)

    async def pieces(self, service: str, path: str) -> AsyncIterator[bytes]:
        """JSON lines of a service as they come.

        Raises:
            Refused: the answer was an error.
        """
        async for piece in pieces(*self._asking(service, path)):
            yield piece

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        body: Any = None,
        ver: int | None = None,
        file: bytes | None = None,
    ) -> Any:
        """The JSON answer of a service to JSON or to a ``file``.

        Raises:
            Refused: the answer was an error.
        """
        url, headers = self._asking(service, path)
        if ver is not None:
            headers["If-Match"] = f'"{ver}"'
        return await send(url, method, headers, body, file)

    def _asking(self, service: str, path: str) -> tuple[str, dict[str, str]]:
        headers = {HEADER: self._signer.sign(self._caller, service, time.time())}
        return f"{self._url_of(service)}/api/v1/{service}{path}", headers


async def pieces(url: str, headers: dict[str, str]) -> AsyncIterator[bytes]:
    """JSON lines as they come in answer to a GET.

    Raises:
        Refused: the answer was an error, or something else.
    """
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        if response.content_type != _LINES:
            _judged(url, response.status, await response.read())
            raise _foreign(url, response.status)
        async for piece in response.content.iter_any():
            yield piece


async def send(url: str, method: str, headers: dict[str, str], body: Any = None, file: bytes | None = None) -> Any:
    """The JSON answer to one request, tried again while a service says that it is away for a moment.

    Raises:
        Refused: the answer was an error.
    """
    from lantoa_runtime.clock import Clock

    if method == "POST":
        headers = {**headers, "Idempotency-Key": new_id(Clock().now())}
    async with aiohttp.ClientSession() as session:
        for _ in range(_TRIES):
            async with session.request(method, url, json=body, data=file, headers=headers) as response:
                answer = await response.read()
            if response.status != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(_WAIT_SECONDS)
    return _judged(url, response.status, answer)


def _judged(url: str, status: int, body: bytes) -> Any:
    """The JSON of an answer; ``None`` for an empty one.

    Raises:
        Refused: it is an error, or another program's, such as a page.
    """
    try:
        answer = json.loads(body) if body else None
    except ValueError as error:
        raise _foreign(url, status) from error
    if status >= HTTPStatus.BAD_REQUEST:
        raise Refused(f"{urlsplit(url).path}: {status} {answer}", answer)
    return answer


def _foreign(url: str, status: int) -> Refused:
    return Refused(f"{url}: {status}, không phải trả lời của Lan Tỏa. Xin xem lại địa chỉ.")
