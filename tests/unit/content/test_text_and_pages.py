from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_content.domain.slide import BODY_LIMIT, TITLE_LIMIT, board_slide
from lantoa_content.domain.text import Block, excerpt, parse, plain_sentences, shorten, width
from lantoa_content.domain.webpage import web_page

BODY = """Trạm Y tế xã tổ chức
tiêm chủng mở rộng.

# Cần mang theo
- Sổ tiêm chủng
- Thẻ bảo hiểm y tế

Trân trọng!"""

SENTENCE = "Đề nghị bà con mang theo sổ tiêm chủng và thẻ bảo hiểm y tế."


class _Page(HTMLParser):
    """What a browser would find: tags with attributes, and the text of each tag."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append((self.tags[-1][0] if self.tags else "", data))

    def text(self, tag: str) -> str:
        return next(data for name, data in self.texts if name == tag)


def _slide(title="Tiêu đề", body=SENTENCE, unit="UBND xã", date="10/10/2025", language="vi"):
    return board_slide(title, body, unit, date, language)


def _web(title="Tiêu đề", body=SENTENCE, unit="UBND xã", date="10/10/2025", language="vi"):
    return web_page(title, body, unit, date, language)


def test_a_body_is_paragraphs_headings_and_lists():
    assert parse(BODY) == (
        Block("paragraph", ("Trạm Y tế xã tổ chức tiêm chủng mở rộng.",)),
        Block("heading", ("Cần mang theo",)),
        Block("list", ("Sổ tiêm chủng", "Thẻ bảo hiểm y tế")),
        Block("paragraph", ("Trân trọng!",)),
    )


def test_spoken_sentences_lose_their_marks_and_are_closed():
    assert plain_sentences(BODY) == (
        "Trạm Y tế xã tổ chức tiêm chủng mở rộng.",
        "Cần mang theo.",
        "Sổ tiêm chủng.",
        "Thẻ bảo hiểm y tế.",
        "Trân trọng!",
    )


def test_titles_and_initials_do_not_end_a_sentence():
    assert plain_sentences("Ông Nguyễn V. An ở TP. Trà Vinh. Mời dự.") == (
        "Ông Nguyễn V. An ở TP. Trà Vinh.",
        "Mời dự.",
    )


def test_a_khmer_sentence_ends_with_its_own_sign():
    assert plain_sentences("សូមអញ្ជើញ។ អរគុណ។") == ("សូមអញ្ជើញ។", "អរគុណ។")


def test_a_long_body_is_cut_after_a_sentence():
    cut = excerpt(" ".join([SENTENCE] * 9), BODY_LIMIT)
    assert cut == " ".join([SENTENCE] * 4) + " …"


def test_a_sentence_that_is_too_long_is_cut_between_words():
    assert shorten("một hai ba bốn năm", 12) == "một hai ba…"


@given(st.text(max_size=300), st.integers(min_value=2, max_value=300))
def test_no_excerpt_is_longer_than_its_limit(body, limit):
    assert width(excerpt(body, limit)) <= limit


@given(st.text())
def test_every_block_has_text_and_no_line_breaks(body):
    for block in parse(body):
        assert block.lines
        assert all(line.strip() and "\n" not in line for line in block.lines)


@pytest.mark.parametrize("make", [_slide, _web])
def test_markup_in_any_field_is_shown_and_never_run(make):
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&"
    page = _Page(make(title=evil, body=evil, unit=evil, date=evil, language='vi"><script>'))
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img"})
    assert page.text("h1") == evil


@pytest.mark.parametrize("make", [_slide, _web])
def test_a_page_needs_nothing_from_outside(make):
    page = _Page(make(body=BODY))
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert not any({"src", "href"} & attrs.keys() for _, attrs in page.tags)
    assert "url(" not in make(body=BODY)


@pytest.mark.parametrize("make", [_slide, _web])
def test_the_same_item_always_makes_the_same_page_in_its_language(make):
    page = make(language="km")
    assert page == make(language="km")
    assert ("html", {"lang": "km"}) in _Page(page).tags


def test_a_slide_keeps_to_what_can_be_read_from_afar():
    page = _Page(_slide(title="chữ " * 90, body=" ".join([SENTENCE] * 9)))
    assert width(page.text("h1")) <= TITLE_LIMIT
    assert page.text("h1").endswith("…")
    assert width(page.text("p")) <= BODY_LIMIT
    assert page.text("p").endswith(". …")


def test_a_slide_of_a_title_alone_has_no_empty_paragraph():
    assert "p" not in {tag for tag, _ in _Page(_slide(body="  \n")).tags}


def test_a_web_page_shows_the_whole_body_in_its_structure():
    page = _Page(_web(body=BODY))
    shown = [(tag, data) for tag, data in page.texts if tag in ("h2", "li") and data.strip()]
    assert shown == [("h2", "Cần mang theo"), ("li", "Sổ tiêm chủng"), ("li", "Thẻ bảo hiểm y tế")]
    assert ("p", "Trân trọng!") in page.texts


def test_a_web_page_of_a_thousand_words_stays_under_twenty_kilobytes():
    assert len(_web(body="\n\n".join(["chuyển đổi số nông thôn mới "] * 170)).encode()) < 20_000
