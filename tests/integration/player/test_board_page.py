"""The board's page in a real Chromium: what people see, and what becomes a proof."""

import os
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from lantoa_cli.servers import free_port

CORRECTION = timedelta(milliseconds=900)
KEEP_SHOTS = os.environ.get("LANTOA_KEEP_SCREENSHOTS")


async def turns(page):
    return await page.evaluate("window.turns")


async def front(page):
    """Title of the slide that is seen; None while the board rests."""
    return await page.evaluate(
        """() => document.getElementById("rest").classList.contains("on") ? null
           : /<title>(.*)<\\/title>/.exec(document.querySelector(".slide.on")?.srcdoc ?? "")?.[1]"""
    )


async def waiting(page):
    return await page.evaluate("JSON.parse(localStorage.getItem('shown-waiting') || '[]')")


async def kept(page):
    """How many slides the service worker keeps."""
    return await page.evaluate(
        """async () => (await (await caches.open("board-1")).keys())
           .filter((key) => key.url.includes("/slides/")).length"""
    )


async def shot(page, name):
    """For people: made only where they ask for it."""
    if KEEP_SHOTS:
        await page.screenshot(path=Path(KEEP_SHOTS) / f"{name}.png")


def seconds_of(proof):
    return (datetime.fromisoformat(proof["ended_at"]) - datetime.fromisoformat(proof["started_at"])).total_seconds()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
async def test_slides_are_shown_in_turn_and_each_is_proved_once_after_its_dwell(
    board, open_page, patiently, width, height
):
    await board.start(speed=10)
    entries = [board.entry(board.slide(f"Bản tin {name}"), f"e-{name.lower()}") for name in "ABC"]
    rundown = await board.show(entries)
    await board.until_taken_up(3)
    page = await open_page(width, height)

    async def twice_around():
        return len(await turns(page)) >= 8

    await patiently(twice_around)
    await page.locator(".slide.on").evaluate("frame => Promise.all(frame.getAnimations().map((fade) => fade.finished))")
    await shot(page, f"slide-{width}")
    assert (await turns(page))[:8] == [f"Bản tin {name}" for name in "ABCABCAB"]
    box = await page.locator(".slide.on").bounding_box()
    assert (box["width"], box["height"]) == (width, height)
    proofs = await board.proofs(3)
    assert [proof["local_id"] for proof in proofs] == ["e-a.1", "e-b.1", "e-c.1"]
    for entry, proof in zip(entries, proofs, strict=True):
        assert proof["entry_id"] == entry.entry_id
        assert proof["item_id"] == entry.item_id
        assert proof["slide_sha256"] == entry.media.sha256
        assert proof["rundown_sha256"] == rundown
        assert proof["seconds"] == entry.seconds
        assert seconds_of(proof) >= 1.0
    ends = [proof["ended_at"] for proof in proofs]
    starts = [proof["started_at"] for proof in proofs]
    # The device's clock follows the server's: between two proofs it may have been set back by what was measured anew,
    # on a busy machine by much. Two slides at once would begin a whole dwell too early.
    latest = [datetime.fromisoformat(start) + CORRECTION for start in starts[1:]]
    assert all(datetime.fromisoformat(end) <= start for end, start in zip(ends, latest, strict=False)), (
        "one slide at a time"
    )


