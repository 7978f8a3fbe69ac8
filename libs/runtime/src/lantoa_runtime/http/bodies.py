"""What a JSON body must be before anybody looks at its fields: one that no two readers take for different things."""

import json
from email.message import Message
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.params import Form

from lantoa_runtime.errors import AppError


class _Unfit(ValueError):
    """The text is JSON to Python, but not to everybody."""


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise _Unfit("json_repeats")
    return names


def _no_constant(name: str) -> None:
    raise _Unfit("json_invalid")


async def fit_json(request: Request) -> None:
    """Refuse what the framework would take: NaN and Infinity, and names that come twice in one object (RFC 7493, 2.3).

    Routes without a JSON body pass.

    Raises:
        AppError: ``not-json`` (415), the body says to be something else.
        RequestValidationError: it is JSON that readers may take in different ways.
    """
    field = getattr(request.scope["route"], "body_field", None)
    if field is None or isinstance(field.field_info, Form):
        return
    body = await request.body()
    if not body:
        return
    if not _says_json(request.headers.get("content-type", "")):
        raise AppError("not-json", 415)
    try:
        json.loads(body, object_pairs_hook=_distinct, parse_constant=_no_constant)
    except _Unfit as unfit:
        raise RequestValidationError([{"type": str(unfit), "loc": ("body",), "msg": str(unfit)}]) from unfit


def _says_json(content_type: str) -> bool:
    """The same reading of the header as FastAPI's."""
    message = Message()
    message["content-type"] = content_type
    subtype = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))
