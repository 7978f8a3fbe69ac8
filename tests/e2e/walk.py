"""The steps of the main job, as people and devices do them; the tests put them together."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, Page

from lantoa_cli.demo import passwords
from lantoa_testing import eventually
from lantoa_testing.platform import Person, Platform
from lantoa_testing.stations import log_of

UNIT = "u-29242-2025"
STATION = "station-tra-vinh"
BODY = (
    "Ủy ban nhân dân phường thông báo: từ ngày 25 tháng 11, bà con nộp hồ sơ tại nhà trên Cổng dịch vụ công. "
    "Tổ công nghệ số cộng đồng hỗ trợ mỗi tối thứ năm tại nhà văn hóa."
)


def bulletin(number: int = 0, body: str = BODY) -> dict[str, Any]:
    return {
        "title": f"Hướng dẫn nộp hồ sơ trực tuyến số {number}",
        "body": body,
        "priority": "normal",
        "unit_id": UNIT,
        "tasks": ["05", "08"],
        "topic": "skills",
        "language": "vi",
    }


async def sign_in(page: Page, platform: Platform, login: str) -> None:
    """Name and password, at the door of the console that the page shows."""
    await page.get_by_label("Tên đăng nhập").fill(login)
    await page.get_by_label("Mật khẩu", exact=True).fill(passwords(platform.layout)[login])
    await page.get_by_role("button", name="Đăng nhập").click()


async def until(person: Person, item_id: str, state: str, timeout: float = 60) -> dict[str, Any]:
    async def there() -> Any:
        item = await person.get(f"/api/v1/content/items/{item_id}")
        assert item["state"] != "render_failed", item["failure"]
        return item if item["state"] == state else None

    found = await eventually(there, timeout, every=0.2)
    assert isinstance(found, dict)
    return found


async def submitted(author: Person, number: int = 0, body: str = BODY) -> dict[str, Any]:
    item = await author.patient("POST", "/api/v1/content/items", bulletin(number, body))
    return await author.patient("POST", f"/api/v1/content/items/{item['id']}/submit", ver=item["ver"])


async def approved(approver: Person, item_id: str, timeout: float = 60) -> dict[str, Any]:
    item = await until(approver, item_id, "in_review", timeout)
    path = f"/api/v1/content/items/{item_id}/approve"
    return await approver.patient("POST", path, {"approval_sha256": item["approval_sha256"]}, ver=item["ver"])


async def pages(person: Person, path: str) -> list[dict[str, Any]]:
    """Every item of a list."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await person.get(f"{path}{'&' if '?' in path else '?'}limit=100{cursor}")
        found += page["items"]
        if not page["next"]:
            return found
        cursor = f"&cursor={page['next']}"


async def confirmed(person: Person, service: str, what: str, count: int, timeout: float) -> list[dict[str, Any]]:
    """Airings or displays of the unit once so many are confirmed."""

    async def enough() -> Any:
        rows = [
            row
            for row in await pages(person, f"/api/v1/{service}/{what}?unit_id={UNIT}")
            if row["state"] == "confirmed"
        ]
        return rows if len(rows) >= count else None

    found = await eventually(enough, timeout, every=0.5)
    assert isinstance(found, list)
    return found


async def quiz_taken(browser: Browser, platform: Platform, phone: str) -> str:
    """A citizen takes the demo's quiz on a phone, signing in by the code that was sent; the receipt that is shown."""
    context = await browser.new_context(locale="vi-VN", viewport={"width": 390, "height": 844})
    page = await context.new_page()
    await page.goto(f"{platform.layout.gateway_url}/thi")
    await page.get_by_role("link", name="an toàn").click()
    await page.get_by_role("link", name="Vào làm bài").click()
    await page.get_by_label("Số điện thoại").fill(phone)
    await page.locator("main form button").first.click()
    await page.locator("#code").wait_for()
    sent = [json.loads(line) for line in platform.layout.codes_file.read_text().splitlines()]
    await page.locator("#code").fill(sent[-1]["code"])
    await page.get_by_role("checkbox").check()
    await page.locator("main form button").first.click()
    await page.locator("#unit").select_option(UNIT)
    await page.locator("main form button").click()
    await page.locator("fieldset").first.wait_for()
    for question in await page.locator("fieldset").all():
        await question.get_by_role("radio").first.check()
    await page.locator("main form button").click()
    await page.wait_for_url("**/ket-qua/**")
    receipt = await page.locator("p.hash").inner_text()
    await context.close()
    return receipt


async def read(http: aiohttp.ClientSession, url: str) -> str:
    """A public page as a stranger reads it."""
    async with http.get(url) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.text()


def diary(platform: Platform) -> list[dict[str, Any]]:
    """What the station noted of its starts and stops."""
    return log_of(platform.layout.data / "devices" / STATION)


def wav(platform: Platform, label: str) -> Path:
    return platform.layout.data / "devices" / STATION / "played" / f"{label}.wav"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def gather(*work: Any) -> list[Any]:
    return list(await asyncio.gather(*work))
