"""Words for search without any server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_content.domain.search import asked_words, excerpt_around, kept_words, marked, plain_text, title_words

VIETNAMESE = "Sáng thứ Bảy, trạm y tế xã TIÊM CHỦNG mở rộng theo Kế hoạch 75/KH-UBND."
KHMER = "សូមបងប្អូនកុំប្រាប់លេខកូដ OTP ដល់អ្នកណាឡើយ។"


@pytest.mark.parametrize(
    "question", ["tiêm chủng", "tiem chung", "TIỆM  chưng", "75/kh-ubnd", "ke hoach 75", "thứ bảy"]
)
def test_a_text_has_the_words_that_are_asked_for_with_or_without_accents(question):
    assert set(asked_words(question)) <= set(kept_words(VIETNAMESE))


@pytest.mark.parametrize("question", ["hội", "tiêm phòng", "76"])
def test_a_text_does_not_have_other_words(question):
    assert not set(asked_words(question)) <= set(kept_words(VIETNAMESE))


def test_khmer_is_found_by_what_stands_inside_a_line_without_blanks():
    kept = set(kept_words(KHMER))
    for inside in ("លេខកូដ", "លេខ", "OTP", "បងប្អូន", "otp ដល់អ្នកណា"):
        assert asked_words(inside)
        assert set(asked_words(inside)) <= kept, inside
    # The same syllables in another order are another word.
    assert not set(asked_words("កូដលេខបងសូម")) <= kept


def _hits(pieces):
    return [text for text, hit in pieces if hit]


def test_what_was_asked_for_is_marked_as_it_was_written():
    assert _hits(marked(VIETNAMESE, asked_words("tiem chung 75"))) == ["TIÊM", "CHỦNG", "75"]
    assert _hits(marked(KHMER, asked_words("លេខកូដ"))) == ["លេខកូដ"]
    assert _hits(marked("Không có gì", asked_words("tiem"))) == []


def test_an_excerpt_shows_the_first_hit_in_its_sentence():
    text = "Mở đầu dài dòng. " * 60 + "Trạm y tế tiêm chủng sáng thứ Bảy. " + "Kết thúc. " * 60
    pieces = excerpt_around(text, asked_words("tiem"))
    whole = "".join(piece for piece, _ in pieces)
    assert _hits(pieces) == ["tiêm"]
    assert whole.startswith("… ")
    assert whole.endswith(" …")
    assert len(whole) < 240
    assert "".join(piece for piece, _ in excerpt_around("Ngắn", ("x",))) == "Ngắn"


def test_tags_and_the_head_of_an_article_are_no_text():
    article = "<article>\n<header><h1>Đầu</h1></header>\n<p>Một &lt;hai&gt; &amp; ba</p><ul><li>Bốn</li></ul></article>"
    assert plain_text(article) == "Một <hai> & ba Bốn"


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(ANY)
def test_whatever_was_written_is_found_by_its_own_words(text):
    assert set(asked_words(text)) <= set(kept_words(text))
    assert len(asked_words(text)) <= 8


@given(ANY, ANY)
def test_marking_changes_no_sign(text, question):
    words = asked_words(question)
    assert "".join(piece for piece, _ in marked(text, words)) == text


def test_a_title_is_found_by_the_beginnings_of_its_words():
    assert title_words("Điện, điểm") == ["d", "di", "die", "dien", "diem"]
    assert set(asked_words("tiêm chu")) <= set(title_words("Lịch tiêm chủng"))
    assert not set(asked_words("ủng")) & set(title_words("Lịch tiêm chủng"))
    assert set(asked_words("លេខកូដ")) <= set(title_words("សូមកុំប្រាប់លេខកូដ"))
