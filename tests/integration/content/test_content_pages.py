"""The public pages and feeds, as strangers and their programs read them."""

import base64
import gzip
import json
import re
from datetime import timedelta
from html import unescape
from urllib.parse import unquote
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
    return re.findall(r'<h[23] lang="[a-z]+"><a href="/tin/([^"?]+)', page)


async def _whole(news, path):
    """Every page of a list, as its reader walks it: the items of each."""
    found = []
    while path:
        status, page, _ = await news.get(path)
        assert status == 200
        found.append(_cards(page))
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = older[1].replace("&amp;", "&") if older else None
    return found


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
    # Only what tells search engines of the item, and a file of ours that the page can do without.
    assert re.findall(r"<script[^>]*>", page) == [
        '<script type="application/ld+json">',
        '<script src="/tin/share.js" defer>',
    ]
    assert page.count("<h1") == 1
    told = json.loads(page.split('<script type="application/ld+json">')[1].split("</script>")[0])
    assert (told["@type"], told["headline"], told["url"]) == ("NewsArticle", "Tiêm chủng tháng 11", url)
    assert (told["audio"]["contentUrl"], told["audio"]["duration"]) == (f"{url}/am-thanh", "PT65S")
    assert told["dateModified"] == told["datePublished"]


async def test_an_item_is_passed_on_by_plain_links_to_its_own_address(news):
    event = await news.publish('Tin "lạ" & mới', "Nội dung.")
    page = (await news.get(f"/tin/{event.item_id}"))[1]
    url = f"{news.street.url}/tin/{event.item_id}"
    links = [unquote(unescape(link)) for link in re.findall(r'<a class="tag" href="([^"]+)" rel="noopener', page)]
    zalo, facebook, mail, message = links
    assert json.loads(base64.b64decode(zalo.removeprefix("https://button-share.zalo.me/share_external?d="))) == {
        "url": url
    }
    assert facebook == f"https://www.facebook.com/sharer/sharer.php?u={url}"
    assert mail == f'mailto:?subject=Tin "lạ" & mới&body=Tin "lạ" & mới\n{url}'
    assert message.endswith(url)
    status, script, headers = await news.get("/tin/share.js")
    assert (status, "clipboard" in script, headers["Content-Type"]) == (200, True, "text/javascript; charset=utf-8")


async def test_an_item_knows_its_first_day_its_edits_former_names_and_relatives(news):
    first = await news.publish("Bản đầu")
    await _age(news, first, days=2)
    await news.running.service.db["posts"].update_one(
        {"item_id": first.item_id}, {"$set": {"first_published_at": Clock().now() - timedelta(days=2)}}
    )
    same = await news.publish("Cùng nơi, cùng chủ đề")
    other = await news.publish("Nơi khác", unit_id=news.other_unit_id)
    far = await news.publish("Xa lạ", unit_id=news.other_unit_id, topic="legal")
    await news.withdraw(first, "edited")
    await _ended(news, first)
    again = await news.publish("Bản sau", item_id=first.item_id, revision=2)
    page = (await news.get(f"/tin/{again.item_id}"))[1]
    told = json.loads(page.split('<script type="application/ld+json">')[1].split("</script>")[0])
    assert told["datePublished"] < told["dateModified"]
    assert "Cập nhật lúc" in page
    assert "Tên cũ của địa phương" in page
    assert "Xã Hòa Ân" in page
    related = page.split('class="related"')[1]
    assert related.index(same.item_id) < related.index(other.item_id)
    assert far.item_id not in related
    assert again.item_id not in related


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
    every = made[:9:-1] + sorted(made[:10], reverse=True)
    found = await _whole(news, "/tin/chu-de/skills?lang=en")
    assert [len(page) for page in found] == [20, 20, 5]
    assert [item_id for page in found for item_id in page] == every
    front, *rest = await _whole(news, "/tin?lang=en")
    # The front shows eight, and further titles by topic; the pages after it go on after the eight.
    assert front[:8] == every[:8]
    assert [item_id for page in rest for item_id in page] == every[8:]


async def test_the_front_tells_the_newest_and_leads_to_every_topic_and_to_places_with_news(news):
    made = await news.publish_many([f"Tin số {number}" for number in range(12)])
    elsewhere = await news.publish("Ở Tam Ngãi", unit_id=news.other_unit_id, topic="security")
    _, page, _ = await news.get("/tin")
    newest, topics = page.split("Theo chủ đề")
    topics, places = topics.split("Theo địa phương")
    assert _cards(newest) == [elsewhere.item_id, *made[:4:-1]]
    assert [item for item in made if item in topics] == made[2:5]
    assert len(re.findall(r'<h3><a href="/tin/chu-de/[a-z]+">', topics)) == 8
    assert f'href="/tin/don-vi/{news.unit_id}"' in places
    assert f'href="/tin/don-vi/{news.other_unit_id}"' in places
    assert 'action="/tin/tim"' in newest


