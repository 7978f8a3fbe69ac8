import hashlib
import json
import re
import secrets
from datetime import UTC, datetime, timedelta
from html import unescape
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest

from lantoa_gateway.adapters.services import consents
from lantoa_runtime.http.problems import LANGUAGES
from lantoa_testing.patience import stop_clock

FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
CONSENT = {language: consent.record["text_sha256"] for language, consent in consents(LANGUAGES).items()}


@pytest.fixture
def number():
    return f"09{secrets.randbelow(10**8):08}"


@pytest.fixture
def citizen(door):
    return Citizen(door)


class Citizen:
    """A phone and a browser without script: forms are sent as they stand on the page."""

    def __init__(self, door):
        self.door = door
        self.codes = door.directory.service.settings.directory_codes_file

    async def send(self, path, fields, cookie=None, headers=None):
        shown = {"cookie": f"__Host-citizen={cookie}"} if cookie else {}
        data = urlencode(fields).encode()
        status, body, answered = await self.door("POST", path, data=data, headers={**FORM, **shown, **(headers or {})})
        return status, body.decode() if isinstance(body, bytes) else body, answered

    async def look(self, path, cookie=None, **headers):
        shown = {"cookie": f"__Host-citizen={cookie}"} if cookie else {}
        status, body, answered = await self.door("GET", path, headers={**shown, **headers})
        return status, body.decode() if isinstance(body, bytes) else body, answered

    def code(self, number):
        lines = [json.loads(line) for line in self.codes.read_text().splitlines()]
        return [line["code"] for line in lines if line["phone"] == "+84" + number[1:]][-1]

    async def sign_in(self, number, cookie=None, after="/thi"):
        assert (await self.send("/cong-dan/ma", {"phone": number, "next": after}))[0] == 200
        fields = {"phone": number, "code": self.code(number), "consent": "1", "next": after}
        status, body, headers = await self.send("/cong-dan/vao", fields, cookie)
        assert status == 303, body
        assert headers["location"] == after
        return cookie_of(headers)


def cookie_of(headers):
    return headers["set-cookie"].split(";")[0].removeprefix("__Host-citizen=")


def form_of(html, action):
    """Where a form goes and what stands in its hidden fields."""
    form = next(f for f in re.findall(r"<form.*?</form>", html, re.DOTALL) if f'action="{action}' in f)
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
    return unescape(re.search(r'action="([^"]*)"', form)[1]), {name: unescape(value) for name, value in hidden}, form


async def test_a_citizen_walks_from_the_contest_over_the_forms_and_back(citizen, number):
    status, page, headers = await citizen.look("/cong-dan?next=/thi/abc%3Fa%3D1")
    assert (status, headers["cache-control"], headers["content-language"]) == (200, "no-store", "vi")
    assert "<script" not in page
    action, hidden, _ = form_of(page, "/cong-dan/ma")
    assert hidden == {"next": "/thi/abc?a=1"}
    status, page, _ = await citizen.send(action, {**hidden, "phone": number})
    assert (status, f"09•• ••• {number[-3:]}" in page) == (200, True)
    action, hidden, form = form_of(page, "/cong-dan/vao")
    assert hidden == {"next": "/thi/abc?a=1", "phone": number}
    assert consents(LANGUAGES)["vi"].text in unescape(form)
    assert "checked" not in form
    status, _, headers = await citizen.send(action, {**hidden, "code": citizen.code(number), "consent": "1"})
    assert (status, headers["location"], headers["cache-control"]) == (303, "/thi/abc?a=1", "no-store")
    name, *attributes = headers["set-cookie"].split("; ")
    assert name.startswith("__Host-citizen=")
    assert {attribute.lower() for attribute in attributes} == {"httponly", "path=/", "samesite=lax", "secure"}
    cookie = cookie_of(headers)
    assert f"09•• ••• {number[-3:]}" in (await citizen.look("/cong-dan", cookie))[1]
    status, _, headers = await citizen.send("/cong-dan/ra", {"next": "/cong-dan"}, cookie)
    assert (status, headers["location"]) == (303, "/cong-dan")
    assert "max-age=0" in headers["set-cookie"].lower()
    assert 'name="phone"' in (await citizen.look("/cong-dan", cookie))[1]


