"""One platform for the whole walk, and a real Chromium."""

import json
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import expect

from lantoa_cli.layout import checkout
from lantoa_cli.servers import answers, free_port
from lantoa_contracts.catalogue import SERVICES
from lantoa_testing import ServerProcess
from lantoa_testing.browser import on_one_loop
from lantoa_testing.platform import Platform, make_platform

SPEED = "10"
expect.set_options(timeout=60_000)  # For what is broken, not for what is slow.


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    on_one_loop(items, Path(__file__).parent)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = make_platform(tmp_path_factory.mktemp("platform"), LANTOA_SPEED=SPEED)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def unhurried_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One on which an item is long enough to be interrupted."""
    made = make_platform(tmp_path_factory.mktemp("unhurried"), LANTOA_SPEED="4")
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def prometheus(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Debian's Prometheus, which reads every service and the callout from now on; its address."""
    program = shutil.which("prometheus")
    assert program, "Prometheus is missing: install the package prometheus (it reads the running platform here)."
    folder = tmp_path_factory.mktemp("prometheus")
    jobs = [
        {
            "job_name": name,
            "static_configs": [{"targets": [platform.layout.url(name).removeprefix("http://")]}],
        }
        for name in (*SERVICES, "callout")
    ]
    rules = [str(checkout() / "deploy" / "helm" / "lantoa" / "rules" / "lantoa.yaml")]
    config = folder / "prometheus.yml"
    config.write_text(json.dumps({"global": {"scrape_interval": "2s"}, "scrape_configs": jobs, "rule_files": rules}))
    port = free_port()
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    server = ServerProcess("prometheus", command, lambda: answers(port), folder / "prometheus.log")
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    # Shorter than uvicorn's five: no request meets a connection that is being closed.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=3)) as session:
        yield session
