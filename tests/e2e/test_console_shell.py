"""The console around its pages: a start without a network, search by keys, modes that stay, two steps of sign-in."""

import base64
import hashlib
import hmac
import json
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, expect

from lantoa_testing import eventually
from lantoa_testing.platform import Platform

pytestmark = pytest.mark.timeout(300)

_STEP_SECONDS = 30


def _code(secret: str, at: float) -> str:
    """The six digits of RFC 6238 with SHA-1, as every authenticator app shows them."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(at // _STEP_SECONDS)), hashlib.sha1).digest()
    begin = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[begin : begin + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


@asynccontextmanager
async def _at_the_door(browser: Browser, platform: Platform) -> AsyncIterator[Page]:
    context = await browser.new_context(locale="vi-VN", viewport={"width": 390, "height": 844})
    context.set_default_timeout(60_000)
    page = await context.new_page()
    await page.goto(platform.layout.gateway_url)
    yield page
    await context.close()


async def _sign_in(page: Page, platform: Platform, login: str) -> None:
    password = json.loads(platform.layout.passwords_file.read_text())[login]
    await page.get_by_label("Tên đăng nhập").fill(login)
    await page.get_by_label("Mật khẩu", exact=True).fill(password)
    await page.get_by_role("button", name="Đăng nhập").click()


async def test_without_a_network_the_console_starts_and_shows_what_is_on_the_phone(platform, browser):
    async with _at_the_door(browser, platform) as page:
        await _sign_in(page, platform, "thao")
        await page.get_by_role("navigation").wait_for()
        # Kept as the editor keeps what is typed; who is signed in is told by the phone itself later.
        draft = {"fields": {"title": "Cúp nước ấp Chợ"}, "ver": None, "attempt": None}
        await page.evaluate(
            """(draft) => localStorage.setItem(
                `lantoa.draft.${JSON.parse(localStorage.getItem('lantoa.person')).id}.new`, JSON.stringify(draft))""",
            draft,
        )
        await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        kept = "caches.keys().then((names) => names.filter((name) => name.startsWith('lantoa-')).length)"
        await eventually(lambda: page.evaluate(kept))
        await page.context.set_offline(True)
        await page.goto("about:blank")
        await page.goto(platform.layout.gateway_url)
        await expect(page.get_by_role("heading", name="Cúp nước ấp Chợ")).to_be_visible()
        await expect(page.get_by_text("Máy đang mất mạng")).to_be_visible()
        # Nothing that a service said was kept anywhere.
        addresses = """caches.keys()
            .then((names) => Promise.all(names.map((name) => caches.open(name).then((cache) => cache.keys()))))
            .then((lists) => lists.flat().map(({url}) => new URL(url).pathname))"""
        assert not [
            path for path in await page.evaluate(addresses) if path.startswith(("/api", "/auth", "/media", "/tin"))
        ]
        await page.context.set_offline(False)
        await expect(page.get_by_text("Máy đang mất mạng")).to_be_hidden()


async def test_the_desk_is_searched_by_keys_and_keeps_its_modes(platform, browser):
    async with _at_the_door(browser, platform) as page:
        await _sign_in(page, platform, "thao")
        await page.get_by_role("navigation").wait_for()
        await page.keyboard.press("/")
        await expect(page.get_by_label("Tìm bản tin")).to_be_focused()
        await page.keyboard.type("tra vinh")
        await page.get_by_role("link", name="Phường Trà Vinh").first.wait_for()
        await page.keyboard.press("ArrowDown")
        first = await page.evaluate("document.activeElement.getAttribute('href')")
        assert first.startswith("#/")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/{first}")
        await page.goto(f"{platform.layout.gateway_url}/#/looks")
        await page.get_by_text("Tối", exact=True).click()
        await page.get_by_text("Rất lớn", exact=True).click()
        await page.reload()
        shown = "[document.documentElement.dataset.theme, document.documentElement.dataset.type]"
        assert await page.evaluate(shown) == ["dark", "huge"]
        await page.get_by_role("heading", name="Hiển thị").wait_for()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_somebody_adds_a_second_step_and_signs_in_by_it(platform, browser):
    async with _at_the_door(browser, platform) as page:
        await _sign_in(page, platform, "son")
        await page.get_by_role("navigation").wait_for()
        await page.goto(f"{platform.layout.gateway_url}/#/security")
        await page.get_by_role("button", name="Cài ứng dụng tạo mã").click()
        await page.get_by_role("img", name="Mã QR").wait_for()
        await page.get_by_text("Nhập bằng tay").click()
        secret = (await page.locator(".secret").inner_text()).replace(" ", "")
        await page.get_by_label("Nhập 6 số").fill("000000")
        await page.get_by_role("button", name="Xong").click()
        await page.get_by_role("alert").first.wait_for()
        began = time.time()
        await page.get_by_label("Nhập 6 số").fill(_code(secret, began))
        await page.get_by_role("button", name="Xong").click()
        await page.get_by_text("Các mã này chỉ hiện một lần").wait_for()
        codes = await page.locator("ol li").all_inner_texts()
        assert len(codes) >= 8
        await page.get_by_text("Tôi đã in hoặc chép").click()
        await page.get_by_role("button", name="Đã cất xong").click()
        await page.goto(f"{platform.layout.gateway_url}/#/more")
        await page.get_by_role("button", name="Đăng xuất").click()
        await _sign_in(page, platform, "son")
        # The step of just now is used up; a code from the sheet is not.
        await page.get_by_role("button", name="Dùng mã dự phòng").click()
        await page.get_by_label("Mã dự phòng").fill(codes[0])
        await page.get_by_role("button", name="Vào", exact=True).click()
        await page.get_by_role("navigation").wait_for()
        # Left as it was found: other tests sign in by password alone.
        await page.goto(f"{platform.layout.gateway_url}/#/security")
        await page.get_by_role("button", name="Bỏ ứng dụng tạo mã").click()
        await page.get_by_role("button", name="Bỏ ứng dụng tạo mã").click()
        await page.get_by_role("button", name="Cài ứng dụng tạo mã").wait_for()
