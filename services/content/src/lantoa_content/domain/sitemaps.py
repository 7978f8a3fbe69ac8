"""Sitemaps (sitemaps.org 0.9) and news sitemaps (Google's extension 0.9) for search engines."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

from lantoa_calendar.periods import ZONE
from lantoa_content.domain.xml_writing import add, written

_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_NEWS = "http://www.google.com/schemas/sitemap-news/0.9"
MOST_NEWS = 1000
"""The extension's limit."""
NEWS_AGE = timedelta(hours=48)
"""What is older is no news any more, by the extension's rules."""


@dataclass(frozen=True, slots=True)
class NewsPage:
    """An item's page, with what a news sitemap tells of it. `language` is an ISO 639 code."""

    address: str
    title: str
    language: str
    published: datetime


def sitemap_index(sitemaps: Iterable[str]) -> bytes:
    """The addresses of sitemaps, for whoever begins."""
    root = ET.Element("sitemapindex", {"xmlns": _SITEMAP})
    for address in sitemaps:
        add(add(root, "sitemap"), "loc", address)
    return written(root)


def sitemap(pages: Iterable[tuple[str, datetime | None]]) -> bytes:
    """Addresses, each with the time when it last changed where that is known."""
    root = ET.Element("urlset", {"xmlns": _SITEMAP})
    for address, changed in pages:
        url = add(root, "url")
        add(url, "loc", address)
        if changed:
            add(url, "lastmod", changed.isoformat())
    return written(root)


def news_sitemap(pages: Iterable[NewsPage], publication: str) -> bytes:
    """News of the last two days, the newest thousand of it."""
    root = ET.Element("urlset", {"xmlns": _SITEMAP, "xmlns:news": _NEWS})
    for page in list(pages)[:MOST_NEWS]:
        url = add(root, "url")
        add(url, "loc", page.address)
        news = add(url, "news:news")
        paper = add(news, "news:publication")
        add(paper, "news:name", publication)
        add(paper, "news:language", page.language)
        add(news, "news:publication_date", page.published.isoformat())
        add(news, "news:title", page.title)
    return written(root)


def months(first: datetime | None, now: datetime) -> list[str]:
    """The months from that of `first` to that of `now`, the newest first, as "2026-11"; none without a first."""
    if first is None:
        return []
    begin, end = first.astimezone(ZONE), now.astimezone(ZONE)
    numbers = range(begin.year * 12 + begin.month - 1, end.year * 12 + end.month)
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in reversed(numbers)]


def month_of(name: str) -> tuple[datetime, datetime]:
    """Begin and end (excluded) of a month such as "2026-11".

    Raises:
        ValueError: it is none.
    """
    if len(name) != 7:
        raise ValueError("no month")
    begin = datetime.strptime(name, "%Y-%m").replace(tzinfo=ZONE)
    return begin, (begin + timedelta(days=32)).replace(day=1)
