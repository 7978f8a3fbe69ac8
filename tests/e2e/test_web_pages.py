"""Every page of the console and of the public site, at a phone's and at a desk's size: seen, read by axe, not too wide.

Pictures are kept in build/screenshots/.
"""

import asyncio
import gzip
import importlib.util
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import walk
from playwright.async_api import Browser, ConsoleMessage, Page
from walk import UNIT

from lantoa_cli.layout import checkout
from lantoa_testing import eventually
from lantoa_testing.platform import Person, Platform

pytestmark = pytest.mark.timeout(600)

PICTURES = checkout() / "build" / "screenshots"
SIZES = (("phone", 390, 844), ("desk", 1440, 900))
_TALLEST = 5000
AXE_AT = "phone"
"""The narrow page has every element of the wide one; reading both doubles the time and found nothing more."""
_SIGNED_OUT = "401 (Unauthorized)"
"""The browser's own note on the console's first question, whether somebody is signed in."""
_FIRST_LOAD = 200_000
_READY = """() => document.querySelector('h1') !== null && document.querySelector('.bx--skeleton__text') === null
    && document.fonts.status === 'loaded'"""
_WATCH = """addEventListener('securitypolicyviolation',
    (event) => (window.policyViolations ??= []).push(`${event.violatedDirective} ${event.blockedURI}`))"""
_VIOLATED = "(window.policyViolations ?? []).splice(0)"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_CHECK = """async (runOnly) => (await axe.run(document, {runOnly, iframes: false})).violations
    .filter(({impact}) => impact === 'serious' || impact === 'critical')
    .map(({id, nodes}) => `${id}: ${nodes.map(({target}) => target.join(' ')).slice(0, 3).join(' | ')}`)"""
_EVERYTHING = {"type": "tag", "values": _TAGS}
_CONTRAST = {"type": "rule", "values": ["color-contrast"]}
_PAINT = "(theme) => { document.documentElement.dataset.theme = theme }"
"""The console in the dark has the same elements in other colours: only these are read again."""
_PAGE = re.compile(r"^  \['(/[^']*)', ", re.MULTILINE)
"""An address of the console's table of pages."""
_ELSEWHERE = {"/units/acts/:id"}
"""Looked at where there is something to be seen: `test_console_admin`."""
_PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_GO = """(place) => new Promise((done) => {
    addEventListener('hashchange', () => requestAnimationFrame(() => requestAnimationFrame(done)), {once: true})
    location.hash = place
})"""


def _axe() -> str:
    found = importlib.util.find_spec("axe_playwright_python")
    assert found is not None
    assert found.origin is not None
    return (Path(found.origin).parent / "axe.min.js").read_text()


AXE = _axe()


@dataclass
class Visitor:
    """A browser page that looks at addresses and keeps what it does not like."""

    base: str
    page: Page
    faults: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)
    """Of the console, without what is asked there."""
    awaited: str = _SIGNED_OUT
    """A failed request that the page is about: the browser notes it as an error."""

    async def see(self, name: str, path: str, awaited: str = _SIGNED_OUT) -> None:
        """Open an address, then look at it in every size."""
        self.awaited = awaited
        here, place = self.page.url.partition("#")[0], path.removeprefix("/#")
        await self.page.evaluate(_VIOLATED)
        if path.startswith("/#") and here == f"{self.base}/" and self.page.url != self.base + path:
            await self.page.evaluate(_GO, place)
        else:
            # From one place of the console to the same a browser would not load anything.
            await self.page.goto("about:blank")
            await self.page.goto(self.base + path)
        await self.look(name)

    async def look(self, name: str) -> None:
        """Look at what is open, in every size; it is left in the size that it had."""
        own = self.page.viewport_size
        self.places.add(self.page.url.partition("#")[2].partition("?")[0])
        for size, width, height in SIZES:
            await self.page.set_viewport_size({"width": width, "height": height})
            # Asked again from here: what the driver would repeat inside the page, the page's own policy forbids.
            await eventually(lambda: self.page.evaluate(_READY), every=0.05)
            # What axe itself does to the page is not the page's doing.
            await self._note(name, await self.page.evaluate(_VIOLATED) if size == AXE_AT else [])
            if not await self.page.evaluate("'axe' in window"):
                await self.page.evaluate(AXE)
            if size == AXE_AT:
                await self._note(f"{name} ({size})", await self.page.evaluate(_CHECK, _EVERYTHING))
                if await self.page.evaluate("document.documentElement.dataset.theme") is not None:
                    await self.page.evaluate(_PAINT, "dark")
                    await self._note(f"{name} (dark)", await self.page.evaluate(_CHECK, _CONTRAST))
                    await self.page.evaluate(_PAINT, "light")
            wide = await self.page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                self.faults.append(f"{name} ({size}): {wide} px wide")
            whole = await self.page.evaluate("document.documentElement.scrollHeight")
            await self.page.set_viewport_size({"width": width, "height": min(max(whole, height), _TALLEST)})
            await self.page.evaluate(_PAINTED)
            await self.page.screenshot(path=PICTURES / size / f"{name}.png")
        if own is not None:
            await self.page.set_viewport_size(own)

    async def _note(self, where: str, said: list[str]) -> None:
        self.faults += [f"{where}: {what}" for what in said]

    def hear(self, message: ConsoleMessage) -> None:
        """Keep what a page complains of."""
        if message.type == "error" and self.awaited not in message.text:
            self.faults.append(f"{message.location.get('url', '')}: {message.text}")