async def test_the_pages_are_whole_in_english_and_keep_the_language(citizen, number):
    _, page, headers = await citizen.look("/cong-dan?lang=en&next=/thi/x")
    assert (headers["content-language"], "Get a code" in page) == ("en", True)
    action, hidden, _ = form_of(page, "/cong-dan/ma")
    _, page, _ = await citizen.send(action, {**hidden, "phone": number})
    assert consents(LANGUAGES)["en"].text in unescape(page)
    action, hidden, _ = form_of(page, "/cong-dan/vao")
    _, page, _ = await citizen.send(action, {**hidden, "code": "12", "consent": ""})
    assert "exactly 6 digits" in page
    assert "tick this to go on" in page
    status, _, headers = await citizen.look("/cong-dan/vao?next=/thi/x&lang=vi")
    assert (status, headers["location"]) == (303, "/cong-dan?next=/thi/x&lang=vi")


async def test_what_is_wrong_is_said_on_the_form_and_nothing_typed_is_lost(citizen, number):
    status, page, _ = await citizen.send("/cong-dan/ma", {"phone": "0912 <b>", "next": "/thi/x"})
    assert (status, "Số điện thoại chưa đúng" in page, 'value="0912 &lt;b&gt;"' in page) == (422, True, True)
    assert form_of(page, "/cong-dan/ma")[1] == {"next": "/thi/x"}
    await citizen.send("/cong-dan/ma", {"phone": number})
    right = citizen.code(number)
    wrong = f"{(int(right) + 1) % 10**6:06}"
    fields = {"phone": number, "code": right, "next": "/thi/x"}
    status, page, headers = await citizen.send("/cong-dan/vao", fields)
    assert (status, "đánh dấu đồng ý" in page, "set-cookie" in headers) == (422, True, False)
    assert f'value="{right}"' in page
    for left in (4, 3, 2, 1, 0):
        status, page, _ = await citizen.send("/cong-dan/vao", {**fields, "code": wrong, "consent": "1"})
        assert (status, f"Còn {left} lần" in page) == (401, True)
    status, page, headers = await citizen.send("/cong-dan/vao", {**fields, "consent": "1"})
    assert (status, "Mã không còn giá trị" in page, "set-cookie" in headers) == (401, True, False)
    assert form_of(page, "/cong-dan/ma")[1] == {"next": "/thi/x", "phone": number}


async def test_an_expired_code_and_a_used_one_open_nothing(citizen, number):
    await citizen.send("/cong-dan/ma", {"phone": number})
    fields = {"phone": number, "code": f"{citizen.code(number)[:3]} {citizen.code(number)[3:]}", "consent": "1"}
    challenges = citizen.door.directory.service.db["challenges"]
    key = {"_id": hashlib.sha256(f"+84{number[1:]}".encode()).hexdigest()}
    await challenges.update_one(key, {"$set": {"ends_at": datetime.now(UTC) - timedelta(seconds=1)}})
    assert (await citizen.send("/cong-dan/vao", fields))[0] == 401
    await challenges.update_one(key, {"$set": {"ends_at": datetime.now(UTC) + timedelta(seconds=60)}})
    assert (await citizen.send("/cong-dan/vao", fields))[0] == 303
    assert (await citizen.send("/cong-dan/vao", fields))[0] == 401


