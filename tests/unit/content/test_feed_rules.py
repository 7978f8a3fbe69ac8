"""The strict readers find what is wrong, and nothing in what our code writes."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from lantoa_content.domain.feeds import Entry, Feed, Sound, atom, json_feed
from lantoa_content.domain.linked_data import Story, first_picture, news_article, with_full_addresses
from lantoa_content.domain.sitemaps import NewsPage, month_of, months, news_sitemap, sitemap, sitemap_index
from lantoa_testing.feed_rules import atom_faults, json_feed_faults, sitemap_faults

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
SITE = "https://x.vn"
SOUND = Sound(f"{SITE}/tin/1/am-thanh", "audio/ogg", 10, 65.0)


def _entry(number, **other):
    fields = {
        "id": f"urn:uuid:{number}",
        "url": f"{SITE}/tin/{number}",
        "title": f"Tin {number}",
        "summary": "Tóm tắt",
        "html": f'<article><p>Nội dung <a href="{SITE}/tin">tin</a></p></article>',
        "author": "Xã Cầu Kè",
        "topic": "skills",
        "topic_name": "Kỹ năng số",
        "language": "vi",
        "published": NOW - timedelta(days=1),
        "updated": NOW,
        "sound": SOUND,
        "picture": f"{SITE}/anh.jpg",
    }
    return Entry(**(fields | other))


def _feed(*entries, **other):
    fields = {
        "subject": f"{SITE}/tin",
        "title": "Tin tức",
        "description": "Tin đã duyệt",
        "author": "Thông tin cơ sở",
        "language": "vi",
        "home_url": f"{SITE}/tin",
        "self_url": f"{SITE}/tin/atom.xml",
        "first_url": f"{SITE}/tin/atom.xml",
        "next_url": f"{SITE}/tin/atom.xml?trang=x",
        "updated": NOW,
        "entries": entries,
    }
    return Feed(**(fields | other))


GOOD = _feed(_entry(1), _entry(2, sound=None, picture=None, language="km"))


def test_what_we_write_keeps_every_rule():
    assert atom_faults(atom(GOOD)) == []
    assert json_feed_faults(json_feed(GOOD)) == []
    assert atom_faults(atom(_feed(next_url=None))) == []


BAD_ATOM = {
    "no id": ("<id>urn:uuid:1</id>", ""),
    "two ids": ("<id>urn:uuid:1</id>", "<id>urn:uuid:1</id><id>urn:uuid:9</id>"),
    "same id": ("<id>urn:uuid:2</id>", "<id>urn:uuid:1</id>"),
    "relative id": ("<id>urn:uuid:1</id>", "<id>tin-1</id>"),
    "no title": ("<title>Tin 1</title>", "<title />"),
    "local time": ("2026-11-24T08:00:00+00:00", "2026-11-24T08:00:00"),
    "small t": ("2026-11-23T08:00:00+00:00", "2026-11-23t08:00:00z"),
    "no day": ("2026-11-24T08:00:00+00:00", "2026-11-34T08:00:00+00:00"),
    "no self": ('rel="self"', 'rel="related"'),
    "relative link": (f'href="{SITE}/tin/1"', 'href="/tin/1"'),
    "no length": ('length="10"', ""),
    "no name": ("<name>Xã Cầu Kè</name>", "<name />"),
    "relative reference": (f"href=&quot;{SITE}/tin".replace("&quot;", '"'), 'href="/tin'),
    "language": ('xml:lang="km"', 'xml:lang="khmer_kh"'),
    "entity": ("<feed", "<!DOCTYPE feed [<!ENTITY a 'b'>]><feed"),
    "cut off": ("</feed>", ""),
    "markup in text": ("<summary>Tóm tắt</summary>", "<summary><b>Tóm tắt</b></summary>"),
}


@pytest.mark.parametrize("change", BAD_ATOM.values(), ids=BAD_ATOM)
def test_a_broken_rule_of_atom_is_found(change):
    text = atom(GOOD).decode()
    assert change[0] in text
    assert atom_faults(text.replace(*change, 1).encode())


BAD_JSON = {
    "version": {"version": "https://jsonfeed.org/version/1"},
    "no title": {"title": None},
    "relative": {"feed_url": "/tin/feed.json"},
    "itself": {"next_url": f"{SITE}/tin/atom.xml"},
    "unknown": {"link": SITE},
    "authors": {"authors": [{"email": "x"}]},
    "language": {"language": "Tiếng Việt"},
    "no items": {"items": {}},
}
BAD_ITEMS = {
    "number as id": {"id": 1},
    "no content": {"content_html": ""},
    "relative image": {"image": "anh.jpg"},
    "time": {"date_published": "24/11/2026"},
    "tags": {"tags": "skills"},
    "attachment": {"attachments": [{"url": SITE}]},
    "size": {"attachments": [{"url": SITE, "mime_type": "audio/ogg", "size_in_bytes": "10"}]},
    "same id": {"id": "urn:uuid:2"},
    "relative reference": {"content_html": '<img src="/anh.jpg">'},
}


@pytest.mark.parametrize("change", BAD_JSON.values(), ids=BAD_JSON)
def test_a_broken_rule_of_json_feed_is_found(change):
    assert json_feed_faults(json.dumps(json.loads(json_feed(GOOD)) | change).encode())


@pytest.mark.parametrize("change", BAD_ITEMS.values(), ids=BAD_ITEMS)
def test_a_broken_rule_of_an_item_is_found(change):
    feed = json.loads(json_feed(GOOD))
    feed["items"][0] |= change
    assert json_feed_faults(json.dumps(feed).encode())


def test_sitemaps_keep_their_rules_and_broken_ones_are_found():
    place = f"{SITE}/tin/sitemap.xml"
    news = news_sitemap([NewsPage(f"{SITE}/tin/1", "Tin <1>", "km", NOW)] * 1, "Thông tin cơ sở")
    pages = sitemap([(f"{SITE}/tin/1?a=1&b=2", NOW), (f"{SITE}/tin/2", None)])
    index = sitemap_index([f"{SITE}/tin/sitemap/2026-11.xml"])
    for document in (news, pages, index):
        assert sitemap_faults(document, place, NOW) == []
    assert sitemap_faults(news, place, NOW + timedelta(days=3))
    assert sitemap_faults(news.replace(b">km<", b">khm-Khmr<"), place, NOW)
    assert sitemap_faults(pages, "https://other.vn/sitemap.xml", NOW)
    assert sitemap_faults(pages.replace(b"/tin/2", b"/tin/1?a=1&amp;b=2"), place, NOW)
    assert sitemap_faults(pages.replace(b"2026-11-24T", b"24.11.2026 "), place, NOW)
    many = news_sitemap([NewsPage(f"{SITE}/tin/{n}", "Tin", "vi", NOW) for n in range(1200)], "Tin")
    assert sitemap_faults(many, place, NOW) == []


def test_months_reach_from_the_first_post_to_today_in_local_time():
    first = datetime(2025, 12, 31, 18, tzinfo=UTC)  # The new year had begun in Vietnam.
    assert months(first, datetime(2026, 3, 1, tzinfo=UTC)) == ["2026-03", "2026-02", "2026-01"]
    assert months(None, NOW) == []
    begin, end = month_of("2025-12")
    assert (begin.isoformat(), end.isoformat()) == ("2025-12-01T00:00:00+07:00", "2026-01-01T00:00:00+07:00")
    for name in ("2025-13", "2025-1", "202512", "", "0000-01", "2025-1٣"):
        with pytest.raises(ValueError, match=r".+"):
            month_of(name)


def test_readers_elsewhere_get_full_addresses_and_texts_stay_as_they_are():
    html = (
        '<p title="x" class="a">src="/x" <a href="/tin/1">a</a> <img alt="" src="/anh/1.jpg"> <a href="//y">b</a></p>'
    )
    full = with_full_addresses(html, SITE)
    assert full == (
        f'<p title="x" class="a">src="/x" <a href="{SITE}/tin/1">a</a> <img alt="" src="{SITE}/anh/1.jpg"> '
        '<a href="//y">b</a></p>'
    )
    assert first_picture(html, SITE) == f"{SITE}/anh/1.jpg"
    assert first_picture('<img src="https://x.vn/a?b=1&amp;c=2">', SITE) == "https://x.vn/a?b=1&c=2"
    assert first_picture('<img src="javascript:alert(1)">', SITE) is None
    assert first_picture("<p>Không ảnh</p>", SITE) is None


def test_an_item_tells_search_engines_what_it_is():
    told = news_article(
        Story(
            "u",
            "T" * 200,
            "s",
            "Kỹ năng",
            "vi",
            "Xã Cầu Kè",
            "Thông tin cơ sở",
            NOW,
            NOW,
            None,
            ("a", "audio/ogg", 65.2),
        )
    )
    assert (told["@type"], len(told["headline"])) == ("NewsArticle", 110)
    assert told["audio"]["duration"] == "PT65S"
    assert "image" not in told