@asynccontextmanager
async def visiting(browser: Browser, platform: Platform, login: str = "") -> AsyncIterator[Visitor]:
    """A visitor, signed in when a login is named."""
    # Without the service worker each context is what a first visit is; it has a test of its own.
    context = await browser.new_context(
        locale="vi-VN", viewport={"width": 390, "height": 844}, service_workers="block", reduced_motion="reduce"
    )
    context.set_default_timeout(60_000)
    await context.add_init_script(_WATCH)
    visitor = Visitor(platform.layout.gateway_url, await context.new_page())
    visitor.page.on("console", visitor.hear)
    visitor.page.on("pageerror", lambda error: visitor.faults.append(f"{login}: {error}"))
    if login:
        await visitor.page.goto(visitor.base)
        await walk.sign_in(visitor.page, platform, login)
        await visitor.page.get_by_role("navigation").wait_for()
    yield visitor
    await context.close()


@dataclass
class Story:
    """What there is to be seen."""

    returned: str
    khmer: str
    device: str
    order: str
    contest: str
    proofs: dict[str, str]
    notice: str


async def _proof_of(reporter: Person, task: str, channel: str) -> str:
    """The newest fact of a channel, once there is one."""

    async def found() -> Any:
        page = await reporter.get(f"/api/v1/reporting/tasks/{task}/proofs?channel={channel}")
        return page["items"][0]["fact_id"] if page["items"] else None

    return str(await eventually(found, 60, every=0.5))


async def _written(browser: Browser, platform: Platform, lan: Person, hung: Person, ha: Person) -> Story:
    """One bulletin in every state that looks different; the approved one is heard, seen and read."""
    board = await browser.new_page()
    await board.goto(platform.layout.board_url)
    khmer = {
        **walk.bulletin(),
        "title": "ការណែនាំអំពីការបង់ប្រាក់តាមទូរស័ព្ទ",
        "body": "សូមបងប្អូនកុំប្រាប់លេខកូដ OTP ដល់អ្នកណាឡើយ។",
    }
    drafts = await walk.gather(*(walk.submitted(lan, number) for number in (301, 302, 303)))
    draft = await lan.patient("POST", "/api/v1/content/items", khmer)
    approved = await walk.approved(hung, drafts[0]["id"])
    await walk.until(lan, drafts[1]["id"], "in_review")
    bad = await walk.until(lan, drafts[2]["id"], "in_review")
    comment = {"comment": "Ghi rõ giờ và địa điểm của từng ấp."}
    await hung.patient("POST", f"/api/v1/content/items/{bad['id']}/return", comment, ver=bad["ver"])

    async def planned() -> bool:
        sessions = await walk.pages(lan, f"/api/v1/broadcast/sessions?unit_id={UNIT}")
        return any(entry["item_id"] == approved["id"] for session in sessions for entry in session["entries"])

    await eventually(planned)
    await platform.command("demo", "session", UNIT, "--in-seconds", "2")
    proofs = {channel: await _proof_of(ha, "08", channel) for channel in ("radio", "board", "web")}
    await board.close()
    devices = (await lan.get("/api/v1/fleet/devices"))["items"]
    contests = (await lan.get("/api/v1/contest/contests"))["items"]
    return Story(
        returned=bad["id"],
        khmer=draft["id"],
        device=devices[0]["device_id"],
        order=await _ordered(platform, lan.http, devices[0]["device_id"]),
        contest=contests[0]["id"],
        proofs=proofs,
        notice=await _rehearsed(platform, lan.http, hung),
    )


