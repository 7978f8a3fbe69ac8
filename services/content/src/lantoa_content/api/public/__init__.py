"""Content's public pages and feeds, for everybody: `/tin`, `/wifi`, and what programs look for at the root."""

from fastapi import Request, Response

from lantoa_content.api.public.embed import Column
from lantoa_content.api.public.feeds import Feeds
from lantoa_content.api.public.item import ItemPages
from lantoa_content.api.public.lists import Lists
from lantoa_content.api.public.searching import SearchPage
from lantoa_content.api.public.site import PREFIX, READ, Site
from lantoa_content.api.public.wifi import WIFI, WifiPage
from lantoa_content.usecases.search import Search
from lantoa_runtime.blobs import Blobs
from lantoa_runtime.errors import AppError
from lantoa_runtime.http import Routes

__all__ = ["PREFIX", "Site", "public_routes"]


def public_routes(site: Site, blobs: Blobs) -> Routes:
    """Every public page."""
    feeds, wifi = Feeds(site), WifiPage(site)
    news = site.pages.router()
    rooms = (Lists(site), feeds, Column(site), SearchPage(site, Search(site.portal)))
    for room in rooms:
        room.add_to(news)
    wifi.add_to(news, "/wifi")
    ItemPages(site, blobs).add_to(news)
    news.add_api_route("/{rest:path}", _nothing, methods=READ, response_model=None)
    spots = site.pages.router(WIFI)
    wifi.add_to(spots, "")
    wifi.add_api_to(spots)
    root = site.pages.router("")
    feeds.add_to_root(root)
    whole = Routes()
    for router in (news, spots, root):
        router.add_to(whole)
    return whole


async def _nothing(request: Request) -> Response:
    raise AppError("no-such-address", 404)
