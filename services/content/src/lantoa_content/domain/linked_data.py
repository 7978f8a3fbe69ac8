"""What an item's page tells programs of itself: schema.org's NewsArticle, pictures, full addresses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any

from lantoa_content.domain.text import shorten

_IMAGE = re.compile(r"<img\b[^>]*?\ssrc=\"([^\"]+)\"")
# Only inside tags: in a text the same signs mean nothing.
_LOCAL = re.compile(r"(<(?:a|img|audio|source)\b[^>]*?\s(?:href|src)=\")/(?!/)")
_LONGEST_HEADLINE = 110


@dataclass(frozen=True, slots=True)
class Story:
    """An item as it is told of. Addresses are full; `sound` is address, type and seconds."""

    url: str
    title: str
    summary: str
    section: str
    language: str
    unit: str
    site: str
    published: datetime
    updated: datetime
    picture: str | None
    sound: tuple[str, str, float | None] | None


def with_full_addresses(article: str, base: str) -> str:
    """The article for readers elsewhere: links and pictures of this site begin with `base`."""
    return _LOCAL.sub(rf"\g<1>{base}/", article)


def first_picture(article: str, base: str) -> str | None:
    """The full address of an article's first picture, if it has one."""
    found = _IMAGE.search(with_full_addresses(article, base))
    address = unescape(found.group(1)) if found else ""
    return address if address.startswith(("https://", "http://")) else None


def news_article(story: Story) -> Mapping[str, Any]:
    """The item as schema.org's NewsArticle."""
    told: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "mainEntityOfPage": story.url,
        "url": story.url,
        "headline": shorten(story.title, _LONGEST_HEADLINE),
        "description": story.summary,
        "articleSection": story.section,
        "inLanguage": story.language,
        "datePublished": story.published.isoformat(),
        "dateModified": story.updated.isoformat(),
        "author": {"@type": "GovernmentOrganization", "name": story.unit},
        "publisher": {"@type": "Organization", "name": story.site},
        "contentLocation": {"@type": "AdministrativeArea", "name": story.unit},
        "isAccessibleForFree": True,
    }
    if story.picture:
        told["image"] = [story.picture]
    if story.sound:
        address, media_type, seconds = story.sound
        told["audio"] = {"@type": "AudioObject", "contentUrl": address, "encodingFormat": media_type}
        if seconds is not None:
            told["audio"]["duration"] = f"PT{round(seconds)}S"
    return told


def duration_text(seconds: float | None) -> str:
    """Minutes and seconds as people read them; "" when unknown."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}" if seconds else ""
