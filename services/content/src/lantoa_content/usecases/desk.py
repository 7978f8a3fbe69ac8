"""What people do with items: write, submit, approve, return, withdraw."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from lantoa_calendar.periods import local_day
from lantoa_content.domain import item as rules
from lantoa_content.domain.item import Actor, Content, Item, Person, Unit
from lantoa_content.domain.picture import Picture, shown
from lantoa_content.domain.richtext import parts_of
from lantoa_content.usecases.events import approval, withdrawal
from lantoa_content.usecases.pictures import Pictures
from lantoa_content.usecases.stored import from_document, to_fields, with_history
from lantoa_contracts.catalogue import ITEM_RETURNED, ITEM_SUBMITTED
from lantoa_contracts.events.content import ItemReturned, ItemSubmitted
from lantoa_contracts.policy import ITEM_APPROVE, ITEM_EDIT, ITEM_READ, ITEM_WRITE
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Forbidden, Invalid, NotFound, StaleVersion
from lantoa_runtime.http import Caller
from lantoa_runtime.mongo import Aggregates, Document, Outgoing, ReadModel

_AHEAD_SECONDS = 60
"""Clocks may be this far apart."""


def actor_at(caller: Caller, path: tuple[str, ...]) -> Actor:
    """The caller with the rights that they hold at a unit."""
    person = Person(caller.id, caller.name)
    return Actor(
        person,
        writes=caller.may(ITEM_WRITE, path),
        approves=caller.may(ITEM_APPROVE, path),
        edits=caller.may(ITEM_EDIT, path),
    )


@dataclass(frozen=True, slots=True)
class SignInRule:
    """How long ago somebody may have shown who they are. By the clock of sign-ins, which nobody shifts."""

    minutes: float
    clock: Clock

    def check(self, caller: Caller) -> None:
        """Pass for who showed it lately enough.

        Raises:
            Forbidden: `content.sign-in-again`; also for a program's token, by which nobody signs in.
        """
        now = self.clock.now().timestamp()
        since = caller.signed_in_at
        if since is None or not -_AHEAD_SECONDS <= now - since <= self.minutes * 60:
            raise Forbidden("content.sign-in-again", minutes=round(self.minutes))


@dataclass(frozen=True, slots=True)
class Desk:
    """The items, the units that they may be for, and the clock. A change answers with the document as it then is."""

    items: Aggregates
    units: ReadModel
    pictures: Pictures
    clock: Clock
    approver_seen: SignInRule

    async def visible(self, item_id: str, caller: Caller) -> Document:
        """An item's document.

        Raises:
            NotFound: there is none, or it lies outside the units where the caller may read.
        """
        document = await self.items.load(item_id)
        if document is None or not caller.may(ITEM_READ, document["path"]):
            raise NotFound("item")
        return document

    async def create(self, item_id: str, caller: Caller, content: Content, unit_id: str) -> Document:
        """A new draft under this id.

        Raises:
            Invalid: `unknown-unit`, or the content is refused; a new item has no pictures yet.
            Forbidden: the caller may not write there.
            DuplicateKey: the id is taken.
        """
        now = self.clock.now()
        unit = await self._unit(unit_id, now)
        caller.require(ITEM_WRITE, unit.path)
        author = Person(caller.id, caller.name)
        content = replace(rules.check_content(content), pictures=await self._pictures(item_id, content.html))
        made = Item(item_id, author, unit, content, created_at=now, updated_at=now)
        fields = with_history({"ver": 0, "history": []}, made, "created", author, now)
        return await self.items.insert(item_id, fields)

    async def edit(self, item_id: str, ver: int, caller: Caller, changes: Mapping[str, Any]) -> Document:
        """The item with some fields of its content, or its `unit_id`, changed; the same values change nothing.

        Raises:
            AppError: see `domain.item.edit`; StaleVersion, when `ver` is not the item's.
        """
        document, item, actor = await self._open(item_id, ver, caller)
        now = self.clock.now()
        rules.permit("edit", item, actor)
        written = {name: value for name, value in changes.items() if name != "unit_id"}
        content = replace(item.content, **written)
        if content.html != item.content.html:
            content = replace(content, pictures=await self._pictures(item_id, content.html))
        unit = item.unit
        if changes.get("unit_id", unit.id) != unit.id:
            unit = await self._unit(changes["unit_id"], now)
            caller.require(ITEM_WRITE, unit.path)
        edited = rules.edit(item, actor, content, unit, now)
        if (content, unit) == (item.content, item.unit):
            return document
        events = _ended(item, ver, "edited", now)
        begun = edited.revision != item.revision
        fields = with_history(document, edited, "edited", actor.person, now) if begun else to_fields(edited)
        return await self.items.save(document, fields, events)

    async def add_picture(self, item_id: str, caller: Caller, data: bytes) -> Picture:
        """A picture taken in for an item; the item stays as it is until its text shows it.

        Raises:
            AppError: who may not edit the item may not; see `Pictures.add`.
        """
        document = await self.visible(item_id, caller)
        item = from_document(document)
        rules.permit("edit", item, actor_at(caller, item.unit.path))
        return await self.pictures.add(item, data)

    async def submit(self, item_id: str, ver: int, caller: Caller) -> Document:
        """The item handed in: its renditions are made next.

        Raises:
            AppError: see `domain.item.submit`; StaleVersion; Invalid, when its unit has ended in between.
        """
        document, item, actor = await self._open(item_id, ver, caller)
        now = self.clock.now()
        unit = await self._unit(item.unit.id, now)
        submitted = rules.submit(item, actor, unit, now)
        event = ItemSubmitted(
            item_id=item.id, ver=ver + 1, revision=item.revision, unit_id=unit.id, author_id=item.author.id
        )
        fields = with_history(document, submitted, "submitted", actor.person, now)
        return await self.items.save(document, fields, [Outgoing(ITEM_SUBMITTED, event)])

    async def approve(self, item_id: str, ver: int, caller: Caller, seen_sha256: str) -> Document:
        """The item, approved; the event leaves with the same write. A repeat by the same approver changes nothing.

        Raises:
            AppError: see `domain.item.approve`; StaleVersion.
            Forbidden: `content.sign-in-again`, the caller showed too long ago who they are.
        """
        document = await self.visible(item_id, caller)
        item, actor = from_document(document), actor_at(caller, tuple(document["path"]))
        now = self.clock.now()
        if rules.is_approved_by(item, actor, seen_sha256):
            return document  # The answer to the first try was lost, and with it the new version.
        _same_version(document, ver)
        approved = rules.approve(item, actor, seen_sha256, now)
        self.approver_seen.check(caller)
        fields = with_history(document, approved, "approved", actor.person, now)
        return await self.items.save(document, fields, [approval(approved, ver + 1)])

    async def send_back(self, item_id: str, ver: int, caller: Caller, comment: str) -> Document:
        """The item back at its author's desk, who is told.

        Raises:
            AppError: see `domain.item.send_back`; StaleVersion.
        """
        document, item, actor = await self._open(item_id, ver, caller)
        now = self.clock.now()
        returned = rules.send_back(item, actor, comment, now)
        fields = with_history(document, returned, "returned", actor.person, now, comment)
        event = ItemReturned(
            item_id=item.id, ver=ver + 1, revision=item.revision, unit_id=item.unit.id, author_id=item.author.id, at=now
        )
        return await self.items.save(document, fields, [Outgoing(ITEM_RETURNED, event)])

    async def withdraw(self, item_id: str, ver: int, caller: Caller) -> Document:
        """The item put away; who plays or shows it is told.

        Raises:
            AppError: see `domain.item.withdraw`; StaleVersion.
        """
        document, item, actor = await self._open(item_id, ver, caller)
        now = self.clock.now()
        withdrawn = rules.withdraw(item, actor, now)
        events = _ended(item, ver, "withdrawn", now)
        fields = with_history(document, withdrawn, "withdrawn", actor.person, now)
        return await self.items.save(document, fields, events)

    async def _open(self, item_id: str, ver: int, caller: Caller) -> tuple[Document, Item, Actor]:
        document = await self.visible(item_id, caller)
        _same_version(document, ver)
        return document, from_document(document), actor_at(caller, tuple(document["path"]))

    async def _pictures(self, item_id: str, html: str | None) -> tuple[Picture, ...]:
        return await self.pictures.chosen(item_id, shown(parts_of(html))) if html is not None else ()

    async def _unit(self, unit_id: str, now: datetime) -> Unit:
        """A unit of the directory that is in force today."""
        found = await self.units.get(unit_id)
        today = local_day(now).isoformat()
        if found is None or (found["valid_from"] or "") > today or (found["valid_to"] or today) < today:
            raise Invalid("unknown-unit", "/unit_id")
        return Unit(unit_id, found["name"], tuple(found["path"]))


def _ended(item: Item, ver: int, reason: Literal["edited", "withdrawn"], at: datetime) -> list[Outgoing]:
    if item.state != "approved":
        return []
    return [withdrawal(item.id, ver + 1, item.revision, item.unit.id, reason, at)]


def _same_version(document: Document, ver: int) -> None:
    if document["ver"] != ver:
        raise StaleVersion
