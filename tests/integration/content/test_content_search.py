"""Search on the public pages: found without accents, within a place, page by page, and never more work than agreed."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import quote

import pytest

from lantoa_content.domain.search import words_of
from lantoa_content.usecases import search, words
from lantoa_content.usecases.words import WORDS
from lantoa_runtime.clock import Clock
from lantoa_testing.plugin import eventually


@pytest.fixture
async def news(newsroom):
    return await newsroom()


def _hits(page):
    return re.findall(r'<h3 lang="[a-z]+"><a href="/tin/([^"?]+)', page)


async def _found(news, question, more=""):
    status, page, _ = await news.get(f"/tin/tim?q={quote(question)}{more}")
    assert status == 200
    return _hits(page)


async def test_words_are_found_with_and_without_accents_in_title_and_text(news):
    shots = await news.publish("Lịch tiêm chủng tháng 11", "Trạm y tế xã mời bà con đến.")
    light = await news.publish("Lịch cúp điện", "Sửa đường dây ở ấp Chợ.")
    assert await _found(news, "tiem chung") == [shots.item_id]
    assert await _found(news, "TIÊM Chủng") == [shots.item_id]
    assert await _found(news, "bà con tram") == [shots.item_id]
    assert await _found(news, "lich") == [light.item_id, shots.item_id]
    assert await _found(news, "lich cau ke") == [light.item_id, shots.item_id]  # The name of the place.
    assert await _found(news, "lịch đường") == [light.item_id]
    assert await _found(news, "lich bao") == []


async def test_khmer_is_found_inside_its_lines(news):
    event = await news.publish("ការណែនាំអំពីការបង់ប្រាក់", "សូមបងប្អូនកុំប្រាប់លេខកូដ OTP ដល់អ្នកណាឡើយ។", language="km")
    assert await _found(news, "លេខកូដ") == [event.item_id]
    assert await _found(news, "កូដលេខ") == []
    page = (await news.get(f"/tin/tim?q={quote('លេខកូដ')}"))[1]
    assert "<mark>លេខកូដ</mark>" in page


async def test_what_was_asked_for_is_marked_and_nothing_of_it_is_markup(news):
    await news.publish("Tiêm <b>chủng</b>", "Mời bà con tiêm chủng đúng giờ.")
    _, page, headers = await news.get("/tin/tim?q=" + quote('tiem "<chung'))
    assert headers["X-Robots-Tag"] == "noindex"
    assert '<meta name="robots" content="noindex">' in page
    assert "<mark>Tiêm</mark> &lt;b&gt;<mark>chủng</mark>&lt;/b&gt;" in page
    assert "<mark>tiêm</mark> <mark>chủng</mark> đúng giờ" in page
    assert 'value="tiem &#34;&lt;chung"' in page
    assert "<b>" not in page


async def test_a_search_is_kept_within_a_place_a_topic_and_a_language(news):
    here = await news.publish("Tin hội họp", topic="legal")
    there = await news.publish("Tin hội họp", unit_id=news.other_unit_id)
    former = await news.publish("Tin hội họp", unit_id=news.ended_unit_id, language="km")
    assert await _found(news, "hop", f"&don-vi={news.unit_id}") == [former.item_id, here.item_id]
    assert await _found(news, "hop", "&chu-de=legal") == [here.item_id]
    assert await _found(news, "hop", "&ngon-ngu=km") == [former.item_id]
    assert await _found(news, "hop", "&don-vi=&chu-de=&ngon-ngu=") == [former.item_id, there.item_id, here.item_id]
    assert (await news.get("/tin/tim?q=hop&don-vi=u-0"))[0] == 404


async def test_nothing_found_and_nothing_asked_are_told_apart(news):
    await news.publish("Tin mới")
    assert "có dấu hay không dấu" in (await news.get("/tin/tim"))[1]
    assert "Xin gõ ít nhất một từ" in (await news.get("/tin/tim?q=%2F..%2F%3F"))[1]
    page = (await news.get("/tin/tim?q=voi+rong"))[1]
    assert "Không có tin nào có “voi rong”" in page
    assert "Xin thử ít từ hơn" in page
    assert "No news has" in (await news.get("/tin/tim?q=voi+rong&lang=en"))[1]
    for query in ("q=" + "x" * 101, "q=x&trang=" + "x" * 201):
        status, page, _ = await news.get(f"/tin/tim?{query}")
        assert (status, 'role="alert"' in page) == (422, True)
    for hostile in ("$gt", "[$ne]=1", '{"$where":1}', "\u0000", ".*", "'; --", "%"):
        assert (await news.get("/tin/tim?q=" + quote(hostile)))[0] == 200
    assert (await news.get("/tin/tim?q[$ne]=1"))[0] == 200


async def _made(news, number, title):
    """Posts a minute apart, each found by the words of its title; the newest first."""
    made = await news.publish_many([title] * number)
    posts, now = news.running.service.db["posts"], Clock().now()
    for place, item_id in enumerate(reversed(made)):
        at = now - timedelta(minutes=place + 1)
        said = dict.fromkeys(WORDS, words_of(title, "Xã Cầu Kè", ""))
        await posts.update_one({"item_id": item_id}, {"$set": said | {"published_at": at}})
    return made[::-1]


async def _walked(news, path):
    pages = []
    while path:
        page = (await news.get(path))[1]
        pages.append(_hits(page))
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = unescape(older[1]) if older else None
    return pages


async def test_hits_come_page_by_page_without_loss(news):
    made = await _made(news, 43, "Tin số hội họp")
    pages = await _walked(news, "/tin/tim?q=hoi+hop&lang=en")
    assert [len(page) for page in pages] == [20, 20, 3]
    assert [item_id for page in pages for item_id in page] == made


async def test_a_page_looks_at_so_many_posts_and_the_next_goes_on_from_there(news, monkeypatch):
    monkeypatch.setattr(words, "_FEW", 5)
    monkeypatch.setattr(words, "_MOST_LOOKED_AT", 10)
    made, posts = await _made(news, 25, "Tin hội họp"), news.running.service.db["posts"]

    async def says(item_id, text):
        said = dict.fromkeys(WORDS, words_of(text, "", ""))
        await posts.update_one({"item_id": item_id}, {"$set": said})

    async def found(question):
        pages = await _walked(news, f"/tin/tim?q={question}")
        return [item_id for page in pages for item_id in page], len(pages)

    oldest = made[-1]
    await says(oldest, "Tin hội họp hiếm")
    assert await found("hiem+hop") == ([oldest], 1)  # One post has the rarest word.
    # No word is rare: a page looks at ten posts, and says so when it found nothing yet.
    for item_id in made[:-1]:
        await says(item_id, "Tin hội họp thường" if item_id in made[:12] else "Tin hội thường")
    await says(oldest, "Tin hội họp thường")
    assert await found("hop+thuong") == ([*made[:12], oldest], 2)
    for item_id in made[:12]:
        await says(item_id, "Tin họp")
    items, pages = await found("hop+thuong")
    assert items == [oldest]
    assert pages > 1


async def test_what_was_withdrawn_is_not_found_and_what_is_older_than_search_is(news):
    event, old = await news.publish("Tin hội họp"), await news.publish("Tin hội họp xưa")
    posts = news.running.service.db["posts"]
    await posts.update_one({"item_id": old.item_id}, {"$unset": dict.fromkeys(WORDS, "")})
    assert await _found(news, "hop") == [event.item_id]
    await search.Indexing(posts, news.running.service.db["items"])()
    assert await _found(news, "hop") == [old.item_id, event.item_id]
    await news.withdraw(event)

    async def gone():
        return await _found(news, "hop") == [old.item_id]

    await eventually(gone)
    ended = await posts.find_one({"item_id": event.item_id})
    assert (ended["words"], ended["says"]) == ([], [])
