from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lantoa_gateway.api import cookie
from lantoa_gateway.domain import passed_on, safe_next, target_of

SITE = "https://lantoa.vn/cong-dan"
NASTY = st.text(alphabet="/\\.:@%?#ae\t\n\r 09[]", max_size=12) | st.text(max_size=30)


def as_a_browser_reads(asked):
    """A WHATWG URL parser drops tabs and line ends and takes a backslash for a slash."""
    plain = "".join(letter for letter in asked.strip() if letter not in "\t\n\r").replace("\\", "/")
    return urlsplit(urljoin(SITE, plain))


@given(NASTY | NASTY.map("/{}".format))
@example("//evil.example")
@example("/\\evil.example")
@example("/\t/evil.example")
@example("\\/evil.example")
@example("https:evil.example")
def test_a_way_back_is_on_this_site_however_a_browser_reads_it(asked):
    way = safe_next(asked)
    assert way is None or (way == asked and as_a_browser_reads(way)[:2] == ("https", "lantoa.vn"))


@pytest.mark.parametrize("way", ["/", "/thi/abc/lam-bai", "/tin?don-vi=u-1&trang=x#y", "/thi/b%C3%A0i", "/thi/bài"])
def test_an_address_of_this_site_is_a_way_back(way):
    assert safe_next(way) == way


PAGES = ("tin", "thi", "wifi", "robots.txt", "sitemap.xml")


@given(st.text(alphabet="/.tinha%", max_size=10).map("/{}".format) | st.sampled_from(PAGES).map("/{}".format))
@example("/robots.txt")
@example("/wifi/api")
@example("/sitemap.xml/..")
def test_a_page_is_passed_on_by_its_first_word_alone(path):
    target = target_of(path)
    assert target is None or (target.page and passed_on(path) and path.split("/")[1] == target.resource)
    assert passed_on(path) == (path.split("/")[1] in PAGES)


def test_contests_are_open_to_readers_and_pages_to_all():
    contests = target_of("/api/v1/contest/contests")
    assert contests.open_to_all("GET")
    assert contests.open_to_all("HEAD")
    assert not contests.open_to_all("POST")
    assert not target_of("/api/v1/contest/attempts").open_to_all("GET")
    assert target_of("/thi/x").open_to_all("GET")


def test_alerts_are_for_everybody_and_nothing_else_of_the_alert_service_is():
    for path in ("cap.atom", "notices/ntc-1/cap.xml"):
        assert target_of(f"/api/v1/alert/{path}").open_to_all("GET")
        assert not target_of(f"/api/v1/alert/{path}").open_to_all("POST")
    for path in ("alert/notices", "alert/notices/ntc-1", "alert/cap", "alert/cap/sources", "content/items/cap.xml"):
        assert not target_of(f"/api/v1/{path}").open_to_all("GET")
    assert not target_of("/thi/x").open_to_all("POST")
    assert target_of("/api/v1/directory/citizen/code").internal


@given(st.text(max_size=60))
def test_whatever_a_cookie_header_holds_is_an_id_or_nothing(header):
    shown = cookie.shown(header)
    assert (shown.staff, shown.citizen) == (None, None)


def test_each_kind_of_session_is_read_from_its_own_cookie():
    shown = cookie.shown(f"a=b; __Host-sid={'S' * 43};__Host-citizen={'C' * 43}; x")
    assert (shown.staff, shown.citizen) == ("S" * 43, "C" * 43)
    assert cookie.shown(f"x__Host-sid={'S' * 43}").staff is None
