"""Pytest fixtures: one real Chromium for all tests of a process, and its pages' belongings gone after each.

A start costs seconds of a processor: too much for every test. What the driver makes belongs to one event loop: tests
and fixtures beside the browser run on the session's, and a folder of such tests says so by ``on_one_loop``.
"""

import os
import shutil
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from lantoa_cli.layout import chromium

if TYPE_CHECKING:  # Most tests have no browser: they need not load its driver.
    from playwright.async_api import Browser, Playwright

FLAGS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Chromium refuses to run its sandbox as root.
    *(("--no-sandbox",) if os.geteuid() == 0 else ()),
)
"""Without a screen and without calling home."""


def program() -> str | None:
    """What the tests drive: the Chromium that ``LANTOA_CHROMIUM`` names, or else the cheapest that is installed.

    Debian's headless shell is the same engine without the windows that no test sees, at half the cost.
    """
    return os.environ.get("LANTOA_CHROMIUM") or shutil.which("chromium-headless-shell") or chromium()


def on_one_loop(items: Iterable[pytest.Item], folder: Path) -> None:
    """Let the asynchronous tests of a folder run on the session's loop; for its ``pytest_collection_modifyitems``."""
    for item in items:
        if folder in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser_driver() -> "AsyncIterator[Playwright]":
    """Playwright's driver, a process of its own."""
    from playwright.async_api import async_playwright

    async with async_playwright() as driver:
        yield driver


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _chromium(browser_driver: "Playwright") -> "AsyncIterator[Browser]":
    launched = await browser_driver.chromium.launch(executable_path=program(), args=FLAGS)
    yield launched
    await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(_chromium: "Browser") -> "AsyncIterator[Browser]":
    """Chromium; the contexts that a test leaves open are closed after it."""
    yield _chromium
    for context in _chromium.contexts:
        await context.close()
