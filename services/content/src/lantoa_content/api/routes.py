"""Content over HTTP, under `/api/v1/content`."""

from fastapi import APIRouter, Request, Response

from lantoa_content.api.models import Approval, Comment, ItemIn, ItemOut, ItemPatch, TopicOut, item_view
from lantoa_content.domain.item import RenditionKind, State
from lantoa_content.domain.topics import TOPICS
from lantoa_content.usecases.desk import Desk
from lantoa_content.usecases.lists import ItemLists
from lantoa_content.usecases.stored import from_document
from lantoa_contracts.base import Id
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.errors import NotFound
from lantoa_runtime.http import (
    Caller,
    CallerDep,
    IfMatch,
    KeyDep,
    Page,
    PageLimit,
    blob_response,
    etag,
    idempotent,
)
from lantoa_runtime.http.problems import language_of
from lantoa_runtime.mongo import Collection, Document

# A rendition shows what somebody wrote: no script, no form, nothing from outside, in an origin of its own.
_HTML_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; font-src 'self' data:"


def _language(request: Request) -> str:
    return language_of(request.headers.get("accept-language", ""))


def _answer(request: Request, response: Response, document: Document, caller: Caller) -> ItemOut:
    response.headers["ETag"] = etag(document["ver"])
    return item_view(document, caller, _language(request))


def reading(desk: Desk, lists: ItemLists, blobs: Blobs) -> APIRouter:
    """Routes that change nothing."""
    routes = APIRouter()

    @routes.get("/topics")
    async def topics(_: CallerDep) -> Page[TopicOut]:
        """The topics of an item, with their names."""
        return Page(items=[TopicOut(code=one.code, name=one.name, name_en=one.name_en) for one in TOPICS])

    @routes.get("/items")
    async def listed(
        request: Request,
        caller: CallerDep,
        state: State | None = None,
        unit_id: Id | None = None,
        limit: PageLimit = 30,
        cursor: str | None = None,
    ) -> Page[ItemOut]:
        """Items of the caller's units, the newest first."""
        language = _language(request)
        documents, following = await lists.page(caller, state, unit_id, limit, cursor)
        return Page(items=[item_view(document, caller, language) for document in documents], next=following)

    @routes.get("/items/{item_id}")
    async def one(item_id: Id, request: Request, response: Response, caller: CallerDep) -> ItemOut:
        """One item with its renditions and with what the caller may do to it now."""
        return _answer(request, response, await desk.visible(item_id, caller), caller)

    @routes.get("/items/{item_id}/renditions/{kind}", response_class=Response)
    async def rendition(item_id: Id, kind: RenditionKind, request: Request, caller: CallerDep) -> Response:
        """A rendition's bytes or a part of them: the audio, the board's slide or the web page."""
        item = from_document(await desk.visible(item_id, caller))
        found = next((made for made in item.renditions if made.kind == kind), None)
        if found is None:
            raise NotFound("rendition")
        headers = {"Cache-Control": "private, no-cache"}  # The address stays the same when the item is edited.
        if kind != "audio":
            headers["Content-Security-Policy"] = _HTML_POLICY
        return await blob_response(request, blobs, found.sha256, found.media_type, headers)

    return routes


def writing(desk: Desk, records: Collection) -> APIRouter:
    """Routes that change items; `records` keeps the Idempotency-Keys."""
    routes = APIRouter()

    @routes.post("/items", status_code=201)
    async def create(body: ItemIn, request: Request, response: Response, caller: CallerDep, key: KeyDep) -> ItemOut:
        """Write a new item; it begins as a draft."""

        async def make(item_id: str) -> Document:
            return await desk.create(item_id, caller, body.content(), body.unit_id)

        document = await idempotent(request, response, records, caller, key, body, make, desk.items.load)
        return _answer(request, response, document, caller)

    @routes.patch("/items/{item_id}")
    async def edit(
        item_id: Id, body: ItemPatch, request: Request, response: Response, caller: CallerDep, ver: IfMatch
    ) -> ItemOut:
        """Change what an item says. From any state but draft this begins a new revision and voids its approval."""
        return _answer(request, response, await desk.edit(item_id, ver, caller, body.changes()), caller)

    @routes.post("/items/{item_id}/submit")
    async def submit(item_id: Id, request: Request, response: Response, caller: CallerDep, ver: IfMatch) -> ItemOut:
        """Ask for approval; the renditions are made next."""
        return _answer(request, response, await desk.submit(item_id, ver, caller), caller)

    @routes.post("/items/{item_id}/approve")
    async def approve(
        item_id: Id, body: Approval, request: Request, response: Response, caller: CallerDep, ver: IfMatch
    ) -> ItemOut:
        """Approve what the hash stands for: the text and the renditions that the caller saw. Never one's own item."""
        return _answer(request, response, await desk.approve(item_id, ver, caller, body.approval_sha256), caller)

    @routes.post("/items/{item_id}/return")
    async def send_back(
        item_id: Id, body: Comment, request: Request, response: Response, caller: CallerDep, ver: IfMatch
    ) -> ItemOut:
        """Return an item to its author with a comment."""
        return _answer(request, response, await desk.send_back(item_id, ver, caller, body.comment), caller)

    @routes.post("/items/{item_id}/withdraw")
    async def withdraw(item_id: Id, request: Request, response: Response, caller: CallerDep, ver: IfMatch) -> ItemOut:
        """Take an item back; what was approved no longer holds."""
        return _answer(request, response, await desk.withdraw(item_id, ver, caller), caller)

    return routes
