"""The public pages and feeds, as strangers and their programs read them."""

import json
import re
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

import feedparser
import pytest

from lantoa_content.domain.webpage import article_of
from lantoa_runtime.clock import Clock
from lantoa_testing.plugin import eventually

HOSTILE = "<script>alert(1)</script> ]]> & \"'{{ 7*7 }} \ufffe\u0007\u202e xong"


@pytest.fixture
async def news(newsroom):
    return await newsroom()


def _cards(page):
    return re.findall(r'<h2 lang="[a-z]+"><a href="/tin/([^"?]+)', page)


def _xml(text):
    return ET.fromstring(text)  # noqa: S314 - what the service under test wrote


async def _age(news, event, **ago):
    """Make a post older than it is."""
    at = Clock().now() - timedelta(**ago)
    await news.running.service.db["posts"].update_one({"_id": f"web-{event.item_id}-1"}, {"$set": {"published_at": at}})
    return at


async def _ended(news, event):
    async def gone():
        return (await news.get(f"/tin/{event.item_id}"))[0] != 200

    await eventually(gone)


async def test_an_item_s_page_holds_the_approved_article_byte_for_byte(news):
    event = await news.publish("Tiêm chủng tháng 11", "Sáng thứ Bảy.\n\n- Mang sổ\n- Đúng giờ")
    status, page, headers = await news.get(f"/tin/{event.item_id}", Accept_Language="en")
    approved = await news.running.service.blobs.get(event.renditions[1].blob.sha256)
    assert (status, headers["Content-Type"], headers["Content-Language"]) == (200, "text/html; charset=utf-8", "en")
    assert article_of(page.encode()) == article_of(approved)
    url = f"{news.street.url}/tin/{event.item_id}"
    for wanted in (
        f'<link rel="canonical" href="{url}">',
        f'<meta property="og:url" content="{url}">',
        '<meta property="og:title" content="Tiêm chủng tháng 11">',
        '<meta property="og:description" content="Sáng thứ Bảy. Mang sổ. Đúng giờ.">',
        f'<audio controls preload="none" src="/tin/{event.item_id}/am-thanh">',
        "(1:05)",
        "Xã Cầu Kè",
        '<html lang="en">',
        '<div class="approved" lang="vi">',
        "a" * 64,
    ):
        assert wanted in page
    assert "<script" not in page
    assert page.count("<h1") == 1


async def test_the_audio_is_heard_from_any_place_and_not_sent_twice(news):
    event = await news.publish("Âm thanh")
    path = f"/tin/{event.item_id}/am-thanh"
    status, whole, headers = await news.get(path)
    assert (status, whole, headers["Content-Type"]) == (200, "OggSÂm thanh", "audio/ogg")
    status, part, sent = await news.get(path, Range="bytes=0-3")
    assert (status, part, sent["Content-Range"]) == (206, "OggS", f"bytes 0-3/{len('OggSÂm thanh'.encode())}")
    assert (await news.get(path, If_None_Match=headers["ETag"]))[0] == 304


async def test_what_was_withdrawn_is_gone_in_a_plain_sentence(news):
    event = await news.publish()
    await news.withdraw(event)
    await _ended(news, event)
    status, page, _ = await news.get(f"/tin/{event.item_id}")
    assert status == 410
    assert "Cơ quan phê duyệt đã thu hồi tin này" in page
    assert "Nội dung của tin" not in page
    assert (await news.get(f"/tin/{event.item_id}/am-thanh"))[0] == 410
    edited = await news.publish("Tin sẽ sửa")
    await news.withdraw(edited, "edited")
    await _ended(news, edited)
    status, page, _ = await news.get(f"/tin/{edited.item_id}", Accept_Language="en")
    assert status == 404
    assert "waits for approval" in page
    status, page, _ = await news.get("/tin/khong-co")
    assert (status, "Không có tin này" in page) == (404, True)


