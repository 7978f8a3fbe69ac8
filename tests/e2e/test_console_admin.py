"""An administrator at a phone: people without losing a word, and an act read back, ordered and taken back."""

from typing import Any

import pytest
from playwright.async_api import Page
from test_web_pages import visiting

pytestmark = pytest.mark.timeout(120)

_BESIDES = """async (id) => {
    const path = `/api/v1/directory/people/${id}`
    const now = await fetch(path)
    const {name, body_id, phone, email} = await now.json()
    const headers = {'Content-Type': 'application/json', 'If-Match': now.headers.get('ETag')}
    const body = JSON.stringify({name, body_id, phone, email, title: 'Chức danh của người khác'})
    return (await fetch(path, {method: 'PUT', headers, body})).status
}"""
"""Somebody else changes the same person."""


async def _find(page: Page, field: str, text: str, name: str) -> None:
    await page.locator(f"#{field}").fill(text)
    await page.get_by_role("list", name="Kết quả").get_by_role("button", name=name, exact=True).click()


async def test_a_person_is_taken_up_given_a_right_and_changed_without_losing_what_was_typed(platform, browser):
    async with visiting(browser, platform, "vinh") as vinh:
        page: Any = vinh.page
        await page.goto(f"{vinh.base}/#/people/new")
        await page.get_by_label("Họ và tên").fill("Kim Thị Sa Rây")
        await page.get_by_label("Tên đăng nhập").fill("lan")
        await _find(page, "person-body", "uy ban", "Ủy ban nhân dân phường Trà Vinh")
        await page.get_by_role("button", name="Lưu người mới").click()
        # The service's words stand at the field, and the form is as it was.
        await page.locator("#error-person-login").get_by_text("Tên đăng nhập đã có người dùng").wait_for()
        assert await page.get_by_label("Họ và tên").input_value() == "Kim Thị Sa Rây"
        await page.get_by_label("Tên đăng nhập").fill("saray")
        await page.get_by_role("button", name="Lưu người mới").click()
        await page.get_by_role("heading", name="Kim Thị Sa Rây").wait_for()
        person = page.url.rpartition("/")[2]

        await page.get_by_role("button", name="Cấp quyền").click()
        await page.get_by_label("Việc được làm").select_option("approver")
        await _find(page, "right-unit", "tra vinh", "Phường Trà Vinh")
        await page.locator("#right-from").fill("2025-07-01")
        await page.locator("#right-reason").fill("QĐ 12/QĐ-UBND")
        await page.get_by_role("button", name="Cấp quyền").click()
        await page.get_by_text("Duyệt tin của phường Trà Vinh, từ 01/07/2025, lý do: QĐ 12/QĐ-UBND.").wait_for()

        await page.get_by_role("button", name="Sửa").click()
        await page.get_by_label("Chức danh").fill("Chức danh tôi gõ")
        assert await page.evaluate(_BESIDES, person) == 200
        await page.get_by_role("button", name="Lưu", exact=True).click()
        await page.get_by_text("Chức danh của người khác").wait_for()
        assert await page.get_by_label("Chức danh").input_value() == "Chức danh tôi gõ"
        await page.get_by_role("button", name="Giữ chữ của tôi").click()
        await page.get_by_text("Chức danh tôi gõ").wait_for()


async def test_an_act_is_read_back_before_it_is_ordered_and_can_be_taken_back(platform, browser):
    async with visiting(browser, platform, "vinh") as vinh:
        page: Any = vinh.page
        await page.goto(f"{vinh.base}/#/units/acts/new?kind=merge")
        await _find(page, "act-from", "duyen hai", "Phường Duyên Hải")
        await _find(page, "act-from", "truong long hoa", "Phường Trường Long Hòa")
        await page.locator("#act-into-name").fill("Phường Duyên Hải Mới")
        await page.locator("#act-paper").fill("7/NQ-HĐND")
        await page.locator("#act-date").fill("2199-01-01")
        await page.get_by_role("button", name="Xem trước").click()
        await page.get_by_text("Chưa làm gì cả").wait_for()
        for said in ("0 quyền của người dùng", "0 thiết bị", "kết thúc, nhập vào phường Duyên Hải Mới", "7/NQ-HĐND"):
            await page.get_by_text(said).first.wait_for()
        # Reading it back has ordered nothing, and what was filled in is still there.
        await page.get_by_role("button", name="Quay lại sửa").click()
        assert await page.locator("#act-into-name").input_value() == "Phường Duyên Hải Mới"
        await page.get_by_role("button", name="Xem trước").click()
        await page.get_by_role("button", name="Thực hiện").click()
        await page.get_by_text("Chờ đến ngày").wait_for()
        await vinh.look("quyet-dinh-mot")
        await page.get_by_role("button", name="Xem trước việc đảo lại").click()
        await page.get_by_text("coi như chưa từng có").wait_for()
        await page.get_by_role("button", name="Đảo lại", exact=True).click()
        await page.get_by_text("Đã đảo lại").wait_for()
        assert vinh.faults == []
