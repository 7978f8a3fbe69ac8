"""The shapes of content's API."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

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
from lantoa_content.domain.picture import Picture
from lantoa_content.domain.post import PostState, Reason
from lantoa_content.domain.richtext import HTML_LENGTH, parts_of, plain, written
from lantoa_content.domain.text import clean
from lantoa_content.usecases.desk import actor_at
from lantoa_content.usecases.stored import Step, day_of, from_document, published
from lantoa_contracts.base import Id, Sha256, TaskCode
from lantoa_contracts.events.content import Rendition
from lantoa_runtime.errors import Invalid, NotFound
from lantoa_runtime.http import Caller, Day, StrictModel
from lantoa_runtime.http.problems import text
from lantoa_runtime.mongo import Document

_PACKAGE = "lantoa_content"
PostStep = Literal["post_published", "post_confirmed", "post_unconfirmed"]
_POST_STEPS: dict[str, PostStep] = {
    "published": "post_published",
    "confirmed": "post_confirmed",
    "unconfirmed": "post_unconfirmed",
}


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
BodyHtml = Annotated[
    str,
    StringConstraints(min_length=1, max_length=HTML_LENGTH),
    Field(
        description="The body formatted: headings (h2, h3), p, ul, ol, li, strong, em, br, a, and pictures of the item "
        'as `<img src="pictures/<sha256>" alt="what it shows">`. What else is in it is taken out; it is kept as it is '
        "answered. `body`, which is heard and which slides show, follows from it."
    ),
]
Tasks = Annotated[list[TaskCode], Field(min_length=1, max_length=15)]
TopicCode = Annotated[str, StringConstraints(max_length=40)]
AirFrom = Annotated[Day, Field(description="The first day on which it may be heard and shown, in Việt Nam.")]
AirUntil = Annotated[Day, Field(description="The last of these days.")]
Language = Literal["vi"]
"""Vietnamese alone: the voice speaks no other language, and Khmer audio is recorded by people."""


def _formatted(html: str) -> tuple[str, str]:
    """The HTML as it is kept, and the plain text that follows from it.

    Raises:
        Invalid: the plain text is too short or too long.
    """
    parts = parts_of(html)
    body = plain(parts)
    least, most = BODY_LENGTH
    if not least <= len(body) <= most:
        raise Invalid("content.body-length", "/body_html", least=least, most=most)
    return written(parts), body


class ItemIn(StrictModel):
    """A new item. Its body comes plain or formatted; where both are given, the formatted one counts."""

    title: Title
    body: Body = ""
    body_html: BodyHtml | None = None
    priority: Priority
    unit_id: Id
    tasks: Tasks
    topic: TopicCode
    language: Language
    air_from: AirFrom | None = None
    air_until: AirUntil | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.body and self.body_html is None:
            raise PydanticCustomError("missing", "a body, plain or formatted")
        return self

    def content(self) -> Content:
        """The part that the approval is about.

        Raises:
            Invalid: the formatted body says too little or too much.
        """
        html, body = _formatted(self.body_html) if self.body_html is not None else (None, self.body)
        tasks = tuple(sorted(set(self.tasks)))
        days = (self.air_from, self.air_until)
        return Content(self.title, body, self.priority, tasks, self.topic, self.language, html, (), *days)


class ItemPatch(StrictModel):
    """Changes of an item: what is left out stays; a day that is `null` leaves its end open.

    A plain body takes the formatted one's place, and the other way.
    """

    title: Title = ""
    body: Body = ""
    body_html: BodyHtml = ""
    priority: Priority = "normal"
    unit_id: Id = ""
    tasks: Tasks = []
    topic: TopicCode = ""
    language: Language = "vi"
    air_from: AirFrom | None = None
    air_until: AirUntil | None = None

    def changes(self) -> dict[str, Any]:
        """The fields that were given, by the names that `Content` has.

        Raises:
            Invalid: the formatted body says too little or too much.
        """
        given = self.model_dump(exclude_unset=True)
        if "body" in given:
            given["html"] = None
        if "body_html" in given:
            given["html"], given["body"] = _formatted(given.pop("body_html"))
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


class PictureOut(BaseModel):
    """A picture of an item, made anew as WebP; sides in pixels."""

    sha256: str
    width: int
    height: int
    bytes: int

    @classmethod
    def of(cls, picture: Picture) -> Self:
        """A stored picture."""
        return cls(sha256=picture.sha256, width=picture.width, height=picture.height, bytes=picture.bytes)


class RevisionOut(BaseModel):
    """A revision as it was submitted."""

    revision: int
    at: datetime
    title: str
    body: str
    body_html: str | None
    air_from: date | None
    air_until: date | None


class PostOut(BaseModel):
    """How an item's present revision stands on the public pages."""

    state: PostState
    url: str
    confirmed_at: datetime | None
    """When a stranger first found it there as it was approved."""
    reason: Reason | None
    """Why it is not confirmed."""


