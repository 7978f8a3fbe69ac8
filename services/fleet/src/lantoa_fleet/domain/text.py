"""Names as keys: without accents, so that two ways of typing one name are one name."""

import re
import unicodedata

_BETWEEN = re.compile(r"[\W_]+")
_MARKS = re.compile(r"[\u0300-\u036f]")


def slug(text: str) -> str:
    """Small letters without accents and digits, words joined by dashes: ``Ấp Ô Mịch`` becomes ``ap-o-mich``."""
    plain = _MARKS.sub("", unicodedata.normalize("NFD", text.casefold())).replace("đ", "d")
    return _BETWEEN.sub("-", unicodedata.normalize("NFC", plain)).strip("-")
