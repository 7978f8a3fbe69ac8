"""The shapes that every service's HTTP API shares."""

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class StrictModel(BaseModel):
    """A request body: unknown fields are refused, white space around text is cut off."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


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
