"""``/cong-dan``: citizens sign in on pages that need no script. What was wrong is said on the form."""

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from lantoa_gateway.adapters.services import Consent, Refusal
from lantoa_gateway.api import cookie
from lantoa_gateway.api.citizens import PRIVATE, CitizenDoor, TooMany
from lantoa_gateway.domain import safe_next
from lantoa_gateway.usecases import Person
from lantoa_runtime.errors import AppError
from lantoa_runtime.http import Routes
from lantoa_runtime.http.pages import Pages
from lantoa_runtime.http.problems import text

PACKAGE = "lantoa_gateway"
HOME = "/cong-dan"
_AFTERWARDS = "/thi"
_CODE = re.compile(r"[0-9]{6}")
_Text = Annotated[str, Form(max_length=30)]
_Next = Annotated[str, Form(alias="next", max_length=2000)]


def citizen_pages(pages: Pages, door: CitizenDoor, consents: Mapping[str, Consent]) -> Routes:
    """The forms and what they send."""
    router = pages.router()
    forms = _Forms(pages, door, consents)
    router.add_api_route("", forms.home, methods=["GET"])
    router.add_api_route("/ma", forms.again, methods=["GET"])
    router.add_api_route("/vao", forms.again, methods=["GET"])
    router.add_api_route("/ma", forms.send_code, methods=["POST"])
    router.add_api_route("/vao", forms.sign_in, methods=["POST"])
    router.add_api_route("/ra", forms.sign_out, methods=["POST"])
    router.add_api_route("/xoa", forms.erase, methods=["POST"])
    return router


class _Forms:
    def __init__(self, pages: Pages, door: CitizenDoor, consents: Mapping[str, Consent]) -> None:
        self._pages = pages
        self._door = door
        self._consents = consents

    async def home(
        self, request: Request, after: Annotated[str, Query(alias="next", max_length=2000)] = ""
    ) -> Response:
        """The form for the number; for who is signed in, the way on and the way out."""
        try:
            citizen = await self._door.citizen(request)
        except AppError as error:
            if error.http_status != 401:
                raise
            return self._ask_phone(request, after)
        return self._signed_in(request, citizen, after)

    async def again(self, request: Request) -> Response:
        """Where the language is changed on a form that was sent: begin again."""
        query = request.url.query
        return RedirectResponse(f"{HOME}?{query}" if query else HOME, 303, PRIVATE)

    async def send_code(self, request: Request, phone: _Text = "", after: _Next = "") -> Response:
        """Send a code and ask for it."""
        try:
            sent = await self._door.send_code(request, phone, self._pages.language(request))
        except (Refusal, AppError) as error:
            return self._ask_phone(request, after, phone, error)
        return self._ask_code(request, after, phone, sent_to=sent["phone"])

    async def sign_in(
        self, request: Request, phone: _Text = "", code: _Text = "", consent: _Text = "", after: _Next = ""
    ) -> Response:
        """Begin a session, or say on the form what is wrong."""
        language, plain = self._pages.language(request), "".join(code.split())
        wrong = "" if _CODE.fullmatch(plain) else self._pages.text(request, "citizen.code-shape")
        wrong_consent = "" if consent else self._pages.text(request, "citizen.consent-missing")
        if wrong or wrong_consent:
            return self._ask_code(request, after, phone, 422, wrong=wrong, wrong_consent=wrong_consent, code=code)
        try:
            session_id, _ = await self._door.sign_in(request, phone, plain, self._consents[language], language)
        except (Refusal, AppError) as error:
            headers, wrong = _later(error), self._told(request, error)
            return self._ask_code(request, after, phone, _status(error), headers, wrong=wrong)
        response = RedirectResponse(_after(after), 303, PRIVATE)
        cookie.give(response, session_id, cookie.CITIZEN)
        return response

    async def sign_out(self, request: Request, after: _Next = "") -> Response:
        """End the session."""
        await self._door.sign_out(request)
        response = RedirectResponse(_after(after), 303, PRIVATE)
        cookie.take(response, cookie.CITIZEN)
        return response

    async def erase(self, request: Request, sure: _Text = "") -> Response:
        """Withdraw consent; asked for twice, because it cannot be taken back."""
        citizen = await self._door.citizen(request)
        if not sure:
            return self._signed_in(request, citizen, wrong=self._pages.text(request, "citizen.erase-sure-missing"))
        try:
            await self._door.erase(request)
        except Refusal as refusal:
            raise AppError("sign-in-required", 401) from refusal
        response = self._pages.show(request, "erased.html", headers=PRIVATE)
        cookie.take(response, cookie.CITIZEN)
        return response

    def _ask_phone(
        self, request: Request, after: str, phone: str = "", error: Refusal | AppError | None = None
    ) -> Response:
        status, wrong = (_status(error), self._told(request, error)) if error else (200, "")
        values = {"next": _after(after), "phone": phone, "wrong": wrong}
        return self._pages.show(request, "phone.html", status, {**PRIVATE, **_later(error)}, **values)

    def _ask_code(
        self,
        request: Request,
        after: str,
        phone: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: str,
    ) -> Response:
        consent = self._consents[self._pages.language(request)].text
        fields = {"next": _after(after), "phone": phone, "consent": consent, "code": "", "wrong": ""}
        shown = {**fields, "wrong_consent": "", "sent_to": "", **values}
        return self._pages.show(request, "code.html", status, {**PRIVATE, **(headers or {})}, **shown)

    def _signed_in(self, request: Request, citizen: Person, after: str = "", wrong: str = "") -> Response:
        values = {"next": _after(after), "name": citizen.view["name"], "wrong": wrong}
        return self._pages.show(request, "citizen.html", 422 if wrong else 200, PRIVATE, **values)

    def _told(self, request: Request, error: Refusal | AppError) -> str:
        if isinstance(error, Refusal):
            return error.told
        return ". ".join(filter(None, text(PACKAGE, self._pages.language(request), error.code, error.params)))


def _after(asked: str) -> str:
    return safe_next(asked) or _AFTERWARDS


def _status(error: Refusal | AppError) -> int:
    return error.status if isinstance(error, Refusal) else error.http_status


def _later(error: Refusal | AppError | None) -> Mapping[str, str]:
    """When to try again, as the refusal says it."""
    headers = error.headers if isinstance(error, Refusal | TooMany) else {}
    return {"Retry-After": headers["Retry-After"]} if "Retry-After" in headers else {}
