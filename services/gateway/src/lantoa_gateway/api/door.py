"""What every step at the door shares: where it comes from, how often it may come, and the cookie at its end."""

import json
import math
import time
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, Response
from fastapi.security import APIKeyCookie
from pydantic import StringConstraints

from lantoa_gateway.adapters.accounts import Accounts
from lantoa_gateway.adapters.services import Refusal
from lantoa_gateway.api import cookie
from lantoa_gateway.api.citizens import TooMany
from lantoa_gateway.domain import Buckets
from lantoa_gateway.domain.browsers import device_words, has_name, origin_of, place_of
from lantoa_gateway.usecases import Sessions
from lantoa_runtime.errors import AppError
from lantoa_runtime.http.pages import Pages

BURST, PER_MINUTE = 20, 10
"""Sign-ins from one address: an office behind one address may all begin at half past seven."""
STEPS_BURST, STEPS_PER_MINUTE = 100, 100
"""All other steps from one address."""
PRIVATE = {"Cache-Control": "no-store"}
HERE = Depends(APIKeyCookie(name=cookie.STAFF, scheme_name="session", auto_error=False))
"""Says in the OpenAPI document that a session is needed; :mod:`cookie` is what looks at it."""

Password = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=False)]
Ticket = Annotated[str, StringConstraints(min_length=1, max_length=100)]
SixDigits = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class Door:
    """The directory's door for people, as a browser sees it."""

    def __init__(self, accounts: Accounts, sessions: Sessions, public_url: str | None) -> None:
        self.sessions = sessions
        self._accounts = accounts
        self._public_url = public_url
        self._tries = Buckets(BURST, PER_MINUTE)
        self._steps = Buckets(STEPS_BURST, STEPS_PER_MINUTE)

    def site(self, request: Request) -> str | None:
        """Where this gateway is, as the installation says it or else the browser."""
        return self._public_url or origin_of(request.url.scheme, request.headers.get("host", ""))

    def takes_passkeys(self, request: Request) -> bool:
        """Whether keys can be used here."""
        return has_name(self.site(request))

    def count_try(self, request: Request) -> None:
        """Count a try to sign in.

        Raises:
            TooMany: from this address.
        """
        _take(self._tries, request)

    def session_id(self, request: Request) -> str:
        """The session that is shown.

        Raises:
            AppError: ``sign-in-required``.
        """
        shown = cookie.session_id(request.headers)
        if shown is None:
            raise AppError("sign-in-required", 401)
        return shown

    async def ask(self, request: Request, what: str, body: Mapping[str, Any], where: bool = True) -> dict[str, Any]:
        """Ask the directory for a step that needs no session.

        Raises:
            TooMany: from this address.
            Refusal: the directory says no.
            Unavailable: the directory does not answer.
        """
        _take(self._steps, request)
        about = self._about(request) if where else {}
        given = {name: value for name, value in body.items() if value is not None}
        return await self._accounts.ask(what, {**about, **given}, request.headers.get("accept-language", ""))

    async def own(
        self, request: Request, what: str, body: Mapping[str, Any] | None = None, where: bool = False
    ) -> dict[str, Any]:
        """Ask the directory for a step of who is signed in.

        Raises:
            AppError: ``sign-in-required``.
            TooMany, Refusal, Unavailable: as for :meth:`ask`.
        """
        return await self.ask(request, what, {"session_id": self.session_id(request), **(body or {})}, where)

    def _about(self, request: Request) -> dict[str, str]:
        agent = request.headers.get("user-agent", "")
        about = {"device": device_words(agent), "place": place_of(_address(request)), "origin": self.site(request)}
        return {name: value for name, value in about.items() if value}

    async def entered(self, request: Request, answer: dict[str, Any]) -> Response:
        """The answer to somebody who is in, or who has another step to go.

        The session id is always new and the one shown before ends: nobody can plant a session.
        """
        if "next" in answer:
            return JSONResponse(answer, headers=PRIVATE)
        before = cookie.session_id(request.headers)
        if before is not None:
            await self.sessions.end(before)
        return self.goes_on(request, answer)

    def goes_on(self, request: Request, answer: dict[str, Any], status: int = 200, **more: Any) -> Response:
        """The answer to somebody whose session goes on under a new id; ``more`` is said instead of it."""
        before = cookie.session_id(request.headers)
        if before is not None:
            self.sessions.forget(before)
        said = more or {name: answer[name] for name in ("person", "factors", "must_add_factor")}
        response = Response(status_code=204) if status == 204 else JSONResponse(said, status)
        response.headers.update(PRIVATE)
        cookie.give(response, answer["session_id"])
        return response


def _take(buckets: Buckets, request: Request) -> None:
    wait = math.ceil(buckets.take(_address(request), time.monotonic()))
    if wait:
        raise TooMany(wait)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def said(body: Mapping[str, Any], status: int = 200) -> Response:
    """An answer that nobody keeps."""
    return JSONResponse(body, status, headers=PRIVATE)


def done() -> Response:
    """An answer without a word."""
    return Response(status_code=204, headers=PRIVATE)


def refusal_page(pages: Pages, request: Request, refusal: Refusal) -> Response:
    """The same as a page, for who is on their way in a browser."""
    told = json.loads(refusal.body)
    shown = {name: told[name] for name in ("title", "detail", "retryable")}
    return pages.show(request, "error.html", refusal.status, PRIVATE, **shown)


async def refusal_shown(_: Request, refusal: Exception) -> Response:
    """The directory's own problem document, as it is."""
    assert isinstance(refusal, Refusal)  # noqa: S101 - narrows what Starlette registers by class
    return Response(refusal.body, refusal.status, {**refusal.headers, **PRIVATE})
