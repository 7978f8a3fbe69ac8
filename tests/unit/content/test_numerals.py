import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_content.domain.numerals import decimal_words, digit_words, number_words, ordinal_words, roman_value


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "không"),
        (10, "mười"),
        (14, "mười bốn"),
        (15, "mười lăm"),
        (21, "hai mươi mốt"),
        (24, "hai mươi tư"),
        (55, "năm mươi lăm"),
        (105, "một trăm lẻ năm"),
        (111, "một trăm mười một"),
        (1005, "một nghìn không trăm lẻ năm"),
        (2024, "hai nghìn không trăm hai mươi tư"),
        (1_000_005, "một triệu không trăm lẻ năm"),
        (4_260_000, "bốn triệu hai trăm sáu mươi nghìn"),
        (1_005_000_000, "một tỷ không trăm lẻ năm triệu"),
        (10**12, "một nghìn tỷ"),
    ],
)
def test_numbers_are_said_as_in_the_south(number, words):
    assert number_words(number) == words


def test_no_two_numbers_below_ten_thousand_sound_alike():
    assert len({number_words(number) for number in range(10_000)}) == 10_000


@given(st.integers(min_value=0, max_value=10**24))
def test_a_number_becomes_words_only(number):
    assert all(word.isalpha() and word.islower() for word in number_words(number).split(" "))


@given(st.integers(min_value=0, max_value=10**9 - 1), st.integers(min_value=0, max_value=10**9 - 1))
def test_numbers_below_a_billion_sound_different(one, other):
    assert (number_words(one) == number_words(other)) == (one == other)


def test_a_negative_number_is_refused():
    with pytest.raises(ValueError, match="zero up"):
        number_words(-1)


def test_ordinals_have_their_own_first_and_fourth():
    assert [ordinal_words(n) for n in (1, 2, 4, 14)] == ["nhất", "hai", "tư", "mười bốn"]


def test_a_decimal_fraction_that_starts_with_zero_is_said_digit_by_digit():
    assert decimal_words("7", "6") == "bảy phẩy sáu"
    assert decimal_words("7", "25") == "bảy phẩy hai mươi lăm"
    assert decimal_words("7", "05") == "bảy phẩy không năm"


def test_digits_are_said_one_by_one_without_their_separators():
    assert digit_words("0294.385") == "không hai chín bốn ba tám năm"


def test_only_well_formed_roman_numerals_have_a_value():
    assert [roman_value(numeral) for numeral in ("I", "IV", "IX", "XIV", "XXI")] == [1, 4, 9, 14, 21]
    assert [roman_value(numeral) for numeral in ("", "IIII", "VX", "IIX", "XXXX", "A")] == [None] * 6
