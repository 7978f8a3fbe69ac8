"""An alert on a board, in a real Chromium: over everything, readable, told, and gone when it is over."""

import asyncio
import os
import struct
from pathlib import Path

from lantoa_cli.layout import chromium, kiosk
from lantoa_testing import eventually
from lantoa_testing.obeying import answered, command, issue, notice, order, stages

KEEP_SHOTS = os.environ.get("LANTOA_KEEP_SCREENSHOTS")
LONG_VI = (
    "Nước sông Cổ Chiên dâng nhanh do triều cường và mưa lớn. Bà con ấp Long Trị rời nhà ngay trong sáng nay. " * 15
)
LONG_KM = "ទឹកទន្លេឡើងយ៉ាងលឿន។ សូមបងប្អូនចាកចេញពីផ្ទះភ្លាម ហើយទៅសាលារៀន។ " * 15


async def shot(page, name):
    """For people: made only where they ask for it."""
    if KEEP_SHOTS:
        await page.screenshot(path=Path(KEEP_SHOTS) / f"{name}.png")


async def headline(page):
    """What people read on the alert; None when there is none."""
    alert = page.locator("#alert")
    return await page.locator("#alert-headline").text_content() if await alert.is_visible() else None


async def overflow(page):
    """What does not fit its place, of everything that stands on the alert."""
    return await page.evaluate(
        """() => [...document.querySelectorAll("#alert, #alert *")]
           .filter((part) => {
             const { right, bottom } = part.getBoundingClientRect();
             const cut = part.scrollHeight > part.clientHeight + 1 && getComputedStyle(part).overflow === "hidden";
             return cut || right > innerWidth + 1 || bottom > innerHeight + 1;
           })
           .map((part) => part.id || part.tagName)"""
    )


def luminance(colour):
    parts = [value / 255 for value in colour]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


