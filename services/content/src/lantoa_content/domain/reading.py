"""Government text as it is said aloud: what a speech engine is given instead of "75/KH-UBND" or "7h30".

Public normalisers read "KH" as a song and a telephone number as millions, so the rules are our own. They run in a fixed
order, from what is surest (the officers' dictionary, document numbers, dates) to single numbers.
"""

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from lantoa_content.domain.abbreviations import DOCUMENT_KINDS, DOCUMENT_MAKERS, LETTERS, UNITS, WORDS
from lantoa_content.domain.numerals import (
    decimal_words,
    digit_words,
    month_words,
    number_words,
    ordinal_words,
    roman_value,
)

_NOTHING: Mapping[str, str] = MappingProxyType({})


def read_aloud(text: str, extra: Mapping[str, str] = _NOTHING) -> str:
    """The text in words: NFC, no digits, line breaks kept.

    `extra` is the officers' dictionary, written form to spoken form: whole words, case kept, longest first, and before
    every rule here, so that it can overrule them.
    """
    said = unicodedata.normalize("NFC", text)
    said = _replace_words(said, {unicodedata.normalize("NFC", key): value for key, value in extra.items() if key})
    for rule in (_addresses, _documents, _dates, _times, _telephones, _romans, _ranges, _short_forms, _numbers, _signs):
        said = rule(said)
    return said


# --- words ------------------------------------------------------------------------------------------------------------


def _replace_words(text: str, words: Mapping[str, str]) -> str:
    if not words:
        return text
    # A digit may follow (QL60, COVID19); a key that ends in a dot is its own end (TP.HCM).
    choices = (
        re.escape(key) + (r"(?![^\W\d_])" if key[-1].isalnum() else "") for key in sorted(words, key=len, reverse=True)
    )
    pattern = rf"(?<!\w)(?:{'|'.join(choices)})"

    def spoken(match: re.Match[str]) -> str:
        needs_space = match.string[match.end() : match.end() + 1].isalnum()
        return unicodedata.normalize("NFC", words[match[0]]) + (" " if needs_space else "")

    return re.sub(pattern, spoken, text)


_ADDRESS = re.compile(
    r"(?<![\w@.])(?:https?://)?(?:www\.)?"
    r"(?P<place>[\w.+-]{1,64}@[A-Za-z0-9.-]{1,99}\.[A-Za-z]{2,}|[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,6}\.(?:vn|com|net|org|info)"
    r"(?![\w])(?:/[\w./?=&%#~-]*\w)?)/?"
)
_ADDRESS_SIGNS = {".": " chấm ", "/": " gạch chéo ", "-": " gạch ngang ", "_": " gạch dưới ", "@": " a còng "}


def _addresses(text: str) -> str:
    """Web and e-mail addresses, sign by sign."""

    def spoken(match: re.Match[str]) -> str:
        words = "".join(_ADDRESS_SIGNS.get(sign, sign) for sign in match["place"])
        return re.sub(r"\d+", lambda digits: f" {digit_words(digits[0])} ", words)

    return _ADDRESS.sub(spoken, text)


def _short_forms(text: str) -> str:
    text = re.sub(
        rf"(?<=\d)\s?({'|'.join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))})(?![\w²³])",
        lambda match: f" {UNITS[match[1]]}",
        text,
    )
    text = _replace_words(text, WORDS)
    # A Vietnamese syllable has a vowel; capitals without one are always initials.
    initials = rf"(?<![^\W\d_])[{''.join(LETTERS)}]{{2,6}}(?![^\W\d_])"
    text = re.sub(initials, lambda match: " ".join(LETTERS[letter] for letter in match[0]), text)
    return re.sub(r"[^\W\d_]{2,}", lambda match: match[0].lower() if match[0].isupper() else match[0], text)


# --- document numbers -------------------------------------------------------------------------------------------------

_KIND = "(?i:" + "|".join(sorted(set(DOCUMENT_KINDS.values()), key=len, reverse=True)) + ")"
_KIND_SHORT = re.compile(rf"(?<!\w)({'|'.join(DOCUMENT_KINDS)})\s+(?:số\s+)?(?=\d{{1,3}}(?!\d)|\d+/)")
_DOCUMENT = re.compile(
    rf"(?:(?<!\w)(?P<said>{_KIND})\s+)?(?P<so>[Ss]ố:?\s+)?(?<![\d.,/])(?P<number>\d{{1,5}})(?:/(?P<year>\d{{4}}))?"
    r"/(?P<symbol>[A-ZĐ][A-Za-zĐđ]*\d*(?:[-–&][A-ZĐ][A-Za-zĐđ]*\d*)*)"
)
_DOCUMENT_OF_YEAR = re.compile(
    rf"(?<!\w)(?P<lead>{_KIND}(?:\s+số:?)?|[Ss]ố:?)\s+(?P<number>\d{{1,5}})/(?P<year>\d{{4}})(?![\d/])"
)
_MAKER_FOLLOWS = re.compile(
    r"(?:,?\s+ngày\s+\d{1,2}(?:[/.-]\d{1,2}[/.-]\d{4}|\s+tháng\s+\d{1,2}\s+năm\s+\d{4}))?,?\s+của\b"
)
_KIND_BY_MAKER = {"QH": "luật", "UBTVQH": "nghị quyết"}


