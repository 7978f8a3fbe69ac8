"""Vietnamese text as keys: one key however the text was typed, search without accents, collation by byte order.

The same Vietnamese word reaches the platform composed or decomposed (NFC, NFD), with the tone mark in its old or new
place (Hoà, Hòa; Uỷ, Ủy), and with Đ (U+0110) or its double Ð (U+00D0). The keys of this module are equal for all of
these. Khmer and other scripts pass through by code point.
"""

import re
import unicodedata

_MARKS = re.compile("[\u0300-\u036f]")
_STROKED_D = str.maketrans({"\u0110": "đ", "\u00d0": "đ", "\u00f0": "đ"})
_PLAIN_D = str.maketrans({"đ": "d"})
_ZERO_WIDTH_SPACE = "\u200b"  # parts words in Khmer

# Letters of the Vietnamese alphabet with f j w z in their Latin places.
_ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_LETTER_KEY = {letter: chr(ord("A") + place) for place, letter in enumerate(_ALPHABET)}
_SHAPES = {"\u0302", "\u0306", "\u031b"}  # circumflex, breve, horn: they make another letter
_TONES = {"\u0300": "1", "\u0309": "2", "\u0303": "3", "\u0301": "4", "\u0323": "5"}  # huyền, hỏi, ngã, sắc, nặng
_NO_TONE = "0"

# In byte order: end of the letters < between words < digits < letters < other scripts (0x80 and up).
_LEVEL_END = "!"
_WORD_END = "-"
_BETWEEN_WORDS = re.compile("[\\s\x00-/:-@\\[-`{-\xbf\u2010-\u2027\u200b]+")
_BETWEEN_NAMES = re.compile(r"[\W_]+")
_CLUSTER = re.compile("(?P<number>[0-9]{1,99})|(?P<letter>[^\u0300-\u036f])(?P<marks>[\u0300-\u036f]*)")


def nfc(text: str) -> str:
    """The text in Unicode form NFC: what is stored and shown. Nothing else is changed."""
    return unicodedata.normalize("NFC", text)


def fold(text: str) -> str:
    """The search key of a text: lower case, no accents, d for đ, white space collapsed to single blanks and trimmed."""
    decomposed = unicodedata.normalize("NFD", text.translate(_STROKED_D))
    # Marks go before and after: case folding reads some as letters (U+0345) and makes new ones (İ).
    folded = unicodedata.normalize("NFD", _MARKS.sub("", decomposed).casefold())
    plain = _MARKS.sub("", folded).translate(_PLAIN_D)
    return unicodedata.normalize("NFC", " ".join(plain.split()))


def slug(text: str) -> str:
    """A name as a key: letters without accents and digits, words joined by dashes (``Ấp Ô Mịch``: ``ap-o-mich``)."""
    return _BETWEEN_NAMES.sub("-", fold(text)).strip("-")


def tokens(text: str) -> tuple[str, ...]:
    """The distinct folded words of a text in order of appearance; punctuation parts words (`75/KH-UBND` has three)."""
    words = "".join(" " if _parts_words(char) else char for char in fold(text)).split()
    return tuple(dict.fromkeys(words))


def sort_key(text: str) -> str:
    """A key whose plain binary order is the Vietnamese order of the texts (MongoDB compares strings so).

    First level: letters a ă â b c d đ e ê ... with f j w z in their Latin places, without regard to case or tone;
    numbers by value and before letters; words before their continuations; punctuation only parts words. Second level,
    over the whole text as in CLDR's Vietnamese collation: the tones ngang, huyền, hỏi, ngã, sắc, nặng, word by word,
    so that Hoà and Hòa have one key. Printable ASCII for Vietnamese text; other scripts come after it by code point.
    """
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFD", text.translate(_STROKED_D)).casefold())
    words = [_word_key(word) for word in _BETWEEN_WORDS.split(decomposed) if word]
    return _LEVEL_END.join((_WORD_END.join(letters for letters, _ in words), _WORD_END.join(tone for _, tone in words)))


def _word_key(word: str) -> tuple[str, str]:
    """The letters and the tones of one word, each as a string that compares right."""
    letters: list[str] = []
    tones: list[str] = []
    for cluster in _CLUSTER.finditer(word):
        number, letter, marks = cluster["number"], cluster["letter"], cluster["marks"] or ""
        if number:
            digits = number.lstrip("0")
            letters.append(f"{len(digits):02d}{digits}")
            continue
        shape = next((mark for mark in marks if mark in _SHAPES), "")
        shaped = unicodedata.normalize("NFC", letter + shape)
        letters.append(_LETTER_KEY.get(shaped) or _LETTER_KEY.get(letter, letter))
        tones += [_TONES[mark] for mark in marks if mark in _TONES]
    return "".join(letters), "".join(tones) or _NO_TONE


def _parts_words(char: str) -> bool:
    return char == _ZERO_WIDTH_SPACE or unicodedata.category(char)[0] in "PSZ" or unicodedata.category(char) == "Cc"
