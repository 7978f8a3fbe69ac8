"""Strict readers of feeds and sitemaps: what RFC 4287, RFC 5005, JSON Feed 1.1 and sitemaps.org ask for, rule by rule.

Each function gives the faults that it found, in words; an empty list for a document without any. Readers in the wild
are kinder: these are what an outside validator would be.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

ATOM = "{http://www.w3.org/2005/Atom}"
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
NEWS = "{http://www.google.com/schemas/sitemap-news/0.9}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")
_RELATIVE = re.compile(r"<[^>]*\s(?:href|src)=\"(?![a-z][a-z0-9+.-]*:)", re.IGNORECASE)
_ONCE = {"feed": ("id", "title", "updated"), "entry": ("id", "title", "updated")}
_AT_MOST_ONCE = {
    "feed": ("subtitle", "generator", "icon", "logo", "rights"),
    "entry": ("content", "published", "rights", "source", "summary"),
}
_TEXTS = ("title", "subtitle", "summary", "rights", "content")
_MOST_URLS, _MOST_BYTES, _MOST_NEWS = 50_000, 50 * 1024 * 1024, 1000
_SHARED_KEYS = frozenset({"title", "authors", "language"})
_FEED_KEYS = _SHARED_KEYS | {"version", "home_page_url", "feed_url", "description", "user_comment", "next_url"}
_FEED_KEYS |= {"icon", "favicon", "expired", "hubs", "items"}
_ITEM_KEYS = _SHARED_KEYS | {"id", "url", "external_url", "content_html", "content_text", "summary", "image"}
_ITEM_KEYS |= {"banner_image", "date_published", "date_modified", "tags", "attachments"}


def parse_xml(document: bytes) -> ET.Element:
    """The root of a document without a document type.

    Raises:
        ValueError: it has one, or is not UTF-8; `ET.ParseError` where it is not well-formed.
    """
    if b"<!DOCTYPE" in document or b"<!ENTITY" in document:
        raise ValueError("a document type")
    document.decode("utf-8")
    return ET.fromstring(document)  # noqa: S314 - nothing can be expanded without a document type


def is_time(value: object) -> bool:
    """Whether a value is a date and time of RFC 3339."""
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value)


def is_address(value: object) -> bool:
    """Whether a value is a full web address, written as RFC 3986 has it."""
    if not isinstance(value, str) or not value.isascii() or re.search(r"[\s<>\"{}|\\^`]", value):
        return False
    parts = urlsplit(value)
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def atom_faults(document: bytes) -> list[str]:
    """What is wrong with an Atom feed (RFC 4287), one page of a paged one perhaps (RFC 5005, 3)."""
    try:
        root = parse_xml(document)
    except (ValueError, ET.ParseError) as error:
        return [f"not readable: {error}"]
    if root.tag != f"{ATOM}feed":
        return ["4.1.1: the root is no feed"]
    return list(_feed_faults(root))


def _feed_faults(root: ET.Element) -> Iterator[str]:
    yield from _common(root, "feed")
    entries = root.findall(f"{ATOM}entry")
    if not root.findall(f"{ATOM}author") and not all(entry.findall(f"{ATOM}author") for entry in entries):
        yield "4.1.1: no author"
    rels = Counter(link.get("rel", "alternate") for link in root.findall(f"{ATOM}link"))
    if rels["self"] != 1:
        yield "4.1.1: not one link rel=self"
    if any(rels[rel] > 1 for rel in ("next", "previous", "first", "last")):
        yield "RFC 5005 3: a page has one neighbour of each kind"
    ids = Counter(entry.findtext(f"{ATOM}id") for entry in entries)
    yield from (f"4.1.1: two entries {key}" for key, number in ids.items() if number > 1)
    for entry in entries:
        yield from _entry_faults(entry)
    times = [entry.findtext(f"{ATOM}updated", "") for entry in entries]
    own = root.findtext(f"{ATOM}updated", "")
    if is_time(own) and any(is_time(time) and _moment(time) > _moment(own) for time in times):
        yield "4.2.15: an entry is newer than its feed"


def _entry_faults(entry: ET.Element) -> Iterator[str]:
    yield from _common(entry, "entry")
    links = entry.findall(f"{ATOM}link")
    content = entry.find(f"{ATOM}content")
    if content is None and not any(link.get("rel", "alternate") == "alternate" for link in links):
        yield "4.1.2: neither content nor alternate"
    published, updated = entry.findtext(f"{ATOM}published"), entry.findtext(f"{ATOM}updated", "")
    if published is not None and not is_time(published):
        yield f"3.3: published {published!r}"
    elif published and is_time(updated) and _moment(published) > _moment(updated):
        yield "updated before it was published"
    if content is not None and content.get("type") == "html" and _RELATIVE.search(content.text or ""):
        yield "content has relative references and no base"


def _common(element: ET.Element, kind: str) -> Iterator[str]:
    counts = Counter(child.tag for child in element)
    yield from (f"4.1: {counts[ATOM + name]} x {name} in {kind}" for name in _ONCE[kind] if counts[ATOM + name] != 1)
    yield from (f"4.1: several {name} in {kind}" for name in _AT_MOST_ONCE[kind] if counts[ATOM + name] > 1)
    yield from (f"6.2: foreign {child.tag}" for child in element if not child.tag.startswith(ATOM))
    key = element.findtext(f"{ATOM}id", "")
    if not urlsplit(key).scheme or key != key.strip():
        yield f"4.2.6: id {key!r}"
    if not is_time(element.findtext(f"{ATOM}updated")):
        yield f"3.3: updated of {key}"
    for author in element.findall(f"{ATOM}author"):
        if not (author.findtext(f"{ATOM}name") or "").strip():
            yield "3.2.1: an author without a name"
    yield from (f"4.2.2: category of {key}" for one in element.findall(f"{ATOM}category") if not one.get("term"))
    language = element.get(_LANG)
    if language is not None and not _LANGUAGE.fullmatch(language):
        yield f"2: xml:lang {language!r}"
    for name in _TEXTS:
        for text in element.findall(ATOM + name):
            if text.get("type", "text") in ("text", "html") and len(text):
                yield f"3.1.1: {name} has elements"
    if not (element.findtext(f"{ATOM}title") or "").strip():
        yield f"no title in {key}"
    yield from _link_faults(element)


def _link_faults(element: ET.Element) -> Iterator[str]:
    seen: Counter[tuple[str | None, str | None]] = Counter()
    for link in element.findall(f"{ATOM}link"):
        rel, kind = link.get("rel", "alternate"), link.get("type")
        if not is_address(link.get("href")):
            yield f"4.2.7.1: href {link.get('href')!r}"
        if kind is not None and not _MEDIA_TYPE.fullmatch(kind):
            yield f"4.2.7.3: type {kind!r}"
        if rel == "alternate":
            seen[(kind, link.get("hreflang"))] += 1
        if rel == "enclosure" and not (kind and (link.get("length") or "").isdigit()):
            yield "4.2.7: an enclosure without type and length"
        if link.get("hreflang") and not _LANGUAGE.fullmatch(link.get("hreflang", "")):
            yield f"4.2.7.4: hreflang {link.get('hreflang')!r}"
    yield from (f"4.1: two alternates {key}" for key, number in seen.items() if number > 1)


def json_feed_faults(document: bytes) -> list[str]:
    """What is wrong with a JSON Feed (jsonfeed.org/version/1.1)."""
    try:
        feed = json.loads(document.decode("utf-8"))
    except ValueError as error:
        return [f"not readable: {error}"]
    if not isinstance(feed, dict):
        return ["no object"]
    faults = list(_keys(feed, _FEED_KEYS))
    if feed.get("version") != "https://jsonfeed.org/version/1.1":
        faults.append(f"version {feed.get('version')!r}")
    faults += _strings(feed, ("title",), ("description", "user_comment"))
    faults += _addresses(feed, ("home_page_url", "feed_url", "next_url", "icon", "favicon"))
    faults += _people_and_language(feed)
    if feed.get("next_url") is not None and feed.get("next_url") == feed.get("feed_url"):
        faults.append("next_url is the feed itself")
    if not isinstance(feed.get("items"), list):
        return [*faults, "no list of items"]
    for item in feed["items"]:
        faults += _item_faults(item) if isinstance(item, dict) else ["an item that is no object"]
    ids = Counter(item.get("id") for item in feed["items"] if isinstance(item, dict))
    return faults + [f"two items {key!r}" for key, number in ids.items() if number > 1]


def _item_faults(item: Mapping[str, Any]) -> list[str]:
    faults = [*_keys(item, _ITEM_KEYS), *_strings(item, ("id",), ("title", "summary", "content_html", "content_text"))]
    faults += _addresses(item, ("url", "external_url", "image", "banner_image"))
    faults += _people_and_language(item)
    if not item.get("content_html") and not item.get("content_text"):
        faults.append("an item without content")
    if _RELATIVE.search(str(item.get("content_html", ""))):
        faults.append("content with relative references")
    faults += [
        f"{key} {item[key]!r}" for key in ("date_published", "date_modified") if key in item and not is_time(item[key])
    ]
    tags = item.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        faults.append("tags are strings")
    for sound in item.get("attachments", []):
        faults += _addresses(sound, ("url",))
        if not _MEDIA_TYPE.fullmatch(str(sound.get("mime_type", ""))) or "url" not in sound:
            faults.append("an attachment without url or mime_type")
        for key in ("size_in_bytes", "duration_in_seconds"):
            if key in sound and (isinstance(sound[key], bool) or not isinstance(sound[key], int | float)):
                faults.append(f"{key} is a number")
    return faults


def _keys(found: Mapping[str, Any], known: frozenset[str]) -> Iterator[str]:
    yield from (f"unknown key {key!r}" for key in found if key not in known and not key.startswith("_"))


def _strings(found: Mapping[str, Any], needed: Sequence[str], others: Sequence[str]) -> list[str]:
    faults = [f"{key} is missing" for key in needed if not isinstance(found.get(key), str) or not found[key]]
    return faults + [f"{key} is a string" for key in others if key in found and not isinstance(found[key], str)]


def _addresses(found: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    return [f"{key} {found[key]!r}" for key in keys if key in found and not is_address(found[key])]


def _people_and_language(found: Mapping[str, Any]) -> list[str]:
    authors = found.get("authors", [])
    faults = []
    if not isinstance(authors, list) or not all({"name", "url", "avatar"} & {*author} for author in authors):
        faults.append("authors have a name, an address or a picture")
    if "language" in found and not _LANGUAGE.fullmatch(str(found["language"])):
        faults.append(f"language {found['language']!r}")
    return faults


def sitemap_faults(document: bytes, place: str, now: datetime) -> list[str]:
    """What is wrong with a sitemap, an index of sitemaps or a news sitemap that lies at the address `place`."""
    try:
        root = parse_xml(document)
    except (ValueError, ET.ParseError) as error:
        return [f"not readable: {error}"]
    kind = root.tag.removeprefix(SITEMAP)
    child = {"urlset": "url", "sitemapindex": "sitemap"}.get(kind)
    if child is None:
        return [f"root {root.tag}"]
    faults = [f"foreign {one.tag}" for one in root if one.tag != SITEMAP + child]
    if len(root) > _MOST_URLS or len(document) > _MOST_BYTES:
        faults.append("too large")
    addresses = [one.findtext(f"{SITEMAP}loc", "") for one in root]
    faults += [f"two {key}" for key, number in Counter(addresses).items() if number > 1]
    site = "/".join(place.split("/")[:3]) + "/"
    faults += [
        f"loc {one!r}" for one in addresses if not is_address(one) or len(one) >= 2048 or not one.startswith(site)
    ]
    times = [one.findtext(f"{SITEMAP}lastmod") for one in root]
    faults += [f"lastmod {time!r}" for time in times if time is not None and not is_time(time)]
    news = [one.find(f"{NEWS}news") for one in root]
    found = [one for one in news if one is not None]
    if len(found) > _MOST_NEWS:
        faults.append("more than a thousand news")
    return faults + [fault for one in found for fault in _news_faults(one, now)]


def _news_faults(news: ET.Element, now: datetime) -> Iterator[str]:
    paper = news.find(f"{NEWS}publication")
    if paper is None or not paper.findtext(f"{NEWS}name") or not paper.findtext(f"{NEWS}language"):
        yield "news without its publication"
    elif not re.fullmatch(r"[a-z]{2,3}|zh-(?:cn|tw)", paper.findtext(f"{NEWS}language", "")):
        yield "news:language is an ISO 639 code"
    if not (news.findtext(f"{NEWS}title") or "").strip():
        yield "news without a title"
    at = news.findtext(f"{NEWS}publication_date")
    if not is_time(at):
        yield f"publication_date {at!r}"
    elif now - datetime.fromisoformat(str(at)) > timedelta(hours=48, minutes=1):
        yield "news older than two days"
