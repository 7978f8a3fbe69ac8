"""Formatted text: what hostile people send becomes text or nothing, what authors write stays as it is."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lantoa_content.domain.item import Content, Item, Person, Unit, hash_to_approve
from lantoa_content.domain.picture import Picture, inside, of_the_article, on_the_page, shown
from lantoa_content.domain.richtext import canonical, parts_of, plain
from lantoa_content.domain.text import plain_sentences
from lantoa_runtime.errors import Invalid

SHA = "ab" * 32
PICTURE = f'<figure><img src="pictures/{SHA}" alt="Chợ &quot;Cầu Kè&quot;"></figure>'
WRITTEN = f"""<h2>Cần mang theo</h2>
<ul>
<li>Sổ <strong>tiêm chủng</strong></li>
<li>Thẻ bảo hiểm y tế</li>
</ul>
<p>Xem tại <a href="https://dichvucong.gov.vn/a?b=1&amp;c=2">trang dịch vụ công</a>.<br>Trân trọng!</p>
{PICTURE}
<ol>
<li>Đến nơi</li>
</ol>"""

HOSTILE = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example>",
    "<p onclick=alert(1) style='position:fixed' class=x id=y>",
    "<img src=x onerror=alert(1)>",
    f"<img src='pictures/{SHA}' onerror=alert(1) alt=''>",
    f"<img src='pictures/{SHA}/../../x' alt=y>",
    f"<img src='//evil.example/pictures/{SHA}' alt=y>",
    "<a href='javascript:alert(1)'>",
    "<a href='jAvA\tscript:alert(1)'>",
    "<a href=' &#106;avascript:alert(1)'>",
    "<a href='data:text/html,<script>alert(1)</script>'>",
    "<a href='vbscript:x'>",
    "<a href='//evil.example'>",
    "<a href='https://x\" onmouseover=alert(1) y=\"'>",
    "<a href='https://evil.example' target=_blank ping=//evil.example rel=opener>",
    "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'><text>",
    '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    "<math><mi//xlink:href='data:x,<script>alert(4)</script>'>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<textarea></textarea><iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<xmp><p title='</xmp><script>alert(1)</script>'></xmp>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml-stylesheet href='javascript:alert(1)'?>",
    "<base href=//evil.example><meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example><style>@import '//evil.example'</style>",
    "<object data=//evil.example></object><embed src=//evil.example>",
    "<input autofocus onfocus=alert(1)><button formaction=javascript:alert(1)>",
    "<details open ontoggle=alert(1)><marquee onstart=alert(1)><video><source onerror=alert(1)></video>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "</article><article>",
    "<p>\x00<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<b>" * 5000,
    "<ul><li>" * 2000,
    "a\u202eb\ufeff<p>\ud800</p>",
]
PIECES = [
    "<p>",
    "</p>",
    "<li>",
    "<ul>",
    "</ul>",
    "<ol>",
    "</ol>",
    "<b>",
    "</b>",
    "<em>",
    "<h1>",
    "</h1>",
    "<br>",
    "<td>",
]
_ALLOWED = {"h2", "h3", "p", "ul", "ol", "li", "strong", "em", "br", "a", "figure", "img"}


class _Found(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_comment(self, data):
        self.tags.append(("!--", {}))


def harmless(html):
    for tag, attrs in _Found(html).tags:
        assert tag in _ALLOWED
        names = {"a": {"href"}, "img": {"src", "alt"}}.get(tag, set())
        assert attrs.keys() == names
        if tag == "a":
            assert re.match(r"(https?|mailto|tel):", attrs["href"], re.IGNORECASE)
        if tag == "img":
            assert attrs["src"] == f"pictures/{SHA}"


def test_what_an_author_wrote_stays_as_it_is():
    assert canonical(WRITTEN) == WRITTEN


def test_it_is_heard_without_its_marks_addresses_and_pictures():
    assert plain_sentences(plain(parts_of(WRITTEN))) == (
        "Cần mang theo.",
        "Sổ tiêm chủng.",
        "Thẻ bảo hiểm y tế.",
        "Xem tại trang dịch vụ công.",
        "Trân trọng!",
        "Đến nơi.",
    )


@pytest.mark.parametrize("evil", HOSTILE)
@pytest.mark.parametrize(
    "around", ["{}", "<p>Trước {} sau</p>", "<ul><li>{}</li></ul>", "<a href='https://a.vn'>{}</a>"]
)
def test_hostile_html_becomes_text_or_nothing(evil, around):
    kept = canonical(around.format(evil))
    harmless(kept)
    assert canonical(kept) == kept
    page = on_the_page(parts_of(kept), "it", [Picture(SHA, 4, 3, 9)])
    assert "<script" not in page
    assert "<article" not in page


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(HOSTILE[:20]),
            st.sampled_from(PIECES),
            st.text(max_size=12),
        ),
        max_size=14,
    ).map("".join)
)
def test_whatever_comes_the_canonical_form_is_harmless_and_stays(html):
    kept = canonical(html)
    harmless(kept)
    assert canonical(kept) == kept
    assert plain(parts_of(kept)) == plain(parts_of(html))


def test_khmer_and_vietnamese_letters_are_kept():
    khmer = "<p>សូមបង\u200bប្អូន<strong>កុំប្រាប់</strong>លេខកូដ។</p>"
    assert canonical(khmer) == khmer
    assert canonical("<p>Tie\u0302\u0301ng Vie\u0323\u0302t</p>") == "<p>Tiếng Việt</p>"


def test_words_of_two_cells_or_blocks_do_not_run_together():
    assert plain(parts_of("<table><tr><td>Thứ hai</td><td>7 giờ</td></tr></table><div>A</div>B")) == (
        "Thứ hai\n\n7 giờ\n\nA\n\nB"
    )
    assert canonical("<ul><li><p>Một</p><p>hai</p><ul><li>ba</li></ul></li></ul>") == (
        "<ul>\n<li>Một hai</li>\n<li>ba</li>\n</ul>"
    )


def test_each_picture_says_what_it_shows():
    assert shown(parts_of(WRITTEN + PICTURE)) == (SHA,)
    with pytest.raises(Invalid, match="picture-without-words"):
        shown(parts_of(f'<img src="pictures/{SHA}" alt="  ">'))
    many = "".join(f'<img src="pictures/{number:064x}" alt="ảnh">' for number in range(13))
    with pytest.raises(Invalid, match="too-many-pictures"):
        shown(parts_of(many))


def test_a_page_names_its_pictures_by_public_addresses_and_text_cannot_pretend_to():
    pretended = f'<p>src="/tin/it/hinh/{"cd" * 32}"</p>'
    page = on_the_page(parts_of(pretended + PICTURE), "it", [Picture(SHA, 640, 480, 9)])
    assert (
        f'<img src="/tin/it/hinh/{SHA}" alt="Chợ &quot;Cầu Kè&quot;" width="640" height="480" loading="lazy">' in page
    )
    assert of_the_article(page) == (SHA,)
    whole = inside(page, {SHA: b"RIFF"})
    assert 'src="data:image/webp;base64,UklGRg=="' in whole
    assert "/tin/" not in whole.replace("&quot;/tin/", "")


def test_an_approval_binds_what_is_formatted_and_what_is_plain_is_bound_as_before():
    def item(html):
        content = Content("Tiêu đề", "Nội dung của tin.", "normal", ("05",), "skills", "vi", html)
        return Item("it", Person("p", "Lan"), Unit("u", "Xã", ("u",)), content, None, None)

    hashes = {hash_to_approve(item(html)) for html in (None, "<p>Nội dung của tin.</p>", "<h2>Nội dung của tin.</h2>")}
    assert len(hashes) == 3
    assert hash_to_approve(item(None)) == "4196290986f912218848eb6783d56fadcaedee77e0ca8c3ad4f095fe56fb8a98"
