import hashlib
import json
from datetime import UTC, datetime, timedelta

from lantoa_gateway import usecases
from lantoa_gateway.api.door import BURST
from lantoa_testing.patience import stop_clock

ME = "/auth/me"
RIGHT = {"login": "lan", "password": "đúng"}


async def test_signing_in_gives_a_cookie_that_no_script_and_no_other_host_sees(door):
    status, body, headers = await door("POST", "/auth/sign-in", json=RIGHT)
    assert (status, body["person"]["grants"][0]["unit_name"]) == (200, "Phường Trà Vinh")
    name, *attributes = headers["set-cookie"].split("; ")
    assert name.startswith("__Host-sid=")
    assert {attribute.lower() for attribute in attributes} == {"httponly", "path=/", "samesite=lax", "secure"}
    assert headers["cache-control"] == "no-store"
    sid = name.removeprefix("__Host-sid=")
    assert (await door("GET", ME, sid))[1] == body


async def test_signing_out_ends_the_session_at_once_and_takes_the_cookie(door):
    sid = await door.sign_in()
    await door("GET", ME, sid)
    status, _, headers = await door("POST", "/auth/sign-out", sid, json={})
    assert status == 204
    assert "max-age=0" in headers["set-cookie"].lower()
    assert (await door("GET", ME, sid))[0] == 401
    assert (await door("POST", "/auth/sign-out", sid))[0] == 204


async def test_a_session_that_expired_in_the_directory_ends_here_too(door, monkeypatch):
    monkeypatch.setattr(usecases, "SESSION_SECONDS", 0.0)
    sid = await door.sign_in()
    assert (await door("GET", ME, sid))[0] == 200
    key = {"_id": hashlib.sha256(sid.encode()).hexdigest()}
    past = datetime.now(UTC) - timedelta(seconds=1)
    await door.directory.service.db["sessions"].update_one(key, {"$set": {"ends_at": past}})
    status, problem, _ = await door("GET", ME, sid)
    assert (status, problem["code"]) == (401, "sign-in-required")


COOKIES = (
    "",
    "__Host-sid=",
    "__Host-sid=../../x",
    "sid=x",
    "__Host-sid={'$gt':''}",
    "a;b=c;;",
    "__Host-sid=" + "A" * 43,
)


async def test_a_cookie_that_is_no_session_is_nobody(door):
    for cookie in COOKIES:
        assert (await door("GET", ME, headers={"cookie": cookie}))[0] == 401, cookie


async def test_while_the_directory_is_away_nobody_is_told_to_sign_in_again(door):
    sid = await door.sign_in()
    await door.directory.stop()
    status, problem, _ = await door("GET", ME, sid)
    assert (status, problem["code"]) == (503, "unavailable")
    assert (await door("POST", "/auth/sign-in", json=RIGHT))[0] == 503


FOREIGN = (
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"content-type": "text/plain"},
    {"content-type": "application/x-www-form-urlencoded"},
    {"origin": "http://["},
)


STEPS = ("sign-in", "sign-out", "again", "second-factor", "totp/begin", "tokens")


async def test_a_page_of_another_site_changes_nothing(door):
    sid = await door.sign_in()
    for path in (*(f"/auth/{step}" for step in STEPS), "/api/v1/content/echo"):
        for headers in FOREIGN:
            sent = {"content-type": "application/json", **headers}
            status, problem, answered = await door("POST", path, sid, data=json.dumps(RIGHT).encode(), headers=sent)
            assert (status, problem["code"]) == (403, "gateway.foreign-site"), (path, headers)
            assert problem["title"] == "Yêu cầu từ trang khác bị từ chối"
            assert "set-cookie" not in answered
    assert (await door("GET", ME, sid))[0] == 200


async def test_own_pages_and_programs_may(door):
    sid = await door.sign_in()
    for headers in ({"sec-fetch-site": "same-origin"}, {"origin": door.running.url}, {}):
        assert (await door("POST", "/api/v1/content/echo", sid, json={}, headers=headers))[0] == 200


