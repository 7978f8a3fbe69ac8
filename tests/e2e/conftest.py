"""One platform for the whole walk, and a real Chromium."""

import os
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from playwright.async_api import Browser, async_playwright

from lantoa_cli.layout import chromium
from lantoa_testing.platform import Platform, make_platform

SPEED = "10"


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = make_platform(tmp_path_factory.mktemp("platform"), LANTOA_SPEED=SPEED)
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        flags = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        launched = await driver.chromium.launch(executable_path=chromium(), args=flags)
        yield launched
        await launched.close()
