"""What an author formats: headings, lists, links and pictures as HTML of twelve elements, in one canonical form.

nh3 (ammonia, html5ever) reads what came as a browser would and drops whatever is not named here. What is left is then
written anew from its parts, so that nothing stands in an item that this module did not write itself, and the same
text always has the same bytes.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from html import escape
from html.parser import HTMLParser
from typing import Literal

import nh3

from lantoa_content.domain.text import clean

HTML_LENGTH = 100_000
"""Signs of HTML that are read at all; what an item may say is bound by its plain text."""
ALT_LENGTH = 300
HREF_LENGTH = 2000
PICTURE = re.compile(r"pictures/([0-9a-f]{64})")
"""How a picture of the item is named in its HTML: by the SHA-256 of its bytes."""

PartKind = Literal["h2", "h3", "p", "ul", "ol", "picture"]

_HREF = re.compile(r"(?:https?://[^\s/]|mailto:[^\s]+@|tel:\+?[0-9])[^\s\"<>]*", re.IGNORECASE)
_HEADINGS: dict[str, PartKind] = {"h1": "h2", "h2": "h2", "h3": "h3", "h4": "h3", "h5": "h3", "h6": "h3"}
_STRONG, _EM = frozenset({"b", "strong"}), frozenset({"i", "em"})
# Not kept, but what stands in two of them does not stand in one line.
_BREAKS = frozenset(
    re.findall(
        "[a-z]+",
        "address article aside blockquote caption center dd div dl dt figcaption figure footer header hr main nav pre "
        "section table tbody td tfoot th thead tr",
    )
)
_KNOWN = {"p", "ul", "ol", "li", "br", "a", "img"} | set(_HEADINGS) | _STRONG | _EM | _BREAKS
# Dropped with all that is in them: it is no text, or a browser reads it by other rules than the rest.
_WITH_CONTENT = set(
    re.findall(
        "[a-z]+",
        "applet audio button canvas embed frame frameset head iframe map math noembed noframes noscript object option "
        "plaintext script select style svg template textarea title video xmp",
    )
)


@dataclass(frozen=True, slots=True)
class Run:
    """Some text that looks the same throughout; the text "\\n" alone is a line break."""

    text: str
    strong: bool = False
    em: bool = False
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A heading or a paragraph (one line), a list (one line an entry), or a picture (no line)."""

    kind: PartKind
    lines: tuple[tuple[Run, ...], ...] = ()
    sha256: str = ""
    alt: str = ""


def canonical(html: str) -> str:
    """The HTML as it is kept and approved; "" when nothing is left of it. What is canonical stays as it is."""
    return written(parts_of(html))


def parts_of(html: str) -> tuple[Part, ...]:
    """The parts of any HTML, canonical or not, in their order."""
    reader = _Reader()
    reader.feed(
        nh3.clean(
            clean(html),
            tags=_KNOWN,
            clean_content_tags=_WITH_CONTENT,
            attributes={"a": {"href"}, "img": {"src", "alt"}},
            attribute_filter=_kept,
            link_rel=None,
            strip_comments=True,
        )
    )
    reader.close()
    return reader.finished()


def _kept(tag: str, name: str, value: str) -> str | None:
    if name == "href":
        return value.strip() if _HREF.fullmatch(value.strip()) and len(value) <= HREF_LENGTH else None
    return value if name == "alt" or PICTURE.fullmatch(value) else None


def _figure(part: Part) -> str:
    return f'<figure><img src="pictures/{part.sha256}" alt="{escape(part.alt)}"></figure>'


def written(parts: Iterable[Part], figure: Callable[[Part], str] = _figure, link: str = "") -> str:
    """The parts as HTML; `figure` writes a picture, `link` are further attributes of every link."""
    return "\n".join(_part(part, figure, link) for part in parts)


def _part(part: Part, figure: Callable[[Part], str], link: str) -> str:
    if part.kind == "picture":
        return figure(part)
    lines = ["".join(_run(run, link) for run in line) for line in part.lines]
    if part.kind in ("ul", "ol"):
        return f"<{part.kind}>\n" + "\n".join(f"<li>{line}</li>" for line in lines) + f"\n</{part.kind}>"
    return f"<{part.kind}>{lines[0]}</{part.kind}>"


