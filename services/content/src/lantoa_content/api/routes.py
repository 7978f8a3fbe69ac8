"""Content over HTTP, under `/api/v1/content`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request, Response

from lantoa_content.api.models import (
    Approval,
    Comment,
    ItemIn,
    ItemOut,
    ItemPatch,
    PictureOut,
    RevisionOut,
    StepOut,
    TopicOut,
    item_view,
    post_view,
    revision_view,
    story,
)
from lantoa_content.domain.item import RenditionKind, State
from lantoa_content.domain.picture import MEDIA_TYPE
from lantoa_content.domain.topics import TOPICS
from lantoa_content.usecases.desk import Desk
from lantoa_content.usecases.lists import Asked, ItemLists
from lantoa_content.usecases.posts import posts_of
from lantoa_content.usecases.replay import replay
from lantoa_content.usecases.stored import from_document
from lantoa_contracts.base import Id, Sha256
from lantoa_contracts.policy import ITEM_APPROVE, ITEM_READ, ITEM_WITHDRAW, ITEM_WRITE, REPLAY
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import NotFound
from lantoa_runtime.http import (
    Caller,
    IfMatch,
    KeyDep,
    Page,
    PageLimit,
    Routes,
    allows,
    blob_response,
    etag,
    idempotent,
)
from lantoa_runtime.http.problems import language_of
from lantoa_runtime.mongo import Aggregates, Collection, Document

# A rendition shows what somebody wrote: no script, no form, nothing from outside, in an origin of its own.
_HTML_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; font-src 'self' data:; img-src data:"
_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_PICTURE_BODY = {"required": True, "content": dict.fromkeys(("image/jpeg", "image/png", "image/webp"), _FILE)}
RevisionNumber = Annotated[int, Path(ge=1, le=1_000_000)]
Reader = Annotated[Caller, allows(ITEM_READ)]
Writer = Annotated[Caller, allows(ITEM_WRITE)]
Approver = Annotated[Caller, allows(ITEM_APPROVE)]
Withdrawer = Annotated[Caller, allows(ITEM_WITHDRAW)]


def _language(request: Request) -> str:
    return language_of(request.headers.get("accept-language", ""))


@dataclass(frozen=True, slots=True)
class Views:
    """Items as they are answered with: beside each what became of it on the public pages, under `address`."""

    posts: Collection
    address: str

    async def one(self, request: Request, response: Response, document: Document, caller: Caller) -> ItemOut:
        """One item, with its ETag on the response."""
        response.headers["ETag"] = etag(document["ver"])
        (view,) = await self.several(request, [document], caller)
        return view

    async def several(self, request: Request, documents: Sequence[Document], caller: Caller) -> list[ItemOut]:
        """A page of items."""
        found = await posts_of(self.posts, documents)
        posts = {item_id: post_view(post, self.address) for item_id, post in found.items()}
        language = _language(request)
        return [item_view(document, posts.get(document["_id"]), caller, language) for document in documents]

    async def history(self, document: Document) -> list[StepOut]:
        """An item's story with that of its posts."""
        return story(document, await self.posts.find({"item_id": document["_id"]}, {"revision": 1, "story": 1}))


def reading(desk: Desk, lists: ItemLists, blobs: Blobs, views: Views) -> Routes:
    """Routes that change nothing."""
    routes = Routes()

    @routes.get("/topics")
    async def topics(_: Reader) -> Page[TopicOut]:
        """The topics of an item, with their names."""
        return Page(items=[TopicOut(code=one.code, name=one.name, name_en=one.name_en) for one in TOPICS])

    @routes.get("/items")
    async def listed(
        request: Request,
        caller: Reader,
        state: State | None = None,
        unit_id: Id | None = None,
        q: Annotated[str, Query(max_length=100)] = "",
        limit: PageLimit = 30,
        cursor: str | None = None,
    ) -> Page[ItemOut]:
        """Items of the caller's units, the newest first.

        `q` finds titles in which each of its words begins a word, without regard to accents; by words that many titles
        have a page may be short, or empty, and yet have a next one.
        """
        documents, following = await lists.page(caller, Asked(state, unit_id, q.strip()), limit, cursor)
        return Page(items=await views.several(request, documents, caller), next=following)

    @routes.get("/items/{item_id}")
    async def one(item_id: Id, request: Request, response: Response, caller: Reader) -> ItemOut:
        """One item with its renditions and with what the caller may do to it now."""
        return await views.one(request, response, await desk.visible(item_id, caller), caller)

    @routes.get("/items/{item_id}/history")
    async def history(item_id: Id, caller: Reader) -> Page[StepOut]:
        """What happened to an item so far, from its first draft to its page found by a stranger; one page."""
        return Page(items=await views.history(await desk.visible(item_id, caller)))

    @routes.get("/items/{item_id}/revisions/{revision}")
    async def revision(item_id: Id, revision: RevisionNumber, caller: Reader) -> RevisionOut:
        """A revision as it was submitted, to be compared with another."""
        return revision_view(await desk.visible(item_id, caller), revision)

    @routes.get("/items/{item_id}/pictures/{sha256}", response_class=Response)
    async def picture(item_id: Id, sha256: Sha256, request: Request, caller: Reader) -> Response:
        """A picture that was put to an item."""
        await desk.visible(item_id, caller)
        found = await desk.pictures.one(item_id, sha256)
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return await blob_response(request, blobs, found.sha256, MEDIA_TYPE, headers)

    @routes.get("/items/{item_id}/renditions/{kind}", response_class=Response)
    async def rendition(
        item_id: Id,
        kind: RenditionKind,
        request: Request,
        caller: Reader,
        pictures: Literal["inside"] | None = None,
    ) -> Response:
        """A rendition's bytes or a part of them: the audio, the board's slide or the web page.

        The web page names its pictures by their public addresses, which open with the approval; `pictures=inside` gives
        it with the pictures in it, as it will look.
        """
        item = from_document(await desk.visible(item_id, caller))
        found = next((made for made in item.renditions if made.kind == kind), None)
        if found is None:
            raise NotFound("rendition")
        headers = {"Cache-Control": "private, no-cache"}  # The address stays the same when the item is edited.
        if kind != "audio":
            headers["Content-Security-Policy"] = _HTML_POLICY
        if kind == "web" and pictures == "inside":
            page = await desk.pictures.within(await blobs.get(found.sha256), item)
            return Response(page, media_type=found.media_type, headers=headers)
        return await blob_response(request, blobs, found.sha256, found.media_type, headers)

    return routes