class ItemOut(BaseModel):
    """An item, and what this caller may do with it now."""

    id: str
    ver: int
    revision: int
    state: State
    title: str
    body: str
    body_html: str | None
    """The body as its author formatted it; `null` where it came plain."""
    pictures: tuple[PictureOut, ...]
    """Those that the body shows."""
    priority: Priority
    unit_id: str
    unit_name: str
    tasks: tuple[str, ...]
    topic: str
    language: str
    air_from: date | None
    """The first day on which it may be heard and shown; `null` for from its approval on."""
    air_until: date | None
    """The last of these days; `null` when no end was set."""
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
    post: PostOut | None
    """`null` until the approved revision is published."""


class StepOut(BaseModel):
    """One step of an item's story; `by` is `null` where nobody did it."""

    at: datetime
    by: PersonOut | None
    what: Step | PostStep
    revision: int
    comment: str | None = None
    approval_sha256: str | None = None
    """What an approval bound to."""
    reason: Reason | None = None
    """Why a post is not confirmed."""


class TopicOut(BaseModel):
    """A topic with its name in both languages."""

    code: str
    name: str
    name_en: str


def item_view(document: Document, post: PostOut | None, caller: Caller, language: str) -> ItemOut:
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
        body_html=item.content.html,
        pictures=tuple(PictureOut.of(picture) for picture in item.content.pictures),
        priority=item.content.priority,
        unit_id=item.unit.id,
        unit_name=item.unit.name,
        tasks=item.content.tasks,
        topic=item.content.topic,
        language=item.content.language,
        air_from=item.content.air_from,
        air_until=item.content.air_until,
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
        post=post,
    )


def post_view(post: Document, address: str) -> PostOut:
    """A post whose page lies under this address."""
    return PostOut(
        state=post["state"],
        url=f"{address}/{post['item_id']}",
        confirmed_at=post["confirmed_at"],
        reason=post["reason"],
    )


def revision_view(item: Document, revision: int) -> RevisionOut:
    """A revision that was submitted, the last time that it was.

    Raises:
        NotFound: it never was, or too long ago.
    """
    for entry in reversed(item["history"]):
        if entry["action"] == "submitted" and entry["revision"] == revision:
            html = entry.get("html")
            body = entry["body"] if html is None else plain(parts_of(html))
            return RevisionOut(
                revision=revision,
                at=entry["at"],
                title=entry["title"],
                body=body,
                body_html=html,
                air_from=day_of(entry, "air_from"),
                air_until=day_of(entry, "air_until"),
            )
    raise NotFound("revision")


def story(item: Document, posts: Sequence[Document]) -> list[StepOut]:
    """What happened to an item and to its posts, the first step first."""
    steps = [
        StepOut(
            at=entry["at"],
            by=PersonOut(id=entry["by"], name=entry["by_name"]) if entry["by"] else None,
            what=entry["action"],
            revision=entry["revision"],
            comment=entry["comment"],
            approval_sha256=entry["approval_sha256"],
        )
        for entry in item["history"]
    ]
    steps += [
        StepOut(
            at=entry["at"],
            by=None,
            what=_POST_STEPS[entry["what"]],
            revision=post["revision"],
            reason=entry["reason"],
        )
        for post in posts
        for entry in post["story"]
    ]
    return sorted(steps, key=lambda one: one.at)
