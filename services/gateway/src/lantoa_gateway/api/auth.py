"""Sign in, sign out, who am I."""

import math
import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from fastapi.security import APIKeyCookie
from pydantic import StringConstraints

from lantoa_contracts.policy import DOOR_USE
from lantoa_gateway.adapters.services import Directory, Refusal
from lantoa_gateway.api import cookie
from lantoa_gateway.domain import Buckets
from lantoa_gateway.usecases import Sessions
from lantoa_runtime.http import StrictModel, declares
from lantoa_runtime.http.problems import problem

BURST, PER_MINUTE = 20, 10
"""Sign-ins from one address: an office behind one address may all begin at half past seven."""
_PRIVATE = {"Cache-Control": "no-store"}
_SESSION = APIKeyCookie(name=cookie.STAFF, scheme_name="session", auto_error=False)
"""Says in the OpenAPI document that a session is needed; :mod:`cookie` is what looks at it."""


class SignIn(StrictModel):
    """What somebody types at the door."""

    login: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=False)]


def auth_routes(directory: Directory, sessions: Sessions) -> APIRouter:
    """``/auth/*``."""
    router = APIRouter(prefix="/auth", tags=["sign-in"], dependencies=[declares(DOOR_USE)])
    tries = Buckets(BURST, PER_MINUTE)

    @router.post("/sign-in")
    async def sign_in(request: Request, body: SignIn) -> Response:
        """Begin a session. The id is always new and the one shown before ends: nobody can plant a session."""
        address = request.client.host if request.client else ""
        wait = math.ceil(tries.take(address, time.monotonic()))
        if wait:
            after = {"Retry-After": str(wait)}
            return problem(
                request, 429, "gateway.too-many-sign-ins", retryable=True, params={"seconds": wait}, headers=after
            )
        language = request.headers.get("accept-language", "")
        try:
            session_id, person = await directory.sign_in(body.login, body.password, language)
        except Refusal as refusal:
            return Response(refusal.body, refusal.status, {**refusal.headers, **_PRIVATE})
        before = cookie.session_id(request.headers)
        if before is not None:
            await sessions.end(before)
        response = JSONResponse({"person": person.view}, headers=_PRIVATE)
        cookie.give(response, session_id)
        return response

    @router.post("/sign-out", status_code=204)
    async def sign_out(request: Request) -> Response:
        """End the session; without one nothing happens."""
        shown = cookie.session_id(request.headers)
        if shown is not None:
            await sessions.end(shown)
        response = Response(status_code=204, headers=_PRIVATE)
        cookie.take(response)
        return response

    @router.get("/me", dependencies=[Depends(_SESSION)])
    async def me(request: Request) -> Response:
        """The person signed in, with the names of their units."""
        person: dict[str, Any] = (await cookie.person(request.headers, sessions)).view
        return JSONResponse({"person": person}, headers=_PRIVATE)

    return router
