"""`/wifi`: what a phone shows when it joins a public Wi-Fi spot; made for the poor browsers that systems open there.

Nothing is loaded beside it but a sound that somebody wants to hear, it works over plain HTTP, and no address is wrong:
a spot that nobody knows gets the news of all.
"""

import base64
import hashlib
import json
from importlib import resources
from typing import Annotated, Any

from fastapi import Query, Request, Response
from markupsafe import Markup

from lantoa_content.api.public.searching import UNLISTED
from lantoa_content.api.public.site import PREFIX, READ, Site
from lantoa_content.domain.linked_data import duration_text
from lantoa_content.domain.places import Place
from lantoa_content.domain.selection import Selection
from lantoa_runtime.http import Routes
from lantoa_runtime.mongo import Document

WIFI = "/wifi"
_SHOWN, _ALERTS = 5, 3
_Spot = Annotated[str, Query(alias="diem", max_length=64)]


class WifiPage:
    """The page of a spot, and what RFC 8908 tells a phone of it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._style = (resources.files("lantoa_content") / "pages" / "wifi.css").read_text("utf-8").strip()
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self._headers = UNLISTED | {
            "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; media-src 'self'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        }

    def add_to(self, router: Routes, path: str) -> None:
        """Hang the page on a router; its own router has the interface of RFC 8908 too."""
        router.add_api_route(path, self._show, methods=READ, response_model=None)

    def add_api_to(self, router: Routes) -> None:
        """Hang the interface on a router."""
        router.add_api_route("/api", self._api, methods=READ, response_model=None)

    async def _show(self, request: Request, spot: _Spot = "") -> Response:
        site = self._site
        places = await site.portal.places()
        unit = _unit_of(spot, site.portal.today(places))
        selection = Selection(unit.id if unit else "")
        found = await site.portal.listing(selection, "", _SHOWN, places)
        told = site.alerts(unit, places)
        alerts = told["alerts"]
        view = site.pages.show(
            request,
            "wifi.html",
            headers=self._headers,
            style_text=Markup(self._style),  # noqa: S704 - our own file
            unit=unit,
            posts=[self._card(request, post) for post in found.posts],
            list_path=PREFIX + selection.path,
            **told | {"alerts": alerts[:_ALERTS]},
        )
        return site.answer(request, view, site.changed_with_alerts(found.changed_at))

    def _card(self, request: Request, post: Document) -> dict[str, Any]:
        seconds = post["audio"]["seconds"] if post["audio"] else None
        return self._site.card(request, post) | {"length": duration_text(seconds)}

    async def _api(self, request: Request, spot: _Spot = "") -> Response:
        query = f"?diem={spot}" if spot.replace("-", "").isalnum() and spot.isascii() else ""
        # Whether the way out is open only the spot's own router knows; ours are open, with a page worth seeing.
        told = {"captive": False, "venue-info-url": f"{self._site.public_url}{WIFI}{query}"}
        headers = {"Cache-Control": "private, no-cache"}
        response = Response(json.dumps(told), media_type="application/captive+json", headers=headers)
        return self._site.answer(request, response, None)


def _unit_of(spot: str, today: list[Place]) -> Place | None:
    """The unit of today that a spot names by its id or by its official code."""
    return next((place for place in today if spot and spot in (place.id, place.code)), None)
