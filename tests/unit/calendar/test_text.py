"""Vietnamese text keys: the same word however typed, and the Vietnamese order by plain bytes."""

import random
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_calendar.text import fold, nfc, sort_key, tokens

LETTERS = "aăâbcdđeêghiklmnoôơpqrstuưvxyAĂÂBCDĐEÊGHIKLMNOÔƠPQRSTUƯVXY"
TONES = ["", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323"]
vietnamese = (
    st.lists(st.sampled_from([*LETTERS, *TONES[1:], " ", "0", "9", "/", "-"]), max_size=30).map("".join).map(nfc)
)
khmer = st.text(st.characters(min_codepoint=0x1780, max_codepoint=0x17D3), min_size=1, max_size=12)

SAME = [
    ("Hoà Bình", "Hòa Bình"),
    ("Uỷ ban", "Ủy ban"),
    ("Thuỷ", "Thủy"),
    ("Đại An", "\u00d0ại An"),
    ("  Cầu\u00a0 Kè\n", "Cầu Kè"),
    ("TRÀ VINH", "trà vinh"),
]


def in_bytes(text: str) -> bytes:
    return sort_key(text).encode()


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_name_have_one_search_key_and_one_sort_key(one: str, other: str) -> None:
    assert fold(one) == fold(other)
    assert sort_key(one) == sort_key(other)
    assert tokens(one) == tokens(other)


@given(vietnamese)
def test_composed_and_decomposed_text_have_the_same_keys(text: str) -> None:
    decomposed = unicodedata.normalize("NFD", text)
    assert nfc(decomposed) == text
    assert fold(decomposed) == fold(text)
    assert sort_key(decomposed) == sort_key(text)
    assert tokens(decomposed) == tokens(text)


@given(st.text(max_size=40))
def test_folding_is_settled_after_one_pass(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(vietnamese)
def test_a_folded_vietnamese_text_is_lower_case_ascii_without_spare_blanks(text: str) -> None:
    folded = fold(text)
    assert folded.isascii()
    assert folded == folded.lower() == " ".join(folded.split())


def test_known_texts_fold_as_people_type_them_without_accents() -> None:
    assert fold("Ủy ban nhân dân xã Đôn Châu") == "uy ban nhan dan xa don chau"
    assert fold("Trường Long Hòa ỡ ữ ặ ễ ỵ") == "truong long hoa o u a e y"


def test_tokens_are_distinct_words_in_order_and_punctuation_parts_them() -> None:
    assert tokens("Kế hoạch 75/KH-UBND, kế hoạch (số 75)") == ("ke", "hoach", "75", "kh", "ubnd", "so")
    assert tokens("  -- ") == ()


@given(khmer)
def test_khmer_passes_through_by_code_point(text: str) -> None:
    assert fold(text) == unicodedata.normalize("NFC", text)
    assert unicodedata.normalize("NFC", text) in sort_key(text)
    assert tokens(text) == (unicodedata.normalize("NFC", text),)


def test_khmer_words_parted_by_the_invisible_space_are_words() -> None:
    assert tokens("ព័ត៌មាន\u200bឃុំ") == ("ព័ត៌មាន", "ឃុំ")


ORDERED = [
    ["Phường 1", "Phường 2", "Phường 10", "Phường Duyên Hải", "Phường Trà Vinh"],
    ["An Trường", "Ấn", "Ba Động", "Cầu Kè", "Dân Thành", "Đại An", "Đôn Châu", "Đức Mỹ", "Ea", "Ea Súp", "Êa"],
    ["ma", "mà", "mả", "mã", "má", "mạ", "mă", "mâ", "mẫ", "me"],
    ["a", "ă", "â", "b", "c", "d", "đ", "e", "ê", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "ô", "ơ", "p"],
    ["p", "q", "r", "s", "t", "u", "ư", "v", "w", "x", "y", "z", "ខ្មែរ"],
    ["hoa", "Hòa", "Hòa Ân", "Hòa Lợi", "Hòa Minh", "Hoa Sen"],
    ["An", "An Phú Tân", "An Quảng Hữu", "An Trường", "An Trường A", "Anh"],
    ["Ấp 2A", "Ấp 2B", "Ấp 010", "Ấp 10A", "Ấp 200"],
    ["", "Ấp"],
]


@pytest.mark.parametrize("ordered", ORDERED)
def test_known_lists_come_out_in_vietnamese_order(ordered: list[str]) -> None:
    shuffled = list(ordered)
    random.Random(7).shuffle(shuffled)
    assert sorted(shuffled, key=in_bytes) == ordered


@given(vietnamese)
def test_a_vietnamese_sort_key_is_printable_ascii(text: str) -> None:
    assert sort_key(text).isascii()
    assert sort_key(text).isprintable()


@given(st.text(max_size=20), st.text(max_size=20))
def test_byte_order_and_string_order_of_sort_keys_agree(one: str, other: str) -> None:
    assert (sort_key(one) < sort_key(other)) == (in_bytes(one) < in_bytes(other))


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_numbers_inside_a_text_sort_by_value(one: int, other: int) -> None:
    assert (sort_key(f"Ấp {one} A") < sort_key(f"Ấp {other} A")) == (one < other)


@given(
    st.lists(st.tuples(st.integers(0, 28), st.sampled_from(TONES)), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 28), st.sampled_from(TONES)), min_size=1, max_size=6),
)
def test_letters_decide_before_any_tone(one: list[tuple[int, str]], other: list[tuple[int, str]]) -> None:
    alphabet = "aăâbcdđeêghiklmnoôơpqrstuưvxy"
    places = [[place for place, _ in word] for word in (one, other)]
    first, second = ("".join(alphabet[place] + tone for place, tone in word) for word in (one, other))
    if places[0] != places[1]:
        assert (sort_key(first) < sort_key(second)) == (places[0] < places[1])


@pytest.mark.parametrize(
    ("module", "unwanted"), [("text", "dateutil"), ("periods", "dateutil"), ("recurrence", "pydantic")]
)
def test_each_module_loads_alone(module: str, unwanted: str) -> None:
    code = f"import sys, lantoa_calendar.{module}; sys.exit('{unwanted}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
