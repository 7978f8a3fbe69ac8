"""A board: its agent as a process, its page in a real Chromium, and the platform behind them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, Playwright

from lantoa_cli.servers import answers, free_port
from lantoa_contracts.base import SignedDocument
from lantoa_contracts.device import BoardEntry, BoardRundown, RundownRef
from lantoa_testing import eventually
from lantoa_testing.browser import FLAGS, on_one_loop, program
from lantoa_testing.devices import DevicePlatform

DWELL_S = 10.0
# Notes the title of every slide that comes to the front.
DIARY = """
window.turns = [];
addEventListener("DOMContentLoaded", () => {
  const note = (changes) => {
    for (const { target } of changes) {
      if (target.classList.contains("on")) turns.push(/<title>(.*)<\\/title>/.exec(target.srcdoc)[1]);
    }
  };
  for (const frame of document.querySelectorAll(".slide")) {
    new MutationObserver(note).observe(frame, { attributeFilter: ["class"] });
  }
});
"""


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    on_one_loop(items, Path(__file__).parent)


class Board:
    """One board. ``start``, ``kill`` are its agent's; ``show`` gives it a rundown."""

    def __init__(self, platform: DevicePlatform) -> None:
        self.platform = platform
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._agent: asyncio.subprocess.Process | None = None
        self._seq = 0

    @staticmethod
    def slide(title: str, more: str = "") -> bytes:
        """A small slide of its own colour."""
        hue = sum(title.encode()) * 47 % 360
        return (
            f'<!DOCTYPE html><html lang="vi"><meta charset="utf-8"><title>{title}</title><style>'
            f"body{{margin:0;height:100vh;display:grid;place-items:center;background:hsl({hue} 60% 25%);color:#fff;"
            f'font:700 10vmin "Noto Sans",sans-serif}}</style><h1>{title}</h1>{more}</html>'
        ).encode()

    async def start(self, speed: float = 20, **more: str) -> None:
        device = {
            "DATA": str(self.platform.data),
            "GATEWAY": self.platform.gateway.base,
            "RECONNECT_MIN_S": "0.05",
            "RECONNECT_MAX_S": "0.4",
            "JITTER_S": "0",
            "RECONCILE_S": "0.5",
            "HEARTBEAT_S": "0.2",
        }
        env = os.environ | {f"LANTOA_DEVICE_{name}": text for name, text in device.items()}
        env |= {"LANTOA_SPEED": str(speed), "LANTOA_PLAYER_PORT": str(self.port)} | more
        with (self.platform.data / "player.err").open("ab") as errors:
            command = [sys.executable, "-m", "lantoa_player.main"]
            self._agent = await asyncio.create_subprocess_exec(*command, env=env, stderr=errors)
        await eventually(lambda: answers(self.port), 60)

    async def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self._agent is not None and self._agent.returncode is None:
            self._agent.kill()
            await self._agent.wait()

    def entry(self, data: bytes, entry_id: str, **changes: Any) -> BoardEntry:
        now = self.platform.now()
        fields = {
            "entry_id": entry_id,
            "item_id": f"i-{entry_id}",
            "revision": 1,
            "title": entry_id,
            "media": self.platform.gateway.add(data, "text/html"),
            "seconds": DWELL_S,
            "valid_from": now - timedelta(minutes=1),
            "valid_until": now + timedelta(days=7),
        }
        return BoardEntry(**(fields | changes))

    async def show(self, entries: Sequence[BoardEntry]) -> str:
        """Put a rundown into force; its sha256."""
        self._seq += 1
        rundown = BoardRundown(device_id=self.platform.id, ver=self._seq, entries=tuple(entries))
        ref = self.platform.gateway.add(rundown.model_dump_json().encode(), "application/json")
        await self.platform.put(self.desired(RundownRef(ver=self._seq, rundown=ref)))
        return ref.sha256

    def desired(self, board: RundownRef) -> SignedDocument:
        return self.platform.desired(self._seq, None, board=board)

    async def show_titles(self, *titles: str) -> list[BoardEntry]:
        """A rundown of plain slides, entry ``e-<title in small letters>`` each."""
        entries = [self.entry(self.slide(title), f"e-{title.lower()}") for title in titles]
        await self.show(entries)
        return entries

    async def until_taken_up(self, count: int) -> None:
        """The agent offers so many slides."""

        async def offered() -> bool:
            return len((await self.state())["slides"]) == count

        await eventually(offered, 60)

    async def state(self) -> dict[str, Any]:
        async with aiohttp.request("GET", f"{self.url}state") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def report(
        self,
        entry: BoardEntry,
        began_s_ago: float,
        seconds: float,
        headers: dict[str, str] | None = None,
        **changes: Any,
    ) -> int:
        """Say that ``entry`` was shown, as the page would; the status of the answer."""
        started = self.platform.now() - timedelta(seconds=began_s_ago)
        body = {
            "entry_id": entry.entry_id,
            "sha256": entry.media.sha256,
            "started_at": started.isoformat(),
            "ended_at": (started + timedelta(seconds=seconds)).isoformat(),
        }
        async with aiohttp.request("POST", f"{self.url}shown", json=body | changes, headers=headers) as answer:
            return answer.status

    async def proofs(self, count: int) -> list[dict[str, Any]]:
        return await self.platform.until_proved(count, "displayed")

    def pending(self, _: dict[str, Any]) -> web.Response:
        return web.json_response({"state": "pending", "claim_code": "ABCD-EFGH"}, status=202)


@pytest_asyncio.fixture(loop_scope="session")
async def board(tmp_path: Path) -> AsyncIterator[Board]:
    platform = DevicePlatform(tmp_path)
    made = Board(platform)
    try:
        await platform.start()
        yield made
    finally:
        await made.kill()
        await platform.stop()


OpenBrowser = Callable[[], Awaitable[BrowserContext]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_browser(tmp_path: Path, browser_driver: Playwright) -> AsyncIterator[OpenBrowser]:
    """Start a browser process of this test's own, on its one profile, which outlives the process."""
    opened: list[BrowserContext] = []

    async def start() -> BrowserContext:
        context = await browser_driver.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=program(), args=FLAGS
        )
        await context.add_init_script(DIARY)
        opened.append(context)
        return context

    yield start
    for context in opened:
        await context.close()


OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
def open_page(board: Board, browser: Browser) -> OpenPage:
    """The board's page, as a browser opens it that has never seen it."""

    async def start(width: int = 1280, height: int = 720) -> Page:
        context = await browser.new_context(viewport={"width": width, "height": height})
        await context.add_init_script(DIARY)
        page = await context.new_page()
        await page.goto(board.url)
        return page

    return start


@pytest.fixture
def patiently() -> Callable[..., Awaitable[Any]]:
    return partial(eventually, timeout=60, every=0.1)