async def test_what_a_form_asks_for_has_one_address(news):
    unit = news.unit_id
    for query, address in {
        f"don-vi={unit}&chu-de=skills&ngon-ngu=km": f"/tin/don-vi/{unit}/chu-de/skills?ngon-ngu=km",
        f"don-vi={unit}&chu-de=&ngon-ngu=&lang=en": f"/tin/don-vi/{unit}?lang=en",
        "don-vi=&chu-de=skills": "/tin/chu-de/skills",
        "don-vi=&chu-de=&ngon-ngu=": "/tin",
        "don-vi=%2F%2Fevil.example%2F..&chu-de=": "/tin/don-vi/%2F%2Fevil.example%2F..",
    }.items():
        status, _, headers = await news.get(f"/tin?{query}")
        assert (status, headers["Location"]) == (301, address)
    page = (await news.get(f"/tin/don-vi/{unit}/chu-de/skills?ngon-ngu=km"))[1]
    assert f'<link rel="canonical" href="{news.street.url}/tin/don-vi/{unit}/chu-de/skills?ngon-ngu=km">' in page


async def test_lists_are_narrowed_by_unit_with_all_below_and_before_and_by_topic(news):
    here = await news.publish("Ở Cầu Kè")
    there = await news.publish("Ở Tam Ngãi", unit_id=news.other_unit_id, topic="security", language="km")
    former = await news.publish("Ở Hòa Ân cũ", unit_id=news.ended_unit_id)

    async def listed(path):
        return set(_cards((await news.get(f"/tin{path}"))[1]))

    unit, other, ended = news.unit_id, news.other_unit_id, news.ended_unit_id
    assert await listed("") == {here.item_id, there.item_id, former.item_id}
    assert await listed("/don-vi/u-86-2025") == {here.item_id, there.item_id, former.item_id}
    assert await listed(f"/don-vi/{unit}") == {here.item_id, former.item_id}
    assert await listed(f"/don-vi/{ended}") == {former.item_id}
    assert await listed("/chu-de/security") == {there.item_id}
    assert await listed(f"/don-vi/{unit}/chu-de/security") == set()
    assert await listed(f"/don-vi/{other}/chu-de/security") == {there.item_id}
    assert await listed("?ngon-ngu=km") == {there.item_id}
    assert await listed("/chu-de/security?ngon-ngu=vi") == set()
    _, page, _ = await news.get(f"/tin/don-vi/{unit}")
    assert "<h1>Tin tức · Xã Cầu Kè</h1>" in page
    assert f'<option value="{unit}" selected>Xã Cầu Kè</option>' in page
    assert ended not in page.split("<form")[1].split("</form>")[0]
    assert re.search(r"Trước đây là:.*Xã Hòa Ân", page)
    _, page, _ = await news.get(f"/tin/don-vi/{ended}")
    assert "đơn vị hành chính cũ" in page
    _, page, _ = await news.get("/tin/chu-de/security?lang=en")
    assert "<h1>News · Information safety and security</h1>" in page
    assert '<input type="hidden" name="lang" value="en">' in page


async def test_the_index_of_places_names_those_of_today_with_their_names_of_before(news):
    _, page, _ = await news.get("/tin/don-vi")
    assert re.findall(r'<a href="/tin/don-vi/(u-[^"]+)">', page) == ["u-86-2025", news.unit_id, news.other_unit_id]
    assert re.search(r"Xã Cầu Kè</a>\s*<span[^>]*><span[^>]*>trước là</span> Xã Hòa Ân", page)


NO_LISTS = {"don-vi=u-0": 404, "chu-de=weather": 404, "ngon-ngu=xx": 404, "trang=!!": 400, "trang=" + "x" * 201: 422}
NO_PAGES = {"/don-vi/u-0": 404, "/don-vi/$gt": 404, "/chu-de/weather": 404, "?ngon-ngu=xx": 404, "?trang=!!": 400}
NO_PAGES |= {
    "/don-vi/" + "x" * 65: 422,
    "/a/b/c": 404,
    "/sitemap/2026-13.xml": 404,
    "/sitemap/A.xml": 422,
    "/x.php": 404,
}


async def test_a_list_that_is_none_is_an_error_page(news):
    paths = {
        f"/{kind}?{query}": status for query, status in NO_LISTS.items() for kind in ("atom.xml", "feed.json", "khung")
    }
    paths |= {f"/sitemap.xml?{query}": status for query, status in NO_LISTS.items() if "trang" not in query}
    del paths["/khung?trang=!!"], paths["/khung?trang=" + "x" * 201]  # A column has one page.
    for path, status in (NO_PAGES | paths).items():
        got, page, headers = await news.get(f"/tin{path}")
        assert (path, got, headers["Content-Type"]) == (path, status, "text/html; charset=utf-8")
        assert 'role="alert"' in page


