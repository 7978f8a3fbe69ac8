"""Written on a phone with the network cut, returned, mended at a desk, approved on another phone, played."""

import io
from datetime import datetime, timedelta
from typing import Any

import pytest
import walk
from PIL import Image
from playwright.async_api import Page, expect
from test_web_pages import Visitor, visiting
from walk import UNIT

from lantoa_calendar.periods import ZONE
from lantoa_testing import eventually

pytestmark = pytest.mark.timeout(300)

TITLE = "Ngày hội số ở nhà văn hóa ấp Chợ"
LAST_DAY = datetime.now(ZONE).date() + timedelta(days=3)
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
_PLAYS = """async () => {
    const audio = document.querySelector('audio')
    audio.muted = true
    await audio.play()
    return audio.duration > 1
}"""
_HEARD = "document.querySelector('audio').currentTime > 0.2"


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


async def of_the_title(person: walk.Person) -> dict[str, Any]:
    items = (await person.get("/api/v1/content/items?limit=100"))["items"]
    (item,) = [item for item in items if item["title"] == TITLE]
    return item


async def test_an_item_with_a_picture_goes_its_whole_way_while_the_network_comes_and_goes(platform, http, browser):
    lan, hung = [await platform.sign_in(http, login) for login in ("lan", "hung")]
    async with visiting(browser, platform, "lan") as author, visiting(browser, platform, "hung") as approver:
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
        await eventually(lambda: shown.evaluate("image => image.naturalWidth > 0"), 10)
        await expect(author.page.get_by_label("Đến hết ngày")).to_have_value(f"{LAST_DAY:%Y-%m-%d}")
        await chosen(author.page)
        await author.look("soan-tin")

        # Cut in the middle of submitting: it waits, and goes out by itself.
        await author.page.context.set_offline(True)
        await author.page.get_by_role("button", name="Gửi duyệt").click()
        await author.page.get_by_role("heading", name="Chờ gửi khi có mạng").wait_for()
        await author.page.get_by_text("1 việc chờ mạng, máy sẽ tự gửi.").wait_for()
        await author.look("cho-gui")
        await author.page.context.set_offline(False)
        await author.page.get_by_role("link", name=f"Đã gửi: {TITLE}").click()
        item = await walk.until(lan, (await of_the_title(lan))["id"], "in_review")
        assert item["body"].split("\n\n") == [
            "# Cần mang theo",
            "- Căn cước\n- Sổ bảo hiểm xã hội",
            "Thời gian: 7 giờ sáng thứ Bảy.",
            "- Điện thoại",
            "Cổng dịch vụ công",
        ]
        assert '<a href="https://dichvucong.gov.vn">' in item["body_html"]
        assert len(item["pictures"]) == 1

        # The approver returns it; at a desk the author mends it; the approver sees what changed.
        await approver.page.goto(f"{approver.base}/#/items/{item['id']}")
        await approver.page.get_by_text(f"Phát đến hết ngày {LAST_DAY:%d/%m/%Y}").first.wait_for()
        await approver.page.get_by_role("button", name="Trả lại").click()
        await approver.page.locator("#comment").fill("Ghi rõ là sáng Chủ nhật.")
        await approver.page.locator("form button[type=submit]").click()
        await approver.page.get_by_text("Ghi rõ là sáng Chủ nhật.").first.wait_for()
        await author.page.set_viewport_size({"width": 1440, "height": 900})
        await author.page.goto(f"{author.base}/#/items/{item['id']}/edit")
        await mended(author.page)
        await author.page.get_by_label("Đến hết ngày").fill("")
        await author.page.get_by_role("button", name="Gửi duyệt").click()
        item = await walk.until(lan, item["id"], "in_review")
        assert item["revision"] == 2
        assert len(item["pictures"]) == 1

        await approver.page.reload()
        await approver.page.get_by_text("Xem đã sửa gì so với lần sửa 1").click()
        await approver.page.get_by_text("Thêm 2 chữ, bỏ 2 chữ.").wait_for()
        await approver.page.get_by_text("Đổi ngày phát.").wait_for()
        assert "Chủ nhật" in await approver.page.locator("ins").inner_text()
        await eventually(lambda: approver.page.evaluate(_PLAYS), 10)
        await eventually(lambda: approver.page.evaluate(_HEARD), 10)
        await approver.look("duyet-tin")

        # Cut in the middle of approving: the decision waits for the network, and binds what was seen.
        approver.awaited = "ERR_INTERNET_DISCONNECTED"
        await approver.page.context.set_offline(True)
        await approver.page.get_by_role("button", name="Duyệt", exact=False).first.click()
        await approver.page.get_by_text("Chưa có mạng. Quyết định của bạn đã cất trong máy.").wait_for()
        await approver.page.context.set_offline(False)
        item = await walk.until(hung, item["id"], "approved")
        assert item["approver"]["name"]
        await followed(platform, lan, author, item)
        assert author.faults + approver.faults == []


async def mended(page: Page) -> None:
    """Only the author's own keyboard: find the words, write over them."""
    box = page.locator("#body")
    await box.get_by_text("sáng thứ Bảy").wait_for()
    await eventually(lambda: box.locator("img").evaluate("image => image.naturalWidth > 0"), 10)
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


async def followed(platform: Any, lan: walk.Person, author: Visitor, item: dict[str, Any]) -> None:
    """Planned, played, and read by a stranger with its picture."""

    async def planned() -> bool:
        sessions = await walk.pages(lan, f"/api/v1/broadcast/sessions?unit_id={UNIT}")
        return any(entry["item_id"] == item["id"] for session in sessions for entry in session["entries"])

    await eventually(planned, 20)
    await platform.command("demo", "session", UNIT, "--in-seconds", "2")
    await author.page.set_viewport_size({"width": 390, "height": 844})
    await author.page.goto(f"{author.base}/#/items/{item['id']}")

    async def played() -> Any:
        status = await lan.get(f"/api/v1/broadcast/items/{item['id']}/status")
        return status if status["confirmed"] else None

    status = await eventually(played, 90, every=0.5)
    line = f"Đã duyệt → {status['confirmed']} trên {status['planned']} loa đã phát"
    await author.page.get_by_text(line).wait_for()
    await author.look("theo-doi-tin")
    async with visiting(author.page.context.browser, platform) as stranger:
        await stranger.page.goto(f"{stranger.base}/tin/{item['id']}")
        picture = stranger.page.get_by_role("img", name="Bà con ở chợ Cầu Kè")
        await picture.scroll_into_view_if_needed()
        await eventually(lambda: picture.evaluate("image => image.naturalWidth === 1280"), 10)
        await stranger.look("tin-co-anh")
        assert stranger.faults == []
