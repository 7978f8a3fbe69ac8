"""`/tin/tim`: search, with or without accents."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from lantoa_content.api.public.lists import choices
from lantoa_content.api.public.site import READ, Asked, Cursor, Site
from lantoa_content.domain.search import excerpt_around, marked, plain_text
from lantoa_content.usecases.search import Search
from lantoa_runtime.http import Routes
from lantoa_runtime.mongo import Document

_A_PAGE = 20
LONGEST_QUESTION = 100
UNLISTED = {"X-Robots-Tag": "noindex"}

_Question = Annotated[str, Query(alias="q", max_length=LONGEST_QUESTION)]


class SearchPage:
    """The form and what it finds."""

    def __init__(self, site: Site, search: Search) -> None:
        self._site = site
        self._search = search

    def add_to(self, router: Routes) -> None:
        """Hang the route on a router."""
        router.add_api_route("/tim", self._show, methods=READ, response_model=None)

    async def _show(self, request: Request, asked: Asked, question: _Question = "", cursor: Cursor = "") -> Response:
        site = self._site
        question = " ".join(question.split())
        places = await site.portal.places()
        found = await self._search(question, asked, cursor, _A_PAGE, places)
        view = site.pages.show(
            request,
            "search.html",
            headers=UNLISTED,
            question=question,
            most=LONGEST_QUESTION,
            words=found.words,
            hits=[self._hit(request, post, found.words) for post in found.posts],
            next=found.next,
            first=not cursor,
            filters=asked.query,
            **choices(site, request, asked, site.portal.today(places)),
        )
        # What is found depends on every post: only its own content tells whether it is the same.
        return site.answer(request, view, None)

    def _hit(self, request: Request, post: Document, words: tuple[str, ...]) -> dict[str, Any]:
        text = excerpt_around(plain_text(post["article"]), words)
        return {**self._site.card(request, post), "marked_title": marked(post["title"], words), "text": text}
