"""Pictures for an item: taken in by its author, shown to whoever sees the item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lantoa_content.domain.item import Item
from lantoa_content.domain.picture import MEDIA_TYPE, Picture, inside
from lantoa_content.telemetry import PICTURES
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Conflict, DuplicateKey, Invalid, NotFound
from lantoa_runtime.mongo import Collection, Document

MOST_KEPT = 40
"""Pictures that may be put to one item in its life: those shown, and those that were taken out again."""


@dataclass(frozen=True, slots=True)
class Developed:
    """A picture made anew: WebP, sides in pixels."""

    data: bytes
    width: int
    height: int


class Maker(Protocol):
    """Makes pictures anew."""

    async def develop(self, data: bytes) -> Developed:
        """The picture of a file; an AppError when it is none that is taken."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of every item, by item and hash: who has an item's id and a hash has not its picture yet."""

    pictures: Collection
    blobs: Blobs
    maker: Maker
    clock: Clock

    async def add(self, item: Item, data: bytes) -> Picture:
        """Take a picture in for an item; the same picture again changes nothing.

        Raises:
            AppError: it is no picture that is taken; Conflict, when the item has too many; Unavailable.
        """
        if await self.pictures.count({"item_id": item.id}) >= MOST_KEPT:
            raise Conflict("content.pictures-full", most=MOST_KEPT)
        try:
            made = await self.maker.develop(data)
        except AppError as error:
            PICTURES.labels("retried" if error.retryable else "refused").inc()
            raise
        PICTURES.labels("taken").inc()
        ref = await self.blobs.put(made.data, MEDIA_TYPE)
        picture = Picture(ref.sha256, made.width, made.height, ref.bytes)
        document = {"item_id": item.id, **to_fields(picture), "at": self.clock.now()}
        try:
            await self.pictures.insert_one({"_id": f"{item.id}.{ref.sha256}", **document})
        except DuplicateKey:
            return picture
        return picture

    async def chosen(self, item_id: str, hashes: Sequence[str]) -> tuple[Picture, ...]:
        """Pictures of an item in the given order.

        Raises:
            Invalid: one of them was never put to this item.
        """
        wanted = [f"{item_id}.{sha256}" for sha256 in hashes]
        found = {one["_id"]: one for one in await self.pictures.find({"_id": {"$in": wanted}})} if wanted else {}
        if len(found) < len(wanted):
            raise Invalid("content.unknown-picture", "/body_html")
        return tuple(from_fields(found[key]) for key in wanted)

    async def one(self, item_id: str, sha256: str) -> Picture:
        """A picture that was put to an item.

        Raises:
            NotFound: there is none.
        """
        found = await self.pictures.find_one({"_id": f"{item_id}.{sha256}"})
        if found is None:
            raise NotFound("picture")
        return from_fields(found)

    async def within(self, page: bytes, item: Item) -> bytes:
        """An item's page with its pictures in it."""
        files = {one.sha256: await self.blobs.get(one.sha256) for one in item.content.pictures}
        return inside(page.decode(), files).encode()


def to_fields(picture: Picture) -> Document:
    """A picture as it is stored."""
    return {"sha256": picture.sha256, "width": picture.width, "height": picture.height, "bytes": picture.bytes}


def from_fields(fields: Document) -> Picture:
    """The picture that a document holds."""
    return Picture(fields["sha256"], fields["width"], fields["height"], fields["bytes"])
