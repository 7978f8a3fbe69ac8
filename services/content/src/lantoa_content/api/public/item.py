"""One item: its page, its sound, and ways to pass it on."""

import base64
import json
from importlib import resources
from typing import Annotated
from urllib.parse import quote

from fastapi import Path, Request, Response
from markupsafe import Markup

from lantoa_content.api.public.site import LOCALES, PREFIX, READ, Site, first_published, place_of, shown, shown_day
from lantoa_content.domain.linked_data import Story, duration_text, first_picture, news_article
from lantoa_content.domain.picture import MEDIA_TYPE, PUBLIC_WORD
from lantoa_content.domain.places import former_names, predecessors
from lantoa_content.usecases.stored import day_of
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.errors import AppError
from lantoa_runtime.http import Routes, blob_response
from lantoa_runtime.mongo import Document

_Item = Annotated[str, Path(max_length=64)]


class ItemPages:
    """`/tin/<item>` and what belongs to it."""

    def __init__(self, site: Site, blobs: Blobs) -> None:
        self._site = site
        self._blobs = blobs
        self._script = (resources.files("lantoa_content") / "pages" / "share.js").read_bytes()

    def add_to(self, router: Routes) -> None:
        """Hang the routes on a router; after all others with one part, for an item's id may be anything."""
        router.add_api_route("/share.js", self._share, methods=READ, response_model=None)
        router.add_api_route("/{item_id}", self._item, methods=READ, response_model=None)
        router.add_api_route("/{item_id}/am-thanh", self._audio, methods=READ, response_model=None)
        router.add_api_route(f"/{{item_id}}/{PUBLIC_WORD}/{{sha256}}", self._picture, methods=READ, response_model=None)

    async def _item(self, item_id: _Item, request: Request) -> Response:
        site = self._site
        post = await site.portal.post(item_id)
        related = await site.portal.related(post)
        places = await site.portal.places()
        unit = place_of(post["unit_id"], places)
        url, audio = site.address(f"/{item_id}"), post["audio"]
        picture = first_picture(post["article"], site.public_url)
        published, updated = first_published(post), post["published_at"]
        view = site.pages.show(
            request,
            "item.html",
            post=post,
            # What was approved as this very HTML: nothing else on these pages goes unescaped.
            article=Markup(post["article"]),  # noqa: S704
            linked_data=news_article(self._story(request, post, url, picture)),
            canonical=url,
            atom_url=site.address("/atom.xml"),
            json_url=site.address("/feed.json"),
            topic_name=site.topic(request, post["topic"]),
            language_name=site.language_name(request, post["language"]),
            locale=LOCALES.get(post["language"]),
            picture=picture,
            audio=audio,
            audio_url=f"{PREFIX}/{item_id}/am-thanh",
            audio_length=duration_text(audio["seconds"]) if audio else "",
            approved=shown(post["approved_at"]),
            air_from=shown_day(day_of(post, "air_from")),
            air_until=shown_day(day_of(post, "air_until")),
            published=shown(published),
            updated=shown(updated) if updated != published else None,
            before=former_names(unit, predecessors(places)) if unit else [],
            related=[site.card(request, one) for one in related.posts],
            share=_ways(post["title"], url),
        )
        return site.answer(request, view, related.changed_at)

    def _story(self, request: Request, post: Document, url: str, picture: str | None) -> Story:
        audio = post["audio"]
        return Story(
            url=url,
            title=post["title"],
            summary=post["summary"],
            section=self._site.topic(request, post["topic"]),
            language=post["language"],
            unit=post["unit_name"],
            site=self._site.text(request, "site.name"),
            published=first_published(post),
            updated=post["published_at"],
            picture=picture,
            sound=(f"{url}/am-thanh", audio["media_type"], audio["seconds"]) if audio else None,
        )

    async def _audio(self, item_id: _Item, request: Request) -> Response:
        post = await self._site.portal.post(item_id)
        if not post["audio"]:
            raise AppError("content.no-such-post", 404)
        # The address stays the same when the item is edited.
        headers = {"Cache-Control": "no-cache"}
        return await blob_response(request, self._blobs, post["audio"]["sha256"], post["audio"]["media_type"], headers)

    async def _picture(self, item_id: _Item, sha256: str, request: Request) -> Response:
        found = await self._site.portal.picture(item_id, sha256)
        # Asked for again each time: when the item is withdrawn, the picture is too. Feed readers show it elsewhere.
        headers = {"Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "cross-origin"}
        return await blob_response(request, self._blobs, found, MEDIA_TYPE, headers)

    async def _share(self, request: Request) -> Response:
        response = Response(self._script, media_type="text/javascript", headers={"Cache-Control": "max-age=86400"})
        return self._site.answer(request, response, None)


def _ways(title: str, url: str) -> list[tuple[str, str]]:
    """Plain links by which a reader passes the page on: the key of each one's text and its address."""
    told = quote(f"{title}\n{url}", safe="")
    # Zalo's own button needs its script; this is the page that the script opens.
    zalo = base64.b64encode(json.dumps({"url": url}).encode()).decode()
    return [
        ("share.zalo", f"https://button-share.zalo.me/share_external?d={quote(zalo, safe='')}"),
        ("share.facebook", f"https://www.facebook.com/sharer/sharer.php?u={quote(url, safe='')}"),
        ("share.mail", f"mailto:?subject={quote(title, safe='')}&body={told}"),
        ("share.message", f"sms:?body={told}"),
    ]
