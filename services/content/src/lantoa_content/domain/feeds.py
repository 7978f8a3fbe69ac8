"""Posts for readers' programs: Atom (RFC 4287), JSON Feed 1.1, and the sitemap of search engines."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

_ATOM = "http://www.w3.org/2005/Atom"
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# Whatever is no Char of XML 1.0 (2.2): one such sign anywhere makes the whole document unreadable.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Sound:
    """A post's audio: address, type, bytes, and seconds where they are known."""

    url: str
    media_type: str
    bytes: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One post. `id` is an IRI that stays when the item is edited; `html` is the approved article."""

    id: str
    url: str
    title: str
    summary: str
    html: str
    author: str
    topic: str
    topic_name: str
    language: str
    published: datetime
    sound: Sound | None


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed with its own address, that of the page for people, and that of its next page."""

    title: str
    description: str
    author: str
    language: str
    home_url: str
    self_url: str
    next_url: str | None
    updated: datetime
    entries: tuple[Entry, ...]


def atom(feed: Feed) -> bytes:
    """The feed as Atom; its id follows from the address of the page that it is of, so each filter has its own."""
    root = ET.Element("feed", {"xmlns": _ATOM, _LANG: feed.language})
    _add(root, "id", uuid5(NAMESPACE_URL, feed.home_url).urn)
    _add(root, "title", feed.title)
    _add(root, "subtitle", feed.description)
    _add(root, "updated", feed.updated.isoformat())
    _add(_add(root, "author"), "name", feed.author)
    _add(root, "link", rel="self", type="application/atom+xml", href=feed.self_url)
    _add(root, "link", rel="alternate", type="text/html", href=feed.home_url)
    if feed.next_url:
        _add(root, "link", rel="next", type="application/atom+xml", href=feed.next_url)
    for entry in feed.entries:
        _atom_entry(_add(root, "entry", **{_LANG: entry.language}), entry)
    return _written(root)


def _atom_entry(element: ET.Element, entry: Entry) -> None:
    _add(element, "id", entry.id)
    _add(element, "title", entry.title)
    _add(element, "published", entry.published.isoformat())
    _add(element, "updated", entry.published.isoformat())
    _add(_add(element, "author"), "name", entry.author)
    _add(element, "category", term=entry.topic, label=entry.topic_name)
    _add(element, "link", rel="alternate", type="text/html", href=entry.url)
    if entry.sound:
        sound = {"href": entry.sound.url, "type": entry.sound.media_type, "length": str(entry.sound.bytes)}
        _add(element, "link", rel="enclosure", **sound)
    _add(element, "summary", entry.summary)
    _add(element, "content", entry.html, type="html")


def json_feed(feed: Feed) -> bytes:
    """The feed as JSON Feed 1.1 (jsonfeed.org/version/1.1)."""
    document: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "description": feed.description,
        "home_page_url": feed.home_url,
        "feed_url": feed.self_url,
        "language": feed.language,
        "authors": [{"name": feed.author}],
        "items": [_json_entry(entry) for entry in feed.entries],
    }
    if feed.next_url:
        document["next_url"] = feed.next_url
    return json.dumps(document, ensure_ascii=False).encode()


def _json_entry(entry: Entry) -> Mapping[str, Any]:
    item: dict[str, Any] = {
        "id": entry.id,
        "url": entry.url,
        "title": entry.title,
        "summary": entry.summary,
        "content_html": entry.html,
        "date_published": entry.published.isoformat(),
        "date_modified": entry.published.isoformat(),
        "authors": [{"name": entry.author}],
        "tags": [entry.topic_name],
        "language": entry.language,
    }
    if entry.sound:
        sound: dict[str, Any] = {
            "url": entry.sound.url,
            "mime_type": entry.sound.media_type,
            "size_in_bytes": entry.sound.bytes,
        }
        if entry.sound.seconds is not None:
            sound["duration_in_seconds"] = entry.sound.seconds
        item["attachments"] = [sound]
    return item


def sitemap(pages: Iterable[tuple[str, datetime]]) -> bytes:
    """A sitemap (sitemaps.org 0.9) of addresses, each with the time when it last changed."""
    root = ET.Element("urlset", {"xmlns": _SITEMAP})
    for address, changed in pages:
        url = _add(root, "url")
        _add(url, "loc", address)
        _add(url, "lastmod", changed.isoformat())
    return _written(root)


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, name, {key: _NO_XML.sub("", value) for key, value in attributes.items()})
    child.text = _NO_XML.sub("", text) or None
    return child


def _written(root: ET.Element) -> bytes:
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written
