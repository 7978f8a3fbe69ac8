"""Items in the forms that leave the service: documents, and what events and readers get of renditions."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from lantoa_content.domain.item import Content, Failure, Item, Person, Rendition, Unit
from lantoa_content.usecases import pictures
from lantoa_content.usecases.words import item_words
from lantoa_contracts.base import BlobRef
from lantoa_contracts.events import content as contract
from lantoa_runtime.mongo import Document, Index

MOST_HISTORY = 100
Step = Literal["created", "submitted", "rendered", "render_failed", "returned", "approved", "edited", "withdrawn"]
INDEXES = (
    Index("items", ("path", "updated_at")),
    Index("items", ("path", "state", "updated_at")),
    Index("items", ("words", "updated_at")),
    Index("pictures", ("item_id",)),
    Index("posts", ("item_id",)),
    Index("posts", ("live", "due_at")),
    Index("posts", ("live", "ended_at")),
    Index("posts", ("live", "published_at")),
    Index("posts", ("live", "unit_id", "published_at")),
    Index("posts", ("live", "topic", "published_at")),
    Index("posts", ("live", "language", "published_at")),
    Index("posts", ("words", "published_at")),
)


def to_fields(item: Item) -> dict[str, Any]:
    """The fields of an item's document, without its id."""
    return {
        "author": _person(item.author),
        "unit_id": item.unit.id,
        "unit_name": item.unit.name,
        "path": list(item.unit.path),
        "title": item.content.title,
        "body": item.content.body,
        "html": item.content.html,
        "pictures": [pictures.to_fields(one) for one in item.content.pictures],
        "priority": item.content.priority,
        "tasks": list(item.content.tasks),
        "topic": item.content.topic,
        "language": item.content.language,
        **item.content.days,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "revision": item.revision,
        "state": item.state,
        "submitted_at": item.submitted_at,
        "renditions": [_rendition(one) for one in item.renditions],
        "failure": {"code": item.failure.code, "params": dict(item.failure.params)} if item.failure else None,
        "comment": item.comment,
        "approver": _person(item.approver) if item.approver else None,
        "approved_at": item.approved_at,
        "approval_sha256": item.approval_sha256,
        "edited_by": list(item.edited_by),
        **item_words(item.content.title, item.unit.path),
    }


def _person(person: Person) -> dict[str, str]:
    return {"id": person.id, "name": person.name}


def day_of(document: Mapping[str, Any], name: str) -> date | None:
    """A day that a document holds; it has none of before items had days."""
    written = document.get(name)
    return date.fromisoformat(written) if written else None


def _rendition(one: Rendition) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "sha256": one.sha256,
        "bytes": one.bytes,
        "media_type": one.media_type,
        "seconds": one.seconds,
        "lufs": one.lufs,
        "voice": one.voice,
    }


def from_document(document: Document) -> Item:
    """The item that a document holds."""
    return Item(
        id=document["_id"],
        author=Person(**document["author"]),
        unit=Unit(document["unit_id"], document["unit_name"], tuple(document["path"])),
        content=Content(
            title=document["title"],
            body=document["body"],
            priority=document["priority"],
            tasks=tuple(document["tasks"]),
            topic=document["topic"],
            language=document["language"],
            html=document.get("html"),
            pictures=tuple(pictures.from_fields(one) for one in document.get("pictures", ())),
            air_from=day_of(document, "air_from"),
            air_until=day_of(document, "air_until"),
        ),
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        revision=document["revision"],
        state=document["state"],
        submitted_at=document["submitted_at"],
        renditions=tuple(Rendition(**one) for one in document["renditions"]),
        failure=Failure(**document["failure"]) if document["failure"] else None,
        comment=document["comment"],
        approver=Person(**document["approver"]) if document["approver"] else None,
        approved_at=document["approved_at"],
        approval_sha256=document["approval_sha256"],
        edited_by=tuple(document.get("edited_by", ())),
    )


def published(item: Item) -> tuple[contract.Rendition, ...]:
    """The renditions as other services and readers get them."""
    return tuple(
        contract.Rendition(
            kind=one.kind,
            blob=BlobRef(sha256=one.sha256, bytes=one.bytes, media_type=one.media_type),
            seconds=one.seconds,
            lufs=one.lufs,
            voice=one.voice,
        )
        for one in item.renditions
    )


def with_history(
    document: Mapping[str, Any],
    item: Item,
    action: Step,
    by: Person | None,
    at: datetime,
    comment: str | None = None,
) -> dict[str, Any]:
    """The fields of a changed item, with the step kept in its history; `by` is `None` for the machine's own.

    A submitted revision is kept whole, because others see it from then on; later steps name it by its number. Of what
    is formatted the HTML alone is kept: the plain text follows from it.
    """
    whole = action == "submitted"
    entry = {
        "revision": item.revision,
        "ver": document["ver"] + 1,
        "action": action,
        "by": by.id if by else None,
        "by_name": by.name if by else None,
        "at": at,
        "unit_id": item.unit.id,
        "approval_sha256": item.approval_sha256,
        "title": item.content.title if whole else None,
        "body": item.content.body if whole and item.content.html is None else None,
        "html": item.content.html if whole else None,
        "comment": comment,
        **(item.content.days if whole else {}),
    }
    return {**to_fields(item), "history": [*document["history"], entry][-MOST_HISTORY:]}
