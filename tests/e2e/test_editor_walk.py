"""The day's work after a sign-in in two steps: an item is written on a phone or at a desk, heard and approved on
another phone, and followed until it has played. On phones the network is cut in the middle of everything."""

import io
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
import walk
from PIL import Image
from playwright.async_api import Page, ViewportSize, expect
from test_web_pages import PICTURES, Visitor, visiting
from walk import UNIT

from lantoa_calendar.periods import ZONE
from lantoa_testing import eventually
from lantoa_testing.authenticator import CodeApp
from lantoa_testing.platform import Person, Platform

pytestmark = pytest.mark.timeout(600)

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1440, "height": 900}
TITLE = "Ngày hội số ở nhà văn hóa ấp Chợ"
LAST_DAY = datetime.now(ZONE).date() + timedelta(days=3)
AT_THE_DESK = "Lịch tiêm phòng tháng này ở trạm y tế"
WORD = """<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p.MsoNormal{margin:0cm}</style></head>
<body><!--StartFragment--><p class=MsoNormal style='text-align:justify'><b><span style='font-size:14.0pt'>Thời
gian:</span></b> <span style='mso-fareast-font-family:"Times New Roman"'>7 giờ sáng thứ Bảy.<o:p></o:p></span></p>
<p class=MsoListParagraph style='text-indent:-18.0pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='font-family:Symbol;mso-list:Ignore'>·<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp; </span></span>
<![endif]>Điện thoại</p><img src="file:///C:/Users/lan/clip_image001.png" onerror="alert(1)">
<script>alert(1)</script><!--EndFragment--></body></html>"""
_PASTE = """([selector, html]) => {
    const data = new DataTransfer()
    data.setData('text/html', html)
    data.setData('text/plain', 'x')
    const event = new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})
    document.querySelector(selector).dispatchEvent(event)
}"""
_HEARD = "document.querySelector('audio').currentTime > 0.2"
_LOUDEST = """async () => {
    const file = await fetch(document.querySelector('audio').currentSrc)
    const sound = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(await file.arrayBuffer())
    return sound.getChannelData(0).reduce((loudest, now) => Math.max(loudest, Math.abs(now)), 0)
}"""
_AUDIBLE = 0.05
_A4 = [595, 842]
"""In points."""
_PAPER_PX = 624
"""Between the margins of an A4 sheet, at 96 px an inch."""


@pytest_asyncio.fixture(loop_scope="session")
async def at_last(platform, http) -> AsyncIterator[None]:
    """Second steps are forgotten at the end: other tests sign in by password alone."""
    yield
    vinh = await platform.sign_in(http, "vinh")
    for login in ("lan", "hung"):
        await vinh.patient("POST", f"/api/v1/directory/people/p-{login}/factors/reset")


async def second_step(person: Person) -> tuple[CodeApp, list[str]]:
    """Somebody's app and recovery codes, taken up elsewhere; the session that did it has ended."""
    app = CodeApp((await person.patient("POST", "/auth/totp/begin"))["secret"])
    made = await person.patient("POST", "/auth/totp/confirm", {"code": app.code()})
    return app, made["recovery_codes"]


async def second_step_added(author: Visitor) -> CodeApp:
    """An app is added on the page of security, with a wrong code first."""
    page = author.page
    await page.goto(f"{author.base}/#/security")
    await page.get_by_role("button", name="Cài ứng dụng tạo mã").click()
    await page.get_by_role("img", name="Mã QR").wait_for()
    await page.get_by_text("Nhập bằng tay").click()
    app = CodeApp(await page.locator(".secret").inner_text())
    author.awaited = "status of 422"
    await page.get_by_label("Nhập 6 số").fill("000000")
    await page.get_by_role("button", name="Xong").click()
    await page.get_by_role("alert").first.wait_for()
    await author.look("bao-mat-cai-ma")
    await page.get_by_label("Nhập 6 số").fill(app.code())
    await page.get_by_role("button", name="Xong").click()
    await page.get_by_text("Các mã này chỉ hiện một lần").wait_for()
    await author.look("bao-mat-ma-du-phong")
    await page.get_by_text("Tôi đã in hoặc chép").click()
    await page.get_by_role("button", name="Đã cất xong").click()
    await page.goto(f"{author.base}/#/more")
    await page.get_by_role("button", name="Đăng xuất").click()
    return app


