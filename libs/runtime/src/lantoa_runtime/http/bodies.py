"""What a JSON body must be before anybody looks at its fields: one that no two readers take for different things."""

import json
from collections.abc import Iterable
from email.message import Message
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.params import Form

from lantoa_runtime.errors import AppError

_DEEPEST = 64
"""Levels of lists and objects in one another: no body of ours has ten, and what takes a deeper one apart by calling
itself ends in an error of ours."""


class _Unfit(ValueError):
    """The text is JSON to Python, but not to everybody."""


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise _Unfit("json_repeats")
    return names


def _no_constant(name: str) -> None:
    raise _Unfit("json_invalid")


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, object_pairs_hook=_distinct, parse_constant=_no_constant)
    except RecursionError as error:
        raise _Unfit("json_deep") from error


def _not_too_deep(parsed: Any) -> None:
    level = [parsed]
    for _ in range(_DEEPEST + 1):
        if not level:
            return
        level = [child for one in level for child in _children(one)]
    raise _Unfit("json_deep")


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


async def fit_json(request: Request) -> None:
    """Refuse what the framework would take: NaN and Infinity, names that come twice in one object (RFC 7493, 2.3), and
    what is nested without need.

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
        parsed = _parsed(body)
        if body.count(b"[") + body.count(b"{") > _DEEPEST:
            _not_too_deep(parsed)
    except _Unfit as unfit:
        raise RequestValidationError([{"type": str(unfit), "loc": ("body",), "msg": str(unfit)}]) from unfit


def _says_json(content_type: str) -> bool:
    """The same reading of the header as FastAPI's."""
    message = Message()
    message["content-type"] = content_type
    subtype = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))