async def contrast(page):
    colours = await page.evaluate(
        """() => {
          const style = getComputedStyle(document.getElementById("alert"));
          const parts = (text) => text.match(/\\d+/g).slice(0, 3).map(Number);
          return [parts(style.color), parts(style.backgroundColor)];
        }"""
    )
    light, dark = sorted(map(luminance, colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


async def until_headline(page, wanted):
    async def shown():
        return await headline(page) == wanted

    await eventually(shown, 60)


async def test_an_alert_covers_the_slides_is_told_and_the_slides_go_on_after_it(board, open_page):
    await board.start()
    await board.show_titles("A", "B")
    await board.until_taken_up(2)
    page = await open_page()
    platform = board.platform
    await board.proofs(2)
    alert = notice(platform)
    await issue(platform, order(platform, 1, [alert]))
    await until_headline(page, alert.headline)
    assert await stages(platform, "ntc-1.1", "finished") == ["verified", "playing", "finished"]
    texts = page.locator("#alert-texts")
    assert await texts.locator("[lang=vi]").text_content() == alert.texts["vi"]
    assert await texts.locator("[lang=km]").text_content() == alert.texts["km"]
    turns = len(await page.evaluate("window.turns"))
    for severity in ("minor", "moderate", "severe", "extreme"):
        seq = ["minor", "moderate", "severe", "extreme"].index(severity) + 2
        told = f"{alert.headline} ({severity})"
        await issue(
            platform,
            order(platform, seq, [alert.model_copy(update={"ver": seq, "severity": severity, "headline": told})]),
        )
        await until_headline(page, told)
        assert await contrast(page) >= 7
        for width, height in ((1280, 720), (720, 1280), (390, 844)):
            await page.set_viewport_size({"width": width, "height": height})
            await eventually(lambda: _nothing_overflows(page), 60)
            size = float((await texts.evaluate("each => getComputedStyle(each).fontSize")).removesuffix("px"))
            assert size >= 0.05 * min(width, height), "readable from afar"
            await shot(page, f"alert-{severity}-{width}")
        await page.set_viewport_size({"width": 1280, "height": 720})
    assert len(await page.evaluate("window.turns")) == turns, "no slide under the alert"
    await issue(platform, order(platform, 9))
    await until_headline(page, None)

    async def resumed():
        return len(await page.evaluate("window.turns")) > turns + 1

    await eventually(resumed, 60)


async def _nothing_overflows(page):
    return await overflow(page) == []


async def test_a_long_text_is_shown_on_several_pages_and_finished_after_the_last(board, open_page):
    await board.start(speed=20)
    await board.show([])
    page = await open_page()
    platform = board.platform
    alert = notice(platform, texts={"vi": LONG_VI[:1990], "km": LONG_KM[:1900]})
    await page.evaluate(
        """() => { window.pages = []; new MutationObserver(() => {
             const text = document.getElementById("alert-page").textContent;
             if (text) pages.push([text, document.getElementById("alert-texts").textContent]);
           }).observe(document.getElementById("alert-page"), { childList: true }); }"""
    )
    await issue(platform, order(platform, 1, [alert]))
    await stages(platform, "ntc-1.1", "playing")
    await shot(page, "alert-long-1280")
    await eventually(lambda: _nothing_overflows(page))
    await stages(platform, "ntc-1.1", "finished")
    pages = dict(await page.evaluate("window.pages"))
    numbers = sorted(pages, key=lambda text: int(text.split(" / ")[0]))
    assert numbers == [f"{n} / {len(numbers)}" for n in range(1, len(numbers) + 1)]
    whole = "".join("".join(pages[number].split()) for number in numbers)
    assert whole == "".join((alert.texts["vi"] + alert.texts["km"]).split()), "every letter was shown"


async def test_an_alert_outlasts_its_agent_and_a_reload_until_its_end(board, open_page):
    await board.start()
    await board.show([])
    page = await open_page()
    await eventually(lambda: page.evaluate("navigator.serviceWorker.controller !== null"), 60)
    platform = board.platform
    alert = notice(platform)
    await issue(platform, order(platform, 1, [alert]))
    await until_headline(page, alert.headline)
    await board.kill()
    await page.reload()
    await until_headline(page, alert.headline)
    # All of it was shown, and waits to be told; then the page's clock is set to after its end.
    await eventually(lambda: page.evaluate("(localStorage.getItem('alerted-waiting') ?? '').includes('finished')"), 60)
    assert await headline(page) == alert.headline
    await page.evaluate("const late = Date.now() + 11 * 60_000; Date.now = () => late")
    await until_headline(page, None)
    await board.start()
    await stages(platform, "ntc-1.1", "finished")


async def test_the_agent_sends_a_picture_of_what_the_kiosk_shows_and_says_when_it_cannot(board, tmp_path):
    profile = tmp_path / "kiosk"
    await board.start(LANTOA_PLAYER_BROWSER=str(profile))
    await board.show([board.entry(board.slide("A"), "e-a")])
    await board.until_taken_up(1)
    platform = board.platform
    for name, detail in (("screenshot", "debugging port"), ("test_tone", "no loudspeaker"), ("volume", "know")):
        answer = await answered(platform, command(platform, name, upload_url="/api/v1/fleet/uploads/x", seconds=1))
        assert answer["stage"] == "failed"
        assert detail in answer["detail"] or name == "volume"
    browser = chromium()
    assert browser is not None
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*kiosk(browser, profile, board.url), stdout=quiet, stderr=quiet)
    try:
        await board.proofs(1)
        answer = await answered(platform, command(platform, "screenshot", upload_url="/api/v1/fleet/uploads/cmd-shot"))
    finally:
        process.terminate()
        await process.wait()
    assert answer["stage"] == "finished", answer
    media_type, data = platform.gateway.uploads["cmd-shot"]
    assert (media_type, data[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert (width, height > 500) == (1280, True)
    if KEEP_SHOTS:
        (Path(KEEP_SHOTS) / "kiosk.png").write_bytes(data)
