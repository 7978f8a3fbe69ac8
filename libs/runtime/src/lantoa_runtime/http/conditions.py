"""Conditional requests (RFC 9110) and repeats (Idempotency-Key)."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from lantoa_runtime.errors import AppError, StaleVersion, Unavailable
from lantoa_runtime.http.api import NEEDED
from lantoa_runtime.http.auth import Caller
from lantoa_runtime.ids import new_id
from lantoa_runtime.mongo.driver import Collection, DuplicateKey, Index

T = TypeVar("T")
_KEY_LENGTH = range(8, 81)
COLLECTION = "idempotency"
INDEX = Index(COLLECTION, ("at",), ttl_seconds=86_400)


def etag(ver: int) -> str:
    """The strong validator of a document's version."""
    return f'"{ver}"'


def _if_match(
    if_match: Annotated[
        str | None, Header(description="The ETag of the version that was seen; 428 without.", json_schema_extra=NEEDED)
    ] = None,
) -> int:
    if if_match is None:
        raise AppError("if-match-required", 428)
    try:
        return int(if_match.strip().removeprefix("W/").strip('"'))
    except ValueError:
        raise StaleVersion from None


IfMatch = Annotated[int, Depends(_if_match)]
"""The version that the caller saw (428 without the header)."""


def _key(
    idempotency_key: Annotated[
        str, Header(description="8 to 80 characters, new for each new thing; 400 without.", json_schema_extra=NEEDED)
    ] = "",
) -> str:
    if len(idempotency_key) not in _KEY_LENGTH:
        raise AppError("idempotency-key-required", 400)
    return idempotency_key


KeyDep = Annotated[str, Depends(_key)]
"""The caller's Idempotency-Key (400 without)."""


async def idempotent(
    request: Request,
    response: Response,
    records: Collection,
    caller: Caller,
    key: str,
    body: BaseModel,
    create: Callable[[str], Awaitable[T]],
    lookup: Callable[[str], Awaitable[T | None]],
) -> T:
    """Create once per key: the record is stored first with the id to be created, a repeat looks that id up.

    ``create`` makes the thing under the given id and lets ``DuplicateKey`` through; ``lookup`` finds it. A repeat that
    finds nothing, because the first try died in between, creates under the same id, so two at once make one.

    Raises:
        AppError: ``idempotency-key-reused`` when the key came with another body before.
    """
    clock = request.app.state.service.clock
    fingerprint = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
    name = f"{caller.id}|{request.url.path}|{key}"
    created_id = new_id(clock.now())
    try:
        await records.insert_one({"_id": name, "fingerprint": fingerprint, "created_id": created_id, "at": clock.now()})
    except DuplicateKey:
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