async def test_a_number_and_an_address_get_only_so_many_codes(start_door, number, monkeypatch):
    citizen = Citizen(await start_door(gateway_citizens_per_minute=5))
    monkeypatch.setattr("lantoa_gateway.api.citizens.time", SimpleNamespace(monotonic=lambda: 1.0))
    stop_clock(citizen.door.directory.service, monkeypatch)
    for _ in range(3):
        assert (await citizen.send("/cong-dan/ma", {"phone": number}))[0] == 200
    status, page, headers = await citizen.send("/cong-dan/ma", {"phone": number})
    assert (status, "xin mã nhiều lần" in page) == (429, True)
    assert headers["retry-after"] == "600"
    assert (await citizen.send("/cong-dan/ma", {"phone": f"08{number[2:]}"}))[0] == 200
    status, page, headers = await citizen.send("/cong-dan/ma", {"phone": f"07{number[2:]}"})
    assert (status, "từ địa chỉ này" in page, headers["retry-after"]) == (429, True, "12")
    for _ in range(5):
        assert (await citizen.send("/cong-dan/vao", {"phone": number, "code": "000000", "consent": "1"}))[0] == 401
    body = {"phone": number, "code": "000000", "consent": {"text_sha256": CONSENT["vi"]}}
    status, problem, headers = await citizen.door("POST", "/auth/citizen/sign-in", json=body)
    assert (status, problem["code"]) == (429, "gateway.too-many-sign-ins")
    assert headers["retry-after"]


async def test_every_sign_in_is_a_new_session_and_ends_the_one_shown(citizen, number):
    planted = "A" * 43
    first = await citizen.sign_in(number, planted)
    second = await citizen.sign_in(number, first)
    assert len({planted, first, second}) == 3
    statuses = [(await citizen.look("/auth/citizen/me", cookie))[0] for cookie in (planted, first, second)]
    assert statuses == [401, 401, 200]


async def test_staff_and_citizen_are_two_people_in_one_browser(citizen, number):
    door = citizen.door
    sid, cookie = await door.sign_in(), await citizen.sign_in(number)
    both = {"cookie": f"__Host-citizen={cookie}; __Host-sid={sid}"}
    assert (await door("GET", "/auth/me", headers=both))[1]["person"]["id"] == "p-lan"
    assert (await door("GET", "/auth/citizen/me", headers=both))[1]["citizen"]["name"] == f"09•• ••• {number[-3:]}"
    assert (await door("POST", "/auth/citizen/sign-out", headers=both))[0] == 204
    assert (await door("GET", "/auth/me", sid))[0] == 200
    cookie = await citizen.sign_in(number)
    assert (await door("POST", "/auth/sign-out", headers={"cookie": f"__Host-citizen={cookie}; __Host-sid={sid}"}))[0]
    assert (await citizen.look("/auth/citizen/me", cookie))[0] == 200


async def test_a_citizen_is_none_of_the_staff_whichever_cookie_shows_the_session(citizen, number):
    door, cookie = citizen.door, await citizen.sign_in(number)
    sid = await door.sign_in()
    for headers in ({"cookie": f"__Host-citizen={cookie}"}, {"cookie": f"__Host-sid={cookie}"}):
        for path in ("/auth/me", "/api/v1/content/echo", "/api/v1/directory/units", "/api/v1/directory/people"):
            assert (await door("GET", path, headers=headers))[0] == 401, path
    assert (await citizen.look("/auth/citizen/me", sid))[0] == 401
    for path in ("citizen/code", "citizen/sign-in", "citizen/erase"):
        assert (await door("POST", f"/api/v1/directory/{path}", sid, json={}))[0] == 404


async def test_another_sites_form_signs_nobody_in_or_out(citizen, number):
    cookie = await citizen.sign_in(number)
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "", "origin": "https://evil.example"},
    ):
        for path in ("ma", "vao", "ra", "xoa"):
            status, _, answered = await citizen.send(f"/cong-dan/{path}", {"phone": number}, cookie, headers)
            assert (status, "set-cookie" in answered) == (403, False)
    assert (await citizen.look("/auth/citizen/me", cookie))[0] == 200


ELSEWHERE = (
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "x",
)


async def test_the_way_back_never_leads_to_another_site(citizen, number):
    for after in ELSEWHERE:
        _, page, _ = await citizen.look(f"/cong-dan?{urlencode({'next': after})}")
        assert form_of(page, "/cong-dan/ma")[1] == {"next": "/thi"}, after
        assert (await citizen.send("/cong-dan/ra", {"next": after}))[2]["location"] == "/thi"
    await citizen.send("/cong-dan/ma", {"phone": number})
    fields = {"phone": number, "code": citizen.code(number), "consent": "1", "next": ELSEWHERE[0]}
    assert (await citizen.send("/cong-dan/vao", fields))[2]["location"] == "/thi"


