"""The public pages in a real Chromium: read by axe in every dress, shown inside another body's site, on a Wi-Fi spot.

Pictures are kept in build/screenshots/.
"""

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
import walk
from aiohttp import web
from aiohttp.test_utils import RawTestServer as TestServer
from playwright.async_api import Browser, Page
from walk import UNIT

from lantoa_cli.layout import checkout
from lantoa_testing import eventually

pytestmark = pytest.mark.timeout(180)

PICTURES = checkout() / "build" / "screenshots"
Size = tuple[str, int, int]
SIZES: tuple[Size, ...] = (("phone", 390, 844), ("desk", 1440, 900))
_AXE = Path(str(importlib.util.find_spec("axe_playwright_python").origin)).parent / "axe.min.js"
# Everything but what axe itself calls a trifle, rules of good practice included.
_CHECK = """async () => (await axe.run(document, {iframes: false})).violations
    .filter(({impact}) => impact !== 'minor')
    .map(({id, nodes}) => `${id}: ${nodes.map(({target}) => target.join(' ')).slice(0, 3).join(' | ')}`)"""
_WATCH = """addEventListener('securitypolicyviolation',
    (event) => (window.policyViolations ??= []).push(`${event.violatedDirective} ${event.blockedURI}`))"""


_MADE: dict[str, str] = {}


@pytest_asyncio.fixture(loop_scope="session")
async def item(platform, http) -> str:
    """An item that everybody can read; one for all tests of a platform."""
    base = platform.layout.gateway_url
    if base not in _MADE:
        lan, hung = [await platform.sign_in(http, login) for login in ("lan", "hung")]
        made = await walk.submitted(lan, 401)
        await walk.approved(hung, made["id"])
        _MADE[base] = str(made["id"])

    async def there():
        async with http.get(f"{base}/tin/{_MADE[base]}") as answer:
            return answer.status == 200

    await eventually(there, every=0.2)
    return _MADE[base]


@pytest_asyncio.fixture(loop_scope="session")
async def foreign(platform) -> AsyncIterator[str]:
    """Another body's site at another host, which shows what its address names in frames."""

    async def answer(request: web.BaseRequest) -> web.Response:
        base = platform.layout.gateway_url
        frames = "".join(
            f'<iframe src="{base}{path}" title="x" width="100%" height="600"></iframe>'
            for path in request.query.getall("show")
        )
        return web.Response(text=f"<!DOCTYPE html><title>UBND</title>{frames}", content_type="text/html")

    server = TestServer(answer)
    await server.start_server()
    yield f"http://localhost:{server.port}"
    await server.close()


async def _faults(page: Page, name: str, dress: str, size: str, width: int) -> list[str]:
    found = [f"policy: {what}" for what in await page.evaluate("window.policyViolations ?? []")]
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_AXE.read_text())
    found += await page.evaluate(_CHECK)
    if await page.evaluate("document.documentElement.scrollWidth") > width:
        found.append("too wide")
    await page.screenshot(path=PICTURES / size / f"{name}-{dress}.png", full_page=True)
    return [f"{name} {dress} {size}: {fault}" for fault in found]


async def _read(browser: Browser, base: str, dress: str, sizes: Sequence[Size], paths: Mapping[str, str]) -> list[str]:
    context = await browser.new_context(locale="vi-VN", color_scheme=dress)
    await context.add_init_script(_WATCH)
    page, faults = await context.new_page(), []
    for name, path in paths.items():
        await page.goto(base + path)
        for size, width, height in sizes:
            await page.set_viewport_size({"width": width, "height": height})
            faults += await _faults(page, name, dress, size, width)
    await context.close()
    return faults


