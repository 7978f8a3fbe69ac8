"""Slides in real Chromium, on boards of both orientations: nothing is cut, covered or too small."""

import pytest

from lantoa_content.domain.slide import board_slide

pytestmark = pytest.mark.asyncio(loop_scope="session")  # The browser's.

_UNIT = "UBND xã Bình Phú, tỉnh Vĩnh Long"
_DATE = "Thứ Sáu, ngày 10 tháng 10 năm 2025"
_SENTENCE = "Đề nghị bà con mang theo sổ tiêm chủng và thẻ bảo hiểm y tế đến đúng giờ. "
_KHMER = "ពិធីបុណ្យអកអំបុកនឹងប្រព្រឹត្តទៅនៅថ្ងៃទី២៣ ខែវិច្ឆិកា។ "
_PICTURE = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='1280' height='960'/>"
_SLIDES = {
    "short": ("Mất điện tối nay", "Từ 18 giờ đến 20 giờ.", "vi"),
    "short beside a picture": ("Mất điện tối nay", "Từ 18 giờ đến 20 giờ.", "vi", _PICTURE, "Cột điện"),
    "longest beside a picture": (
        "Thông báo về việc tổ chức ngày hội " * 9,
        _SENTENCE * 9,
        "vi",
        _PICTURE,
        "Hội trường",
    ),
    "longest": ("Thông báo về việc tổ chức ngày hội chuyển đổi số " * 3, _SENTENCE * 9, "vi"),
    "capitals": (("PHÒNG CHỐNG THIÊN TAI VÀ TÌM KIẾM CỨU NẠN, " * 4), _SENTENCE.upper() * 9, "vi"),
    "title alone": ("Chào mừng Đại hội Đảng bộ xã lần thứ I", "", "vi"),
    "Khmer": (_KHMER * 4, _KHMER * 9, "km"),
    "Khmer beside a picture": (_KHMER * 4, _KHMER * 9, "km", _PICTURE, "វត្ត"),
}
# The room left (px) above the text, under it and under the footer; letters of the smallest text as a share of the
# board's short side.
_MEASURE = """() => {
  const box = selector => document.querySelector(selector).getBoundingClientRect()
  const texts = [...document.querySelectorAll('h1, main p')]
  const picture = document.querySelector('main img')?.getBoundingClientRect()
  return {
    picture: picture ? picture.width * picture.height / (innerWidth * innerHeight) : null,
    above: texts[0].getBoundingClientRect().top - box('main').top,
    below: box('main').bottom - texts.at(-1).getBoundingClientRect().bottom,
    footer: innerHeight - box('footer').bottom,
    sideways: document.documentElement.scrollWidth - innerWidth,
    letters: Math.min(...texts.map(t => parseFloat(getComputedStyle(t).fontSize))) / Math.min(innerWidth, innerHeight),
  }
}"""


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1366, 768), (1080, 1920)])
async def test_every_slide_fits_its_board_and_can_be_read_from_afar(browser, width, height):
    page = await browser.new_page(viewport={"width": width, "height": height})
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    for name, (title, body, language, *picture) in _SLIDES.items():
        await page.set_content(board_slide(title, body, _UNIT, _DATE, language, *picture))
        measured = await page.evaluate(_MEASURE)
        assert measured["above"] >= 0, name
        assert measured["below"] >= 0, name
        assert measured["footer"] >= 0, name
        assert measured["sideways"] <= 0, name
        assert measured["letters"] > 0.05, name
        assert measured["picture"] is None or measured["picture"] > 0.2, name
    assert requests == []
