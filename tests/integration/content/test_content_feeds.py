"""Feeds, sitemaps and robots.txt, as programs read them: kind ones (feedparser), and strict ones (the rules)."""

import json
import re
from datetime import timedelta

import feedparser
import pytest

from lantoa_content.domain.picture import PUBLIC_WORD
from lantoa_runtime.clock import Clock
from lantoa_testing.feed_rules import SITEMAP, atom_faults, json_feed_faults, parse_xml, sitemap_faults
from lantoa_testing.plugin import eventually


@pytest.fixture
async def news(newsroom):
    return await newsroom()


async def _feed(news, path):
    """A feed of either kind, after both readers had nothing to say."""
    status, text, headers = await news.get(path)
    assert status == 200
    if "feed.json" in path:
        assert headers["Content-Type"] == "application/feed+json"
        assert json_feed_faults(text.encode()) == []
        return json.loads(text)
    assert headers["Content-Type"] == "application/atom+xml"
    assert atom_faults(text.encode()) == []
    parsed = feedparser.parse(text)
    assert (parsed.bozo, parsed.version) == (False, "atom10")
    return parsed


def _ids(made):
    return [f"urn:uuid:{item_id}" for item_id in reversed(made)]


async def test_atom_feeds_have_what_rfc_4287_asks_for(news):
    made = await news.publish_many([f"Tin số {number}" for number in range(22)])
    await news.publish("Tin nơi khác", unit_id=news.other_unit_id)
    parsed = await _feed(news, f"/tin/atom.xml?don-vi={news.unit_id}")
    feed, base = parsed.feed, f"{news.street.url}/tin"
    links = {link.rel: link.href for link in feed.links}
    assert links["self"] == links["first"] == f"{base}/atom.xml?don-vi={news.unit_id}"
    assert links["alternate"] == f"{base}/don-vi/{news.unit_id}"
    assert (feed.title, feed.author, feed.language) == ("Tin tức · Xã Cầu Kè", "Thông tin cơ sở", "vi")
    assert [entry.id for entry in parsed.entries] == _ids(made)[:20]
    entry = parsed.entries[0]
    assert (entry.link, entry.author) == (f"{base}/{made[-1]}", "Xã Cầu Kè")
    (sound,) = entry.enclosures
    assert (sound.type, sound.href, int(sound.length) > 0) == ("audio/ogg", f"{entry.link}/am-thanh", True)
    assert (entry.content[0].type, "Nội dung của tin." in entry.content[0].value) == ("text/html", True)
    rest = await _feed(news, links["next"].removeprefix(news.street.url))
    assert [entry.id for entry in rest.entries] == _ids(made)[20:]
    assert {link.rel for link in rest.feed.links} == {"self", "first", "alternate"}
    other = await _feed(news, "/tin/atom.xml")
    assert other.feed.id != feed.id
    assert rest.feed.id == feed.id


async def test_json_feeds_keep_the_rules_of_version_1_1(news):
    made = await news.publish_many([f"Tin số {number}" for number in range(21)])
    feed = await _feed(news, "/tin/feed.json?chu-de=skills&lang=en")
    base = f"{news.street.url}/tin"
    assert (feed["feed_url"], feed["home_page_url"]) == (f"{base}/feed.json?chu-de=skills", f"{base}/chu-de/skills")
    assert (feed["title"], feed["language"]) == ("News · Basic online skills: shopping, payment, public services", "en")
    assert [item["id"] for item in feed["items"]] == _ids(made)[:20]
    for item in feed["items"]:
        assert item["url"].startswith(f"{base}/")
        assert item["content_html"].startswith("<article>")
        (sound,) = item["attachments"]
        assert (sound["mime_type"], sound["duration_in_seconds"]) == ("audio/ogg", 65.0)
    following = await _feed(news, feed["next_url"].removeprefix(news.street.url))
    assert [item["id"] for item in following["items"]] == _ids(made)[20:]
    assert "next_url" not in following


async def test_there_is_a_feed_of_every_place_topic_and_language_and_of_all_of_these_together(news):
    here = await news.publish("Ở đây", topic="security", language="km")
    await news.publish("Tiếng Việt", topic="security")
    await news.publish("Nơi khác", topic="security", language="km", unit_id=news.other_unit_id)
    await news.publish("Chủ đề khác", language="km")
    queries = ["", f"don-vi={news.unit_id}", "chu-de=security", "ngon-ngu=km"]
    queries += [f"don-vi={news.unit_id}&chu-de=security&ngon-ngu=km"]
    seen = {}
    for query in queries:
        feed = await _feed(news, f"/tin/atom.xml?{query}")
        assert [entry.id for entry in feed.entries] == [
            item["id"] for item in (await _feed(news, f"/tin/feed.json?{query}"))["items"]
        ]
        seen[query] = len(feed.entries)
    assert list(seen.values()) == [4, 3, 3, 3, 1]
    (item,) = (await _feed(news, f"/tin/feed.json?{queries[-1]}"))["items"]
    assert (item["id"], item["language"]) == (f"urn:uuid:{here.item_id}", "km")
    assert (await _feed(news, f"/tin/feed.json?{queries[-1]}"))["language"] == "km"


