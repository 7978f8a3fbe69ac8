"""Posts for readers' programs: Atom (RFC 4287), in pages (RFC 5005), and JSON Feed 1.1."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

from lantoa_content.domain.xml_writing import add, written

_ATOM = "http://www.w3.org/2005/Atom"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True)
class Sound:
    """A post's audio: address, type, bytes, and seconds where they are known."""

    url: str
    media_type: str
    bytes: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One post. `id` is an IRI that stays when the item is edited; `html` is the approved article with full addresses.

    `published` is when the item first was, `updated` when this revision was.
    """

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
    updated: datetime
    sound: Sound | None
    picture: str | None = None
    """Address of its first picture."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed with its own address, that of its first and of its next page, and that of the page for people.

    `subject` is an address that stays, whatever the pages are called: the feed's id follows from it. `language` is that
    of the entries where all have one, else that of the title.
    """

    subject: str
    title: str
    description: str
    author: str
    language: str
    home_url: str
    self_url: str
    first_url: str
    next_url: str | None
    updated: datetime
    entries: tuple[Entry, ...]


def atom(feed: Feed) -> bytes:
    """The feed as Atom; each selection has an id of its own, each of its pages the same."""
    root = ET.Element("feed", {"xmlns": _ATOM, _LANG: feed.language})
    add(root, "id", uuid5(NAMESPACE_URL, feed.subject).urn)
    add(root, "title", feed.title)
    add(root, "subtitle", feed.description)
    add(root, "updated", feed.updated.isoformat())
    add(add(root, "author"), "name", feed.author)
    add(root, "link", rel="self", type="application/atom+xml", href=feed.self_url)
    add(root, "link", rel="alternate", type="text/html", href=feed.home_url)
    add(root, "link", rel="first", type="application/atom+xml", href=feed.first_url)
    if feed.next_url:
        add(root, "link", rel="next", type="application/atom+xml", href=feed.next_url)
    for entry in feed.entries:
        _atom_entry(add(root, "entry", **{_LANG: entry.language}), entry)
    return written(root)


def _atom_entry(element: ET.Element, entry: Entry) -> None:
    add(element, "id", entry.id)
    add(element, "title", entry.title)
    add(element, "published", entry.published.isoformat())
    add(element, "updated", entry.updated.isoformat())
    add(add(element, "author"), "name", entry.author)
    add(element, "category", term=entry.topic, label=entry.topic_name)
    add(element, "link", rel="alternate", type="text/html", hreflang=entry.language, href=entry.url)
    if entry.sound:
        sound = {"href": entry.sound.url, "type": entry.sound.media_type, "length": str(entry.sound.bytes)}
        add(element, "link", rel="enclosure", **sound)
    add(element, "summary", entry.summary)
    add(element, "content", entry.html, type="html")


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
        "date_modified": entry.updated.isoformat(),
        "authors": [{"name": entry.author}],
        "tags": [entry.topic_name],
        "language": entry.language,
    }
    if entry.picture:
        item["image"] = entry.picture
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
