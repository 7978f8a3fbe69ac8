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
