"""Making the renditions of what was submitted."""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from lantoa_content.domain import item as rules
from lantoa_content.domain.item import Failure, Item, Rendition, RenditionKind
from lantoa_content.telemetry import RENDER_SECONDS, RENDERS
from lantoa_content.usecases.stored import Step, from_document, with_history
from lantoa_contracts.catalogue import ITEM_RENDERED
from lantoa_contracts.events.content import ItemRendered, ItemSubmitted
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, StaleVersion
from lantoa_runtime.mongo import Aggregates, Document, Outgoing

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Made:
    """A rendition's bytes, and what is to be known of them."""

    kind: RenditionKind
    data: bytes
    media_type: str
    seconds: float | None = None
    lufs: float | None = None
    voice: str | None = None


class Maker(Protocol):
    """Makes renditions; the same item gives the same bytes."""

    async def make(self, item: Item) -> tuple[Made, ...]:
        """The renditions of a submitted item; an AppError that is not retryable is the item's fault."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """Answers `content.item.submitted`. One item at a time: speech and sound are the work of a whole core."""

    items: Aggregates
    blobs: Blobs
    maker: Maker
    clock: Clock
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def __call__(self, event: ItemSubmitted) -> None:
        """Render what the event tells of, unless it was edited, withdrawn or rendered since.

        Every step can be repeated: blobs lie under their hashes, and only the version that was submitted is changed.

        Raises:
            AppError: the speech worker or the like was away, and a later try may succeed.
        """
        async with self.gate:
            # Looked up only now: the same event may have waited twice.
            document = await self.items.load(event.item_id)
            if document is None or document["ver"] != event.ver:
                RENDERS.labels("obsolete").inc()
                return
            try:
                with RENDER_SECONDS.time():
                    done = await self._render(from_document(document))
            except Exception:
                RENDERS.labels("retried").inc()
                raise
            RENDERS.labels(await self._keep(document, done)).inc()

    async def _render(self, item: Item) -> Item:
        try:
            made = await self.maker.make(item)
        except AppError as error:
            if error.retryable:
                raise
            log.warning("item cannot be rendered", item_id=item.id, error=repr(error))
            return rules.render_failed(item, Failure(error.code, error.params), self.clock.now())
        return rules.rendered(item, tuple([await self._stored(one) for one in made]), self.clock.now())

    async def _stored(self, made: Made) -> Rendition:
        ref = await self.blobs.put(made.data, made.media_type)
        return Rendition(made.kind, ref.sha256, ref.bytes, ref.media_type, made.seconds, made.lufs, made.voice)

    async def _keep(self, document: Document, done: Item) -> str:
        step: Step = "rendered" if done.state == "in_review" else "render_failed"
        event = ItemRendered(
            item_id=done.id,
            ver=document["ver"] + 1,
            revision=done.revision,
            unit_id=done.unit.id,
            state="in_review" if step == "rendered" else "render_failed",
            at=done.updated_at,
        )
        fields = with_history(document, done, step, None, done.updated_at)
        try:
            await self.items.save(document, fields, [Outgoing(ITEM_RENDERED, event)])
        except StaleVersion:
            return "obsolete"
        return "rendered" if step == "rendered" else "failed"
