import asyncio
import io
import json
import secrets
from typing import Annotated

import pytest

from lantoa_cli.servers import free_port
from lantoa_contracts.policy import PAGE_READ
from lantoa_gateway import usecases
from lantoa_gateway.adapters import services
from lantoa_gateway.adapters.services import consents
from lantoa_runtime.http import Caller, Routes, allows
from lantoa_runtime.settings import RuntimeSettings
from lantoa_testing import eventually

FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}


@pytest.fixture
async def contest(start_service, public_pages):
    """A service that stands in the place of ``contest`` and says who calls."""

    def build(service):
        service.stateless = True
        router = Routes()

        @router.api_route("/contests", methods=["GET", "POST"])
        @router.api_route("/contests/{rest:path}", methods=["GET", "POST"])
        @router.api_route("/attempts", methods=["GET", "POST"])
        async def echo(caller: Annotated[Caller, allows(PAGE_READ)]) -> str:
            return caller.id

        service.routes(router)
        public_pages.add_to(service.app.router)

    running = await start_service("contest", RuntimeSettings, build)
    await eventually(lambda: running.server.started)
    return running


@pytest.fixture
async def door(start_door, contest):
    return await start_door(upstreams={"contest": contest.url})


@pytest.fixture
def sign_in(door):
    """A citizen's cookie and the citizen."""

    async def do():
        number = f"09{secrets.randbelow(10**8):08}"
        assert (await door("POST", "/auth/citizen/code", json={"phone": number}))[0] == 202
        lines = door.directory.service.settings.directory_codes_file.read_text().splitlines()
        code = json.loads(lines[-1])["code"]
        consent = {"text_sha256": consents(("vi",))["vi"].record["text_sha256"]}
        body = {"phone": number, "code": code, "consent": consent}
        status, answer, headers = await door("POST", "/auth/citizen/sign-in", json=body)
        assert status == 200, answer
        return {"cookie": headers["set-cookie"].split(";")[0]}, answer["citizen"]["id"]

    return do


STALE = {"cookie": "__Host-citizen=" + "A" * 43}


async def test_pages_come_from_their_service_under_the_same_address_for_strangers_and_citizens(door, sign_in):
    for path in ("/tin", "/tin/", "/tin/an%20b/c", "/thi/x/lam-bai"):
        status, said, headers = await door("GET", f"{path}?don-vi=u-1&q=%C4%91")
        assert (status, said["caller"], said["citizen"]) == (200, "anonymous", False)
        assert (said["path"], said["query"]) == (path.replace("%20", " "), "don-vi=u-1&q=%C4%91")
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]
    cookie, citizen_id = await sign_in()
    for path in ("/tin", "/thi/x"):
        _, said, _ = await door("GET", path, headers=cookie)
        assert (said["caller"], said["citizen"]) == (citizen_id, True)
    _, said, _ = await door("POST", "/thi/x/lam-bai", data=b"a=1&b=2", headers={**FORM, **cookie})
    assert (said["caller"], said["body"], said["method"]) == (citizen_id, "a=1&b=2", "POST")
    assert (await door("HEAD", "/tin"))[:2] == (200, b"")


async def test_wifi_spots_and_robots_find_their_pages_at_the_root_without_a_session(door, sign_in):
    cookie, _ = await sign_in()
    for path in ("/wifi", "/wifi/api", "/robots.txt", "/sitemap.xml"):
        status, said, headers = await door("GET", f"{path}?diem=29242", headers=STALE)
        assert (status, said["path"], said["query"], said["caller"]) == (200, path, "diem=29242", "anonymous")
        assert "set-cookie" not in headers
        assert (await door("GET", path, headers=cookie))[0] == 200
    for path in ("/robots.txt/../api/v1/directory/people", "/wifi//x", "/sitemap.xml/%2e%2e/x"):
        assert (await door("GET", path))[0] == 404
    for path in ("/robots", "/wifi2", "/sitemap.xmlx"):
        assert (await door("GET", path))[2]["content-type"] == "application/problem+json"


async def test_only_a_page_that_says_so_itself_is_shown_in_other_sites(door):
    _, _, headers = await door("GET", "/tin/khung")
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors *"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    for path in ("/tin", "/tin/nhung", "/thi", "/wifi", "/cong-dan", "/api/docs", "/tin/khong-co", "/"):
        policy = (await door("GET", path))[2]["content-security-policy"]
        assert "frame-ancestors 'self'" in policy, path


async def test_who_cannot_be_recognised_is_a_stranger_and_sees_the_pages(door):
    sid = await door.sign_in()
    for headers in (STALE, {"cookie": f"__Host-sid={sid}"}, {"cookie": "__Host-citizen=x"}):
        for method in ("GET", "POST"):
            sent = FORM | headers if method == "POST" else headers
            assert (await door(method, "/thi/x", headers=sent))[1]["caller"] == "anonymous"


