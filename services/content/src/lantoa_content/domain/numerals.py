"""Numbers as Vietnamese words, as they are said in the south: mươi, mốt, tư, lăm, lẻ; "nghìn" as in official speech."""

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_BILLION = 1_000_000_000
_ROMAN = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))
_ROMAN_MAX = 39


def digit_words(digits: str) -> str:
    """Each digit by itself, as a telephone number is read. Other characters are left out."""
    return " ".join(_DIGITS[int(character)] for character in digits if character.isdecimal())


def number_words(n: int) -> str:
    """The cardinal number n in words. Raises ValueError when n is negative."""
    if n < 0:
        raise ValueError("only numbers from zero up are read")
    if n < 1000:
        return _below_thousand(n, after_higher=False)
    if n >= _BILLION:
        head, rest = divmod(n, _BILLION)
        words = f"{number_words(head)} tỷ"
    elif n >= 1_000_000:
        head, rest = divmod(n, 1_000_000)
        words = f"{_below_thousand(head, after_higher=False)} triệu"
    else:
        head, rest = divmod(n, 1000)
        words = f"{_below_thousand(head, after_higher=False)} nghìn"
    return f"{words} {_rest_words(rest)}" if rest else words


def ordinal_words(n: int) -> str:
    """What follows "thứ", "tháng", "quý": as number_words, but 1 is "nhất" and 4 is "tư"."""
    return {1: "nhất", 4: "tư"}.get(n) or number_words(n)


def month_words(n: int) -> str:
    """What follows "tháng": 4 is "tư"."""
    return "tư" if n == 4 else number_words(n)


def decimal_words(whole: str, fraction: str) -> str:
    """A number with a decimal comma; a fraction that is long or starts with zero is read digit by digit."""
    short = len(fraction) <= 2 and not fraction.startswith("0")
    return f"{number_words(int(whole))} phẩy {number_words(int(fraction)) if short else digit_words(fraction)}"


def roman_value(numeral: str) -> int | None:
    """The value of a well-formed Roman numeral from I to XXXIX, the range of headings, terms and centuries."""
    value, rest = 0, numeral
    for worth, sign in _ROMAN:
        while rest.startswith(sign):
            value += worth
            rest = rest.removeprefix(sign)
    well_formed = not rest and 0 < value <= _ROMAN_MAX and _as_roman(value) == numeral
    return value if well_formed else None


def _as_roman(value: int) -> str:
    signs = ""
    for worth, sign in _ROMAN:
        count, value = divmod(value, worth)
        signs += sign * count
    return signs


def _rest_words(n: int) -> str:
    """What is left after a higher group; its hundreds are said even when there are none (1005: … không trăm lẻ năm)."""
    for unit, name in ((1_000_000, "triệu"), (1000, "nghìn")):
        head, rest = divmod(n, unit)
        if head:
            words = f"{_below_thousand(head, after_higher=True)} {name}"
            return f"{words} {_rest_words(rest)}" if rest else words
    return _below_thousand(n, after_higher=True)


def _below_thousand(n: int, *, after_higher: bool) -> str:
    hundreds, rest = divmod(n, 100)
    if not hundreds and not after_higher:
        return _below_hundred(rest)
    words = f"{_DIGITS[hundreds]} trăm"
    if not rest:
        return words
    return f"{words} lẻ {_DIGITS[rest]}" if rest < 10 else f"{words} {_below_hundred(rest)}"


def _below_hundred(n: int) -> str:
    tens, ones = divmod(n, 10)
    if tens == 0:
        return _DIGITS[ones]
    words = "mười" if tens == 1 else f"{_DIGITS[tens]} mươi"
    if ones == 0:
        return words
    if ones == 5:
        return f"{words} lăm"
    if tens > 1 and ones in (1, 4):
        return f"{words} {'mốt' if ones == 1 else 'tư'}"
    return f"{words} {_DIGITS[ones]}"
