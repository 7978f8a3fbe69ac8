"""Sign in by a provider: there, and back. What the browser must come back with lies in a cookie, not here."""

import base64
import json
from dataclasses import asdict, dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from lantoa_contracts.policy import DOOR_USE
from lantoa_gateway.adapters.oidc import Identity, Provider, Question
from lantoa_gateway.adapters.services import Refusal
from lantoa_gateway.api import cookie
from lantoa_gateway.api.door import HERE, PRIVATE, Door, refusal_page, said
from lantoa_gateway.domain import safe_next
from lantoa_runtime.errors import AppError
from lantoa_runtime.http import Routes, declares
from lantoa_runtime.http.pages import Pages

ASKED = "__Host-oidc"
_LIFE_SECONDS = 600
_CONSOLE = "/"
_SIGN_IN = "/#/sign-in"
_Text = Annotated[str, Query(max_length=2000)]


class There(BaseModel):
    """Where to send the browser."""

    location: str


@dataclass(frozen=True)
class _Errand:
    """What a browser was sent out with."""

    question: Question
    after: str
    link: bool

    def written(self) -> str:
        said_ = {**asdict(self.question), "after": self.after, "link": self.link}
        return base64.urlsafe_b64encode(json.dumps(said_).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, written: str) -> "_Errand | None":
        """What a cookie says; whoever writes one of their own finds the way into their own session only."""
        try:
            found = json.loads(base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)))
            question = Question(*(str(found[name]) for name in ("state", "nonce", "verifier")))
            return cls(question, str(found["after"]), found["link"] is True)
        except (ValueError, TypeError, KeyError, RecursionError):
            return None


class _Errands:
    def __init__(self, door: Door, provider: Provider | None) -> None:
        self._door = door
        self._provider = provider

    async def begin(self, request: Request, after: str, link: bool) -> tuple[str, _Errand]:
        """Where to send a browser, and with what."""
        self._door.count_try(request)
        errand = _Errand(Question.new(), safe_next(after) or _CONSOLE, link)
        return await self._known.ask(errand.question, self._back(request)), errand

    async def finish(self, request: Request, state: str, code: str) -> tuple[_Errand, Identity]:
        """Whom the provider names to the browser that was sent.

        Raises:
            AppError: ``gateway.oidc-refused``, it is not the one that was sent, or not with this.
        """
        errand = _Errand.read(request.cookies.get(ASKED, ""))
        if errand is None or not code or errand.question.state != state:
            raise AppError("gateway.oidc-refused", 401)
        return errand, await self._known.answered(errand.question, code, self._back(request))

    @property
    def _known(self) -> Provider:
        if self._provider is None:
            raise AppError("no-such-address", 404)
        return self._provider

    def _back(self, request: Request) -> str:
        site = self._door.site(request)
        if site is None:
            raise AppError("gateway.oidc-refused", 401)
        return f"{site}/auth/oidc/callback"


def oidc_pages(router: Routes, door: Door, provider: Provider | None, pages: Pages) -> None:
    """``/auth/oidc/{start,callback}``: of a browser on its way."""
    errands = _Errands(door, provider)

    @router.get("/oidc/start")
    async def start(request: Request, after: Annotated[str, Query(alias="next", max_length=2000)] = "") -> Response:
        """Off to the provider."""
        address, errand = await errands.begin(request, after, link=False)
        return _sent(RedirectResponse(address, 303, PRIVATE), errand)

    @router.get("/oidc/callback")
    async def callback(request: Request, state: _Text = "", code: _Text = "") -> Response:
        """Back from the provider: into a session, or to the step that is still wanted."""
        errand, identity = await errands.finish(request, state, code)
        about = {"issuer": identity.issuer, "subject": identity.subject}
        try:
            if errand.link:
                await door.own(request, "sessions/link", about)
                return _back(RedirectResponse(errand.after, 303, PRIVATE))
            given: dict[str, Any] = {"login": identity.login, "mfa": identity.mfa}
            answer = await door.ask(request, "sign-in/oidc", about | given)
        except Refusal as refusal:
            return _back(refusal_page(pages, request, refusal))
        if "next" in answer:
            step = {"ticket": answer["ticket"], "ways": ",".join(answer["ways"]), "next": errand.after}
            return _back(RedirectResponse(f"{_SIGN_IN}?{urlencode(step)}", 303, PRIVATE))
        # The cookie of the answer, and the way on instead of its words.
        entered = await door.entered(request, answer)
        response = RedirectResponse(errand.after, 303, PRIVATE)
        response.raw_headers += [pair for pair in entered.raw_headers if pair[0] == b"set-cookie"]
        return _back(response)


def link_routes(door: Door, provider: Provider | None) -> Routes:
    """``/auth/oidc/link``."""
    errands = _Errands(door, provider)
    router = Routes(prefix="/auth/oidc", tags=["sign-in"], dependencies=[declares(DOOR_USE), HERE])

    @router.post("/link", response_model=There)
    async def link(request: Request) -> Response:
        """Where to send the browser, so that from then on the provider may name whoever is signed in."""
        door.session_id(request)
        address, errand = await errands.begin(request, _CONSOLE, link=True)
        return _sent(said({"location": address}), errand)

    return router


def _sent(response: Response, errand: _Errand) -> Response:
    response.set_cookie(
        ASKED, errand.written(), max_age=_LIFE_SECONDS, path="/", secure=True, httponly=True, samesite="lax"
    )
    return response


def _back(response: Response) -> Response:
    cookie.take(response, ASKED)
    return response