async def _ordered(platform: Platform, http: aiohttp.ClientSession, device_id: str) -> str:
    khang = await platform.sign_in(http, "khang")
    wish = {"device_ids": [device_id], "name": "diagnose", "args": {}}
    return str((await khang.patient("POST", "/api/v1/fleet/commands", wish))["order_id"])


async def _rehearsed(platform: Platform, http: aiohttp.ClientSession, hung: Person) -> str:
    """An alert that two people have sent out and no device sounds."""
    vinh = await platform.sign_in(http, "vinh")
    said = {
        "status": "exercise",
        "severity": "severe",
        "headline": "Diễn tập: nước sông dâng nhanh",
        "texts": {"vi": "Đây là diễn tập.", "km": "នេះជាការហាត់សម។"},
        "scopes": [UNIT],
        "minutes": 30,
    }
    notice = await vinh.patient("POST", "/api/v1/alert/notices", said)
    await hung.patient("POST", f"/api/v1/alert/notices/{notice['id']}/confirm", {"ver": 1})
    return str(notice["id"])


async def _public(browser: Browser, platform: Platform, story: Story) -> list[str]:
    """The contest as everybody sees it, and a citizen who takes part; `test_portal` looks at the news."""
    async with visiting(browser, platform) as stranger:
        page = stranger.page
        await stranger.see("thi", "/thi")
        await stranger.see("thi-cuoc-thi", f"/thi/{story.contest}")
        await stranger.see("thi-khong-co", "/thi/khong-co", "404 (Not Found)")
        await stranger.see("cong-dan", f"/thi/{story.contest}/lam-bai")
        await page.locator("#phone").fill("0912 345 678")
        await page.locator("main form button").first.click()
        await page.locator("#code").wait_for()
        await stranger.look("cong-dan-ma")
        sent = json.loads(platform.layout.codes_file.read_text().splitlines()[-1])
        await page.locator("#code").fill(sent["code"])
        await page.locator("input[name=consent]").check()
        await page.locator("main form button").first.click()
        await page.locator("#unit").wait_for()
        await stranger.look("thi-bat-dau")
        await page.locator("#unit").select_option(UNIT)
        await page.locator("main form button").click()
        await page.locator("fieldset").first.wait_for()
        await stranger.look("thi-bai-lam")
        for question in await page.locator("fieldset").all():
            await question.locator("input[type=radio]").first.check()
        await page.locator("main form button").click()
        await page.wait_for_url("**/ket-qua/**")
        await stranger.look("thi-bien-nhan")
        await stranger.see("thi-da-lam", f"/thi/{story.contest}/lam-bai", "409 (Conflict)")
        await stranger.see("cong-dan-da-vao", "/cong-dan")
        return stranger.faults


async def _author(browser: Browser, platform: Platform, story: Story) -> Visitor:
    async with visiting(browser, platform, "lan") as lan:
        await lan.see("viec-nguoi-viet", "/#/")
        await lan.see("ban-tin", "/#/items")
        await lan.see("ban-tin-moi", "/#/items/new")
        await lan.see("ban-tin-sua", f"/#/items/{story.returned}/edit")
        await lan.see("ban-tin-khmer", f"/#/items/{story.khmer}")
        shaped = "[...document.fonts].some((f) => f.family.includes('Khmer') && f.status === 'loaded')"
        assert await lan.page.evaluate(shaped)
        await lan.see("khong-co-trang", "/#/nowhere")
        await lan.see("khong-phai-cua-ban", "/#/devices/receivers/new")
        await lan.see("them", "/#/more")
        await lan.see("bao-mat", "/#/security")
        await lan.see("hien-thi", "/#/looks")
        await lan.see("giup-do", "/#/help?about=evidence")
        await lan.see("phim-tat", "/#/keys")
        await lan.see("tim", "/#/search?q=tra%20vinh")
        await lan.page.get_by_role("link", name="Phường Trà Vinh").first.wait_for()
        await lan.see("khong-co-ban-tin", "/#/items/no-such-item", "404 (Not Found)")
        return lan


async def _approver(browser: Browser, platform: Platform, story: Story) -> Visitor:
    """What waits; `test_editor_walk` looks at how it is decided and followed."""
    async with visiting(browser, platform, "hung") as hung:
        await hung.see("viec-nguoi-duyet", "/#/")
        return hung


