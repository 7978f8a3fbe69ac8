"""One platform for the whole walk, and a real Chromium."""

import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from playwright.async_api import Browser, async_playwright, expect

from lantoa_cli.layout import checkout, chromium
from lantoa_cli.servers import answers, free_port
from lantoa_contracts.catalogue import SERVICES
from lantoa_testing import ServerProcess
from lantoa_testing.platform import Platform, make_platform

SPEED = "10"
expect.set_options(timeout=60_000)  # For what is broken, not for what is slow.


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = make_platform(tmp_path_factory.mktemp("platform"), LANTOA_SPEED=SPEED)
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


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    # Shorter than uvicorn's five: no request meets a connection that is being closed.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=3)) as session:
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
