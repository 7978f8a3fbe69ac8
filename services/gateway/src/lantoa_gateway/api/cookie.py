"""The two cookies, opaque session ids that only this host sees, one for staff, one for citizens; and tokens."""

import re

from starlette.datastructures import Headers
from starlette.responses import Response

from lantoa_gateway.usecases import Person, Sessions, Shown
from lantoa_runtime.errors import AppError

STAFF = "__Host-sid"
CITIZEN = "__Host-citizen"
_ID = re.compile(r"[A-Za-z0-9_-]{43}")
_TOKEN = re.compile(r"l(?:ta|ap)_[A-Za-z0-9_-]{43}")


def shown(cookies: str, authorization: str | None = None) -> Shown:
    """The session ids in a ``Cookie`` header, and the token in an ``Authorization`` header; none for what cannot be
    one.
    """
    bearer = None if authorization is None else _bearer(authorization)
    return Shown(_value(cookies, STAFF), _value(cookies, CITIZEN), bearer) if cookies else Shown(None, None, bearer)


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token if scheme.lower() == "bearer" and _TOKEN.fullmatch(token) else ""


def _value(cookies: str, wanted: str) -> str | None:
    for cookie in cookies.split(";"):
        name, _, value = cookie.strip().partition("=")
        if name == wanted:
            return value if _ID.fullmatch(value) else None
    return None


def session_id(headers: Headers, name: str = STAFF) -> str | None:
    """The session id that the browser shows; ``None`` without one or for what cannot be one."""
    return _value(headers.get("cookie", ""), name)


async def person(headers: Headers, sessions: Sessions, name: str = STAFF) -> Person:
    """Who is signed in.

    Raises:
        AppError: ``sign-in-required``.
    """
    shown_id = session_id(headers, name)
    if shown_id is None:
        raise AppError("sign-in-required", 401)
    return await sessions.person(shown_id)


def give(response: Response, value: str, name: str = STAFF) -> None:
    """Let the browser keep a session id until it is closed."""
    response.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="lax")


def take(response: Response, name: str = STAFF) -> None:
    """Let the browser forget it."""
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
