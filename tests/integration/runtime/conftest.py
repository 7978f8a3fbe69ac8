"""One database of one's own for a test, on the driver that it names."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from lantoa_runtime.mongo import Database, connect
from lantoa_runtime.settings import RuntimeSettings

OpenDatabase = Callable[..., Awaitable[Database]]


@pytest.fixture(params=["pymongo", "motor"])
def driver(request: pytest.FixtureRequest) -> str:
    """Both drivers must behave alike behind the seam."""
    return str(request.param)


@pytest.fixture
async def open_database(mongo_url: str, driver: str) -> AsyncIterator[OpenDatabase]:
    """Open connections to this test's database, each with a pool of its own as another process would have."""
    prefix = f"t{secrets.token_hex(4)}_"
    async with AsyncExitStack() as stack:
        opened: list[Database] = []

        async def make(**overrides: Any) -> Database:
            settings = RuntimeSettings(
                mongo_url=mongo_url, mongo_driver=driver, mongo_database_prefix=prefix, **overrides
            )
            database = connect(settings, "test")
            stack.push_async_callback(database.close)
            opened.append(database)
            return database

        yield make
        if opened:
            await opened[0].drop()


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    """One such connection."""
    return await open_database()
