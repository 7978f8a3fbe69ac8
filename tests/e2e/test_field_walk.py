"""A technician in the field and two leaders in a storm, each on a phone, over the whole running platform."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
import walk
from playwright.async_api import Browser, Page, Route
from walk import UNIT

from lantoa_cli.demo import passwords
from lantoa_testing import ServerProcess, eventually
from lantoa_testing.platform import Platform

pytestmark = pytest.mark.timeout(300)

_CODE = re.compile(r"[A-Z2-9]{4}-[A-Z2-9]{4}")
_PHONE = {"width": 390, "height": 844}
_HERE = {"latitude": 9.9347, "longitude": 106.3453, "accuracy": 9}
_AGAIN = {"title": "Hãy đăng nhập lại", "detail": "", "status": 403, "code": "alert.sign-in-again"}


@pytest_asyncio.fixture(loop_scope="session")
async def code(platform, tmp_path) -> AsyncIterator[str]:
    """What a station shows that was switched on just now and belongs to nobody yet."""
    log = tmp_path / "station.log"
    env = {**os.environ, **platform.env, **platform.layout.device_env("station-field", "radio")}
    command = [sys.executable, "-m", "lantoa_station.main"]
    station = ServerProcess("station", command, lambda: _CODE.search(log.read_text()) is not None, log, env)
    # It starts a Python of its own; the loop is needed for nothing else meanwhile.
    await asyncio.to_thread(station.start)
    shown = _CODE.search(log.read_text())
    assert shown
    yield shown[0]
    await asyncio.to_thread(station.stop)


@asynccontextmanager
async def phone(browser: Browser, platform: Platform, login: str) -> AsyncIterator[Page]:
    """Somebody's phone, signed in and allowed to tell where it is; whatever its browser complains of fails the test."""
    context = await browser.new_context(
        locale="vi-VN", viewport=_PHONE, has_touch=True, geolocation=_HERE, permissions=["geolocation"]
    )
    context.set_default_timeout(60_000)
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
    await page.goto(platform.layout.gateway_url)
    await walk.sign_in(page, platform, login)
    await page.get_by_role("navigation").first.wait_for()
    yield page
    await context.close()
    assert faults == []


async def test_a_technician_claims_places_and_tries_a_device_with_a_phone(platform, http, browser, code):
    async with phone(browser, platform, "khang") as page:
        await page.get_by_role("link", name="Thiết bị", exact=True).first.click()
        await page.get_by_role("link", name="Nhận thiết bị mới").click()
        await page.get_by_label("Mã trên thiết bị").fill(code.lower().replace("-", " "))
        await page.get_by_label("Tên thiết bị").fill("Cụm loa ấp Mới")
        await page.get_by_label("Tìm xã").fill("phuong tra vinh")
        await page.locator("label").get_by_text("Phường Trà Vinh", exact=True).click()
        await page.get_by_label("Nơi đặt").select_option("hamlet")
        # Where she stands, then a finger's width beside it: the device hangs across the road.
        await page.get_by_role("button", name="Lấy chỗ tôi đang đứng").click()
        await page.get_by_text("Đã đánh dấu: 9.93470").wait_for()
        spot = page.get_by_role("region", name="Bản đồ để chọn vị trí")
        await spot.tap(position={"x": 260, "y": 90})
        await page.get_by_text("Đã đánh dấu").filter(has_not_text="9.93470").wait_for()
        await page.get_by_role("button", name="Nhận thiết bị", exact=True).click()

        await page.get_by_role("heading", name="Cụm loa ấp Mới").wait_for()
        await page.get_by_role("button", name="Phát tiếng thử").click()
        await page.get_by_text("Máy đã trả lời: làm xong.").wait_for(timeout=60_000)

        await page.get_by_role("link", name="Mở trang thiết bị").click()
        await page.get_by_role("button", name="Khám máy").click()
        await page.get_by_text("Tệp đã tải sẵn").wait_for(timeout=60_000)
        device_id = page.url.rsplit("/", 1)[1]
        await page.get_by_role("button", name="Thu hồi").click()
        await page.get_by_role("button", name="Thu hồi ngay").click()
        await page.get_by_text("Đã thu hồi").wait_for()
    khang = await platform.sign_in(http, "khang")
    device = await khang.get(f"/api/v1/fleet/devices/{device_id}")
    assert (device["state"], device["unit_id"]) == ("revoked", UNIT)
    assert 0 < abs(device["lat"] - _HERE["latitude"]) < 0.01
    assert 0 < abs(device["lon"] - _HERE["longitude"]) < 0.01
    done = await khang.get(f"/api/v1/fleet/devices/{device_id}/commands")
    assert [(one["name"], one["state"]) for one in done["items"]] == [
        ("diagnose", "finished"),
        ("test_tone", "finished"),
    ]