WRONG_BODIES = [
    {"login": {"$gt": ""}, "password": "x"},
    {"login": "lan", "password": {"$gt": ""}},
    {"login": {"$gt": ""}, "password": {"$gt": ""}},
    {"login": "lan", "password": "x", "role": "admin"},
    {"login": "lan"},
    {"login": "a" * 65, "password": "x"},
    {"login": "\ud800", "password": "x"},
    ["lan", "x"],
    None,
]


async def test_a_sign_in_that_is_not_two_texts_is_refused(door):
    for body in WRONG_BODIES:
        sent = {"content-type": "application/json"}
        status, problem, headers = await door("POST", "/auth/sign-in", data=json.dumps(body).encode(), headers=sent)
        assert (status, problem["code"]) == (422, "invalid-request"), body
        assert headers["content-type"] == "application/problem+json"


async def test_the_directorys_own_words_are_shown_in_the_readers_language(door, monkeypatch):
    stop_clock(door.directory.service, monkeypatch)
    wrong = {"login": "lan", "password": "sai"}
    status, problem, headers = await door("POST", "/auth/sign-in", json=wrong)
    assert (status, problem["title"]) == (401, "Tên đăng nhập hoặc mật khẩu không đúng")
    assert "set-cookie" not in headers
    _, problem, _ = await door("POST", "/auth/sign-in", json=wrong, headers={"accept-language": "en"})
    assert problem["title"] == "Wrong login or password"
    for _ in range(3):
        await door("POST", "/auth/sign-in", json=wrong)
    status, problem, headers = await door("POST", "/auth/sign-in", json=wrong)
    assert (status, problem["code"], headers["retry-after"]) == (429, "directory.too-many-attempts", "1")


async def test_one_address_tries_only_so_many_logins(start_door, monkeypatch):
    monkeypatch.setattr("lantoa_gateway.api.door.PER_MINUTE", 0.01)  # However slow this machine is.
    door = await start_door()
    statuses = [
        (await door("POST", "/auth/sign-in", json={"login": f"guess{n}", "password": "x"}))[0] for n in range(BURST)
    ]
    assert statuses == [401] * BURST
    status, problem, headers = await door("POST", "/auth/sign-in", json=RIGHT)
    assert (status, problem["code"]) == (429, "gateway.too-many-sign-ins")
    assert int(headers["retry-after"]) > 60


SECURITY = ("content-security-policy", "x-content-type-options", "referrer-policy", "cross-origin-opener-policy",
            "cross-origin-resource-policy", "permissions-policy")  # fmt: skip


async def test_every_answer_carries_the_security_headers(start_door, tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<p>Lan Tỏa")
    (tmp_path / "assets" / "index-abc.js").write_text("1")
    door = await start_door(gateway_console_dir=tmp_path)
    sid = await door.sign_in()
    cached = {}
    for path in ("/", "/assets/index-abc.js", "/nothing", ME, "/api/v1/content/echo", "/api/v1/nothing/x", "/media/x"):
        _, _, headers = await door("GET", path, sid)
        assert all(name in headers for name in SECURITY), path
        assert len(headers.getall("content-security-policy")) == 1
        cached[path] = headers.get("cache-control")
    assert cached["/"] == "no-cache"
    assert cached["/assets/index-abc.js"] == "public, max-age=31536000, immutable"
    assert cached[ME] == "no-store"
    assert cached["/api/v1/content/echo"] == "private, no-cache"
    assert (await door("GET", "/assets/../../etc/passwd"))[0] == 404


async def test_a_page_that_is_stricter_about_itself_stays_so(door):
    sid = await door.sign_in()
    _, _, headers = await door("GET", "/api/v1/content/page", sid)
    assert headers.getall("content-security-policy") == ["sandbox"]
    assert headers["x-content-type-options"] == "nosniff"


async def test_the_gateway_is_ready_without_nats_and_database_of_its_own(door):
    assert (await door("GET", "/readyz"))[1] == {"failures": []}
