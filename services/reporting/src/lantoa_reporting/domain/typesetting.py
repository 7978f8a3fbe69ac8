"""How wide text in Times New Roman is, and where the name of a body may be broken.

The header of an administrative document stands in two columns; a word that slips to the next line spoils it. So the
widths are computed before the document is written. The tables hold advance widths in 1/2048 of the size, measured
with Tinos, a font of the widths of Times New Roman. Letters with tone marks are as wide as those without.
"""

import unicodedata
from collections.abc import Mapping
from itertools import combinations, pairwise
from typing import Literal

Style = Literal["regular", "bold", "italic"]

_MM_PER_POINT = 25.4 / 72
_WIDTHS: Mapping[Style, Mapping[int, str]] = {
    "regular": {
        512: " \u00a0.,",
        569: "ijlt;:/",
        682: "Ifr-()[]",
        797: "Js",
        836: '"',
        909: "acez“”",
        1024: "bdghknopquvxy0123456789–đ",
        1083: "ơ",
        1110: "ư",
        1139: "FPS",
        1251: "ELTZ",
        1366: "BCR",
        1479: "ADGHKNOQUVXYwĐƠ",
        1589: "Ư",
        1593: "m&",
        1821: "M",
        1933: "W",
        2048: "…",
    },
    "bold": {
        512: " \u00a0.,",
        569: "il/",
        682: "fjt;:-()[]",
        797: "Is",
        909: "cerz",
        1024: "Jagovxy0123456789–“”",
        1134: "ơ",
        1137: '"',
        1139: "Sbdhknpquđ",
        1229: "ư",
        1251: "FP",
        1366: "BELTZ",
        1479: "ACDNRUVXYwĐ",
        1593: "GHKOQƠ",
        1630: "Ư",
        1706: "m&",
        1933: "M",
        2048: "W…",
    },
    "italic": {
        512: " \u00a0.,",
        569: "fijlt/",
        682: "I;:-()",
        797: "rsz[]",
        860: '"',
        909: "Jcekvxy",
        1024: "Sabdghnopqu0123456789–đ",
        1093: "ơ",
        1117: "ư",
        1139: "LTYZ“”",
        1251: "ABEFPRVX",
        1366: "CKNw",
        1479: "DGHOQUmĐƠ",
        1544: "Ư",
        1593: "&",
        1706: "MW",
        1821: "…",
    },
}
_ADVANCE = {style: {char: width for width, chars in rows.items() for char in chars} for style, rows in _WIDTHS.items()}
_WIDEST = 2048
_HORN = "\u031b"

_COMPOUNDS = frozenset(
    (
        "ỦY BAN",
        "NHÂN DÂN",
        "HỘI ĐỒNG",
        "MẶT TRẬN",
        "TỔ QUỐC",
        "VIỆT NAM",
        "KHOA HỌC",
        "CÔNG NGHỆ",
        "VĂN HÓA",
        "THỂ THAO",
        "DU LỊCH",
        "THÔNG TIN",
        "TRUYỀN THÔNG",
        "CÔNG THƯƠNG",
        "NÔNG NGHIỆP",
        "MÔI TRƯỜNG",
        "GIÁO DỤC",
        "ĐÀO TẠO",
        "NỘI VỤ",
        "TÀI CHÍNH",
        "XÂY DỰNG",
        "TƯ PHÁP",
        "Y TẾ",
        "XÃ HỘI",
        "VĂN PHÒNG",
        "TRUNG TÂM",
        "PHÁT THANH",
        "TRUYỀN HÌNH",
        "LIÊN HIỆP",
        "PHỤ NỮ",
        "NÔNG DÂN",
        "CỰU CHIẾN",
        "CHIẾN BINH",
        "CÔNG AN",
        "QUÂN SỰ",
        "THANH NIÊN",
        "CỘNG SẢN",
        "LAO ĐỘNG",
    )
)
"""Words of two syllables in the names of bodies; no line ends inside one."""
_TERRITORY = ("TỈNH", "THÀNH PHỐ", "HUYỆN", "THỊ XÃ", "THỊ TRẤN", "XÃ", "PHƯỜNG")
_MOST_WORDS = 14


def _advance(char: str, style: Style) -> int:
    known = _ADVANCE[style]
    if char in known:
        return known[char]
    decomposed = unicodedata.normalize("NFD", char)
    base = decomposed[0] + (_HORN if _HORN in decomposed else "")
    return known.get(unicodedata.normalize("NFC", base), _WIDEST)


def width_mm(text: str, points: float, style: Style = "regular") -> float:
    """The width of a line in millimetres; a character outside the tables counts as wide as the widest."""
    return sum(_advance(char, style) for char in unicodedata.normalize("NFC", text)) / 2048 * points * _MM_PER_POINT


def name_lines(name: str, points: float, style: Style, most_mm: float) -> tuple[str, ...]:
    """The name of a body in as few lines as fit into the width, broken where a reader would pause.

    A line ends before the name of a place, before "và" or after a comma if it can; never inside a place's name or a
    word of two syllables; and the upper lines are the longer ones.
    """
    upper = unicodedata.normalize("NFC", name).upper()
    words = _phrases(upper.split())
    if len(words) > _MOST_WORDS or not _fits(words, points, style, most_mm):
        return _filled(upper.split(), points, style, most_mm)
    for lines in range(1, len(words) + 1):
        every = (_broken(words, ends) for ends in combinations(range(1, len(words)), lines - 1))
        fitting = [broken for broken in every if _fits(list(broken), points, style, most_mm)]
        if fitting:
            return max(
                fitting, key=lambda broken: (_pauses(broken), [width_mm(line, points, style) for line in broken])
            )
    return (upper,)


def name_points(name: str, sizes: tuple[float, ...], style: Style, most_mm: float) -> float:
    """The first of these sizes in which no place's name has to be broken; the last where it has to be in each."""
    words = _phrases(unicodedata.normalize("NFC", name).upper().split())
    return next((points for points in sizes if _fits(words, points, style, most_mm)), sizes[-1])


def _fits(words: list[str], points: float, style: Style, most_mm: float) -> bool:
    return all(width_mm(word, points, style) <= most_mm for word in words)


def _broken(words: list[str], ends: tuple[int, ...]) -> tuple[str, ...]:
    places = (0, *ends, len(words))
    return tuple(" ".join(words[start:end]) for start, end in pairwise(places))


def _pauses(lines: tuple[str, ...]) -> int:
    return sum(
        upper.endswith(",") or lower.startswith("VÀ ") or _is_place(lower.split()) for upper, lower in pairwise(lines)
    )


def _is_place(words: list[str]) -> bool:
    text = " ".join(words)
    return not text.startswith("XÃ HỘI") and any(text.startswith(f"{kind} ") for kind in _TERRITORY)


def _phrases(words: list[str]) -> list[str]:
    """The words with what belongs together in one piece."""
    pieces: list[str] = []
    place = 0
    while place < len(words):
        if place and _is_place(words[place:]):
            return [*pieces, " ".join(words[place:])]
        pair = " ".join(words[place : place + 2])
        if pair.rstrip(",") in _COMPOUNDS:
            pieces.append(pair)
            place += 2
        else:
            pieces.append(words[place])
            place += 1
    return pieces


def _filled(words: list[str], points: float, style: Style, most_mm: float) -> tuple[str, ...]:
    lines = [""]
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_mm(longer, points, style) > most_mm:
            lines.append(word)
        else:
            lines[-1] = longer
    return tuple(lines)
