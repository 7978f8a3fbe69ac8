"""The console around its pages: a start without a network, search by keys, modes that stay."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import walk
from playwright.async_api import Browser, Page, expect

from lantoa_testing import eventually
from lantoa_testing.platform import Platform

pytestmark = pytest.mark.timeout(300)


@asynccontextmanager
async def _at_the_door(browser: Browser, platform: Platform) -> AsyncIterator[Page]:
    context = await browser.new_context(locale="vi-VN", viewport={"width": 390, "height": 844})
    context.set_default_timeout(60_000)
    page = await context.new_page()
    await page.goto(platform.layout.gateway_url)
    yield page
    await context.close()


async def test_without_a_network_the_console_starts_and_shows_what_is_on_the_phone(platform, browser):
    async with _at_the_door(browser, platform) as page:
        await walk.sign_in(page, platform, "thao")
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
        await walk.sign_in(page, platform, "thao")
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
