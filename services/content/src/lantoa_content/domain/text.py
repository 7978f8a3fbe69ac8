"""The plain text of an item: paragraphs parted by blank lines, "# " before a heading, "- " before a list entry."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

_ENDS = ".!?…:;,។៕"
# A full stop is no end after an initial or a title; Khmer ends a sentence with ។.
_SENTENCE_END = re.compile(
    r"(?<=[.!?…])(?<!\bTP\.)(?<!\bTp\.)(?<!\bTX\.)(?<!\bGS\.)(?<!\bThS\.)(?<!\b[^\W\d_]\.)\s+|(?<=[។៕])\s*(?=\S)"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A heading or a paragraph, each one line, or a list, one line an entry."""

    kind: Literal["heading", "paragraph", "list"]
    lines: tuple[str, ...]


def clean(text: str) -> str:
    """NFC with plain line breaks and without control characters, which no page and no voice can show."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(sign for sign in text if sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cs"))


def parse(body: str) -> tuple[Block, ...]:
    """The blocks of a text in its order; lines of one paragraph are joined by spaces."""
    blocks: list[Block] = []
    open_kind: Literal["paragraph", "list"] | None = None
    for raw in clean(body).split("\n"):
        line = " ".join(raw.split())
        if line.startswith("# ") and line[2:]:
            blocks.append(Block("heading", (line[2:],)))
            open_kind = None
        elif line.startswith("- ") and line[2:]:
            entries = blocks.pop().lines if open_kind == "list" else ()
            blocks.append(Block("list", (*entries, line[2:])))
            open_kind = "list"
        elif line:
            begun = f"{blocks.pop().lines[0]} " if open_kind == "paragraph" else ""
            blocks.append(Block("paragraph", (begun + line,)))
            open_kind = "paragraph"
        else:
            open_kind = None
    return tuple(blocks)


def plain_sentences(body: str) -> tuple[str, ...]:
    """The text as sentences without marks; headings and list entries are closed by a full stop where they have none."""
    return tuple(
        sentence if sentence[-1] in _ENDS else f"{sentence}."
        for block in parse(body)
        for line in block.lines
        for sentence in _sentences(line)
    )


def _sentences(line: str) -> list[str]:
    sentences: list[str] = []
    for piece in _SENTENCE_END.split(line):
        # What goes on in small letters ("v.v. và") is still the same sentence.
        if sentences and piece[:1].islower():
            sentences[-1] += f" {piece}"
        else:
            sentences.append(piece)
    return [sentence for sentence in sentences if sentence]


def width(text: str) -> int:
    """Signs that take room on a line: marks that stand on or under a letter are not counted."""
    return sum(1 for sign in text if not unicodedata.category(sign).startswith("M") and sign != "\u200b")


def excerpt(body: str, limit: int) -> str:
    """The text as one paragraph of at most `limit` signs (see `width`), cut after a sentence and closed by "…".

    When the first sentence alone is longer, it is cut by `shorten`.
    """
    sentences = plain_sentences(body)
    whole = " ".join(sentences)
    if width(whole) <= limit:
        return whole
    kept = ""
    for sentence in sentences:
        longer = f"{kept} {sentence}".strip()
        if width(longer) + 2 > limit:
            break
        kept = longer
    return f"{kept} …" if kept else shorten(whole, limit)


def shorten(text: str, limit: int) -> str:
    """At most `limit` signs (see `width`), cut between words where there are any, and closed by "…"."""
    if width(text) <= limit:
        return text
    end = 0
    taken = 1  # the ellipsis
    for end, sign in enumerate(text):  # noqa: B007 - the place of the cut is what the loop looks for
        taken += width(sign)
        if taken > limit:
            break
    cut = text[:end]
    # Khmer parts words by spaces seldom and stacks a consonant under the one before it by the sign U+17D2.
    at_word = max(cut.rfind(" "), cut.rfind("\u200b"))
    cut = cut[:at_word] if at_word > len(cut) // 2 else cut.rstrip("\u17d2")
    return cut.rstrip(" ,;:-–") + "…"