async def test_the_page_goes_on_without_its_agent_and_its_reports_wait(board, open_page, patiently):
    await board.start(speed=5)
    page = await open_page()
    await patiently(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
    await board.show_titles("A", "B", "C")

    async def all_kept():
        return await kept(page) == 3

    await patiently(all_kept)
    await board.kill()
    seen = await turns(page)
    before = {f"e-{title.lower()}" for title in seen[:-1]}  # The last of them is not over yet.
    assert len(before) < 3, "some slides are shown for the first time without an agent"

    async def twice_around():
        return len(await turns(page)) >= len(seen) + 5

    await patiently(twice_around)
    reports = await waiting(page)
    assert Counter(report["entry_id"] for report in reports) == {"e-a": 1, "e-b": 1, "e-c": 1}

    await board.start(speed=5)
    proofs = await board.proofs(3)

    async def delivered():
        return not await waiting(page)

    await patiently(delivered)
    assert Counter(proof["local_id"] for proof in proofs) == {"e-a.1": 1, "e-b.1": 1, "e-c.1": 1}
    told = {report["entry_id"]: report["started_at"] for report in reports}
    for proof in proofs:
        if proof["entry_id"] not in before:
            assert datetime.fromisoformat(proof["started_at"]) == datetime.fromisoformat(told[proof["entry_id"]])


async def test_a_restarted_browser_without_agent_or_network_shows_what_it_kept(board, open_browser, patiently):
    await board.start()
    await board.show_titles("A", "B")
    await board.until_taken_up(2)
    browser = await open_browser()
    page = browser.pages[0]
    await page.goto(board.url)

    async def all_kept():
        return await kept(page) == 2

    async def both_shown():
        return {"A", "B"} <= set(await turns(page))

    await patiently(all_kept)
    await board.kill()
    await browser.set_offline(True)
    await page.reload()
    await patiently(both_shown)

    await browser.close()
    page = (await open_browser()).pages[0]
    await page.goto(board.url)
    await patiently(both_shown)
    await board.start()
    assert {proof["entry_id"] for proof in await board.proofs(2)} == {"e-a", "e-b"}


async def test_a_hidden_page_proves_nothing(board, open_page, patiently):
    await board.start()
    await board.show_titles("A")
    await board.until_taken_up(1)
    page = await open_page()

    async def all_kept():
        return await kept(page) == 1

    async def went_on(more):
        seen = len(await turns(page))

        async def further():
            return len(await turns(page)) >= seen + more

        await patiently(further)

    await patiently(all_kept)
    await board.kill()  # So that every report stays where it can be seen.
    # A headless Chromium cannot be minimised: the page is told what a covered window would be told.
    await page.evaluate(
        """() => {
          window.visibility = (state) => {
            Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
          };
          visibility("hidden");
        }"""
    )
    await page.evaluate("localStorage.removeItem('shown-waiting')")
    await went_on(3)
    assert await waiting(page) == []
    await page.evaluate("window.blinks = setInterval(() => { visibility('hidden'); visibility('visible') }, 50)")
    await went_on(3)
    assert await waiting(page) == [], "hidden for a moment within the dwell"
    await page.evaluate("clearInterval(blinks)")
    await patiently(lambda: waiting(page))


async def test_an_unclaimed_board_shows_its_claim_code_large_until_it_is_claimed(board, open_page, patiently):
    board.platform.gateway.enrolment = board.pending
    await board.start()
    page = await open_page()
    code = page.locator("#code")

    async def shown():
        return await code.text_content() == "ABCD-EFGH"

    await patiently(shown)
    for name, size in (("claim-1280", (1280, 720)), ("claim-390", (390, 844))):
        await page.set_viewport_size({"width": size[0], "height": size[1]})
        box = await code.bounding_box()
        assert box["width"] > 0.6 * size[0]
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        await shot(page, name)
    await board.show_titles("A")
    board.platform.gateway.enrolment = board.platform.accept

    async def slide_shown():
        return await front(page) == "A"

    await patiently(slide_shown)
    assert not await code.is_visible()


async def test_an_idle_board_shows_its_name_and_the_time(board, open_page, patiently):
    await board.start(LANTOA_PLAYER_NAME="Ủy ban nhân dân phường Trà Vinh")
    page = await open_page()

    async def named():
        return await page.locator("#name").text_content() == "Ủy ban nhân dân phường Trà Vinh"

    await patiently(named)
    hours, minutes = (await page.locator("#time").text_content()).split(":")
    local = board.platform.now() + timedelta(hours=7)
    assert abs(60 * (int(hours) - local.hour) + int(minutes) - local.minute) in (0, 1, 1439)
    assert str(local.year) in await page.locator("#day").text_content()
    assert not await page.locator("#claim").is_visible()
    for width, height in ((1280, 720), (390, 844)):
        await page.set_viewport_size({"width": width, "height": height})
        for part in ("#name", "#time", "#day"):
            box = await page.locator(part).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
        await shot(page, f"idle-{width}")


async def test_a_script_in_a_slide_does_not_run(board, open_page, patiently):
    asked = []
    other = await _site(lambda request: asked.append(request.path) or web.Response(text="here"))
    evil = f"""
      <script>parent.owned = 1; document.title = "owned"; fetch("/shown", {{method: "POST", body: "{{}}"}})</script>
      <img src="{other.url}/img" onerror="top.owned = 1"><iframe src="{other.url}/frame"></iframe>
      <meta http-equiv="refresh" content="0; url={other.url}/refresh">
      <link rel="stylesheet" href="{other.url}/style"><form action="{other.url}/form"><button autofocus></form>
      <a href="javascript:top.owned=1" target="_top">x</a><svg onload="top.owned=1"></svg>"""
    await board.start()
    await board.show([board.entry(board.slide("A", evil), "e-a")])
    await board.until_taken_up(1)
    page = await open_page()
    await board.proofs(1)
    assert await page.evaluate("typeof window.owned") == "undefined"
    assert await front(page) == "A"
    assert page.url == board.url
    assert await page.locator(".slide.on").content_frame.locator("h1").text_content() == "A"
    assert asked == []
    await other.stop()


class _Site:
    def __init__(self, runner, port):
        self.stop = runner.cleanup
        self.url = f"http://127.0.0.1:{port}"


async def _site(answer):
    """Another server on this machine."""

    async def handle(request):
        return answer(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return _Site(runner, port)


async def test_another_page_in_the_same_browser_cannot_speak_for_the_board(board, browser):
    await board.start()
    (entry,) = await board.show_titles("A")
    await board.until_taken_up(1)
    other = await _site(lambda _: web.Response(text="<p>other", content_type="text/html"))
    page = await browser.new_page()
    await page.goto(other.url)
    now = board.platform.now()
    body = {
        "entry_id": entry.entry_id,
        "sha256": entry.media.sha256,
        "started_at": (now - timedelta(seconds=5)).isoformat(),
        "ended_at": now.isoformat(),
    }
    tried = await page.evaluate(
        """async ([url, body]) => {
          const tries = [
            { headers: { "Content-Type": "application/json" } }, { mode: "no-cors" },
            { mode: "no-cors", headers: { "Content-Type": "text/plain" } },
          ];
          const results = [];
          for (const options of tries) {
            const sent = { method: "POST", body: JSON.stringify(body), ...options };
            results.push(await fetch(`${url}shown`, sent).then((answer) => answer.type, () => "failed"));
          }
          results.push(await fetch(`${url}state`).then(() => "read", () => "failed"));
          return results;
        }""",
        [board.url, body],
    )
    assert tried == ["failed", "opaque", "opaque", "failed"]
    assert await board.platform.stored("displayed") == []
    assert await board.report(entry, 5, 5) == 204, "the same words from the board's own page"
    await board.proofs(1)
    await other.stop()


async def test_an_expired_entry_vanishes_even_without_the_agent(board, open_page, patiently):
    await board.start(speed=1)
    soon = board.platform.now() + timedelta(minutes=10)
    await board.show([board.entry(board.slide("A"), "e-a", seconds=300, valid_until=soon)])
    await board.until_taken_up(1)
    page = await open_page()

    async def shown():
        return await front(page) == "A"

    async def resting():
        return await page.locator("#rest").get_attribute("class") == "on"

    await patiently(shown)
    await board.kill()
    await page.evaluate("const late = Date.now() + 11 * 60_000; Date.now = () => late")
    await patiently(resting)
    assert await page.locator(".slide.on").count() == 0
    assert await waiting(page) == [], "its dwell was not reached"
    await shot(page, "expired")


async def test_a_withdrawn_entry_leaves_the_screen_within_its_dwell_and_without_a_proof(board, open_page, patiently):
    await board.start(speed=1)
    first, second = (board.entry(board.slide(title), f"e-{title.lower()}", seconds=300) for title in "AB")
    await board.show([first, second])
    await board.until_taken_up(2)
    page = await open_page()

    async def shown(title):
        return await front(page) == title

    await patiently(lambda: shown("A"))
    await board.show([second])
    await patiently(lambda: shown("B"))
    assert await waiting(page) == []
    assert await board.platform.stored("displayed") == []


async def test_a_damaged_slide_in_the_browser_is_fetched_again_and_never_shown(board, open_page, patiently):
    await board.start()
    (entry,) = await board.show_titles("A")
    await board.until_taken_up(1)
    page = await open_page()

    async def all_kept():
        return await kept(page) == 1

    await patiently(all_kept)
    await page.evaluate(
        """async (path) => (await caches.open("board-1")).put(path, new Response("<title>damaged</title>"))""",
        f"/slides/{entry.media.sha256}",
    )
    await page.reload()
    await patiently(lambda: front(page))

    async def round_again():
        return len(await turns(page)) >= 3

    await patiently(round_again)
    assert set(await turns(page)) == {"A"}


async def test_damaged_notes_do_not_stop_the_board(board, open_page, patiently):
    await board.start()
    await board.show_titles("A")
    await board.until_taken_up(1)
    page = await open_page()
    await board.proofs(1)
    await page.evaluate("localStorage.setItem('shown-waiting', '{oops'); localStorage.setItem('state', '[1')")
    await page.reload()

    async def round_again():
        return len(await turns(page)) >= 3

    await patiently(round_again)
    assert await page.evaluate("JSON.parse(localStorage.getItem('state')).slides.length") == 1