async def test_every_public_page_can_be_read_by_everybody_in_light_and_dark(platform, browser, item):
    coloured = {
        "cong-tin": "/tin",
        "cong-bai": f"/tin/{item}",
        "cong-tim": "/tin/tim?q=huong+dan",
        "cong-nhung": f"/tin/nhung?don-vi={UNIT}&so=3",
        "cong-khung": "/tin/khung?so=3",
        "cong-wifi": f"/wifi?diem={UNIT}",
    }
    others = {
        "cong-don-vi": f"/tin/don-vi/{UNIT}?lang=en",
        "cong-dia-phuong": "/tin/don-vi",
        "cong-trong": "/tin/chu-de/duties?ngon-ngu=km",
        "cong-tim-khong": "/tin/tim?q=voi+rong",
        "cong-canh-bao": "/tin/canh-bao",
        "cong-loi": "/tin/khong-co",
    }
    for size, *_ in SIZES:
        (PICTURES / size).mkdir(parents=True, exist_ok=True)
    base = platform.layout.gateway_url
    # What differs in the dark are colours, and these are the same at a desk.
    light = _read(browser, base, "light", SIZES, coloured | others)
    found = await asyncio.gather(light, _read(browser, base, "dark", SIZES[:1], coloured))
    assert [fault for faults in found for fault in faults] == []


async def test_the_column_is_read_inside_another_site_and_nothing_else_is(platform, browser, foreign, item):
    page = await browser.new_page(viewport={"width": 390, "height": 844})
    others = ("/tin", f"/tin/{item}", "/tin/nhung", "/tin/khong-co", "/thi", "/cong-dan", "/wifi", "/", "/api/docs")
    shown = "&".join(f"show={path}" for path in (f"/tin/khung?so=3%26don-vi={UNIT}", *others))
    await page.goto(f"{foreign}/?{shown}")
    column, *refused = page.frames[1:]
    await column.get_by_role("heading", level=1).wait_for()
    assert await column.get_by_role("link").count() >= 3
    size = await column.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert size[0] <= size[1]
    assert await column.evaluate("getComputedStyle(document.body).fontFamily.includes('Noto Sans')")
    assert len(refused) == len(others)
    for frame in refused:
        assert not frame.url.startswith(platform.layout.gateway_url), frame.url
    assert await page.context.cookies() == []
    await page.screenshot(path=PICTURES / "phone" / "cong-khung-noi-khac.png")
    await column.get_by_role("link").nth(1).click()
    await page.wait_for_url(f"{platform.layout.gateway_url}/tin/*")
    assert await page.get_by_role("heading", level=1).count() == 1


async def test_a_spot_s_page_is_one_request_and_every_page_works_without_scripts(platform, browser, item):
    context = await browser.new_context(
        locale="vi-VN", java_script_enabled=False, viewport={"width": 390, "height": 844}
    )
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    base = platform.layout.gateway_url
    await page.goto(f"{base}/wifi?diem={UNIT}", wait_until="networkidle")
    assert asked == [f"{base}/wifi?diem={UNIT}"]
    await page.goto(f"{base}/tin/{item}")
    assert await page.get_by_role("button").count() == 0  # What needs a script is not shown without one.
    await page.goto(f"{base}/tin")
    await page.get_by_label("Tìm trong tin tức").fill("huong dan truc tuyen so 401")
    await page.get_by_role("button", name="Tìm", exact=True).click()
    await page.get_by_role("heading", level=3).first.wait_for()
    assert f"/tin/{item}" in await page.content()
    await page.goto(f"{base}/tin/chu-de/skills")
    await page.get_by_text("Chọn địa phương, chủ đề, ngôn ngữ").click()
    await page.get_by_label("Địa phương").select_option(UNIT)
    await page.get_by_role("button", name="Xem", exact=True).click()
    await page.wait_for_url(f"{base}/tin/don-vi/{UNIT}/chu-de/skills")
    await context.close()


async def test_an_item_is_copied_and_printed(platform, browser, item):
    context = await browser.new_context(locale="vi-VN", permissions=["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    address = f"{platform.layout.gateway_url}/tin/{item}"
    await page.goto(address)
    await page.get_by_role("button", name="Sao chép").click()
    await page.get_by_role("status").get_by_text("Đã sao chép").wait_for()
    assert await page.evaluate("navigator.clipboard.readText()") == address
    await page.emulate_media(media="print")
    hidden = ("header.site nav", "footer.site", "audio", ".share button")
    assert [await page.locator(one).first.is_visible() for one in hidden] == [False] * 4
    assert await page.locator(".approved h1").is_visible()
    await page.screenshot(path=PICTURES / "desk" / "cong-in.png", full_page=True)
    await context.close()
