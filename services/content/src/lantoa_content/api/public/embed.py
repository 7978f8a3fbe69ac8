"""The column for other bodies' sites, and the page where their editors take it from.

The column alone may be shown inside any page; it has no script, sets no cookie and reads none.
"""

from html import escape
from typing import Annotated

from fastapi import Query, Request, Response

from lantoa_content.api.public.lists import choices, chosen
from lantoa_content.api.public.searching import UNLISTED
from lantoa_content.api.public.site import READ, Asked, Site, place_of
from lantoa_runtime.http import Routes

_USUAL, _MOST = 5, 20
_Number = Annotated[int, Query(alias="so", ge=1, le=_MOST)]
_FRAMED = UNLISTED | {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; font-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors *",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_ROW, _AROUND = 84, 150
"""Pixels that a title of two lines and what stands around the list take up: the frame's height in the snippet."""


class Column:
    """`/tin/khung` and `/tin/nhung`."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def add_to(self, router: Routes) -> None:
        """Hang the routes on a router."""
        router.add_api_route("/khung", self._column, methods=READ, response_model=None)
        router.add_api_route("/nhung", self._snippet, methods=READ, response_model=None)

    async def _column(self, request: Request, asked: Asked, number: _Number = _USUAL) -> Response:
        site = self._site
        places = await site.portal.places()
        found = await site.portal.listing(asked, "", number, places)
        view = site.pages.show(
            request,
            "column.html",
            headers=_FRAMED,
            heading=site.heading(request, place_of(asked.unit_id, places), asked),
            posts=[site.card(request, post) | {"url": site.address(f"/{post['item_id']}")} for post in found.posts],
            all_url=site.page_of(asked, chosen(request)),
        )
        return site.answer(request, view, found.changed_at)

    async def _snippet(self, request: Request, asked: Asked, number: _Number = _USUAL) -> Response:
        site = self._site
        places = await site.portal.places()
        site.portal.where(asked, places)
        heading = site.heading(request, place_of(asked.unit_id, places), asked)
        column = site.address("/khung", asked.query | {"so": str(number)} | chosen(request))
        height = _AROUND + _ROW * number
        view = site.pages.show(
            request,
            "embed.html",
            heading=heading,
            number=number,
            most=_MOST,
            height=height,
            snippet=f'<iframe src="{escape(column)}" title="{escape(heading)}" width="100%" height="{height}" '
            'style="border:0" loading="lazy"></iframe>',
            preview=column.removeprefix(site.public_url),
            atom_url=site.address("/atom.xml", asked.query),
            json_url=site.address("/feed.json", asked.query),
            canonical=site.address("/nhung"),
            **choices(site, request, asked, site.portal.today(places)),
        )
        return site.answer(request, view, None)