async def signed_in(visitor: Visitor, platform: Platform, login: str, code: CodeApp | str) -> None:
    """By password, then by a code of the app, or by one of the printed sheet."""
    page = visitor.page
    visitor.awaited = "401 (Unauthorized)"
    await walk.sign_in(page, platform, login)
    if isinstance(code, CodeApp):
        await page.get_by_label("Mã 6 số").fill(code.code())
    else:
        await page.get_by_role("button", name="Dùng mã dự phòng").click()
        await page.get_by_label("Mã dự phòng").fill(code)
        await visitor.look("dang-nhap-buoc-hai")
    await page.get_by_role("button", name="Vào", exact=True).click()
    await page.get_by_role("navigation").wait_for()


def photo() -> dict[str, Any]:
    made = io.BytesIO()
    Image.linear_gradient("L").resize((1600, 1200)).convert("RGB").save(made, "JPEG")
    return {"name": "cho.jpg", "mimeType": "image/jpeg", "buffer": made.getvalue()}


async def written(page: Page) -> None:
    """Everything that the toolbar and the clipboard can do."""
    box = page.get_by_role("textbox", name="Nội dung")
    await page.get_by_label("Tiêu đề").fill(TITLE)
    await page.get_by_label("Đến hết ngày").fill(f"{LAST_DAY:%Y-%m-%d}")
    await box.click()
    await page.keyboard.type("Cần mang theo")
    await page.get_by_role("button", name="Đề mục").click()
    await expect(page.get_by_role("button", name="Đề mục")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Danh sách").click()
    await page.keyboard.type("Căn cước")
    await page.keyboard.press("Enter")
    await page.keyboard.type("Sổ bảo hiểm xã hội")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await page.evaluate(_PASTE, ["#body", WORD])
    await page.get_by_text("1 ảnh trong đoạn dán không vào được bài.").wait_for()
    await page.get_by_role("button", name="Đã rõ").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Control+k")
    await page.get_by_label("Địa chỉ trang").fill("dichvucong.gov.vn")
    await page.get_by_label("Chữ hiện trong bài").fill("Cổng dịch vụ công")
    await page.keyboard.press("Enter")
    await page.locator("#body-file").set_input_files(photo())
    await page.get_by_role("button", name="Chèn ảnh vào bài").click()
    await page.get_by_text("Xin tả ảnh bằng một câu.").wait_for()
    await page.get_by_label("Ảnh chụp gì?").fill("Bà con ở chợ Cầu Kè")
    await page.keyboard.press("Enter")
    await box.get_by_role("img", name="Bà con ở chợ Cầu Kè").wait_for()
    await page.get_by_text("Đọc trên loa khoảng").wait_for()


async def chosen(page: Page) -> None:
    await page.get_by_label("Chủ đề").select_option("skills")
    for task in ("05.", "08."):
        await page.locator("label", has_text=task).first.click()


def open_item(page: Page) -> str:
    """Whose page is open."""
    found = re.search(r"#/items/([^/?]+)$", page.url)
    assert found, page.url
    return found[1]


async def waiting(page: Page) -> None:
    """The item is among what needs its approver now, on the first page that they see; it is opened from there."""
    card = page.get_by_role("link", name="Nghe và duyệt").filter(has_text=AT_THE_DESK)
    rest = page.get_by_role("button", name="Xem cả")

    async def there() -> bool:
        if await rest.count():
            await rest.click()
        return bool(await card.count())

    await eventually(there, 60)
    await card.click()


async def heard(approver: Visitor) -> None:
    """The preview plays at the press of a key, and is not silence."""
    page = approver.page
    await page.locator("audio").focus()
    await page.keyboard.press("Space")
    await eventually(lambda: page.evaluate(_HEARD))
    assert await page.evaluate(_LOUDEST) > _AUDIBLE


async def test_an_item_goes_its_whole_way_on_phones_while_the_network_comes_and_goes(platform, http, browser, at_last):
    hung, ha = [await platform.sign_in(http, login) for login in ("hung", "ha")]
    _, sheet = await second_step(hung)
    async with visiting(browser, platform, "lan") as author, visiting(browser, platform) as approver:
        assert author.page.viewport_size == approver.page.viewport_size == PHONE
        app = await second_step_added(author)
        await signed_in(author, platform, "lan", app)
        # The app of the vice-chair is on a phone that lies elsewhere.
        await approver.page.goto(approver.base)
        await signed_in(approver, platform, "hung", sheet[0])

        # Cut in the middle of writing: the page is closed, the phone has kept text and picture.
        author.awaited = "ERR_INTERNET_DISCONNECTED"
        await author.page.goto(f"{author.base}/#/items/new")
        await author.page.get_by_label("Tiêu đề").wait_for()
        await author.page.context.set_offline(True)
        await written(author.page)
        await author.page.context.set_offline(False)
        await author.page.reload()
        await author.page.get_by_text("Đây là phần bạn viết dở lần trước.").wait_for()
        shown = author.page.locator("#body img")
        await eventually(lambda: shown.evaluate("image => image.naturalWidth > 0"))
        await expect(author.page.get_by_label("Đến hết ngày")).to_have_value(f"{LAST_DAY:%Y-%m-%d}")
        await chosen(author.page)
        await author.page.get_by_role("button", name="Loại tin là gì?").click()
        await author.page.get_by_text("phát trước các tin khác trong buổi").wait_for()
        await author.look("soan-tin")

        # Cut in the middle of submitting: it waits, and goes out by itself.
        await author.page.context.set_offline(True)
        await author.page.get_by_role("button", name="Gửi duyệt").click()
        await author.page.get_by_role("heading", name="Chờ gửi khi có mạng").wait_for()
        await author.page.get_by_text("1 việc chờ mạng, máy sẽ tự gửi.").wait_for()
        await author.look("cho-gui")
        await author.page.context.set_offline(False)
        await author.page.get_by_role("link", name=f"Đã gửi: {TITLE}").click()
        await author.page.get_by_role("heading", name=TITLE).wait_for()
        item = await walk.until(ha, open_item(author.page), "in_review")
        assert item["body"].split("\n\n") == [
            "# Cần mang theo",
            "- Căn cước\n- Sổ bảo hiểm xã hội",
            "Thời gian: 7 giờ sáng thứ Bảy.",
            "- Điện thoại",
            "Cổng dịch vụ công",
        ]
        assert '<a href="https://dichvucong.gov.vn">' in item["body_html"]
        assert len(item["pictures"]) == 1

        # The approver returns it; the author, whose page tells of it by itself, mends it; what changed is shown.
        await approver.page.goto(f"{approver.base}/#/items/{item['id']}")
        await approver.page.get_by_text(f"Phát đến hết ngày {LAST_DAY:%d/%m/%Y}").first.wait_for()
        await approver.page.get_by_role("button", name="Trả lại").click()
        await approver.page.locator("#comment").fill("Ghi rõ là sáng Chủ nhật.")
        await approver.page.locator("form button[type=submit]").click()
        await approver.page.get_by_text("Ghi rõ là sáng Chủ nhật.").first.wait_for()
        await author.page.get_by_text("Ghi rõ là sáng Chủ nhật.").first.wait_for(timeout=60_000)
        await author.page.get_by_role("link", name="Sửa").click()
        await mended(author.page)
        await author.page.get_by_label("Đến hết ngày").fill("")
        await author.page.get_by_role("button", name="Gửi duyệt").click()
        item = await walk.until(ha, item["id"], "in_review")
        assert item["revision"] == 2
        assert len(item["pictures"]) == 1

        await approver.page.reload()
        await approver.page.get_by_text("Xem đã sửa gì so với lần sửa 1").click()
        await approver.page.get_by_text("Thêm 2 chữ, bỏ 2 chữ.").wait_for()
        await approver.page.get_by_text("Đổi ngày phát.").wait_for()
        assert "Chủ nhật" in await approver.page.locator("ins").inner_text()
        await heard(approver)
        await approver.page.get_by_role("button", name="Duyệt là gì?").click()
        await approver.look("duyet-tin")

        # Cut in the middle of approving: the decision waits for the network, and binds what was seen.
        approver.awaited = "ERR_INTERNET_DISCONNECTED"
        await approver.page.context.set_offline(True)
        await approver.page.get_by_role("button", name="Duyệt để phát").click()
        await approver.page.get_by_text("Chưa có mạng. Quyết định của bạn đã cất trong máy.").wait_for()
        await approver.page.context.set_offline(False)
        await followed(platform, ha, author)
        await author.look("theo-doi-tin")
        await on_paper(author, "theo-doi-tin")
        await read_by_a_stranger(platform, author, item["id"])

        # Left by its own button; an administrator's is for who has lost the phone.
        await author.page.goto(f"{author.base}/#/security")
        await author.page.get_by_role("button", name="Bỏ ứng dụng tạo mã").click()
        await author.page.get_by_role("button", name="Bỏ ứng dụng tạo mã").click()
        await author.page.get_by_role("button", name="Cài ứng dụng tạo mã").wait_for()
        assert author.faults + approver.faults == []


async def test_at_a_desk_an_item_goes_the_same_way(platform, http, browser, at_last):
    lan, ha = [await platform.sign_in(http, login) for login in ("lan", "ha")]
    app, _ = await second_step(lan)
    async with visiting(browser, platform) as author, visiting(browser, platform, "hung") as approver:
        page = author.page
        await page.set_viewport_size(DESK)
        await page.goto(author.base)
        await signed_in(author, platform, "lan", app)
        await page.get_by_role("link", name="Viết bản tin mới").first.click()
        await page.get_by_label("Tiêu đề").fill(AT_THE_DESK)
        await page.get_by_role("textbox", name="Nội dung").click()
        await page.keyboard.type(walk.BODY)
        await chosen(page)
        await page.get_by_role("button", name="Gửi duyệt").click()
        await page.get_by_role("heading", name=AT_THE_DESK).wait_for()
        await walk.until(ha, open_item(page), "in_review")
        await waiting(approver.page)
        await heard(approver)
        await approver.page.get_by_role("button", name="Duyệt để phát").click()
        await followed(platform, ha, author)
        await page.screenshot(path=PICTURES / "desk" / "theo-doi-tin-o-ban.png", full_page=True)
        assert author.faults + approver.faults == []


async def mended(page: Page) -> None:
    """Only the author's own keyboard: find the words, write over them."""
    box = page.locator("#body")
    await box.get_by_text("sáng thứ Bảy").wait_for()
    await eventually(lambda: box.locator("img").evaluate("image => image.naturalWidth > 0"))
    await box.evaluate("""box => {
        const words = document.createTreeWalker(box, NodeFilter.SHOW_TEXT)
        while (words.nextNode()) {
            const at = words.currentNode.data.indexOf('thứ Bảy')
            if (at < 0) continue
            box.focus()
            getSelection().setBaseAndExtent(words.currentNode, at, words.currentNode, at + 7)
        }
    }""")
    await page.keyboard.type("Chủ nhật")
    # A letter with its accents is a step of its own to the browser.
    for keys, words in (("Control+z", "sáng thứ Bảy."), ("Control+Shift+z", "sáng Chủ nhật.")):
        for _ in "Chủ nhật.":
            if words not in await box.inner_text():
                await page.keyboard.press(keys)
        await box.get_by_text(words).wait_for()


async def followed(platform: Platform, ha: Person, author: Visitor) -> None:
    """The author's page, which is open all the while, tells of the approval and then of what was played."""
    item_id = open_item(author.page)
    await author.page.evaluate("window.stayed = true")
    await author.page.get_by_role("status").get_by_text("Đã duyệt", exact=True).first.wait_for(timeout=60_000)

    async def planned() -> bool:
        sessions = await walk.pages(ha, f"/api/v1/broadcast/sessions?unit_id={UNIT}")
        return any(entry["item_id"] == item_id for session in sessions for entry in session["entries"])

    await eventually(planned)
    await platform.command("demo", "session", UNIT, "--in-seconds", "2")
    line = author.page.get_by_text(re.compile(r"Đã duyệt → [1-9]\d* trên [1-9]\d* loa đã phát"))
    await line.wait_for(timeout=90_000)

    async def true() -> bool:
        status = await ha.get(f"/api/v1/broadcast/items/{item_id}/status")
        return f"{status['confirmed']} trên {status['planned']} loa đã phát" in await line.inner_text()

    await eventually(true, 30, every=0.5)
    assert await author.page.evaluate("window.stayed")


async def on_paper(author: Visitor, name: str) -> None:
    """Printed, the page is A4, has what is to be filed, and nothing that only a screen can use."""
    page = author.page
    kept = PICTURES / "paper" / f"{name}.pdf"
    kept.parent.mkdir(parents=True, exist_ok=True)
    await page.emulate_media(media="print")
    await page.set_viewport_size({"width": _PAPER_PX, "height": 900})
    for useless in ("nav", "audio", "iframe", "button", "summary", "[role=status] a"):
        assert await page.locator(useless).locator("visible=true").count() == 0, useless
    for said in (TITLE, "sáng Chủ nhật", "loa đã phát", "Loại tin", "In lúc"):
        await expect(page.get_by_text(said).locator("visible=true").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= _PAPER_PX
    pdf = await page.pdf(path=kept, prefer_css_page_size=True)
    sheets = [[round(float(side)) for side in box.split()] for box in re.findall(rb"/MediaBox \[0 0 ([^]]+)\]", pdf)]
    assert sheets == [_A4] * len(sheets) != []
    assert await page.locator(".address").text_content() == page.url
    await page.emulate_media(media="screen")
    await page.set_viewport_size(PHONE)


async def read_by_a_stranger(platform: Platform, author: Visitor, item_id: str) -> None:
    """Its public page has its picture."""
    assert author.page.context.browser
    async with visiting(author.page.context.browser, platform) as stranger:
        await stranger.page.goto(f"{stranger.base}/tin/{item_id}")
        picture = stranger.page.get_by_role("img", name="Bà con ở chợ Cầu Kè")
        await picture.scroll_into_view_if_needed()
        await eventually(lambda: picture.evaluate("image => image.naturalWidth === 1280"))
        await stranger.look("tin-co-anh")
        assert stranger.faults == []