async def test_nothing_that_somebody_wrote_is_markup(news):
    event = await news.publish(HOSTILE, f"Nội dung {HOSTILE} hết.", topic="legal")
    for path in ("/tin", f"/tin/{event.item_id}", "/tin/tim?q=xong", "/tin/khung", "/wifi", "/tin/chu-de/legal"):
        page = (await news.get(path))[1]
        assert "<script>" not in page
        assert "&lt;script&gt;" in page
        assert "{{ 7*7 }}" in page
        assert "\u0007" not in page
    _, text, _ = await news.get("/tin/atom.xml")
    (entry,) = _xml(text).findall("{http://www.w3.org/2005/Atom}entry")
    title = entry.findtext("{http://www.w3.org/2005/Atom}title")
    assert title == "<script>alert(1)</script> ]]> & \"'{{ 7*7 }} \u202e xong"
    (item,) = json.loads((await news.get("/tin/feed.json"))[1])["items"]
    assert item["title"].startswith("<script>alert(1)</script> ]]>")
    assert "<script" not in item["content_html"]
    _xml((await news.get("/tin/sitemap/tin-moi.xml"))[1])


async def test_khmer_is_marked_as_khmer_everywhere(news):
    event = await news.publish("ថ្នាក់រៀនជំនាញឌីជីថល", "សូមអញ្ជើញបងប្អូនចូលរួម។", language="km")
    page = (await news.get(f"/tin/{event.item_id}"))[1]
    assert '<div class="approved" lang="km">' in page
    assert '<meta property="og:locale" content="km_KH">' in page
    assert "Tiếng Khmer" in page
    assert '<h3 lang="km">' in (await news.get("/tin"))[1]
    assert feedparser.parse((await news.get("/tin/atom.xml"))[1]).entries[0].title_detail.language == "km"
    assert json.loads((await news.get("/tin/feed.json"))[1])["items"][0]["language"] == "km"


DATED = ("/tin", "/tin/chu-de/skills", "/tin/atom.xml", "/tin/feed.json", "/tin/khung")
UNDATED = ("/tin/tim?q=tin", "/tin/sitemap.xml", "/tin/sitemap/tin-moi.xml", "/tin/don-vi", "/tin/nhung", "/robots.txt")
PAGES = (*DATED, *UNDATED)


async def test_what_a_reader_has_is_not_sent_again_until_it_changes(news):
    event, other = await news.publish(), await news.publish("Tin thứ hai")
    at = await _age(news, other, days=3)
    await _age(news, event, days=2)
    for path in (*DATED, f"/tin/{event.item_id}"):
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
    for path in UNDATED:
        tag = (await news.get(path))[2]["ETag"]
        assert (await news.get(path, If_None_Match=tag))[0] == 304, path
    held = {path: (await news.get(path))[2] for path in (*DATED, f"/tin/{event.item_id}", "/tin/tim?q=tin")}
    await news.withdraw(other)
    await _ended(news, other)
    for path, headers in held.items():
        assert (await news.get(path, If_None_Match=headers["ETag"]))[0] == 200, path
        if "Last-Modified" in headers:
            assert (await news.get(path, If_Modified_Since=headers["Last-Modified"]))[0] == 200, path


async def test_pages_travel_compressed_to_who_can_read_that(news):
    await news.publish_many([f"Tin số {number}" for number in range(20)])
    for path in ("/tin", "/tin/atom.xml", "/tin/tim?q=tin"):
        address = news.running.url + path
        sizes, tags = [], []
        for accepted in ("identity", "gzip;q=0", "br, gzip;q=0.5"):
            async with news.street.session.get(address, headers={"Accept-Encoding": accepted}) as answer:
                body = await answer.read()
                sizes.append(len(body))
                tags.append(answer.headers["ETag"])
                assert "Accept-Encoding" in answer.headers["Vary"]
                assert answer.headers["Content-Length"] == str(len(body))
        assert sizes[0] == sizes[1] > 3 * sizes[2]
        assert gzip.decompress(body)
        assert tags[0] == tags[1] != tags[2]


async def test_an_empty_site_has_pages_and_feeds_too(news):
    assert "Chưa có tin nào." in (await news.get("/tin"))[1]
    assert "Chưa có tin nào ở đây" in (await news.get("/tin/chu-de/skills"))[1]
    parsed = feedparser.parse((await news.get("/tin/atom.xml"))[1])
    assert (parsed.bozo, parsed.entries) == (False, [])
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
    item = f"/tin/{made[0]}"
    lists = ("/tin", "/tin/chu-de/skills", "/tin/tim?q=uy+ban", "/tin/don-vi", "/tin/nhung", "/tin/khung?so=20")
    for path in (*lists, item, "/tin/canh-bao", "/tin/khong-co"):
        page = (await news.get(path))[1]
        assert len(page.encode()) < 50_000, path
    for path in ("/wifi", "/tin/wifi", f"/wifi?diem={news.unit_id}"):
        assert len((await news.get(path))[1].encode()) < 14_000, path
    status, style, _ = await news.get("/tin/pages.css")
    assert (status, ".approved" in style) == (200, True)


async def test_the_longest_item_is_a_small_page_around_its_own_text(news):
    sentence = "សូមអញ្ជើញបងប្អូនចូលរួមថ្នាក់រៀនជំនាញឌីជីថល។ "
    event = await news.publish("ថ្នាក់រៀន", (sentence * 500)[:20_000], language="km")
    page = (await news.get(f"/tin/{event.item_id}"))[1].encode()
    assert len(page) - len(article_of(page)) < 12_000
    assert len(gzip.compress(page)) < 20_000