async def test_two_leaders_rehearse_an_alert_and_see_whom_it_has_reached(platform, http, browser):
    async with phone(browser, platform, "vinh") as page:
        await page.get_by_role("link", name="Khẩn cấp").click()
        await page.get_by_role("link", name="Soạn cảnh báo").click()
        await page.get_by_text("DIỄN TẬP –").click()
        await page.get_by_text("Nguy hiểm – hành động ngay").click()
        await page.get_by_label("Câu đầu").fill("Diễn tập: nước sông dâng nhanh")
        await page.get_by_label("Nội dung đọc trên loa").fill("Đây là diễn tập. Bà con ven sông lên nhà văn hóa.")
        await page.get_by_label("Nội dung tiếng Khmer").fill("នេះជាការហាត់សម។")
        await page.get_by_label("Tìm xã").fill("phuong tra vinh")
        await page.locator("label").get_by_text("Phường Trà Vinh", exact=True).click()
        await page.get_by_role("button", name="Đọc lại trước khi gửi").click()
        await page.get_by_text("Đây là diễn tập. Bà con ven sông lên nhà văn hóa.").wait_for()
        await page.get_by_role("button", name="Gửi cho người thứ hai xác nhận").click()
        await page.get_by_role("heading", name="Đang chờ người thứ hai").wait_for()
        assert await page.get_by_role("button", name="Xác nhận").count() == 0
        notice = page.url.rsplit("/", 1)[1]

    async with phone(browser, platform, "hung") as page:
        await page.get_by_role("link", name="Đọc và xác nhận").first.click()
        await page.get_by_role("heading", name="Cần bạn xác nhận").wait_for()
        # He signed in long ago: his password is asked for here, and it goes on by itself.
        stale = [True]

        async def once(route: Route) -> None:
            if stale.pop() if stale else False:
                await route.fulfill(status=403, content_type="application/problem+json", body=json.dumps(_AGAIN))
            else:
                await route.continue_()

        await page.route("**/confirm", once)
        await page.get_by_role("button", name="Xác nhận – bắt đầu diễn tập").click()
        await page.get_by_label("Mật khẩu").fill(passwords(platform.layout)["hung"])
        await page.get_by_role("button", name="Xác nhận là tôi").click()
        await page.get_by_text("thiết bị đã nhận và kiểm tra chữ ký").wait_for()
        hung = await platform.sign_in(http, "hung")

        async def all_of_them() -> Any:
            totals = (await hung.get(f"/api/v1/alert/notices/{notice}/reach"))["totals"]
            return totals if totals["devices"] > 0 and totals["verified"] == totals["devices"] else None

        totals = await eventually(all_of_them, every=0.3)
        assert totals["playing"] == 0
        await page.get_by_text("Mọi thiết bị đã trả lời.").wait_for()
        await page.get_by_role("button", name="Hủy cảnh báo").click()
        await page.get_by_role("button", name="Hủy ngay").click()
        await page.get_by_text("Đã hủy").wait_for()
        await page.get_by_role("link", name="Báo cáo cảnh báo").click()
        await page.get_by_text("Thiết bị cuối cùng trả lời").wait_for()
