"""Feeds of every selection, sitemaps of every selection, and `robots.txt`."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Request, Response

from lantoa_content.api.public.site import PREFIX, READ, Asked, Cursor, Site, first_published, place_of
from lantoa_content.domain.feeds import Entry, Feed, Sound, atom, json_feed
from lantoa_content.domain.linked_data import first_picture, with_full_addresses
from lantoa_content.domain.places import Place
from lantoa_content.domain.selection import Selection
from lantoa_content.domain.sitemaps import NEWS_AGE, NewsPage, month_of, months, news_sitemap, sitemap, sitemap_index
from lantoa_content.domain.topics import TOPICS
from lantoa_content.usecases.portal import Listing
from lantoa_runtime.errors import AppError
from lantoa_runtime.http import Routes
from lantoa_runtime.mongo import Document

_A_FEED = 20
_NEVER = datetime.fromtimestamp(0, UTC)
_NEWS, _LISTS = "tin-moi", "trang"
_CLOSED = ("/api/", "/auth/", "/cong-dan", "/media/", f"{PREFIX}/khung")
_Name = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,10}$")]


class Feeds:
    """What programs read."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def add_to(self, router: Routes) -> None:
        """Hang the routes of `/tin` on a router."""
        for path, answer in (
            ("/atom.xml", self._atom),
            ("/feed.json", self._json_feed),
            ("/sitemap.xml", self._sitemap_index),
            ("/sitemap/{name}.xml", self._sitemap),
        ):
            router.add_api_route(path, answer, methods=READ, response_model=None)

    def add_to_root(self, router: Routes) -> None:
        """Hang the routes that programs look for at the root on a router."""
        router.add_api_route("/robots.txt", self._robots, methods=READ, response_model=None)
        router.add_api_route("/sitemap.xml", self._sitemap_index, methods=READ, response_model=None)

    async def _atom(self, request: Request, asked: Asked, cursor: Cursor = "") -> Response:
        feed, found = await self._feed(request, "/atom.xml", asked, cursor)
        return self._fed(request, Response(atom(feed), media_type="application/atom+xml"), found.changed_at)

    async def _json_feed(self, request: Request, asked: Asked, cursor: Cursor = "") -> Response:
        feed, found = await self._feed(request, "/feed.json", asked, cursor)
        return self._fed(request, Response(json_feed(feed), media_type="application/feed+json"), found.changed_at)

    async def _feed(self, request: Request, path: str, asked: Selection, cursor: str) -> tuple[Feed, Listing]:
        site = self._site
        places = await self._places(asked)
        found = await site.portal.listing(asked, cursor, _A_FEED, places, whole=True)
        feed = Feed(
            subject=site.address("", asked.query),
            title=site.heading(request, place_of(asked.unit_id, places), asked),
            description=site.text(request, "list.description"),
            author=site.text(request, "site.name"),
            language=asked.language or site.pages.language(request),
            home_url=site.page_of(asked),
            self_url=site.address(path, asked.query | ({"trang": cursor} if cursor else {})),
            first_url=site.address(path, asked.query),
            next_url=site.address(path, asked.query | {"trang": found.next}) if found.next else None,
            updated=found.changed_at or _NEVER,
            entries=tuple(self._entry(request, post) for post in found.posts),
        )
        return feed, found

    def _entry(self, request: Request, post: Document) -> Entry:
        site = self._site
        url, audio = site.address(f"/{post['item_id']}"), post["audio"]
        sound = Sound(f"{url}/am-thanh", audio["media_type"], audio["bytes"], audio["seconds"]) if audio else None
        return Entry(
            id=f"urn:uuid:{post['item_id']}",
            url=url,
            title=post["title"],
            summary=post["summary"],
            html=with_full_addresses(post["article"], site.public_url),
            author=post["unit_name"],
            topic=post["topic"],
            topic_name=site.topic(request, post["topic"]),
            language=post["language"],
            published=first_published(post),
            updated=post["published_at"],
            sound=sound,
            picture=first_picture(post["article"], site.public_url),
        )

    async def _places(self, selection: Selection) -> list[Place]:
        return await self._site.portal.places() if selection.unit_id else []

    async def _sitemap_index(self, request: Request, asked: Asked) -> Response:
        site = self._site
        site.portal.where(asked, await self._places(asked))  # No index of a selection that there is not.
        every = months(await site.portal.first_at(), site.portal.clock.now())
        names = [_NEWS, *every] if asked.query else [_LISTS, _NEWS, *every]
        index = sitemap_index(site.address(f"/sitemap/{name}.xml", asked.query) for name in names)
        return self._fed(request, Response(index, media_type="application/xml"), None)

    async def _sitemap(self, request: Request, name: _Name, asked: Asked) -> Response:
        site, now = self._site, self._site.portal.clock.now()
        if name == _LISTS:
            return self._fed(request, Response(await self._of_lists(), media_type="application/xml"), None)
        places = await self._places(asked)
        if name == _NEWS:
            found = await site.portal.since(asked, places, now - NEWS_AGE, now)
            written = news_sitemap(map(self._news, found.posts), site.text(request, "site.name"))
        else:
            try:
                begin, end = month_of(name)
            except ValueError as error:
                raise AppError("content.no-such-list", 404) from error
            found = await site.portal.since(asked, places, begin, end)
            written = sitemap((self._page(post), post["published_at"]) for post in found.posts)
        # What is older than the stretch leaves it without a trace: no time of change is known.
        return self._fed(request, Response(written, media_type="application/xml"), None)

    async def _of_lists(self) -> bytes:
        site = self._site
        units = site.portal.today(await site.portal.places())
        selections = [Selection(), *(Selection(topic=topic.code) for topic in TOPICS)]
        selections += [Selection(unit_id=unit.id) for unit in units]
        return sitemap((site.page_of(selection), None) for selection in selections)

    def _page(self, post: Document) -> str:
        return self._site.address(f"/{post['item_id']}")

    def _news(self, post: Document) -> NewsPage:
        return NewsPage(self._page(post), post["title"], post["language"], post["published_at"])

    async def _robots(self, request: Request) -> Response:
        lines = ["User-agent: *", *(f"Disallow: {path}" for path in _CLOSED)]
        lines += ["", f"Sitemap: {self._site.address('/sitemap.xml')}", ""]
        return self._fed(request, Response("\n".join(lines), media_type="text/plain"), None)

    def _fed(self, request: Request, response: Response, changed_at: datetime | None) -> Response:
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Language"] = self._site.pages.language(request)
        response.headers["Vary"] = "Accept-Language"
        return self._site.answer(request, response, changed_at)
