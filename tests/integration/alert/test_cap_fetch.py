"""Fetching what somebody typed in: the wide internet and nothing else, however the address is dressed up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from lantoa_alert.adapters.cap_fetch import SafeFetch, checked, is_public
from lantoa_alert.domain.cap import MOST_BYTES, CapRefused


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "not an address",
    ],
)
def test_no_address_of_an_inner_network_is_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "113.160.0.1", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/a",
        "gopher://example.com/",
        "javascript:alert(1)",
        "//example.com/a",
        "/a",
        "",
        "http://",
        "http://user@example.com/",
        "http://example.com:25/",
        "http://example.com:8080/",
        "https://example.com:0/",
        "http://example.com:99999/",
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://１２７.0.0.1/",
        "http://127。0。0。1/",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
def test_addresses_of_a_form_that_is_not_allowed_are_refused(url):
    with pytest.raises(CapRefused) as refused:
        checked(url)
    assert refused.value.reason == "address"


@given(st.text(max_size=60))
def test_any_text_is_an_allowed_address_or_refused(text):
    for url in (text, f"http://{text}", f"https://example.com/{text}"):
        with contextlib.suppress(CapRefused):
            assert checked(url).scheme in ("http", "https")


class Web:
    """A web server on loopback, the inner network of these tests."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[str] = []

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        match request.path:
            case "/away":
                raise web.HTTPFound(request.query["to"])
            case "/large":
                return web.Response(body=b"x" * (MOST_BYTES + 1))
            case "/slow":
                await asyncio.sleep(100)
            case "/missing":
                return web.Response(status=404)
        return web.Response(body=b"<alert/>")

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        return runner


@pytest.fixture
async def server() -> AsyncIterator[Web]:
    found = Web()
    runner = await found.start()
    yield found
    await runner.cleanup()


async def reason_of(fetch: SafeFetch, url: str) -> str:
    try:
        with pytest.raises(CapRefused) as refused:
            await fetch.fetch(url)
    finally:
        await fetch.close()
    return refused.value.reason


async def test_a_host_that_is_named_in_the_settings_is_reached(server):
    fetch = SafeFetch(60, [f"127.0.0.1:{server.port}"])
    assert await fetch.fetch(f"http://127.0.0.1:{server.port}/a") == (b"<alert/>", f"http://127.0.0.1:{server.port}/a")
    await fetch.close()


@pytest.mark.parametrize("found", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"]])
async def test_a_name_that_leads_inside_is_never_connected_to(found):
    asked = []

    async def lookup(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return found

    assert await reason_of(SafeFetch(60, lookup=lookup), "http://kttv.example/cap.xml") == "address"
    assert asked == [("kttv.example", 80)]


async def test_the_connection_goes_to_the_address_that_was_checked(server):
    """A name is looked up once: a second answer, with an inner address, is never asked for."""
    asked = []

    async def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    fetch = SafeFetch(60, [f"kttv.example:{server.port}"], lookup)
    assert (await fetch.fetch(f"http://kttv.example:{server.port}/a"))[0] == b"<alert/>"
    assert asked == ["kttv.example"]
    await fetch.close()


async def test_localhost_by_name_is_refused(server):
    assert await reason_of(SafeFetch(60), "http://localhost/") == "address"


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("http://127.0.0.1:1/", "address"),
        ("http://169.254.169.254/", "address"),
        ("http://localhost/", "address"),
        ("file:///etc/passwd", "address"),
        ("/away?to=/away%3Fto%3D/away%253Fto%253D/away%25253Fto%25253D/a", "redirects"),
    ],
)
async def test_redirects_are_checked_like_the_first_address(server, to, reason):
    fetch = SafeFetch(60, [f"127.0.0.1:{server.port}"])
    assert await reason_of(fetch, f"http://127.0.0.1:{server.port}/away?to={to}") == reason
    assert len(server.asked) == (4 if reason == "redirects" else 1)


@pytest.mark.parametrize(
    ("path", "seconds", "reason"), [("large", 60, "too-large"), ("slow", 0.2, "fetch"), ("missing", 60, "fetch")]
)
async def test_size_time_and_status_are_bounded(server, path, seconds, reason):
    fetch = SafeFetch(seconds, [f"127.0.0.1:{server.port}"])
    assert await reason_of(fetch, f"http://127.0.0.1:{server.port}/{path}") == reason


async def test_nobody_there_is_a_failed_fetch():
    assert await reason_of(SafeFetch(60, ["127.0.0.1:9"]), "http://127.0.0.1:9/") == "fetch"
