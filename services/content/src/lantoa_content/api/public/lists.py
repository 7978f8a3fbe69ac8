"""The front, the lists by place, topic and language, and the index of places."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Path, Request, Response
from fastapi.responses import RedirectResponse

from lantoa_content.api.public.site import PREFIX, READ, Asked, Cursor, Site, place_of
from lantoa_content.domain.places import Place, former_names, grown_from, predecessors
from lantoa_content.domain.selection import Selection, with_query
from lantoa_runtime.http import Routes
from lantoa_runtime.http.problems import LANGUAGES
from lantoa_runtime.mongo import Document

_A_PAGE, _ON_FRONT, _IN_TOPIC, _PLACES = 20, 8, 3, 12

_Unit = Annotated[str, Path(max_length=64)]
_Topic = Annotated[str, Path(max_length=40)]


def chosen(request: Request) -> dict[str, str]:
    """The language of the interface, where the address names it."""
    language = request.query_params.get("lang", "")
    return {"lang": language} if language in LANGUAGES else {}


class Lists:
    """`/tin` and what lies under it by place and topic."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def add_to(self, router: Routes) -> None:
        """Hang the routes on a router."""
        for path, answer in (
            ("", self._front),
            ("/don-vi", self._places),
            ("/don-vi/{unit_id}", self._of_unit),
            ("/chu-de/{topic}", self._of_topic),
            ("/don-vi/{unit_id}/chu-de/{topic}", self._of_both),
            ("/canh-bao", self._alerts),
        ):
            router.add_api_route(path, answer, methods=READ, response_model=None)

    async def _front(self, request: Request, asked: Asked, cursor: Cursor = "") -> Response:
        # A form can only fill in a query; what it asks for has one address all the same.
        if {"don-vi", "chu-de"} & {*request.query_params}:
            more = {"trang": cursor} if cursor else {}
            address = with_query(PREFIX + asked.path, asked.rest | more | chosen(request))
            return RedirectResponse(address, 301, headers={"Cache-Control": "no-cache"})
        if cursor or asked.language:
            return await self._list(request, asked, cursor)
        site = self._site
        places = await site.portal.places()
        found = await site.portal.recent(_ON_FRONT)
        newest, rest = found.posts[:_ON_FRONT], found.posts[_ON_FRONT:]
        by_topic = _first_of_each(rest, "topic", _IN_TOPIC)
        places_in_news = {post["unit_id"]: post["unit_name"] for post in found.posts}
        view = site.pages.show(
            request,
            "front.html",
            posts=[site.card(request, post) for post in newest],
            next=found.next,
            topics=[(code, name, by_topic.get(code, [])) for code, name in site.topics(request)],
            places=list(places_in_news.items())[:_PLACES],
            chosen=chosen(request),
            **self._named(request, Selection(), None, cursor),
            **site.alerts(None, places),
        )
        return site.answer(request, view, site.changed_with_alerts(found.changed_at))

    async def _of_unit(self, request: Request, unit_id: _Unit, asked: Asked, cursor: Cursor = "") -> Response:
        return await self._list(request, Selection(unit_id, "", asked.language), cursor)

    async def _of_topic(self, request: Request, topic: _Topic, asked: Asked, cursor: Cursor = "") -> Response:
        return await self._list(request, Selection("", topic, asked.language), cursor)

    async def _of_both(
        self, request: Request, unit_id: _Unit, topic: _Topic, asked: Asked, cursor: Cursor = ""
    ) -> Response:
        return await self._list(request, Selection(unit_id, topic, asked.language), cursor)

    async def _list(self, request: Request, selection: Selection, cursor: str) -> Response:
        site = self._site
        places = await site.portal.places()
        found = await site.portal.listing(selection, cursor, _A_PAGE, places)
        unit, today = place_of(selection.unit_id, places), site.portal.today(places)
        names = {place.id: place.name for place in places}
        view = site.pages.show(
            request,
            "list.html",
            posts=[site.card(request, post) for post in found.posts],
            next=found.next,
            first=not cursor,
            former=unit if unit is not None and unit not in today else None,
            successors=[(one, names[one]) for one in unit.successor_ids if one in names] if unit else [],
            before=former_names(unit, predecessors(places)) if unit else [],
            **choices(site, request, selection, today),
            **self._named(request, selection, unit, cursor),
            **site.alerts(unit, places),
        )
        return site.answer(request, view, site.changed_with_alerts(found.changed_at))

    async def _places(self, request: Request) -> Response:
        site = self._site
        places = await site.portal.places()
        before = predecessors(places)
        today = [(place, former_names(place, before)) for place in site.portal.today(places)]
        # Former units that went nowhere we know of still have their news.
        reached = {one.id for place, _ in today for one in (place, *grown_from(place.id, before))}
        lost = [place for place in places if place.id not in reached]
        view = site.pages.show(request, "places.html", today=today, lost=lost, **self._page(request, "/don-vi"))
        return site.answer(request, view, None)

    async def _alerts(self, request: Request) -> Response:
        site = self._site
        view = site.pages.show(request, "notices.html", **self._page(request, "/canh-bao"), **site.alerts(None, []))
        return site.answer(request, view, site.notices.changed_at)

    def _page(self, request: Request, path: str) -> dict[str, Any]:
        site = self._site
        return {
            "canonical": site.address(path, chosen(request)),
            "translations": [("vi", site.address(path)), ("en", site.address(path, {"lang": "en"}))],
        }

    def _named(self, request: Request, selection: Selection, unit: Place | None, cursor: str) -> dict[str, Any]:
        """What the head of every list says."""
        site, page = self._site, {"trang": cursor} if cursor else {}
        return {
            "heading": site.heading(request, unit, selection),
            "list_path": PREFIX + selection.path,
            "canonical": site.page_of(selection, page | chosen(request)),
            "translations": [
                ("vi", site.page_of(selection, page)),
                ("en", site.page_of(selection, page | {"lang": "en"})),
            ],
            "atom_url": site.address("/atom.xml", selection.query),
            "json_url": site.address("/feed.json", selection.query),
        }


def choices(site: Site, request: Request, selection: Selection, today: Iterable[Place]) -> dict[str, Any]:
    """What the form that narrows a list offers; a place of before, when the list is of one."""
    return {
        "units": list(today),
        "all_topics": site.topics(request),
        "languages": site.languages(request),
        "selection": selection,
        "chosen": chosen(request),
    }


def _first_of_each(posts: list[Document], field: str, most: int) -> dict[str, list[Document]]:
    """At most so many posts for each value of a field, in their order."""
    found: dict[str, list[Document]] = {}
    for post in posts:
        kept = found.setdefault(post[field], [])
        if len(kept) < most:
            kept.append(post)
    return found