async def test_who_withdraws_consent_is_forgotten(citizen, number):
    cookie = await citizen.sign_in(number)
    status, page, _ = await citizen.send("/cong-dan/xoa", {}, cookie)
    assert (status, "xác nhận việc xóa" in page) == (422, True)
    status, page, headers = await citizen.send("/cong-dan/xoa", {"sure": "1"}, cookie)
    assert (status, "Đã xóa số điện thoại" in page) == (200, True)
    assert "max-age=0" in headers["set-cookie"].lower()
    assert (await citizen.look("/auth/citizen/me", cookie))[0] == 401
    assert await citizen.door.directory.service.db["citizens"].count({"phone": f"+84{number[1:]}"}) == 0
    assert (await citizen.send("/cong-dan/xoa", {"sure": "1"}, cookie))[0] == 401


async def test_an_app_does_the_same_in_json(citizen, number):
    door = citizen.door
    status, consent, headers = await door("GET", "/auth/citizen/consent", headers={"accept-language": "en"})
    assert (status, headers["content-language"]) == (200, "en")
    assert consent["text_sha256"] == hashlib.sha256(consent["text"].encode()).hexdigest() == CONSENT["en"]
    status, body, _ = await door("POST", "/auth/citizen/code", json={"phone": number})
    assert (status, body) == (202, {"phone": f"09•• ••• {number[-3:]}", "seconds": 300})
    entered = {"phone": number, "code": citizen.code(number), "consent": {"text_sha256": "0" * 64}}
    status, problem, _ = await door("POST", "/auth/citizen/sign-in", json=entered)
    assert (status, problem["errors"][0]["pointer"]) == (422, "/consent/text_sha256")
    entered["consent"] = {"text_sha256": CONSENT["en"]}
    status, body, headers = await door("POST", "/auth/citizen/sign-in", json=entered)
    cookie = cookie_of(headers)
    assert (status, (await citizen.look("/auth/citizen/me", cookie))[1]) == (200, body)
    status, problem, _ = await door("POST", "/auth/citizen/sign-in", json=entered)
    assert (status, problem["code"], problem["title"]) == (401, "directory.code-expired", "Mã không còn giá trị")
    shown = {"cookie": f"__Host-citizen={cookie}"}
    assert (await door("POST", "/auth/citizen/erase", headers=shown))[0] == 204
    assert (await citizen.look("/auth/citizen/me", cookie))[0] == 401
    for body in ({"phone": {"$gt": ""}}, {"phone": "1"}, {}, {"phone": number, "x": 1}):
        assert (await door("POST", "/auth/citizen/code", json=body))[0] == 422


async def test_while_the_directory_is_away_the_forms_say_so(citizen, number):
    cookie = await citizen.sign_in(number)
    await citizen.door.directory.stop()
    assert (await citizen.look("/cong-dan"))[0] == 200
    status, page, headers = await citizen.send("/cong-dan/ma", {"phone": number})
    assert (status, "tạm thời gián đoạn" in page) == (503, True)
    assert headers["content-type"].startswith("text/html")
    status, page, _ = await citizen.look("/cong-dan", cookie)
    assert (status, headers["content-type"].startswith("text/html"), "gián đoạn" in page) == (503, True, True)


async def test_without_a_way_to_send_codes_the_form_says_whom_to_ask(start_door, number):
    citizen = Citizen(await start_door(codes=None))
    status, page, _ = await citizen.send("/cong-dan/ma", {"phone": number})
    assert (status, "chưa có kênh gửi mã" in page) == (503, True)
    status, problem, _ = await citizen.door("POST", "/auth/citizen/code", json={"phone": number})
    assert (status, problem["code"], problem["retryable"]) == (503, "directory.no-code-sender", False)
