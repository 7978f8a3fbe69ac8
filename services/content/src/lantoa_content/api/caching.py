"""Conditional GET (RFC 9110, 13) for what is made anew at each request."""

import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from fastapi import Request, Response

_SETTLED = timedelta(seconds=2)
_KEPT = ("cache-control", "content-language", "vary")


def conditional(request: Request, response: Response, changed_at: datetime | None, now: datetime) -> Response:
    """The response with its validators, or 304 when the client has it.

    A change of this very second is no `Last-Modified` yet: HTTP dates have no fractions, and more may follow in it.
    """
    tag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()[:32]}"'
    response.headers["ETag"] = tag
    changed = changed_at.astimezone(UTC).replace(microsecond=0) if changed_at else None
    if changed is not None and now - changed >= _SETTLED:
        response.headers["Last-Modified"] = format_datetime(changed, usegmt=True)
    else:
        changed = None
    if not _has(request, tag, changed):
        return response
    kept = {name: response.headers[name] for name in (*_KEPT, "etag", "last-modified") if name in response.headers}
    return Response(status_code=304, headers=kept)


def _has(request: Request, tag: str, changed: datetime | None) -> bool:
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return tags.strip() == "*" or tag in {one.strip().removeprefix("W/") for one in tags.split(",")}
    since = request.headers.get("if-modified-since")
    if since is None or changed is None:
        return False
    try:
        return changed <= parsedate_to_datetime(since).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return False