def _documents(text: str) -> str:
    """ "75/KH-UBND" → "kế hoạch số 75 của Ủy ban nhân dân", numbers in words."""
    text = _KIND_SHORT.sub(lambda match: f"{DOCUMENT_KINDS[match[1]]} số ", text)
    text = _DOCUMENT.sub(_document, text)
    return _DOCUMENT_OF_YEAR.sub(
        lambda match: f"{_with_so(match['lead'])} {_number_and_year(match['number'], match['year'])}", text
    )


def _document(match: re.Match[str]) -> str:
    parts = re.split(r"[-–&]", match["symbol"])
    kind = DOCUMENT_KINDS.get(parts[0]) if len(parts) > 1 or parts[0] not in DOCUMENT_MAKERS else None
    makers = [maker for part in (parts[1:] if kind else parts) if (maker := _maker(part))]
    if not kind and not makers:
        return match[0]
    words = f"số {_number_and_year(match['number'], match['year'])}"
    if match["said"]:
        words = f"{match['said']} {words}"
    else:
        kind = kind or (None if match["so"] else _KIND_BY_MAKER.get(parts[0].rstrip("0123456789"), "công văn"))
        if kind and not (match["so"] and _named_before(kind, match)):
            words = f"{kind} {words}"
    if makers and not _MAKER_FOLLOWS.match(match.string, match.end()):
        words += f" của {' và '.join(makers)}"
    return words


def _maker(symbol: str) -> str | None:
    """Who made the document, or None for the symbol of a drafting unit, which nobody reads aloud."""
    name = symbol.rstrip("0123456789")
    term = symbol.removeprefix(name)
    if name == "QH":
        return f"Quốc hội khóa {number_words(int(term))}" if term else "Quốc hội"
    maker = DOCUMENT_MAKERS.get(name)
    return f"{maker} khóa {number_words(int(term))}" if maker and term else maker


def _named_before(kind: str, match: re.Match[str]) -> bool:
    sentence = re.split(r"[.;\n]", match.string[max(0, match.start() - 120) : match.start()])[-1]
    return kind in sentence.lower()


def _number_and_year(number: str, year: str | None) -> str:
    words = number_words(int(number))
    return f"{words} năm {number_words(int(year))}" if year else words


def _with_so(lead: str) -> str:
    lead = lead.rstrip(":")
    return lead if lead.lower().endswith("số") else f"{lead} số"


# --- dates and times --------------------------------------------------------------------------------------------------

_DASH = r"\s*[-–—]\s*"
_FULL_DATE = re.compile(
    r"(?P<cue>\bngày\s+)?(?<![\d./-])(?P<day>\d{1,2})(?P<sep>[/.-])(?P<month>\d{1,2})(?P=sep)(?P<year>\d{4})"
    r"(?!\d|[./-]\d)",
    re.IGNORECASE,
)
_DAYS_OF_MONTH = re.compile(
    rf"(?P<cue>\bngày\s+|\btừ\s+)?(?<![\d./-])(?P<first>\d{{1,2}}){_DASH}(?P<day>\d{{1,2}})/(?P<month>\d{{1,2}})"
    r"(?:/(?P<year>\d{4}))?(?![\d/]|-\d)",
    re.IGNORECASE,
)
_DAY_MONTH = (
    r"\d{1,2}[/-]\d{1,2}(?![\d/%]|[.,-]\d|\s+(?:số|dân|diện tích|phần|tổng|đại biểu|thành viên|hộ|xã|ấp|khóm)\b)"
)
_DATES_AFTER_CUE = re.compile(
    r"(?P<cue>\b(?:ngày|sáng|trưa|chiều|tối|đêm|hôm|từ|đến|hết|trước|sau|vào|dịp|lễ|mừng|kỷ niệm)\s+|\()"
    rf"(?P<dates>{_DAY_MONTH}(?:(?:,\s*|\s+và\s+|\s+đến\s+|{_DASH}){_DAY_MONTH})*)",
    re.IGNORECASE,
)
_MONTH_OF_YEAR = re.compile(
    r"(?P<cue>\b(?:tháng|quý|kỳ|đợt|tuần)\s+)?(?<![\d./,-])(?P<part>\d{1,2})/(?P<year>(?:19|20|21)\d\d)(?![\d/])",
    re.IGNORECASE,
)


