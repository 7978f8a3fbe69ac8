import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_gateway.domain import Buckets, Target, is_foreign, target_of
from lantoa_runtime.http.middleware import MOST_BODY_BYTES, most_body_bytes

JSON = {"content-type": "application/json; charset=utf-8", "content-length": "2"}
FORM = {"content-type": "application/x-www-form-urlencoded", "content-length": "2"}
HOST = {"host": "lantoa.vn"}


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "cross-site", **JSON}, True),
        ({"sec-fetch-site": "cross-site", "origin": "https://lantoa.vn", **HOST}, True),
        ({"origin": "https://lantoa.vn", **HOST}, False),
        ({"origin": "https://LANTOA.vn", **HOST}, False),
        ({"origin": "https://lantoa.vn.evil.example", **HOST}, True),
        ({"origin": "https://evil.example", **HOST, **JSON}, True),
        ({"origin": "https://lantoa.vn:8443", **HOST}, True),
        ({"origin": "null", **HOST, **JSON}, True),
        ({"origin": "http://[", **HOST, **JSON}, True),
        ({"origin": "lantoa.vn", **HOST, **JSON}, True),
        (JSON, False),
        ({}, False),
        ({"content-length": "0"}, False),
        (FORM, True),
        ({"transfer-encoding": "chunked"}, True),
        ({"content-length": "2"}, True),
    ],
)
def test_only_own_pages_and_json_programs_may_change_something(headers, foreign):
    assert is_foreign("POST", headers) is foreign
    assert is_foreign("DELETE", headers) is foreign
    assert not is_foreign("GET", headers)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/content/items", Target("content", "items")),
        ("/api/v1/content/items/", Target("content", "items")),
        ("/api/v1/content/items/a b", Target("content", "items")),
        ("/api/v1/content", None),
        ("/api/v1/content/", None),
        ("/api/v1//content/items", None),
        ("/api/v1/content//items", None),
        ("/api/v1/content/../directory/sign-in", None),
        ("/api/v1/content/./items", None),
        ("/api/v1/content/items/..", None),
    ],
)
def test_a_path_means_one_service_or_none(path, target):
    assert target_of(path) == target


@pytest.mark.parametrize("path", ["sign-in", "sessions/resolve", "sessions/end", "sign-in/"])
def test_what_the_gateway_asks_of_the_directory_nobody_else_may(path):
    assert target_of(f"/api/v1/directory/{path}").internal


@pytest.mark.parametrize("path", ["directory/import", "directory/replay", "directory/units", "content/sessions"])
def test_everything_else_is_for_those_who_are_signed_in(path):
    target = target_of(f"/api/v1/{path}")
    assert not target.internal
    assert not target.public


def test_strangers_may_enrol_and_nothing_else():
    assert target_of("/api/v1/fleet/enrolments").public
    assert target_of("/api/v1/fleet/enrolments/x").public
    assert not target_of("/api/v1/fleet/enrolments-list").public
    assert not target_of("/api/v1/fleet/devices").public
    assert not target_of("/api/v1/content/enrolments").public


def test_a_bucket_gives_its_burst_then_its_rate():
    buckets = Buckets(burst=3, per_minute=10)
    assert [buckets.take("a", 0.0) for _ in range(4)] == [0, 0, 0, 6]
    assert buckets.take("b", 0.0) == 0
    assert buckets.take("a", 5.9) > 0
    assert buckets.take("a", 6.0) == 0


@given(st.lists(st.floats(0, 30), max_size=60))
def test_no_more_passes_than_burst_and_rate_allow(gaps):
    buckets, now, passed = Buckets(burst=20, per_minute=10), 0.0, 0
    for gap in gaps:
        now += gap
        passed += buckets.take("a", now) == 0
    assert passed <= 20 + now / 6 + 1e-6


def test_buckets_of_many_strangers_do_not_fill_the_memory():
    buckets = Buckets(burst=1, per_minute=1)
    for number in range(Buckets._MOST + 50):
        buckets.take(str(number), 0.0)
    assert len(buckets._levels) == Buckets._MOST


def test_a_device_puts_a_file_without_a_session_and_no_form_can():
    upload = target_of("/api/v1/fleet/uploads/cmd-1")
    assert upload == Target("fleet", "uploads")
    assert upload.public
    assert not Target("fleet", "commands").public
    file = {"content-length": "9", "content-type": "application/octet-stream"}
    assert not is_foreign("PUT", file)
    assert is_foreign("POST", file)
    assert is_foreign("PUT", {**file, "sec-fetch-site": "cross-site"})
    assert is_foreign("PUT", {**file, "origin": "https://elsewhere", "host": "here"})


def test_a_program_may_post_a_picture_and_another_sites_page_may_not():
    picture = {"content-length": "9", "content-type": "image/png"}
    assert not is_foreign("POST", picture)
    assert is_foreign("POST", {**picture, "sec-fetch-site": "cross-site"})
    assert is_foreign("POST", {**picture, "origin": "https://elsewhere", "host": "here"})
    assert is_foreign("POST", {**picture, "content-type": "multipart/form-data; boundary=image/png"})


def test_files_of_devices_and_pictures_may_be_five_times_as_large_as_anything_else():
    assert most_body_bytes("/api/v1/fleet/uploads/cmd-1") == 5 * MOST_BODY_BYTES
    assert most_body_bytes("/api/v1/content/items/it-1/pictures") == 5 * MOST_BODY_BYTES
    for path in ("/api/v1/fleet/commands", "/api/v1/content/items/it-1", "/api/v1/content/items/a/b/pictures"):
        assert most_body_bytes(path) == MOST_BODY_BYTES