async def test_the_list_is_walked_by_places_in_time_without_loss(news):
    made = await news.publish_many([f"Tin số {number}" for number in range(45)])
    same = Clock().now() - timedelta(days=40)
    for item_id in made[:10]:  # One moment for ten of them, and long before the rest.
        await news.running.service.db["posts"].update_one({"item_id": item_id}, {"$set": {"published_at": same}})
    found, path = [], "/tin?lang=en"
    while path:
        status, page, _ = await news.get(path)
        assert status == 200
        found.append(_cards(page))
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = older[1].replace("&amp;", "&") if older else None
    assert [len(page) for page in found] == [20, 20, 5]
    assert [item_id for page in found for item_id in page] == made[:9:-1] + sorted(made[:10], reverse=True)


async def test_lists_are_narrowed_by_unit_with_all_below_and_before_and_by_topic(news):
    here = await news.publish("Ở Cầu Kè")
    there = await news.publish("Ở Tam Ngãi", unit_id=news.other_unit_id, topic="security")
    former = await news.publish("Ở Hòa Ân cũ", unit_id=news.ended_unit_id)

    async def listed(query):
        return set(_cards((await news.get(f"/tin?{query}"))[1]))

    assert await listed("") == {here.item_id, there.item_id, former.item_id}
    assert await listed("don-vi=u-86-2025") == {here.item_id, there.item_id, former.item_id}
    assert await listed(f"don-vi={news.unit_id}") == {here.item_id, former.item_id}
    assert await listed(f"don-vi={news.ended_unit_id}") == {former.item_id}
    assert await listed("chu-de=security&don-vi=") == {there.item_id}
    assert await listed(f"chu-de=security&don-vi={news.unit_id}") == set()
    _, page, _ = await news.get(f"/tin?don-vi={news.unit_id}")
    assert "<h1>Tin tức · Xã Cầu Kè</h1>" in page
    assert f'<option value="{news.unit_id}" selected>Xã Cầu Kè</option>' in page
    assert news.ended_unit_id not in page.split("<form")[1].split("</form>")[0]
    _, page, _ = await news.get(f"/tin?don-vi={news.ended_unit_id}")
    assert "đơn vị hành chính cũ" in page
    _, page, _ = await news.get("/tin?chu-de=security&lang=en")
    assert "<h1>News · Information safety and security</h1>" in page
    assert '<input type="hidden" name="lang" value="en">' in page


NO_LISTS = {"don-vi=u-0": 404, "don-vi=$gt": 404, "chu-de=weather": 404, "trang=!!": 400, "trang=" + "x" * 201: 422}


async def test_a_list_that_is_none_is_an_error_page(news):
    for query, status in NO_LISTS.items():
        for path in ("/tin", "/tin/atom.xml", "/tin/feed.json"):
            got, page, headers = await news.get(f"{path}?{query}")
            assert (got, headers["Content-Type"]) == (status, "text/html; charset=utf-8")
            assert 'role="alert"' in page


async def test_nothing_that_somebody_wrote_is_markup(news):
    event = await news.publish(HOSTILE, f"Nội dung {HOSTILE} hết.", topic="legal")
    for path in ("/tin", f"/tin/{event.item_id}"):
        page = (await news.get(path))[1]
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "{{ 7*7 }}" in page
        assert "\u0007" not in page
    _, text, _ = await news.get("/tin/atom.xml")
    (entry,) = _xml(text).findall("{http://www.w3.org/2005/Atom}entry")
    title = entry.findtext("{http://www.w3.org/2005/Atom}title")
    assert title == "<script>alert(1)</script> ]]> & \"'{{ 7*7 }} \u202e xong"
    (item,) = json.loads((await news.get("/tin/feed.json"))[1])["items"]
    assert item["title"].startswith("<script>alert(1)</script> ]]>")
    assert "<script" not in item["content_html"]
    _xml((await news.get("/tin/sitemap.xml"))[1])


