"""Apps of our own: which one asks, yes; codes, tokens, the end of them (RFC 6749, RFC 7636, RFC 7009)."""

import json
from typing import Annotated, Any
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel

from lantoa_contracts.policy import DOOR_USE
from lantoa_gateway.adapters.services import Refusal
from lantoa_gateway.api import cookie
from lantoa_gateway.api.door import PRIVATE, Door, refusal_page
from lantoa_runtime.errors import AppError
from lantoa_runtime.http import Routes, declares
from lantoa_runtime.http.models import Problem
from lantoa_runtime.http.pages import Pages
from lantoa_runtime.http.problems import problem

_PARAMETERS = ("client_id", "redirect_uri", "response_type", "code_challenge", "code_challenge_method")
_MOST = 2000
_Word = Annotated[str, Form(max_length=500)]
_POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
_GRANTS = ("authorization_code", "refresh_token")


class AppRefused(Problem):
    """A problem that OAuth libraries understand too: `error` as RFC 6749, 5.2 has it."""

    error: str


_REFUSED: dict[int | str, dict[str, Any]] = {400: {"model": AppRefused, "description": "Refused; `error` says why."}}


class AppTokens(BaseModel):
    """As RFC 6749, 5.1 has it. The refresh token is good once: the next answer has the next one."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int


def app_pages(router: Routes, door: Door, pages: Pages) -> None:
    """``/auth/app/authorize``: a page that says which app asks, and a button."""

    @router.get("/app/authorize")
    async def authorize(request: Request) -> Response:
        """Which app asks; who is not signed in signs in first and comes back."""
        asked, name, person = await _asking(request)
        if person is None:
            here = quote(f"{request.url.path}?{request.url.query}", safe="")
            return RedirectResponse(f"/#/sign-in?next={here}", 303, PRIVATE)
        shown: dict[str, Any] = {"app": name, "name": person, "asked": asked}
        # The button's form is answered with a way to the app, which the form may lead to and nothing else.
        target = urlsplit(asked["redirect_uri"])
        leads = f"{target.scheme}://{target.netloc}" if target.scheme in ("http", "https") else f"{target.scheme}:"
        policy = f"{_POLICY}; form-action 'self' {leads}"
        return pages.show(request, "app.html", headers={**PRIVATE, "Content-Security-Policy": policy}, **shown)

    @router.post("/app/authorize")
    async def allow(request: Request) -> Response:
        """The button: on to the app, with a code."""
        asked, _, person = await _asking(request)
        if person is None:
            raise AppError("sign-in-required", 401)
        try:
            made = await door.own(request, "apps/authorize", _known(asked))
        except Refusal as refusal:
            return refusal_page(pages, request, refusal)
        back = {"code": made["code"], "iss": door.site(request) or "", **_state(asked)}
        joint = "&" if "?" in asked["redirect_uri"] else "?"
        return RedirectResponse(f"{asked['redirect_uri']}{joint}{urlencode(back)}", 303, PRIVATE)

    async def _asking(request: Request) -> tuple[dict[str, str], str, str | None]:
        """What is asked for, by which app, and who is signed in."""
        # Twice the same name is two readers' quarrel.
        pairs = request.query_params.multi_items()
        asked = dict(pairs)
        if len(asked) != len(pairs) or any(len(value) > _MOST for value in asked.values()):
            raise AppError("gateway.bad-app-request", 422)
        try:
            name = (await door.ask(request, "apps/asking", _known(asked), where=False))["name"]
        except Refusal as refusal:
            raise AppError("gateway.bad-app-request", 422) from refusal
        try:
            person = await cookie.person(request.headers, door.sessions)
        except AppError as error:
            if error.http_status != 401:
                raise
            return asked, name, None
        return asked, name, person.view["name"]


def _known(asked: dict[str, str]) -> dict[str, str]:
    return {name: asked[name] for name in _PARAMETERS if name in asked}


def _state(asked: dict[str, str]) -> dict[str, str]:
    return {"state": asked["state"]} if "state" in asked else {}


def app_routes(door: Door) -> Routes:
    """``/auth/app/token`` and ``/auth/app/revoke``: forms, as every OAuth library sends them."""
    router = Routes(prefix="/auth/app", tags=["apps"], dependencies=[declares(DOOR_USE)])

    @router.post("/token", response_model=AppTokens, responses=_REFUSED)
    async def token(
        request: Request,
        grant_type: _Word = "",
        client_id: _Word = "",
        code: _Word = "",
        redirect_uri: _Word = "",
        code_verifier: _Word = "",
        refresh_token: _Word = "",
    ) -> Response:
        """Tokens for a code and its verifier, or for a refresh token, which is used up with it."""
        if grant_type not in _GRANTS:
            return _error(request, "gateway.unsupported-grant-type" if grant_type else "gateway.invalid-request")
        try:
            if grant_type == "refresh_token":
                given = {"client_id": client_id, "token": refresh_token}
                made = await door.ask(request, "apps/refresh", given, where=False)
            else:
                given = {"client_id": client_id, "code": code, "redirect_uri": redirect_uri}
                made = await door.ask(request, "apps/redeem", {**given, "code_verifier": code_verifier})
        except Refusal as refusal:
            return _error(request, "gateway.invalid-grant" if refusal.status == 401 else "gateway.invalid-request")
        return JSONResponse(made, headers={**PRIVATE, "Pragma": "no-cache"})

    @router.post("/revoke", status_code=200, response_class=Response, responses=_REFUSED)
    async def revoke(request: Request, client_id: _Word = "", token: _Word = "") -> Response:
        """End what a token belongs to; an unknown one is no error."""
        try:
            await door.ask(request, "apps/revoke", {"client_id": client_id, "token": token}, where=False)
        except Refusal:
            return _error(request, "gateway.invalid-request")
        return Response(status_code=200, headers=PRIVATE)

    return router


def _error(request: Request, code: str) -> Response:
    """A problem with an ``error``, as JSON: what OAuth libraries read."""
    shown = problem(request, 400, code, headers=PRIVATE)
    body: dict[str, Any] = json.loads(bytes(shown.body))
    error = code.removeprefix("gateway.").replace("-", "_")
    headers = {"Content-Language": shown.headers["content-language"], **PRIVATE}
    return JSONResponse({**body, "error": error}, 400, headers, media_type="application/json")
