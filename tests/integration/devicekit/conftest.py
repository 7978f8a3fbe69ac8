"""One device and the platform behind it."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lantoa_testing import eventually
from lantoa_testing.devices import BIN, DevicePlatform, opus


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[DevicePlatform]:
    made = DevicePlatform(tmp_path)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


@pytest.fixture
def make_opus() -> Callable[..., bytes]:
    return opus


@pytest.fixture
def wait_until() -> Callable[..., Awaitable[Any]]:
    return partial(eventually, timeout=60)


@pytest.fixture
def station_program() -> str:
    program = shutil.which("lantoa-station", path=str(BIN))
    assert program is not None
    return program