async def test_khmer_is_marked_as_khmer_everywhere(news):
    event = await news.publish("ថ្នាក់រៀនជំនាញឌីជីថល", "សូមអញ្ជើញបងប្អូនចូលរួម។", language="km")
    page = (await news.get(f"/tin/{event.item_id}"))[1]
    assert '<div class="approved" lang="km">' in page
    assert '<meta property="og:locale" content="km_KH">' in page
    assert "Tiếng Khmer" in page
    assert '<h2 lang="km">' in (await news.get("/tin"))[1]
    assert feedparser.parse((await news.get("/tin/atom.xml"))[1]).entries[0].title_detail.language == "km"
    assert json.loads((await news.get("/tin/feed.json"))[1])["items"][0]["language"] == "km"


def _rfc3339(value):
    return datetime.fromisoformat(value).tzinfo is not None


async def test_atom_feeds_have_what_rfc_4287_asks_for(news):
    made = await news.publish_many([f"Tin số {number}" for number in range(22)])
    await news.publish("Tin nơi khác", unit_id=news.other_unit_id)
    status, text, headers = await news.get(f"/tin/atom.xml?don-vi={news.unit_id}")
    assert (status, headers["Content-Type"]) == (200, "application/atom+xml")
    parsed = feedparser.parse(text)
    assert (parsed.bozo, parsed.version) == (False, "atom10")
    feed, base = parsed.feed, f"{news.street.url}/tin"
    links = {link.rel: link.href for link in feed.links}
    assert (links["self"], links["alternate"]) == (
        f"{base}/atom.xml?don-vi={news.unit_id}",
        f"{base}?don-vi={news.unit_id}",
    )
    assert feed.id.startswith("urn:uuid:")
    assert (feed.title, feed.author, feed.language) == ("Tin tức · Xã Cầu Kè", "Thông tin cơ sở", "vi")
    assert _rfc3339(feed.updated)
    assert [entry.id for entry in parsed.entries] == [f"urn:uuid:{item_id}" for item_id in reversed(made)][:20]
    entry = parsed.entries[0]
    assert (entry.link, entry.author) == (f"{base}/{made[-1]}", "Xã Cầu Kè")
    assert (entry.enclosures[0].type, entry.enclosures[0].href) == ("audio/ogg", f"{entry.link}/am-thanh")
    assert (entry.content[0].type, "Nội dung của tin." in entry.content[0].value) == ("text/html", True)
    assert _rfc3339(entry.updated)
    assert _rfc3339(entry.published)
    rest = feedparser.parse((await news.get(links["next"].removeprefix(news.street.url)))[1])
    assert [entry.id for entry in rest.entries] == [f"urn:uuid:{item_id}" for item_id in reversed(made)][20:]
    other = feedparser.parse((await news.get("/tin/atom.xml"))[1])
    assert other.feed.id != feed.id
    assert rest.feed.id == feed.id


async def test_json_feeds_keep_the_rules_of_version_1_1(news):
    made = await news.publish_many([f"Tin số {number}" for number in range(21)])
    status, text, headers = await news.get("/tin/feed.json?chu-de=skills", Accept_Language="en")
    feed, base = json.loads(text), f"{news.street.url}/tin"
    assert (status, headers["Content-Type"]) == (200, "application/feed+json")
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert (feed["feed_url"], feed["home_page_url"]) == (f"{base}/feed.json?chu-de=skills", f"{base}?chu-de=skills")
    assert (feed["title"], feed["language"]) == ("News · Basic online skills: shopping, payment, public services", "en")
    ids = [item["id"] for item in feed["items"]]
    assert ids == [f"urn:uuid:{item_id}" for item_id in reversed(made)][:20]
    for item in feed["items"]:
        assert isinstance(item["id"], str)
        assert item["url"].startswith(f"{base}/")
        assert item["content_html"].startswith("<article>")
        assert _rfc3339(item["date_published"])
        assert _rfc3339(item["date_modified"])
        assert [set(author) for author in item["authors"]] == [{"name"}]
        assert all(isinstance(tag, str) for tag in item["tags"])
        (sound,) = item["attachments"]
        assert (sound["mime_type"], sound["duration_in_seconds"]) == ("audio/ogg", 65.0)
        assert sound["size_in_bytes"] > 0
    following = json.loads((await news.get(feed["next_url"].removeprefix(news.street.url)))[1])
    assert [item["id"] for item in following["items"]] == [f"urn:uuid:{made[0]}"]
    assert "next_url" not in following


