"""Pictures of an item: which it shows, where they lie on the public pages, what an author may use."""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from lantoa_content.domain.richtext import ALT_LENGTH, Part, written
from lantoa_runtime.errors import Invalid

MEDIA_TYPE = "image/webp"
MOST_SHOWN = 12
"""Pictures in one item."""
PUBLIC_WORD = "hinh"
_SRC = re.compile(r'src="/tin/([^/"]+)/hinh/([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class Picture:
    """A stored picture: WebP under its hash; sides in pixels."""

    sha256: str
    width: int
    height: int
    bytes: int


def may_be(data: bytes) -> bool:
    """Whether a file begins as a JPEG, PNG or WebP does; whether it is one, its decoder says."""
    return data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (data[:4], data[8:12]) == (b"RIFF", b"WEBP")


def shown(parts: Iterable[Part]) -> tuple[str, ...]:
    """The hashes of the pictures that a text shows, each once, the first first.

    Raises:
        Invalid: more than twelve, or one that says nothing to who cannot see it, or too much.
    """
    pictures = [part for part in parts if part.kind == "picture"]
    hashes = tuple(dict.fromkeys(part.sha256 for part in pictures))
    if len(hashes) > MOST_SHOWN:
        raise Invalid("content.too-many-pictures", "/body_html", most=MOST_SHOWN)
    if any(not 0 < len(part.alt) <= ALT_LENGTH for part in pictures):
        raise Invalid("content.picture-without-words", "/body_html", most=ALT_LENGTH)
    return hashes


def on_the_page(parts: Iterable[Part], item_id: str, pictures: Iterable[Picture]) -> str:
    """The text as the public page shows it, with its pictures at their public addresses."""
    known = {picture.sha256: picture for picture in pictures}

    def figure(part: Part) -> str:
        picture = known[part.sha256]
        size = f'width="{picture.width}" height="{picture.height}"'
        address = f"/tin/{escape(item_id)}/{PUBLIC_WORD}/{part.sha256}"
        return f'<figure><img src="{address}" alt="{escape(part.alt)}" {size} loading="lazy"></figure>'

    return written(parts, figure, ' rel="noopener nofollow"')


def of_the_article(article: str) -> tuple[str, ...]:
    """The hashes of the pictures that an article of `on_the_page` shows, each once."""
    return tuple(dict.fromkeys(sha256 for _, sha256 in _SRC.findall(article)))


def inside(page: str, files: Mapping[str, bytes]) -> str:
    """A page with its pictures in it, for who may not fetch them yet."""

    def within(found: re.Match[str]) -> str:
        data = files.get(found.group(2))
        return f'src="{data_url(data)}"' if data is not None else found.group()

    return _SRC.sub(within, page)


def data_url(data: bytes) -> str:
    """A picture as an address that carries it."""
    return f"data:{MEDIA_TYPE};base64,{b64encode(data).decode()}"
