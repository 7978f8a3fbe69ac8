"""Content's public pages and feeds, under `/tin`, for everybody."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup

from lantoa_calendar.periods import ZONE
from lantoa_content.api.caching import conditional
from lantoa_content.domain.feeds import Entry, Feed, Sound, atom, json_feed, sitemap
from lantoa_content.domain.places import Place
from lantoa_content.domain.topics import TOPICS
from lantoa_content.usecases.portal import Listing, Portal
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.errors import AppError
from lantoa_runtime.http import blob_response
from lantoa_runtime.http.pages import Pages
from lantoa_runtime.mongo import Document

PREFIX = "/tin"
_A_PAGE, _A_FEED, _A_SITEMAP = 20, 20, 5000
_READ = ["GET", "HEAD"]
_NEVER = datetime.fromtimestamp(0, UTC)
_LOCALES = {"vi": "vi_VN", "en": "en_GB", "km": "km_KH"}
_LANGUAGE_KEYS = {"vi": "language.vi", "km": "language.km", "en": "language.en"}

UnitFilter = Annotated[str, Query(alias="don-vi", max_length=64)]
TopicFilter = Annotated[str, Query(alias="chu-de", max_length=40)]
Cursor = Annotated[str, Query(alias="trang", max_length=200)]


class News:
    """The pages, the portal that they read, and the public address that they say they have."""

    def __init__(self, pages: Pages, portal: Portal, blobs: Blobs, public_url: str) -> None:
        self._pages = pages
        self._portal = portal
        self._blobs = blobs
        self._base = public_url + PREFIX

    def router(self) -> APIRouter:
        """Every page of the prefix."""
        router = self._pages.router()
        for path, answer in (
            ("", self._list),
            ("/atom.xml", self._atom),
            ("/feed.json", self._json_feed),
            ("/sitemap.xml", self._sitemap),
            ("/{item_id}", self._item),
            ("/{item_id}/am-thanh", self._audio),
        ):
            router.add_api_route(path, answer, methods=_READ, response_model=None)
        return router

    async def _list(
        self, request: Request, unit_id: UnitFilter = "", topic: TopicFilter = "", cursor: Cursor = ""
    ) -> Response:
        portal = self._portal
        places = await portal.places()
        found = await portal.listing(unit_id, topic, cursor, _A_PAGE, places)
        unit = next((place for place in places if place.id == unit_id), None)
        names = {place.id: place.name for place in places}
        filters = _filters(unit_id, topic)
        page = filters | ({"trang": cursor} if cursor else {})
        chosen = {"lang": "en"} if request.query_params.get("lang") == "en" else {}
        shown = self._pages.show(
            request,
            "list.html",
            heading=self._heading(request, unit, topic),
            posts=[self._card(request, post) for post in found.posts],
            filters=filters,
            next=found.next,
            first=not cursor,
            units=portal.today(places),
            former=unit if unit is not None and unit not in portal.today(places) else None,
            successors=[(one, names[one]) for one in unit.successor_ids if one in names] if unit else [],
            topics=[(one.code, self._topic(request, one.code)) for one in TOPICS],
            unit_id=unit_id,
            topic=topic,
            chosen=chosen,
            canonical=self._address("", page | chosen),
            translations=[("vi", self._address("", page)), ("en", self._address("", page | {"lang": "en"}))],
            atom_url=self._address("/atom.xml", filters),
            json_url=self._address("/feed.json", filters),
        )
        return self._conditional(request, shown, found.changed_at)

    async def _item(self, item_id: str, request: Request) -> Response:
        post = await self._portal.post(item_id)
        url = self._address(f"/{item_id}")
        body = f"{post['title']}\n{url}"
        shown = self._pages.show(
            request,
            "item.html",
            post=post,
            # What was approved as this very HTML: nothing else on these pages goes unescaped.
            article=Markup(post["article"]),  # noqa: S704
            canonical=url,
            atom_url=self._address("/atom.xml"),
            json_url=self._address("/feed.json"),
            topic_name=self._topic(request, post["topic"]),
            language_key=_LANGUAGE_KEYS.get(post["language"]),
            locale=_LOCALES.get(post["language"]),
            audio=post["audio"],
            audio_url=f"{PREFIX}/{item_id}/am-thanh",
            audio_length=_length(post["audio"]["seconds"]) if post["audio"] else "",
            approved=_shown(post["approved_at"]),
            published=_shown(post["published_at"]),
            mail=f"mailto:?subject={quote(post['title'])}&body={quote(body)}",
            message=f"sms:?body={quote(body)}",
        )
        return self._conditional(request, shown, post["published_at"])

    async def _audio(self, item_id: str, request: Request) -> Response:
        post = await self._portal.post(item_id)
        if not post["audio"]:
            raise AppError("content.no-such-post", 404)
        # The address stays the same when the item is edited.
        headers = {"Cache-Control": "no-cache"}
        return await blob_response(request, self._blobs, post["audio"]["sha256"], post["audio"]["media_type"], headers)

    async def _atom(
        self, request: Request, unit_id: UnitFilter = "", topic: TopicFilter = "", cursor: Cursor = ""
    ) -> Response:
        feed, found = await self._feed(request, "/atom.xml", unit_id, topic, cursor)
        return self._fed(request, Response(atom(feed), media_type="application/atom+xml"), found.changed_at)

    async def _json_feed(
        self, request: Request, unit_id: UnitFilter = "", topic: TopicFilter = "", cursor: Cursor = ""
    ) -> Response:
        feed, found = await self._feed(request, "/feed.json", unit_id, topic, cursor)
        return self._fed(request, Response(json_feed(feed), media_type="application/feed+json"), found.changed_at)

    async def _sitemap(self, request: Request) -> Response:
        found = await self._portal.listing("", "", "", _A_SITEMAP, [])
        pages = [(self._address(f"/{post['item_id']}"), post["published_at"]) for post in found.posts]
        return self._fed(request, Response(sitemap(pages), media_type="application/xml"), found.changed_at)

    async def _feed(self, request: Request, path: str, unit_id: str, topic: str, cursor: str) -> tuple[Feed, Listing]:
        places = await self._portal.places() if unit_id else []
        found = await self._portal.listing(unit_id, topic, cursor, _A_FEED, places, whole=True)
        unit = next((place for place in places if place.id == unit_id), None)
        filters = _filters(unit_id, topic)
        feed = Feed(
            title=self._heading(request, unit, topic),
            description=self._pages.text(request, "list.description"),
            author=self._pages.text(request, "site.name"),
            language=self._pages.language(request),
            home_url=self._address("", filters),
            self_url=self._address(path, filters | ({"trang": cursor} if cursor else {})),
            next_url=self._address(path, filters | {"trang": found.next}) if found.next else None,
            updated=found.changed_at or _NEVER,
            entries=tuple(self._entry(request, post) for post in found.posts),
        )
        return feed, found

    def _entry(self, request: Request, post: Document) -> Entry:
        url, audio = self._address(f"/{post['item_id']}"), post["audio"]
        sound = Sound(f"{url}/am-thanh", audio["media_type"], audio["bytes"], audio["seconds"]) if audio else None
        return Entry(
            id=f"urn:uuid:{post['item_id']}",
            url=url,
            title=post["title"],
            summary=post["summary"],
            html=post["article"],
            author=post["unit_name"],
            topic=post["topic"],
            topic_name=self._topic(request, post["topic"]),
            language=post["language"],
            published=post["published_at"],
            sound=sound,
        )

    def _card(self, request: Request, post: Document) -> dict[str, object]:
        return {
            "item_id": post["item_id"],
            "title": post["title"],
            "summary": post["summary"],
            "unit_id": post["unit_id"],
            "unit_name": post["unit_name"],
            "topic": post["topic"],
            "topic_name": self._topic(request, post["topic"]),
            "language": post["language"],
            "published": _shown(post["published_at"]),
            "audio": bool(post["audio"]),
        }

    def _heading(self, request: Request, unit: Place | None, topic: str) -> str:
        parts = [unit.name if unit else "", self._topic(request, topic) if topic else ""]
        return " · ".join([self._pages.text(request, "list.heading"), *(part for part in parts if part)])

    def _topic(self, request: Request, code: str) -> str:
        english = self._pages.language(request) == "en"
        return next(((one.name_en if english else one.name) for one in TOPICS if one.code == code), code)

    def _address(self, path: str, query: dict[str, str] | None = None) -> str:
        return f"{self._base}{path}" + (f"?{urlencode(query)}" if query else "")

    def _fed(self, request: Request, response: Response, changed_at: datetime | None) -> Response:
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Language"] = self._pages.language(request)
        response.headers["Vary"] = "Accept-Language"
        return self._conditional(request, response, changed_at)

    def _conditional(self, request: Request, response: Response, changed_at: datetime | None) -> Response:
        return conditional(request, response, changed_at, self._portal.clock.now())


def _filters(unit_id: str, topic: str) -> dict[str, str]:
    return {name: value for name, value in (("don-vi", unit_id), ("chu-de", topic)) if value}


def _shown(at: datetime) -> dict[str, str]:
    """A time as people write it, and as machines do."""
    local = at.astimezone(ZONE)
    return {"text": f"{local.day:02}/{local.month:02}/{local.year} {local:%H:%M}", "iso": local.isoformat()}


def _length(seconds: float | None) -> str:
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}" if seconds else ""
