"""Search without accents: the words that are kept of a text, those that a question asks for, and what to mark.

Vietnamese words are folded by `lantoa_calendar.text`. Khmer is written without blanks between words: as for Chinese
or Japanese, its syllables and each two that stand side by side are the words.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import unescape
from itertools import groupby, pairwise

from lantoa_calendar.text import fold, tokens

MOST_ASKED = 8
_MOST_KEPT = 3000
_LONGEST = 64
_EXCERPT, _BEFORE = 220, 60
# A consonant or vowel letter with what hangs on it: subscripts (after U+17D2), vowel signs, marks.
_SYLLABLE = re.compile("[\u1780-\u17b3](?:\u17d2[\u1780-\u17b3]|[\u17b4-\u17d1\u17d3\u17dd])*")
_TAG = re.compile("<[^>]*>")
_BREAK = "\u200b"  # parts words in Khmer

Marked = tuple[tuple[str, bool], ...]
"""A text in pieces, each with whether it is to be marked."""


def plain_text(article: str) -> str:
    """The text of an approved article without its head; tags become blanks."""
    body = article.partition("</header>")[2] or article
    return " ".join(unescape(_TAG.sub(" ", body)).split())


def kept_words(*texts: str) -> list[str]:
    """The distinct words by which texts are found, at most 3,000, each of 64 signs at most."""
    words = dict.fromkeys(word for text in texts for token in tokens(text) for word in _words(token, asked=False))
    return list(words)[:_MOST_KEPT]


def words_of(title: str, unit_name: str, article: str) -> list[str]:
    """The words by which a post is found: those of its title, its place's name and its text."""
    return kept_words(title, unit_name, plain_text(article))


def title_words(title: str) -> list[str]:
    """The words by which an item is found while they are still being typed: what each word of its title begins with."""
    return list(dict.fromkeys(word[:end] for word in kept_words(title) for end in range(1, len(word) + 1)))


def asked_words(question: str) -> tuple[str, ...]:
    """The words that a text must all have; at most eight, in the order in which they were asked for."""
    words = dict.fromkeys(word for token in tokens(question) for word in _words(token, asked=True))
    return tuple(words)[:MOST_ASKED]


def _words(token: str, *, asked: bool) -> Iterator[str]:
    syllables = _SYLLABLE.findall(token)
    if not syllables:
        yield token[:_LONGEST]
        return
    pairs = [f"{one}{two}"[:_LONGEST] for one, two in pairwise(syllables)]
    if not asked or not pairs:
        yield from (syllable[:_LONGEST] for syllable in syllables)
    yield from pairs
    yield from (rest[:_LONGEST] for rest in _SYLLABLE.sub(" ", token).split() if rest[0].isalnum())


def marked(text: str, words: Iterable[str]) -> Marked:
    """The text in pieces, the words that were asked for marked."""
    wanted = frozenset(words)
    pieces: list[tuple[str, bool]] = []
    for start, end, hit in _spans(text, wanted):
        if pieces and pieces[-1][1] == hit:
            pieces[-1] = (pieces[-1][0] + text[start:end], hit)
        else:
            pieces.append((text[start:end], hit))
    return tuple(pieces)


def excerpt_around(text: str, words: Iterable[str]) -> Marked:
    """About 220 signs of a text around the first word that was asked for; from its beginning when it has none."""
    wanted = frozenset(words)
    first = next((start for start, _, hit in _spans(text, wanted) if hit), 0)
    begin = max(0, first - _BEFORE)
    if begin:
        begin = text.find(" ", begin, first) + 1 or first
    end = min(len(text), begin + _EXCERPT)
    if end < len(text):
        blank = text.rfind(" ", first, end)
        end = blank if blank > first else end
    shown = marked(text[begin:end].strip(), wanted)
    before, after = (("… ", False),) if begin else (), ((" …", False),) if end < len(text) else ()
    return (*before, *shown, *after)


def _spans(text: str, wanted: frozenset[str]) -> Iterator[tuple[int, int, bool]]:
    """Every stretch of a text, in order, with whether it is one of the words."""
    place = 0
    for between, signs in groupby(text, key=_parts_words):
        run = "".join(signs)
        if between:
            yield place, place + len(run), False
        elif _SYLLABLE.search(run):
            yield from ((place + start, place + end, hit) for start, end, hit in _khmer_spans(run, wanted))
        else:
            yield place, place + len(run), _folded(run) in wanted
        place += len(run)


def _khmer_spans(run: str, wanted: frozenset[str]) -> Iterator[tuple[int, int, bool]]:
    found = [(match.group(), match.start(), match.end()) for match in _SYLLABLE.finditer(run)]
    hits = {number for number, (syllable, _, _) in enumerate(found) if syllable in wanted}
    for number, ((one, _, _), (two, _, _)) in enumerate(pairwise(found)):
        if f"{one}{two}" in wanted:
            hits |= {number, number + 1}
    place = 0
    for number, (_, start, end) in enumerate(found):
        if start > place:
            yield place, start, _folded(run[place:start]) in wanted
        yield start, end, number in hits
        place = end
    if place < len(run):
        yield place, len(run), _folded(run[place:]) in wanted


def _parts_words(sign: str) -> bool:
    return sign == _BREAK or unicodedata.category(sign)[0] in "PSZ" or unicodedata.category(sign) == "Cc"


@lru_cache(maxsize=8192)
def _folded(word: str) -> str:
    return fold(word)[:_LONGEST]
