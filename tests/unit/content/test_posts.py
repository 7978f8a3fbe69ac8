"""Posts and their feeds without any server."""

import json
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import feedparser
from hypothesis import given
from hypothesis import strategies as st

from lantoa_content.domain.feeds import Entry, Feed, Sound, atom, json_feed
from lantoa_content.domain.places import Place, former_names, gathered, grown_from, predecessors, standing
from lantoa_content.domain.post import Standing, article_sha256, found, looked_at, over, pause
from lantoa_content.domain.sitemaps import sitemap
from lantoa_content.domain.text import excerpt
from lantoa_content.domain.webpage import article_of, description_of, web_page

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
FINDINGS = st.sampled_from(["as-approved", "changed", "gone", "unreachable"])
PAGE = web_page("Tiêm chủng", "Sáng thứ Bảy.", "Xã Cầu Kè", "Thứ Sáu, ngày 10 tháng 10 năm 2025", "vi")
ARTICLE = article_of(PAGE.encode())
HASH = article_sha256(ARTICLE)


NEW = Standing()


def _after(findings, standing=NEW):
    for minute, finding in enumerate(findings):
        standing = looked_at(standing, finding, NOW + timedelta(minutes=minute))
    return standing


@given(st.lists(FINDINGS))
def test_the_last_look_that_saw_the_page_decides(findings):
    seen = [one for one in findings if one != "unreachable"]
    post = _after(findings)
    if not seen:
        assert post.state == "published"
    elif seen[-1] == "as-approved":
        assert (post.state, post.reason) == ("confirmed", None)
    else:
        assert (post.state, post.reason) == ("unconfirmed", seen[-1])


@given(st.lists(FINDINGS))
def test_the_first_confirmation_keeps_its_time(findings):
    first = findings.index("as-approved") if "as-approved" in findings else None
    assert _after(findings).confirmed_at == (NOW + timedelta(minutes=first) if first is not None else None)


@given(st.lists(FINDINGS), st.lists(FINDINGS), st.sampled_from(["withdrawn", "edited"]))
def test_what_is_over_stays_over(before, after, reason):
    ended = over(_after(before), reason)
    assert _after(after, ended) == ended
    assert (ended.state, ended.reason, ended.live) == ("unconfirmed", reason, False)


@given(st.lists(FINDINGS, max_size=40), st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_looks_become_rarer_after_failures_and_with_age_and_never_stop(findings, age):
    post, backoff, recheck = _after(findings), timedelta(seconds=2), timedelta(hours=6)
    wait = pause(post, age, backoff, recheck)
    if post.failures:
        assert wait == min(backoff * 2 ** (post.failures - 1), timedelta(hours=1))
    else:
        assert wait == max(recheck, age / 20)


def test_an_answer_is_judged_by_its_one_article():
    page = PAGE.encode()
    assert found(200, page, HASH) == "as-approved"
    assert found(200, b"<p>other things around it</p>" + page, HASH) == "as-approved"
    for body in (
        b"",
        ARTICLE[:-1],
        page + ARTICLE,
        page + b"<article class=x>",
        page.replace(b"<article>", b"<section>"),
    ):
        assert found(200, body, HASH) == "changed"
    assert {found(status, page, HASH) for status in (301, 302, 404, 410)} == {"gone"}
    assert {found(status, page, HASH) for status in (None, 403, 429, 500, 503)} == {"unreachable"}


@given(st.integers(0, len(ARTICLE) - 1), st.integers(1, 255))
def test_no_changed_byte_of_an_article_passes(place, other):
    changed = bytearray(ARTICLE)
    changed[place] ^= other
    assert found(200, bytes(changed), HASH) == "changed"


@given(st.text(), st.text(min_size=1))
def test_every_page_has_one_article_and_its_description_back(title, body):
    page = web_page(title, body, title, body, "vi")
    assert article_of(page.encode("utf-8", "surrogatepass")) is not None
    assert description_of(page) == excerpt(body, 160)


def _place(unit_id, path, successors=(), valid_to=None):
    return Place(unit_id, unit_id, unit_id.upper(), tuple(path), None, valid_to, tuple(successors))


TREE = [
    _place("old-province", ["old-province"], ["province"], "2025-06-30"),
    _place("district", ["old-province", "district"], [], "2025-06-30"),
    _place("ward-1", ["old-province", "district", "ward-1"], ["ward"], "2025-06-30"),
    _place("ward-0", ["old-province", "district", "ward-0"], ["ward-1"], "2020-12-31"),
    _place("province", ["province"]),
    _place("ward", ["province", "ward"]),
    _place("other", ["province", "other"]),
]


def test_a_unit_gathers_what_is_below_it_and_what_went_into_it_through_all_reforms():
    assert gathered("ward", TREE) == {"ward", "ward-1", "ward-0"}
    assert gathered("other", TREE) == {"other"}
    assert gathered("province", TREE) == {place.id for place in TREE}
    assert gathered("ward-1", TREE) == {"ward-1", "ward-0"}
    assert [place.id for place in standing(TREE, "2026-01-01")] == ["province", "other", "ward"]
    assert "ward-1" in {place.id for place in standing(TREE, "2025-06-30")}


def test_successors_in_a_ring_end():
    ring = [_place("a", ["a"], ["b"]), _place("b", ["b"], ["a"])]
    assert gathered("a", ring) == {"a", "b"}
    assert [place.id for place in grown_from("a", predecessors(ring))] == ["b"]


def test_a_unit_knows_its_former_names_through_all_reforms_the_last_first():
    before = predecessors(TREE)
    assert former_names(TREE[5], before) == ["WARD-1", "WARD-0"]
    assert former_names(TREE[6], before) == []
    renamed = [_place("new", ["new"]), _place("old", ["old"], ["new"])]
    same = Place("new", "1", "OLD", ("new",), None, None, ())
    assert former_names(same, predecessors(renamed)) == []


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_feeds_are_well_formed_whatever_was_written(title, summary, html):
    sound = Sound("https://x.vn/a?b=1&c=2", "audio/ogg", 10, None)
    entry = Entry("urn:uuid:1", "https://x.vn/1", title, summary, html, title, title, title, "km", NOW, NOW, sound)
    home, own = "https://x.vn", "https://x.vn/a.xml"
    feed = Feed(home, title, summary, title, "vi", home, own, own, "https://x.vn/n", NOW, (entry,))
    root = ET.fromstring(atom(feed))  # noqa: S314 - what the code under test wrote
    assert len(root.findall("{http://www.w3.org/2005/Atom}entry")) == 1
    (item,) = json.loads(json_feed(feed))["items"]
    assert (item["title"], item["content_html"], item["attachments"]) == (
        title,
        html,
        [{"url": sound.url, "mime_type": "audio/ogg", "size_in_bytes": 10}],
    )
    ET.fromstring(sitemap([("https://x.vn/tin/1?a=1&b=2", NOW)]))  # noqa: S314 - as above


def test_a_feed_s_id_follows_its_filter_and_not_its_content():
    def feed(home, title):
        return feedparser.parse(atom(Feed(home, title, "", "a", "vi", home, home, home, None, NOW, ()))).feed.id

    assert feed("https://x.vn/tin", "a") == feed("https://x.vn/tin", "b") != feed("https://x.vn/tin?don-vi=1", "a")
