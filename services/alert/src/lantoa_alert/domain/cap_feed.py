"""What a source gives: one message, or an Atom (RFC 4287) or RSS 2.0 feed whose entries lead to messages."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from lxml import etree

from lantoa_alert.domain.cap import MEDIA_TYPE, NAMESPACE, CapRefused
from lantoa_alert.domain.cap_reading import parsed

MOST_ENTRIES = 100
"""Entries that are looked at, the first of the feed."""
_ATOM = "{http://www.w3.org/2005/Atom}"
_XML_TYPES = (MEDIA_TYPE, "application/xml", "text/xml")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry: ``id`` and ``updated`` tell a changed one from one that was seen; its message inside or at ``url``."""

    id: str
    updated: str
    url: str | None
    xml: bytes | None = None


def entries(document: bytes, address: str) -> tuple[Entry, ...]:
    """The messages that a document, fetched from an address, holds or leads to; entries that do neither are left out.

    Raises:
        CapRefused: it cannot be read, or ``not-feed``: it is neither a message nor a feed.
    """
    root = parsed(document)
    if root.tag == f"{{{NAMESPACE}}}alert":
        return (Entry(address, "", None, document),)
    if root.tag == f"{_ATOM}feed":
        found: Iterator[Entry] = (_of_atom(one, address) for one in root.iterfind(f"{_ATOM}entry"))
    elif root.tag == "rss":
        found = (_of_rss(one, address) for one in root.iterfind("channel/item"))
    else:
        raise CapRefused("alert.cap-not-feed")
    leading = (entry for entry in found if entry.url or entry.xml)
    return tuple(entry for entry, _ in zip(leading, range(MOST_ENTRIES), strict=False))


def _of_atom(entry: Any, address: str) -> Entry:
    links = [
        (link.get("type", ""), link.get("rel", "alternate"), link.get("href", ""))
        for link in entry.iterfind(f"{_ATOM}link")
    ]
    content = entry.find(f"{_ATOM}content")
    inside = None if content is None else content.find(f"{{{NAMESPACE}}}alert")
    if content is not None and content.get("src"):
        links.append((content.get("type", ""), "enclosure", content.get("src")))
    url = _best(links)
    return Entry(
        id=entry.findtext(f"{_ATOM}id", "") or url,
        updated=entry.findtext(f"{_ATOM}updated", ""),
        url=_absolute(address, url),
        xml=None if inside is None else etree.tostring(inside, with_tail=False, encoding="utf-8"),
    )


def _of_rss(item: Any, address: str) -> Entry:
    links = [(one.get("type", ""), "enclosure", one.get("url", "")) for one in item.iterfind("enclosure")]
    links.append(("", "alternate", (item.findtext("link") or "").strip()))
    url = _best(links)
    return Entry(
        id=item.findtext("guid") or url,
        updated=item.findtext("pubDate") or "",
        url=_absolute(address, url),
    )


def _best(links: list[tuple[str, str, str]]) -> str:
    """The link that says it is CAP, else one that says it is XML, else the entry itself."""
    for kind in (*_XML_TYPES, ""):
        for media_type, relation, href in links:
            if href and media_type.split(";")[0].strip() == kind and relation in ("alternate", "enclosure", "related"):
                return href
    return ""


def _absolute(address: str, url: str) -> str | None:
    try:
        return urljoin(address, url) if url else None
    except ValueError:
        return None
