"""Conditional GET (RFC 9110, 13) and compression for what is made anew at each request."""

import gzip
import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from fastapi import Request, Response

_SETTLED = timedelta(seconds=2)
_ONE_PACKET = 1400
"""What is smaller travels no faster when it is compressed."""


def conditional(request: Request, response: Response, changed_at: datetime | None, now: datetime) -> Response:
    """The response with its validators, compressed for who can read that, or 304 when the client has it.

    A change of this very second is no `Last-Modified` yet: HTTP dates have no fractions, and more may follow in it.
    """
    body = bytes(response.body)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    packed_tag = f'{tag[:-1]}-gzip"'
    packed = len(body) > _ONE_PACKET and _takes_gzip(request.headers.get("accept-encoding", ""))
    response.headers["ETag"] = packed_tag if packed else tag
    response.headers["Vary"] = ", ".join(filter(None, (response.headers.get("vary"), "Accept-Encoding")))
    changed = changed_at.astimezone(UTC).replace(microsecond=0) if changed_at else None
    if changed is not None and now - changed >= _SETTLED:
        response.headers["Last-Modified"] = format_datetime(changed, usegmt=True)
    else:
        changed = None
    if _has(request, {tag, packed_tag}, changed):
        dropped = ("content-length", "content-type")
        kept = {name: value for name, value in response.headers.items() if name not in dropped}
        return Response(status_code=304, headers=kept)
    if packed:
        response.body = gzip.compress(body, 6, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response


def _takes_gzip(accepted: str) -> bool:
    for one in accepted.split(","):
        coding, _, weight = one.partition(";")
        if coding.strip().lower() in ("gzip", "x-gzip"):
            return weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _has(request: Request, tags: set[str], changed: datetime | None) -> bool:
    held = request.headers.get("if-none-match")
    if held is not None:
        return held.strip() == "*" or bool(tags & {one.strip().removeprefix("W/") for one in held.split(",")})
    since = request.headers.get("if-modified-since")
    if since is None or changed is None:
        return False
    try:
        return changed <= parsedate_to_datetime(since).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return False