def _run(run: Run, link: str) -> str:
    if run.text == "\n":
        return "<br>"
    html = escape(run.text)
    html = f"<em>{html}</em>" if run.em else html
    html = f"<strong>{html}</strong>" if run.strong else html
    return f'<a href="{escape(run.href)}"{link}>{html}</a>' if run.href else html


def plain(parts: Iterable[Part]) -> str:
    """The text that is heard and that slides show, in the marks of `domain.text`; pictures and addresses are silent."""
    return "\n\n".join(_plain(part) for part in parts if part.kind != "picture")


def _plain(part: Part) -> str:
    mark = {"h2": "# ", "h3": "# ", "ul": "- ", "ol": "- "}.get(part.kind, "")
    return "\n".join(mark + "".join(run.text for run in line).replace("\n", " ") for line in part.lines)


class _Reader(HTMLParser):
    """Reads what nh3 wrote, which is well formed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[Part] = []
        self._line: list[Run] = []
        self._kind: PartKind = "p"
        self._lists: list[PartKind] = []
        self._strong = self._em = 0
        self._hrefs: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _STRONG:
            self._strong += 1
        elif tag in _EM:
            self._em += 1
        elif tag == "a":
            self._hrefs.append(given.get("href"))
        elif tag == "br":
            self._line.append(Run(" " if self._kind in ("h2", "h3") else "\n"))
        elif tag == "img":
            self._picture(given)
        elif tag in ("ul", "ol"):
            self._end_line()
            self._lists.append("ul" if tag == "ul" else "ol")
        elif tag == "li" or not self._lists:
            self._end_line()
            self._kind = _HEADINGS.get(tag, "p")
        else:
            self._line.append(Run(" "))

    def handle_endtag(self, tag: str) -> None:
        if tag in _STRONG:
            self._strong -= 1
        elif tag in _EM:
            self._em -= 1
        elif tag == "a":
            self._hrefs.pop()
        elif tag in ("ul", "ol"):
            self._end_line()
            self._lists.pop()
        elif tag == "li" or not self._lists:
            self._end_line()
            self._kind = "p"
        else:
            self._line.append(Run(" "))

    def handle_data(self, data: str) -> None:
        text = re.sub(r"\s+", " ", clean(data))
        href = self._hrefs[-1] if self._hrefs else None
        self._line.append(Run(text, self._strong > 0, self._em > 0, href))

    def _picture(self, given: dict[str, str | None]) -> None:
        named = PICTURE.fullmatch(given.get("src") or "")
        if named:
            self._end_line()
            alt = " ".join(clean(given.get("alt") or "").split())
            self._parts.append(Part("picture", sha256=named.group(1), alt=alt))

    def _end_line(self) -> None:
        line, self._line = _tidy(self._line), []
        if not line:
            return
        kind = self._lists[-1] if self._lists else self._kind
        last = self._parts[-1] if self._parts else None
        if last is not None and self._lists and last.kind == kind:
            self._parts[-1] = replace(last, lines=(*last.lines, line))
        else:
            self._parts.append(Part(kind, (line,)))

    def finished(self) -> tuple[Part, ...]:
        """What was read, once all of it was."""
        self._end_line()
        return tuple(self._parts)


def _tidy(line: Iterable[Run]) -> tuple[Run, ...]:
    """A line without spaces and breaks at its ends or in a row, in as few runs as it needs."""
    runs: list[Run] = []
    for run in line:
        before = runs[-1].text[-1] if runs else "\n"
        if run.text == "\n":
            if before == " ":
                _shorten(runs)
            if runs and runs[-1].text != "\n":
                runs.append(run)
            continue
        text = run.text[1:] if before in " \n" and run.text.startswith(" ") else run.text
        if not text:
            continue
        if runs and runs[-1].text != "\n" and replace(run, text="") == replace(runs[-1], text=""):
            runs[-1] = replace(run, text=clean(runs[-1].text + text))
        else:
            runs.append(replace(run, text=text))
    while runs and runs[-1].text[-1] in " \n":
        _shorten(runs)
    return tuple(runs)


def _shorten(runs: list[Run]) -> None:
    """Take the last sign off."""
    last = runs.pop()
    if last.text[:-1]:
        runs.append(replace(last, text=last.text[:-1]))
