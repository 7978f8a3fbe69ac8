"""Conditional requests (RFC 9110) and repeats (Idempotency-Key)."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from lantoa_runtime.errors import AppError, DuplicateKey, StaleVersion, Unavailable
from lantoa_runtime.http.api import NEEDED
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.ids import new_id

if TYPE_CHECKING:  # A service without a database does not load the driver.
    from lantoa_runtime.mongo.driver import Collection

T = TypeVar("T")
_KEY = re.compile(r"[\x20-\x7e]{8,80}")
_ETAG = re.compile(r'(?:W/)?("?)([0-9]{1,15})\1')
"""As we write it, as a proxy weakens it, or as somebody types it."""
COLLECTION = "idempotency"
KEPT_SECONDS = 86_400
"""How long a key is remembered."""


def etag(ver: int) -> str:
    """The strong validator of a document's version."""
    return f'"{ver}"'


def _if_match(
    if_match: Annotated[
        str | None, Header(description="The ETag of the version that was seen; 428 without.", json_schema_extra=NEEDED)
    ] = None,
) -> int:
    if not if_match:
        raise AppError("if-match-required", 428)
    shown = _ETAG.fullmatch(if_match.strip())
    if shown is None:
        raise StaleVersion
    return int(shown.group(2))


IfMatch = Annotated[int, Depends(_if_match)]
"""The version that the caller saw (428 without the header)."""


def _key(
    idempotency_key: Annotated[
        str,
        Header(description="8 to 80 ASCII characters, new for each new thing; 400 without.", json_schema_extra=NEEDED),
    ] = "",
) -> str:
    if not _KEY.fullmatch(idempotency_key):
        raise AppError("idempotency-key-required", 400)
    return idempotency_key


KeyDep = Annotated[str, Depends(_key)]
"""The caller's Idempotency-Key (400 without)."""


async def idempotent(
    request: Request,
    response: Response,
    records: "Collection",
    caller: Caller,
    key: str,
    body: BaseModel,
    create: Callable[[str], Awaitable[T]],
    lookup: Callable[[str], Awaitable[T | None]],
) -> T:
    """Create once per key: the record is stored first with the id to be created, a repeat looks that id up.

    ``create`` makes the thing under the given id and lets ``DuplicateKey`` through; ``lookup`` finds it. A repeat that
    finds nothing, because the first try died in between, creates under the same id, so two at once make one. When
    ``create`` refuses, nothing was made and the key is free again for the corrected body.

    Raises:
        AppError: ``idempotency-key-reused`` when the key came with another body before.
    """
    clock = request.app.state.service.clock
    fingerprint = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
    name = f"{caller.id}|{request.scope['path']}|{key}"
    created_id = new_id(clock.now())
    ours = True
    try:
        await records.insert_one({"_id": name, "fingerprint": fingerprint, "created_id": created_id, "at": clock.now()})
    except DuplicateKey:
        ours = False
        record = await records.find_one({"_id": name})
        if record is None:
            raise Unavailable("idempotency") from None
        if record["fingerprint"] != fingerprint:
            raise AppError("idempotency-key-reused", 422) from None
        created_id = record["created_id"]
        found = await lookup(created_id)
        if found is not None:
            response.headers["Idempotent-Replay"] = "true"
            return found
    try:
        return await create(created_id)
    except DuplicateKey:
        found = await lookup(created_id)
        if found is None:
            raise
        response.headers["Idempotent-Replay"] = "true"
        return found
    except AppError as refusal:
        if ours and not refusal.retryable:
            await records.delete_one({"_id": name, "created_id": created_id})
        raise
