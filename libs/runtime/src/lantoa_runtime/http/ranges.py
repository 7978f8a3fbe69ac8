"""Stored files over HTTP with single byte ranges (RFC 9110, 14)."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from lantoa_runtime.http.problems import problem

if TYPE_CHECKING:
    from lantoa_runtime.blobs import Blobs

_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


def wanted_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of the one range asked for; ``None`` for the whole file.

    Raises:
        ValueError: the range lies outside the file (416).
    """
    match = _RANGE.match(header or "")
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    if start >= end:
        raise ValueError("range outside the file")
    return start, end


async def blob_response(
    request: Request, blobs: "Blobs", sha256: str, media_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    """A stored file or the part of it that was asked for. Its hash is its ETag: it never changes.

    Raises:
        NotFound: no such file.
    """
    size = await blobs.size(sha256)
    tag = f'"{sha256}"'
    sent = {"ETag": tag, "Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff", **(headers or {})}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=sent)
    try:
        part = wanted_range(request.headers.get("range"), size)
    except ValueError:
        return problem(request, 416, "range-outside", headers={**sent, "Content-Range": f"bytes */{size}"})
    start, end = part or (0, size)
    sent["Content-Length"] = str(end - start)
    if part:
        sent["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return StreamingResponse(
        blobs.stream(sha256, start, end), status_code=206 if part else 200, media_type=media_type, headers=sent
    )
