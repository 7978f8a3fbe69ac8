"""Citizens sign in by phone: what pages and programs share, and ``/auth/citizen/*`` for programs."""

import math
import time
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, Response
from fastapi.security import APIKeyCookie
from pydantic import BaseModel, StringConstraints

from lantoa_contracts.door import CodeSent, SignedInCitizen
from lantoa_contracts.policy import DOOR_USE
from lantoa_gateway.adapters.services import Citizens, Consent, Refusal
from lantoa_gateway.api import cookie
from lantoa_gateway.domain import Buckets
from lantoa_gateway.usecases import Person, Sessions
from lantoa_runtime.errors import AppError, Invalid
from lantoa_runtime.http import Routes, StrictModel, declares
from lantoa_runtime.http.problems import language_of, problem

PRIVATE = {"Cache-Control": "no-store"}
_SESSION = Depends(APIKeyCookie(name=cookie.CITIZEN, scheme_name="citizen", auto_error=False))
"""Says in the OpenAPI document that a citizen's session is needed; :mod:`cookie` is what looks at it."""


class TooMany(AppError):
    """This address asked too often; ``seconds`` says when to ask again."""

    def __init__(self, seconds: int) -> None:
        super().__init__("gateway.too-many-sign-ins", 429, retryable=True, seconds=seconds)
        self.headers = {"Retry-After": str(seconds)}


class CitizenDoor:
    """The steps of a citizen's sign-in, each address limited."""

    def __init__(self, citizens: Citizens, sessions: Sessions, per_minute: int) -> None:
        self._citizens = citizens
        self._sessions = sessions
        self._codes = Buckets(per_minute, per_minute)
        self._entries = Buckets(per_minute, per_minute)

    async def send_code(self, request: Request, phone: str, language: str) -> dict[str, Any]:
        """Send a code: the masked number and for how many seconds the code holds.

        Raises:
            TooMany: from this address.
            Refusal: the directory says no.
            Unavailable: the directory does not answer.
        """
        _take(self._codes, request)
        return await self._citizens.send_code(phone, language)

    async def sign_in(
        self, request: Request, phone: str, code: str, consent: Consent, language: str
    ) -> tuple[str, Person]:
        """A new session's id and its citizen. The session shown before ends: nobody can plant one.

        Raises:
            TooMany: from this address.
            Refusal: the directory says no.
            Unavailable: the directory does not answer.
        """
        _take(self._entries, request)
        session_id, citizen = await self._citizens.sign_in(phone, code, consent.record, language)
        await self.sign_out(request)
        return session_id, citizen

    async def sign_out(self, request: Request) -> None:
        """End the session shown, if there is one."""
        before = cookie.session_id(request.headers, cookie.CITIZEN)
        if before is not None:
            await self._sessions.end(before)

    async def citizen(self, request: Request) -> Person:
        """Who is signed in.

        Raises:
            AppError: ``sign-in-required``.
            Unavailable: the directory does not answer.
        """
        return await cookie.person(request.headers, self._sessions, cookie.CITIZEN)

    async def erase(self, request: Request) -> None:
        """Have the directory forget who is signed in.

        Raises:
            AppError: ``sign-in-required``.
            Refusal: they are forgotten already.
            Unavailable: the directory does not answer.
        """
        await self._citizens.erase(await self.citizen(request))
        before = cookie.session_id(request.headers, cookie.CITIZEN)
        if before is not None:
            self._sessions.forget(before)


def _take(buckets: Buckets, request: Request) -> None:
    wait = math.ceil(buckets.take(request.client.host if request.client else "", time.monotonic()))
    if wait:
        raise TooMany(wait)


class CodeWanted(StrictModel):
    """Where to send a code."""

    phone: Annotated[str, StringConstraints(max_length=30)]


class ConsentGiven(StrictModel):
    """The hash of the text that the citizen read and agreed to."""

    text_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class CodeEntered(StrictModel):
    """A number, the code that was sent to it, and consent."""

    phone: Annotated[str, StringConstraints(max_length=30)]
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    consent: ConsentGiven


class ConsentOut(BaseModel):
    """The text to agree to, and what is kept of it."""

    text: str
    purpose: str
    version: str
    text_sha256: str


class CitizenHere(BaseModel):
    """The citizen signed in."""

    citizen: SignedInCitizen


def citizen_routes(door: CitizenDoor, consents: Mapping[str, Consent]) -> Routes:
    """``/auth/citizen/*``: what the pages do, for apps."""
    router = Routes(prefix="/auth/citizen", tags=["citizens"], dependencies=[declares(DOOR_USE)])
    by_hash = {consent.record["text_sha256"]: consent for consent in consents.values()}

    @router.get("/consent", response_model=ConsentOut)
    async def consent(request: Request) -> Response:
        """The text to agree to, in the reader's language, and what is kept of it."""
        language = language_of(request.headers.get("accept-language", ""))
        chosen = consents[language]
        headers = {"Content-Language": language, "Vary": "Accept-Language", "Cache-Control": "no-cache"}
        return JSONResponse({"text": chosen.text, **chosen.record}, headers=headers)

    @router.post("/code", status_code=202, response_model=CodeSent)
    async def send_code(request: Request, body: CodeWanted) -> Response:
        """Send a code to a phone. The answer is the same for every number."""
        try:
            sent = await door.send_code(request, body.phone, request.headers.get("accept-language", ""))
        except (Refusal, TooMany) as error:
            return _refused(request, error)
        return JSONResponse(sent, 202, headers=PRIVATE)

    @router.post("/sign-in", response_model=CitizenHere)
    async def citizen_sign_in(request: Request, body: CodeEntered) -> Response:
        """Begin a citizen's session; always with a new id."""
        given = by_hash.get(body.consent.text_sha256)
        if given is None:
            raise Invalid("gateway.other-consent", "/consent/text_sha256")
        language = request.headers.get("accept-language", "")
        try:
            session_id, citizen = await door.sign_in(request, body.phone, body.code, given, language)
        except (Refusal, TooMany) as error:
            return _refused(request, error)
        response = JSONResponse({"citizen": citizen.view}, headers=PRIVATE)
        cookie.give(response, session_id, cookie.CITIZEN)
        return response

    @router.post("/sign-out", status_code=204)
    async def citizen_sign_out(request: Request) -> Response:
        """End the session; without one nothing happens."""
        await door.sign_out(request)
        return _gone()

    @router.get("/me", response_model=CitizenHere, dependencies=[_SESSION])
    async def citizen_me(request: Request) -> Response:
        """The citizen signed in: id, and the masked number as name."""
        return JSONResponse({"citizen": (await door.citizen(request)).view}, headers=PRIVATE)

    @router.post("/erase", status_code=204, dependencies=[_SESSION])
    async def citizen_erase(request: Request) -> Response:
        """Withdraw consent: number and name are forgotten, all sessions end."""
        try:
            await door.erase(request)
        except Refusal as refusal:
            return _refused(request, refusal)
        return _gone()

    return router


def _gone() -> Response:
    response = Response(status_code=204, headers=PRIVATE)
    cookie.take(response, cookie.CITIZEN)
    return response


def _refused(request: Request, error: Refusal | TooMany) -> Response:
    if isinstance(error, Refusal):
        return Response(error.body, error.status, {**error.headers, **PRIVATE})
    headers = {**error.headers, **PRIVATE}
    return problem(request, error.http_status, error.code, retryable=True, params=error.params, headers=headers)