async def _technician(browser: Browser, platform: Platform, story: Story) -> Visitor:
    async with visiting(browser, platform, "khang") as khang:
        await khang.see("viec-ky-thuat", "/#/")
        await khang.see("thiet-bi", "/#/devices")
        await khang.see("thiet-bi-mot", f"/#/devices/{story.device}")
        await khang.see("thiet-bi-nhan", "/#/devices/claim")
        await khang.see("thiet-bi-ban-do", "/#/devices?view=map")
        await khang.see("thiet-bi-su-co", "/#/devices/alarms")
        await khang.see("thiet-bi-cap-nhat", "/#/devices/updates")
        await khang.see("thiet-bi-chua-ro", "/#/devices/unsure")
        await khang.see("thiet-bi-nhap", "/#/devices/import")
        await khang.see("thiet-bi-may-thu", "/#/devices/receivers/new")
        await khang.see("thiet-bi-lenh", f"/#/devices/orders/{story.order}")
        return khang


async def _leader(browser: Browser, platform: Platform, story: Story) -> Visitor:
    async with visiting(browser, platform, "vinh") as vinh:
        await vinh.see("khan-cap", "/#/alerts")
        await vinh.see("khan-cap-soan", "/#/alerts/new")
        await vinh.see("khan-cap-nguon", "/#/alerts/sources")
        await vinh.see("khan-cap-mot", f"/#/alerts/{story.notice}")
        await vinh.see("khan-cap-bao-cao", f"/#/alerts/{story.notice}/report")
        return vinh


async def _administrator(browser: Browser, platform: Platform, story: Story) -> Visitor:
    async with visiting(browser, platform, "vinh") as vinh:
        page = vinh.page
        await vinh.see("nguoi-dung", "/#/people")
        await vinh.see("nguoi-dung-mot", "/#/people/p-lan")
        await page.get_by_role("button", name="Cấp quyền").click()
        await vinh.look("nguoi-dung-cap-quyen")
        await vinh.see("nguoi-dung-moi", "/#/people/new")
        await vinh.see("uy-quyen", "/#/leave")
        await vinh.see("don-vi", "/#/units")
        await vinh.see("don-vi-ten-cu", "/#/units?q=phuong%202")
        await page.get_by_role("link", name="Phường 2 → phường Trà Vinh").wait_for()
        await vinh.see("don-vi-mot", f"/#/units/{UNIT}")
        await vinh.see("don-vi-nhap", "/#/units/import")
        await vinh.see("quyet-dinh", "/#/units/acts")
        await vinh.see("quyet-dinh-moi", f"/#/units/acts/new?kind=rename&from={UNIT}")
        await page.locator("#act-into-name").fill("Phường Trà Vinh Mới")
        await page.locator("#act-paper").fill("99/NQ-HĐND")
        await page.locator("#act-date").fill("2027-01-01")
        await page.get_by_role("button", name="Xem trước").click()
        await page.get_by_text("quyền của người dùng").wait_for()
        await vinh.look("quyet-dinh-xem-truoc")
        await vinh.see("nhat-ky", "/#/audit")
        await page.get_by_text("Chi tiết và mã niêm").first.click()
        await vinh.look("nhat-ky-mot")
        await vinh.see("nhat-ky-khong-co", "/#/audit?action=contest.&until=2020-01-01")
        await vinh.see("niem-phong", "/#/audit/seals")
        return vinh


async def _reporter(browser: Browser, platform: Platform, story: Story) -> Visitor:
    async with visiting(browser, platform, "ha") as ha:
        await ha.see("viec-bao-cao", "/#/")
        await ha.see("bao-cao", "/#/report")
        await ha.see("bao-cao-nhiem-vu", "/#/report/08?view=now")
        await ha.see("bang-chung", "/#/report/08/proofs?channel=radio")
        for channel, fact in story.proofs.items():
            await ha.see(f"bang-chung-{channel}", f"/#/proofs/{fact}")
        await ha.see("cuoc-thi", "/#/contests")
        await ha.see("cuoc-thi-mot", f"/#/contests/{story.contest}")
        return ha


async def test_every_page_can_be_read_by_everybody_on_a_phone_and_at_a_desk(platform, http, browser):
    lan, hung, ha = [await platform.sign_in(http, login) for login in ("lan", "hung", "ha")]
    story = await _written(browser, platform, lan, hung, ha)
    # The contest first: what the citizen hands in is a proof that the reporter opens.
    faults = await _public(browser, platform, story)
    story.proofs["contest"] = await _proof_of(ha, "01", "contest")
    visits = (_author, _approver, _technician, _reporter, _leader, _administrator)
    visitors = await asyncio.gather(*(visit(browser, platform, story) for visit in visits))
    async with visiting(browser, platform) as stranger:
        await stranger.see("dang-nhap", "/")
    assert sum((visitor.faults for visitor in (*visitors, stranger)), faults) == []
    pages = _PAGE.findall((checkout() / "services" / "console" / "src" / "pages.ts").read_text())
    assert len(pages) > 40
    assert set(pages) - {_page_at(place, pages) for visitor in visitors for place in visitor.places} == _ELSEWHERE