async def test_pages_stay_while_the_directory_is_away_but_nothing_is_sent_in_nobodys_name(door, sign_in, monkeypatch):
    monkeypatch.setattr(usecases, "SESSION_SECONDS", 600.0)  # However slowly the directory ends.
    cookie, citizen_id = await sign_in()
    assert (await door("GET", "/thi/x", headers=cookie))[1]["caller"] == citizen_id
    await door.directory.stop()
    assert (await door("GET", "/thi/x", headers=cookie))[1]["caller"] == citizen_id
    for path in ("/tin", "/thi/x"):
        assert (await door("GET", path, headers=STALE))[1]["caller"] == "anonymous"
    status, _, headers = await door("POST", "/thi/x", headers={**FORM, **STALE})
    assert (status, headers["content-type"].startswith("text/html")) == (503, True)
    assert headers["retry-after"]
    assert (await door("POST", "/thi/x", headers=FORM))[1]["caller"] == "anonymous"


async def test_a_directory_that_says_nothing_holds_no_page_up(start_door, contest, crude_server, monkeypatch):
    monkeypatch.setattr(usecases, "STRANGERS_WAIT_SECONDS", 0.2)
    monkeypatch.setattr(services, "RESPONSE_START_SECONDS", 600.0)
    silent = await crude_server(b"", stay=True)
    door = await start_door(upstreams={"contest": contest.url, "directory": silent})
    asked = (door("GET", path, headers=STALE) for path in ("/tin", "/thi/x", "/tin/y"))
    said = await asyncio.wait_for(asyncio.gather(*asked), 60)
    assert {answer[1]["caller"] for answer in said} == {"anonymous"}


async def test_a_service_that_is_away_is_a_page_in_the_readers_language(start_door):
    door = await start_door(upstreams={"contest": f"http://127.0.0.1:{free_port()}"})
    for language, words in (("vi", "tạm thời gián đoạn"), ("en", "interrupted for a moment")):
        status, page, headers = await door("GET", "/thi/x", headers={"accept-language": language})
        assert (status, headers["content-type"], headers["content-language"]) == (
            503,
            "text/html; charset=utf-8",
            language,
        )
        assert words in page.decode()
        assert headers["retry-after"] == "2"
        style = page.decode().split('rel="stylesheet" href="')[1].split('"')[0]
        assert (await door("GET", style))[2]["content-type"].startswith("text/css")


async def test_an_address_with_two_readings_and_a_form_too_large_are_pages_too(door):
    for path in ("/tin//x", "/tin/../api/v1/directory/people", "/tin/%2e%2e/x", "/thi/./x", "/tin%2F..%2Fthi"):
        status, page, _ = await door("GET", path)
        assert (status, b"<h1>" in page) == (404, True), path
    assert (await door("GET", "/tinh"))[2]["content-type"] == "application/problem+json"
    status, page, headers = await door("POST", "/thi/x", data=io.BytesIO(b"x" * ((1 << 20) + 1)), headers=FORM)
    assert (status, headers["content-type"].startswith("text/html")) == (413, True)


async def test_contests_are_read_by_all_and_entered_by_citizens_and_staff(door, sign_in):
    sid = await door.sign_in()
    cookie, citizen_id = await sign_in()
    both = {"cookie": f"{cookie['cookie']}; __Host-sid={sid}"}
    api = "/api/v1/contest"
    assert (await door("GET", f"{api}/contests"))[1] == "anonymous"
    assert (await door("GET", f"{api}/contests/x", headers=STALE))[1] == "anonymous"
    assert (await door("GET", f"{api}/contests", headers=cookie))[1] == citizen_id
    assert (await door("POST", f"{api}/attempts", headers=cookie, json={}))[1] == citizen_id
    assert (await door("POST", f"{api}/contests", headers=both, json={}))[1] == "p-lan"
    stale_staff = {"cookie": f"{cookie['cookie']}; __Host-sid={'A' * 43}"}
    assert (await door("POST", f"{api}/attempts", headers=stale_staff, json={}))[1] == citizen_id
    for method, path in (("POST", "contests"), ("GET", "attempts"), ("POST", "attempts")):
        status, problem, _ = await door(method, f"{api}/{path}", headers=STALE)
        assert (status, problem["code"]) == (401, "sign-in-required")
    await door.directory.stop()
    status, problem, _ = await door("POST", f"{api}/attempts", headers=STALE, json={})
    assert (status, problem["code"]) == (503, "unavailable")


async def test_the_root_stays_the_consoles(start_door, tmp_path):
    (tmp_path / "index.html").write_text("<p>Lan Tỏa")
    door = await start_door(gateway_console_dir=tmp_path)
    assert (await door("GET", "/"))[1].decode() == "<p>Lan Tỏa"
    assert (await door("GET", "/cong-dan"))[0] == 200
    assert (await door("GET", "/tin"))[1]["caller"] == "anonymous"


async def test_public_pages_count_under_bounded_labels(door):
    await door("GET", "/thi/some-contest-id")
    text = (await door("GET", "/metrics"))[1].decode()
    assert 'route="/thi/*"' in text
    assert "some-contest-id" not in text