def _is_date(day: str, month: str) -> bool:
    return 1 <= int(day) <= 31 and 1 <= int(month) <= 12


def _date_words(day: str, month: str, year: str | None = None) -> str:
    words = f"ngày {number_words(int(day))} tháng {month_words(int(month))}"
    return f"{words} năm {number_words(int(year))}" if year else words


def _dates(text: str) -> str:
    # First the dash between two dates, while both still look like dates.
    text = re.sub(rf"(\d{{1,2}}/\d{{1,2}}(?:/\d{{4}})?){_DASH}(?=\d{{1,2}}/\d{{1,2}}(?!\d))", r"\1 đến ", text)
    text = re.sub(r"(-\d{4})\s+[-–—]\s+(?=\d{1,2}-\d{1,2}-\d{4})", r"\1 đến ", text)
    text = _DAYS_OF_MONTH.sub(_days_of_month, text)
    text = _FULL_DATE.sub(_full_date, text)
    text = _DATES_AFTER_CUE.sub(_dates_after_cue, text)
    text = _MONTH_OF_YEAR.sub(_month_of_year, text)
    return re.sub(
        r"\b(tháng|quý)(\s+)0?4(?![\d/.,%]*\d)", lambda match: f"{match[1]}{match[2]}tư", text, flags=re.IGNORECASE
    )


def _full_date(match: re.Match[str]) -> str:
    if not _is_date(match["day"], match["month"]):
        return match[0]
    words = _date_words(match["day"], match["month"], match["year"])
    return f"{match['cue']}{words.removeprefix('ngày ')}" if match["cue"] else words


def _days_of_month(match: re.Match[str]) -> str:
    """ "10-15/10/2025": two days of one month."""
    sure = match["cue"] or match["year"]
    if not sure or not _is_date(match["first"], match["month"]) or not _is_date(match["day"], match["month"]):
        return match[0]
    cue = match["cue"] or ""
    first = number_words(int(match["first"]))
    first = first if cue.lower().startswith("ngày") else f"ngày {first}"
    return f"{cue}{first} đến {_date_words(match['day'], match['month'], match['year'])}"


def _dates_after_cue(match: re.Match[str]) -> str:
    """ "sáng 5/11", "dịp 30/4 và 1/5": a day and a month, told from a fraction by the word before."""
    dates = re.findall(r"(\d{1,2})[/-](\d{1,2})", match["dates"])
    if not all(_is_date(day, month) for day, month in dates):
        return match[0]
    words = re.sub(
        _DASH + r"(?=ngày)",
        " đến ",
        re.sub(r"(\d{1,2})[/-](\d{1,2})", lambda date: _date_words(date[1], date[2]), match["dates"]),
    )
    cue = match["cue"]
    return cue + (words.removeprefix("ngày ") if cue.lower().startswith("ngày") else words)


def _month_of_year(match: re.Match[str]) -> str:
    cue, part = match["cue"], int(match["part"])
    if not cue and not 1 <= part <= 12:
        return match[0]
    words = month_words(part) if not cue or cue.lower().startswith(("tháng", "quý")) else number_words(part)
    return f"{cue or 'tháng '}{words} năm {number_words(int(match['year']))}"


_HOUR = r"(?<![\d:.,/-])(?P<hour>[01]?\d|2[0-4])"
_CLOCK = re.compile(rf"{_HOUR}(?:\s?h\s?|g|:)(?P<minute>[0-5]\d)(?:\s?(?:phút|p)\b)?(?![\w:])")
_SPELT_CLOCK = re.compile(rf"{_HOUR}\s?giờ\s(?P<minute>[0-5]?\d)\sphút\b")
_HOUR_ONLY = re.compile(rf"{_HOUR}\s?(?:h|giờ)(?:\s?00)?(?![\w:])")
_CLOCK_DASH = re.compile(rf"(?<!\d)(\d{{1,2}}(?:[hg:]\d\d|h)){_DASH}(?=\d{{1,2}}[hg:])")


def _times(text: str) -> str:
    """ "7h30", "07:30", "7g30" → "bảy giờ ba mươi phút"; a full hour has no minutes."""

    def clock(match: re.Match[str]) -> str:
        minute = int(match["minute"])
        return f"{number_words(int(match['hour']))} giờ" + (f" {number_words(minute)} phút" if minute else "")

    text = _CLOCK_DASH.sub(r"\1 đến ", text)
    text = _SPELT_CLOCK.sub(clock, _CLOCK.sub(clock, text))
    return _HOUR_ONLY.sub(lambda match: f"{number_words(int(match['hour']))} giờ", text)


