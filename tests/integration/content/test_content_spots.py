"""The column for other sites and the page of Wi-Fi spots."""

import json
import re
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser

import pytest

from lantoa_alert.domain.cap_writing import OwnNotice, Sender, Wording, cap_atom, cap_xml, unit_place
from lantoa_runtime.clock import Clock
from lantoa_testing.plugin import eventually

SENDER = Sender("lantoa.vn", "Lan Tỏa")


@pytest.fixture
async def news(newsroom):
    return await newsroom()


class _Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, name):
        return [attrs for tag, attrs in self.found if tag == name]


async def test_the_column_alone_may_be_framed_and_has_no_script_and_no_cookie(news):
    made = await news.publish_many([f"Tin số {number}" for number in range(8)])
    status, page, headers = await news.get(f"/tin/khung?don-vi={news.unit_id}&so=3")
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert (status, policy["frame-ancestors"], policy["default-src"]) == (200, "*", "'none'")
    assert "script-src" not in policy
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Set-Cookie" not in headers
    tags = _Tags(page)
    assert not tags.of("script")
    assert not tags.of("form")
    links = tags.of("a")
    assert {(link["target"], link["rel"]) for link in links} == {("_top", "noopener")}
    base = f"{news.street.url}/tin"
    unit = f"{base}/don-vi/{news.unit_id}"
    assert [link["href"] for link in links] == [unit, *(f"{base}/{one}" for one in made[:4:-1]), unit]
    for path in ("/tin", "/tin/nhung", "/tin/tim", f"/tin/{made[0]}", "/tin/don-vi"):
        assert "frame-ancestors *" not in str((await news.get(path))[2])


async def test_a_column_shows_what_it_was_asked_for_or_says_that_there_is_nothing(news):
    khmer = await news.publish("ថ្នាក់រៀន", "សូមអញ្ជើញ។", language="km")
    await news.publish("Tin tiếng Việt")
    page = (await news.get("/tin/khung?ngon-ngu=km&lang=en"))[1]
    assert khmer.item_id in page
    assert "Tin tiếng Việt" not in page
    assert '<h2 lang="km">' in page
    assert "There is no news yet" in (await news.get("/tin/khung?chu-de=legal&lang=en"))[1]
    for query in ("so=0", "so=21", "so=x", "don-vi=u-0"):
        status, page, headers = await news.get(f"/tin/khung?{query}")
        assert (status in (404, 422), 'role="alert"' in page) == (True, True)
        assert "frame-ancestors *" not in str(headers)


async def test_an_editor_takes_a_snippet_that_leads_to_the_column(news):
    await news.publish("Tin mới")
    page = (await news.get(f"/tin/nhung?don-vi={news.unit_id}&chu-de=skills&so=4"))[1]
    snippet = unescape(page.split("<textarea")[1].split(">", 1)[1].split("</textarea>")[0])
    (frame,) = _Tags(snippet).of("iframe")
    assert frame["src"] == f"{news.street.url}/tin/khung?don-vi={news.unit_id}&chu-de=skills&so=4"
    assert "&amp;" in snippet
    assert (frame["title"], frame["width"]) == ("Tin tức · Xã Cầu Kè · " + frame["title"].split(" · ")[2], "100%")
    (status, column, _) = await news.get(frame["src"].removeprefix(news.street.url))
    assert (status, "Tin mới" in column) == (200, True)
    assert f"{news.street.url}/tin/atom.xml?don-vi={news.unit_id}&amp;chu-de=skills" in page


async def test_the_page_of_a_spot_needs_nothing_and_no_spot_is_wrong(news):
    here = await news.publish("Tin ở Cầu Kè")
    there = await news.publish("Tin ở Tam Ngãi", unit_id=news.other_unit_id)
    for spot in (news.unit_id, "29242"):
        status, page, headers = await news.get(f"/wifi?diem={spot}")
        assert (status, here.item_id in page, there.item_id in page) == (200, True, False)
        assert "Xã Cầu Kè" in page
        assert headers["X-Robots-Tag"] == "noindex"
        tags = _Tags(page)
        for loaded in ("script", "link", "img", "iframe", "form"):
            assert not tags.of(loaded)
        assert not any("target" in link for link in tags.of("a"))
        assert not re.search(r'(?:href|src)="https?:', page)
        assert tags.of("audio")[0]["src"] == f"/tin/{here.item_id}/am-thanh"
    for query in ("", "?diem=", "?diem=u-0", "?diem=%3Cscript%3E", "?diem=$gt"):
        status, page, _ = await news.get(f"/wifi{query}")
        assert (status, here.item_id in page, there.item_id in page) == (200, True, True)
        assert "<script" not in page
    assert (await news.get(f"/tin/wifi?diem={news.unit_id}"))[0] == 200


async def test_phones_are_told_of_the_page_as_rfc_8908_has_it(news):
    status, text, headers = await news.get("/wifi/api?diem=29242")
    assert (status, headers["Content-Type"]) == (200, "application/captive+json")
    assert "private" in headers["Cache-Control"]
    assert json.loads(text) == {"captive": False, "venue-info-url": f"{news.street.url}/wifi?diem=29242"}
    assert json.loads((await news.get("/wifi/api?diem=%26x"))[1])["venue-info-url"] == f"{news.street.url}/wifi"


async def test_alerts_in_force_stand_on_the_pages_of_their_places_until_they_end(newsroom, street, monkeypatch):
    monkeypatch.setattr("lantoa_content.main._NOTICES_SECONDS", 0.1)
    now = Clock().now()
    wording = Wording(
        1,
        now,
        now + timedelta(hours=1),
        "actual",
        "severe",
        "Triều cường <dâng>",
        {"vi": "Lên chỗ cao."},
        (unit_place("Xã Cầu Kè", "29242"),),
    )
    notices = [OwnNotice("n-1", (wording,))]
    street.alerts = lambda path: (
        cap_atom(notices, SENDER, now) if path.endswith("cap.atom") else cap_xml(notices[0], SENDER)
    )
    news = await newsroom()

    async def told(path, words="Triều cường &lt;dâng&gt;"):
        return words in (await news.get(path))[1]

    here, there = f"/wifi?diem={news.unit_id}", f"/wifi?diem={news.other_unit_id}"
    await eventually(lambda: told(here))
    for path in ("/tin", "/wifi", f"/tin/don-vi/{news.unit_id}", "/tin/canh-bao"):
        assert await told(path), path
    for path in (there, f"/tin/don-vi/{news.other_unit_id}"):
        assert not await told(path), path
    assert await told(here, "Lên chỗ cao.")
    held = (await news.get("/tin"))[2]["ETag"]
    notices[0] = OwnNotice("n-1", (wording,), cancelled_at=now + timedelta(seconds=1))

    async def over():
        return not await told(here)

    await eventually(over)
    assert (await news.get("/tin", If_None_Match=held))[0] == 200
    assert await told("/tin/canh-bao", "Hiện không có cảnh báo nào")