def _page_at(place: str, pages: list[str]) -> str | None:
    """The first that fits is taken, as the console does it."""
    return next((page for page in pages if re.fullmatch(re.sub(r":\w+", "[^/]+", page), place)), None)


async def test_what_goes_wrong_is_said_and_nothing_typed_is_lost(platform, browser):
    async with visiting(browser, platform, "khang") as khang:
        page = khang.page
        # The service is away for a moment: its own words, and a way to try again.
        problem = {"title": "Hệ thống đang bận", "detail": "Xin thử lại sau ít phút.", "status": 503, "code": "busy"}
        await page.route(
            "**/api/v1/content/items?*",
            lambda route: route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem)),
        )
        await khang.see("loi-dich-vu", "/#/items", "503 (Service Unavailable)")
        await page.get_by_role("alert").get_by_text("Hệ thống đang bận").wait_for()
        await page.unroute_all()
        await page.get_by_role("button", name="Thử lại").click()
        await page.get_by_role("alert").wait_for(state="detached")
        # A refusal leaves the form as it was filled in.
        await khang.see("mat-mang-truoc", "/#/devices/claim", "Failed to load resource")
        await page.get_by_label("Mã trên thiết bị").fill("ABCD-2345")
        await page.get_by_label("Tên thiết bị").fill("Cụm loa ấp Chợ")
        await page.get_by_text("Tỉnh Vĩnh Long", exact=True).click()
        await page.get_by_label("Nơi đặt").select_option("market")
        await page.get_by_role("button", name="Nhận thiết bị").click()
        await page.get_by_role("alert").first.wait_for()
        await khang.look("bieu-mau-bi-tu-choi")
        assert await page.get_by_label("Tên thiết bị").input_value() == "Cụm loa ấp Chợ"
        assert await page.get_by_label("Nơi đặt").input_value() == "market"
        # No network at all.
        await page.context.set_offline(True)
        await page.evaluate("location.hash = '#/report'")
        await page.get_by_role("alert").wait_for()
        await khang.look("mat-mang")
        await page.context.set_offline(False)  # Then it opens by itself.
        await page.get_by_role("alert").wait_for(state="detached")
        assert khang.faults == []


async def test_the_chosen_language_is_kept(platform, browser):
    async with visiting(browser, platform) as stranger:
        await stranger.page.goto(stranger.base)
        await stranger.page.get_by_role("button", name="English").click()
        await stranger.page.get_by_role("heading", name="Sign in").wait_for()
        await stranger.see("sign-in", "/")
        assert await stranger.page.evaluate("document.documentElement.lang") == "en"
        assert stranger.faults == []


def test_the_console_comes_in_under_200_kilobytes():
    dist = checkout() / "services" / "console" / "dist"
    # What the page names is loaded at once; maps, cameras and the pages that need them come when they are asked for.
    named = re.findall(r'(?:src|href)="\./(assets/[^"]+)"', (dist / "index.html").read_text())
    first = [dist / "index.html", *(dist / name for name in named)]
    assert not any(b"L.Map" in file.read_bytes() or "leaflet" in file.name for file in first)
    packed = sum(len(gzip.compress(file.read_bytes(), 9)) for file in first)
    fonts = sum((dist / "fonts" / name).stat().st_size for name in ("noto-sans.woff2", "noto-sans-vietnamese.woff2"))
    assert packed + fonts < _FIRST_LOAD


def test_every_message_of_the_console_is_there_in_both_languages():
    folder = checkout() / "services" / "console"
    vi, en = [json.loads((folder / "messages" / f"{language}.json").read_text()) for language in ("vi", "en")]
    sources = "".join(file.read_text() for kind in ("*.svelte", "*.ts") for file in (folder / "src").rglob(kind))
    # What the compiler made of the catalogues names its messages otherwise.
    asked = set(re.findall(r"\bm\.([a-z_]+)\(", sources))
    assert asked == set(vi) == set(en)
    assert all(text.strip() for text in [*vi.values(), *en.values()])