# --- numbers ----------------------------------------------------------------------------------------------------------

_TELEPHONE = re.compile(
    r"(?<![\d.,/])(?:\+84(?:[ .-]?\d){9,10}|\(?0(?:\)?[ .-]?\d){9,10}|1[89]00(?:[ .]?\d){4,6})(?!\d)"
)
_CALL = re.compile(
    r"(\b(?:gọi|tổng đài|đường dây nóng|điện thoại|hotline)(?:\s+(?:số|đến|tới|ngay|cho))*:?\s+)(\d{3,})(?!\d|[.,]\d)",
    re.IGNORECASE,
)
_ROMAN_CUE = re.compile(
    r"\b(?P<cue>(?:phần|chương|mục|quý|khóa|khoá|kỳ|thứ|thế kỷ|phụ lục|khu vực|loại|cấp|hạng|hạng mục|đại hội|vùng|"
    r"nhóm|giai đoạn|đợt|tập|quyển)\s+)(?P<roman>[IVX]+)(?:/(?P<year>\d{4}))?(?!\w)",
    re.IGNORECASE,
)


def _telephones(text: str) -> str:
    """Digit by digit: telephone numbers, and short ones after a word like "gọi"."""
    text = _TELEPHONE.sub(lambda match: ("cộng " if match[0][0] == "+" else "") + digit_words(match[0]), text)
    return _CALL.sub(lambda match: match[1] + digit_words(match[2]), text)


def _romans(text: str) -> str:
    """Roman numerals where only a numeral can stand: after "chương", "quý", "khóa" and the like, or opening a line."""

    def after_cue(match: re.Match[str]) -> str:
        value = roman_value(match["roman"])
        if value is None:
            return match[0]
        word = match["cue"].split()[-1].lower()
        words = {"thứ": ordinal_words, "quý": month_words}.get(word, number_words)(value)
        return match["cue"] + words + (f" năm {number_words(int(match['year']))}" if match["year"] else "")

    def opening(match: re.Match[str]) -> str:
        value = roman_value(match[0])
        return match[0] if value is None else number_words(value)

    text = _ROMAN_CUE.sub(after_cue, text)
    text = re.sub(r"^[IVX]+(?=[.)]\s)", opening, text, flags=re.MULTILINE)
    return re.sub(r"\b(thứ\s+)([14])(?!\d)", lambda m: m[1] + ordinal_words(int(m[2])), text, flags=re.IGNORECASE)


def _ranges(text: str) -> str:
    text = re.sub(rf"(?<=[\d%]){_DASH}(?=\d)", " đến ", text)
    return re.sub(r"(?<=\d)/(?=\d)", " trên ", text)


def _numbers(text: str) -> str:
    thousands = r"(?<![\d.,])(\d{1,3}(?:\.\d{3})+)(?!\d)"
    text = re.sub(thousands, lambda match: match[1].replace(".", ""), text)
    text = re.sub(r"(?<![\d,])(\d+),(\d+)(?![\d]|,\d)", lambda match: f" {decimal_words(match[1], match[2])} ", text)
    text = re.sub(r"(?<=\d)\.(?=\d)", " chấm ", text)
    return re.sub(r"-?(\d+)", lambda match: f" {_plain(match[1])} ", text)


def _plain(digits: str) -> str:
    # Offices pad counts ("05 tập thể"), which are read as numbers; a longer one with a zero in front is a code.
    code = len(digits) >= 10 or (len(digits) > 2 and int(digits[0]) == 0)
    return digit_words(digits) if code else number_words(int(digits))


def _signs(text: str) -> str:
    """Signs that the engine would name or swallow, then the spaces that the rules left."""
    text = re.sub(r"(?<=đồng)/(?=\w)", " trên ", text)
    text = re.sub(r"\s*/\s*", ", ", text)
    text = re.sub(r"(?m)^\s*[-–—•*+#]+\s+", "", text)
    text = re.sub(r"\s+[-–—]\s+", ", ", text)
    text = re.sub(r"(?<=\w)[-–—](?=\w)", " ", text)
    for sign, word in (("&", " và "), ("+", " cộng "), ("=", " bằng "), ("≥", " từ "), ("≤", " đến ")):
        text = text.replace(sign, word)
    text = re.sub(r"[\"“”„«»*_#~|<>\[\]{}]", " ", text)
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(r" ?\n ?", "\n", text)
    return re.sub(r" +(?=[.,;:!?)])", "", text).strip()