async def test_the_sitemap_names_every_live_page(news):
    made, gone = await news.publish(), await news.publish("Sẽ thu hồi")
    await news.withdraw(gone)
    await _ended(news, gone)
    status, text, headers = await news.get("/tin/sitemap.xml")
    assert (status, headers["Content-Type"]) == (200, "application/xml")
    name = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    found = [url.findtext(f"{name}loc") for url in _xml(text).findall(f"{name}url")]
    assert found == [f"{news.street.url}/tin/{made.item_id}"]


PAGES = ("/tin", "/tin/atom.xml", "/tin/feed.json", "/tin/sitemap.xml")


async def test_what_a_reader_has_is_not_sent_again_until_it_changes(news):
    event, other = await news.publish(), await news.publish("Tin thứ hai")
    at = await _age(news, other, days=3)
    await _age(news, event, days=2)
    for path in (*PAGES, f"/tin/{event.item_id}"):
        _, body, headers = await news.get(path)
        tag, modified = headers["ETag"], headers["Last-Modified"]
        assert headers["Cache-Control"] == "no-cache"
        for condition in ({"If_None_Match": f'"x", W/{tag}'}, {"If_Modified_Since": modified}):
            status, nothing, sent = await news.get(path, **condition)
            assert (status, nothing, sent["ETag"]) == (304, "", tag)
        since = (at - timedelta(days=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
        assert (await news.get(path, If_Modified_Since=since))[0] == 200
        assert (await news.get(path, If_Modified_Since="hôm qua"))[0] == 200
        assert (await news.get(path, If_None_Match='"x"', If_Modified_Since=modified))[1] == body
    held = {path: (await news.get(path))[2] for path in PAGES}
    await news.withdraw(other)
    await _ended(news, other)
    for path in PAGES:
        assert (await news.get(path, If_None_Match=held[path]["ETag"]))[0] == 200
        assert (await news.get(path, If_Modified_Since=held[path]["Last-Modified"]))[0] == 200


async def test_an_empty_site_has_pages_and_feeds_too(news):
    assert "Chưa có tin nào ở đây" in (await news.get("/tin"))[1]
    parsed = feedparser.parse((await news.get("/tin/atom.xml"))[1])
    assert (parsed.bozo, parsed.entries, _rfc3339(parsed.feed.updated)) == (False, [], True)
    assert json.loads((await news.get("/tin/feed.json"))[1])["items"] == []


async def test_a_head_says_what_a_get_would(news):
    event = await news.publish()
    for path in (*PAGES, f"/tin/{event.item_id}", f"/tin/{event.item_id}/am-thanh"):
        async with news.running.session.head(news.street.url + path) as answer:
            assert (answer.status, await answer.read()) == (200, b"")


async def test_pages_stay_small_with_a_whole_province_and_long_items(news):
    units = news.running.service.db["units"]
    for number in range(124):
        await units.insert_one(
            {
                "_id": f"u-{number:05}-2025",
                "name": f"Xã Tên Khá Dài Số {number}",
                "path": ["u-86-2025", f"u-{number:05}-2025"],
                "valid_from": "2025-07-01",
                "valid_to": None,
                "successor_ids": [],
            }
        )
    words = "Ủy ban nhân dân xã trân trọng thông báo đến bà con. "
    made = await news.publish_many([f"{words * 4}"[:190] + f" {number}" for number in range(21)], body=words * 60)
    for path in ("/tin", f"/tin/{made[0]}"):
        page = (await news.get(path))[1]
        assert len(page.encode()) < 50_000
        assert "<script" not in page
    status, style, _ = await news.get("/tin/pages.css")
    assert (status, ".approved" in style) == (200, True)
