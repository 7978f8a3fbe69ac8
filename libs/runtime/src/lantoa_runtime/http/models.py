"""The shapes that every service's HTTP API shares."""

import re
from datetime import date
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

T = TypeVar("T")
_YEAR = re.compile(r"[0-9]{4}-")


class StrictModel(BaseModel):
    """A request body: unknown fields and numbers without end are refused, white space around text is cut off."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)


Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text in one line, without control characters."""


def _as_written(value: Any) -> Any:
    if not isinstance(value, str) or not _YEAR.match(value):
        raise ValueError("written as in RFC 3339")
    return value


AS_WRITTEN = BeforeValidator(_as_written)
"""For days and times in requests: pydantic would also take numbers, as seconds since 1970."""
Day = Annotated[date, AS_WRITTEN]


class Page(BaseModel, Generic[T]):
    """One page of a list; ``next`` is the cursor of the following page, or ``None`` on the last."""

    items: list[T]
    next: str | None = None


PageLimit = Annotated[int, Query(ge=1, le=100)]


class FieldProblem(BaseModel):
    """One field that is wrong. ``pointer`` is a JSON pointer (RFC 6901) into the body."""

    pointer: str
    message: str


class Problem(BaseModel):
    """An error as `application/problem+json` (RFC 9457); texts are in the reader's language."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    """Stable machine name of the error."""
    retryable: bool
    """Whether the same request may succeed later without anyone changing it."""
    trace_id: str
    errors: list[FieldProblem] = []