def writing(desk: Desk, records: Collection, views: Views) -> Routes:
    """Routes that change items; `records` keeps the Idempotency-Keys."""
    routes = Routes()
    answer = views.one

    @routes.post("/items", status_code=201)
    async def create(body: ItemIn, request: Request, response: Response, caller: Writer, key: KeyDep) -> ItemOut:
        """Write a new item; it begins as a draft."""

        async def make(item_id: str) -> Document:
            return await desk.create(item_id, caller, body.content(), body.unit_id)

        document = await idempotent(request, response, records, caller, key, body, make, desk.items.load)
        return await answer(request, response, document, caller)

    @routes.patch("/items/{item_id}")
    async def edit(
        item_id: Id, body: ItemPatch, request: Request, response: Response, caller: Writer, ver: IfMatch
    ) -> ItemOut:
        """Change what an item says. From any state but draft this begins a new revision and voids its approval."""
        return await answer(request, response, await desk.edit(item_id, ver, caller, body.changes()), caller)

    @routes.post("/items/{item_id}/pictures", status_code=201, openapi_extra={"requestBody": _PICTURE_BODY})
    async def add_picture(item_id: Id, request: Request, caller: Writer) -> PictureOut:
        """Put a picture to an item, 5 MB at most: JPEG, PNG or WebP by what is in it. The same again changes nothing.

        It is made anew, 1280 pixels at the longer side and without place or camera; the item's text shows it by the
        hash in the answer.
        """
        return PictureOut.of(await desk.add_picture(item_id, caller, await request.body()))

    @routes.post("/items/{item_id}/submit")
    async def submit(item_id: Id, request: Request, response: Response, caller: Writer, ver: IfMatch) -> ItemOut:
        """Ask for approval; the renditions are made next."""
        return await answer(request, response, await desk.submit(item_id, ver, caller), caller)

    @routes.post("/items/{item_id}/approve")
    async def approve(
        item_id: Id, body: Approval, request: Request, response: Response, caller: Approver, ver: IfMatch
    ) -> ItemOut:
        """Approve what the hash stands for: the text and the renditions that the caller saw. Never one's own item."""
        return await answer(request, response, await desk.approve(item_id, ver, caller, body.approval_sha256), caller)

    @routes.post("/items/{item_id}/return")
    async def send_back(
        item_id: Id, body: Comment, request: Request, response: Response, caller: Approver, ver: IfMatch
    ) -> ItemOut:
        """Return an item to its author with a comment."""
        return await answer(request, response, await desk.send_back(item_id, ver, caller, body.comment), caller)

    @routes.post("/items/{item_id}/withdraw")
    async def withdraw(item_id: Id, request: Request, response: Response, caller: Withdrawer, ver: IfMatch) -> ItemOut:
        """Take an item back; what was approved no longer holds."""
        return await answer(request, response, await desk.withdraw(item_id, ver, caller), caller)

    return routes


def operating(items: Aggregates, posts: Aggregates, clock: Clock) -> Routes:
    """The operator's route."""
    routes = Routes()

    @routes.post("/replay")
    async def again(_: Annotated[Caller, allows(REPLAY)]) -> dict[str, int]:
        """Publish approvals, their ends, and how posts stand once more, for read models that began late."""
        return await replay(items, posts, clock.now())

    return routes
