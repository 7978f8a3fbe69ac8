"""The shapes of content's API."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from lantoa_content.domain.item import (
    BODY_LENGTH,
    TITLE_LENGTH,
    Action,
    Content,
    Priority,
    State,
    allowed,
    hash_to_approve,
)
from lantoa_content.domain.text import clean
from lantoa_content.usecases.desk import actor_at
from lantoa_content.usecases.stored import from_document, published
from lantoa_contracts.base import Id, Sha256, TaskCode
from lantoa_contracts.events.content import Rendition
from lantoa_runtime.http import Caller, StrictModel
from lantoa_runtime.http.problems import text
from lantoa_runtime.mongo import Document

_PACKAGE = "lantoa_content"


def _cleaned(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


def _one_line(value: Any) -> Any:
    return " ".join(clean(value).split()) if isinstance(value, str) else value


Title = Annotated[
    str,
    StringConstraints(min_length=TITLE_LENGTH[0], max_length=TITLE_LENGTH[1]),
    BeforeValidator(_one_line),
]
Body = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=BODY_LENGTH[0], max_length=BODY_LENGTH[1]),
    BeforeValidator(_cleaned),
]
Tasks = Annotated[list[TaskCode], Field(min_length=1, max_length=15)]
TopicCode = Annotated[str, StringConstraints(max_length=40)]
Language = Literal["vi"]
"""Vietnamese alone: the voice speaks no other language, and Khmer audio is recorded by people."""


class ItemIn(StrictModel):
    """A new item."""

    title: Title
    body: Body
    priority: Priority
    unit_id: Id
    tasks: Tasks
    topic: TopicCode
    language: Language

    def content(self) -> Content:
        """The part that the approval is about."""
        return Content(self.title, self.body, self.priority, tuple(sorted(set(self.tasks))), self.topic, self.language)


class ItemPatch(StrictModel):
    """Changes of an item: what is left out stays."""

    title: Title = ""
    body: Body = ""
    priority: Priority = "normal"
    unit_id: Id = ""
    tasks: Tasks = []
    topic: TopicCode = ""
    language: Language = "vi"

    def changes(self) -> dict[str, Any]:
        """The fields that were given."""
        given = self.model_dump(exclude_unset=True)
        if "tasks" in given:
            given["tasks"] = tuple(sorted(set(given["tasks"])))
        return given


class Approval(StrictModel):
    """What the approver saw, by its hash."""

    approval_sha256: Sha256


class Comment(StrictModel):
    """What the author is to change."""

    comment: Annotated[str, StringConstraints(min_length=1, max_length=2000), BeforeValidator(_cleaned)]


class PersonOut(BaseModel):
    """Somebody by id and name."""

    id: str
    name: str


class ItemOut(BaseModel):
    """An item, and what this caller may do with it now."""

    id: str
    ver: int
    revision: int
    state: State
    title: str
    body: str
    priority: Priority
    unit_id: str
    unit_name: str
    tasks: tuple[str, ...]
    topic: str
    language: str
    author: PersonOut
    approver: PersonOut | None
    approved_at: datetime | None
    comment: str | None
    created_at: datetime
    updated_at: datetime
    approval_sha256: str | None
    """What an approval of this revision with these renditions binds to; `null` while there is nothing to approve."""
    renditions: tuple[Rendition, ...]
    failure: str | None
    allowed: tuple[Action, ...]


class TopicOut(BaseModel):
    """A topic with its name in both languages."""

    code: str
    name: str
    name_en: str


def item_view(document: Document, caller: Caller, language: str) -> ItemOut:
    """An item as this caller sees it, its texts in a language that the catalogue has."""
    item = from_document(document)
    failure = None
    if item.failure:
        title, detail = text(_PACKAGE, language, item.failure.code, item.failure.params)
        failure = detail or title
    return ItemOut(
        id=item.id,
        ver=document["ver"],
        revision=item.revision,
        state=item.state,
        title=item.content.title,
        body=item.content.body,
        priority=item.content.priority,
        unit_id=item.unit.id,
        unit_name=item.unit.name,
        tasks=item.content.tasks,
        topic=item.content.topic,
        language=item.content.language,
        author=PersonOut(id=item.author.id, name=item.author.name),
        approver=PersonOut(id=item.approver.id, name=item.approver.name) if item.approver else None,
        approved_at=item.approved_at,
        comment=item.comment,
        created_at=item.created_at,
        updated_at=item.updated_at,
        approval_sha256=hash_to_approve(item) if item.state in ("in_review", "approved") else None,
        renditions=published(item),
        failure=failure,
        allowed=allowed(item, actor_at(caller, item.unit.path)),
    )