async def test_an_edited_item_is_the_same_entry_with_a_later_change(news):
    first = await news.publish("Bản đầu")
    before = (await _feed(news, "/tin/feed.json"))["items"][0]
    await news.withdraw(first, "edited")

    async def over():
        return (await news.get(f"/tin/{first.item_id}"))[0] == 404

    await eventually(over)
    await news.publish("Bản sau", item_id=first.item_id, revision=2)
    (after,) = (await _feed(news, "/tin/feed.json"))["items"]
    assert after["title"] == "Bản sau"
    assert (after["id"], after["date_published"]) == (before["id"], before["date_published"])
    assert after["date_modified"] > before["date_modified"]
    assert (await _feed(news, "/tin/atom.xml")).entries[0].id == before["id"]


async def _addresses(news, path):
    """What a sitemap names, without the site; strict readers had nothing to say."""
    status, text, headers = await news.get(path)
    assert (status, headers["Content-Type"]) == (200, "application/xml")
    assert sitemap_faults(text.encode(), news.street.url + path, Clock().now()) == []
    found = [one.findtext(f"{SITEMAP}loc") for one in parse_xml(text.encode())]
    return [address.removeprefix(news.street.url) for address in found]


async def _everything(news, path):
    """Every page that an index of sitemaps leads to."""
    named = [address for sitemap in await _addresses(news, path) for address in await _addresses(news, sitemap)]
    return {address.removeprefix("/tin/") for address in named if re.fullmatch(r"/tin/[0-9a-f-]{36}", address)}


async def test_sitemaps_lead_to_every_live_item_of_their_selection(news):
    made = await news.publish_many([f"Tin số {number}" for number in range(3)])
    posts, long_ago = news.running.service.db["posts"], Clock().now() - timedelta(days=70)
    await posts.update_one({"item_id": made[0]}, {"$set": {"published_at": long_ago}})
    other = await news.publish("Nơi khác", unit_id=news.other_unit_id, topic="legal", language="km")
    gone = await news.publish("Sẽ thu hồi")
    await news.withdraw(gone)

    async def withdrawn():
        return (await news.get(f"/tin/{gone.item_id}"))[0] == 410

    await eventually(withdrawn)
    assert await _everything(news, "/tin/sitemap.xml") == {*made, other.item_id}
    assert await _everything(news, "/sitemap.xml") == {*made, other.item_id}
    assert await _everything(news, f"/tin/sitemap.xml?don-vi={news.unit_id}") == set(made)
    assert await _everything(news, "/tin/sitemap.xml?chu-de=legal&ngon-ngu=km") == {other.item_id}
    months = [
        address for address in await _addresses(news, "/tin/sitemap.xml") if re.search(r"\d{4}-\d\d\.xml", address)
    ]
    assert len(months) in (3, 4)
    # News is what is younger than two days.
    fresh = await _addresses(news, "/tin/sitemap/tin-moi.xml")
    assert fresh == [f"/tin/{item_id}" for item_id in (other.item_id, made[2], made[1])]
    lists = await _addresses(news, "/tin/sitemap/trang.xml")
    assert {"/tin", "/tin/chu-de/legal", f"/tin/don-vi/{news.unit_id}"} < set(lists)


async def test_robots_are_told_where_to_begin_and_what_is_none_of_theirs(news):
    status, text, headers = await news.get("/robots.txt")
    assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    lines = text.splitlines()
    assert lines[0] == "User-agent: *"
    assert f"Sitemap: {news.street.url}/tin/sitemap.xml" in lines
    closed = [line.removeprefix("Disallow: ") for line in lines if line.startswith("Disallow: ")]
    assert "/api/" in closed
    assert not any("/tin".startswith(path) or "/tin/don-vi/x".startswith(path) for path in closed)


async def test_a_picture_has_its_full_address_for_readers_elsewhere(news):
    event = await news.publish("Tin có ảnh")
    path = f"/tin/{event.item_id}/{PUBLIC_WORD}/{'a' * 64}"
    article = f'<article>\n<p>Ảnh: <img src="{path}" alt="Chợ nổi"></p>\n</article>'
    await news.running.service.db["posts"].update_one({"item_id": event.item_id}, {"$set": {"article": article}})
    address = news.street.url + path
    (item,) = (await _feed(news, "/tin/feed.json"))["items"]
    assert (item["image"], f'<img src="{address}"' in item["content_html"]) == (address, True)
    assert f'src="{address}"' in (await _feed(news, "/tin/atom.xml")).entries[0].content[0].value
    page = (await news.get(f"/tin/{event.item_id}"))[1]
    assert f'<meta property="og:image" content="{address}">' in page
    assert article in page  # What was approved stays as it was.
