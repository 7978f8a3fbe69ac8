"""The one cookie: an opaque session id that only this host sees."""

import re

from starlette.datastructures import Headers
from starlette.responses import Response

from lantoa_gateway.usecases import Person, Sessions
from lantoa_runtime.errors import AppError

NAME = "__Host-sid"
_ID = re.compile(r"[A-Za-z0-9_-]{43}")


def session_id(headers: Headers) -> str | None:
    """The session id that the browser shows; ``None`` without one or for what cannot be one."""
    for cookie in headers.get("cookie", "").split(";"):
        name, _, value = cookie.strip().partition("=")
        if name == NAME:
            return value if _ID.fullmatch(value) else None
    return None


async def person(headers: Headers, sessions: Sessions) -> Person:
    """Who is signed in.

    Raises:
        AppError: ``sign-in-required``.
    """
    shown = session_id(headers)
    if shown is None:
        raise AppError("sign-in-required", 401)
    return await sessions.person(shown)


def give(response: Response, value: str) -> None:
    """Let the browser keep a session id until it is closed."""
    response.set_cookie(NAME, value, path="/", secure=True, httponly=True, samesite="lax")


def take(response: Response) -> None:
    """Let the browser forget it."""
    response.delete_cookie(NAME, path="/", secure=True, httponly=True, samesite="lax")
