"""Debian's Prometheus reads a running service, and what the dashboards ask of it has an answer."""

import json
import shutil

import pytest
from metric_names import CHART

from lantoa_broadcast.main import build
from lantoa_broadcast.settings import BroadcastSettings
from lantoa_broadcast.usecases.stores import INDEXES
from lantoa_cli.servers import answers, free_port
from lantoa_testing import ServerProcess, eventually

PANELS = {"What runs", "Requests", "Slowest hundredth", "Event loop", "Database", "Not delivered yet", "Consumers"}


@pytest.fixture
def start_prometheus(tmp_path):
    program = shutil.which("prometheus")
    assert program, "Prometheus is missing: install the package prometheus (it reads a running service here)."
    started = []

    def start(target):
        port = free_port()
        config = tmp_path / "prometheus.yml"
        job = {"job_name": "broadcast", "static_configs": [{"targets": [target]}]}
        rules = [str(CHART / "rules" / "lantoa.yaml")]
        config.write_text(
            json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [job], "rule_files": rules})
        )
        command = [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        server = ServerProcess("prometheus", command, lambda: answers(port), tmp_path / "prometheus.log")
        server.start()
        started.append(server)
        return f"http://127.0.0.1:{port}"

    yield start
    for server in started:
        server.stop()


async def test_panels_of_a_running_service_have_data(start_service, start_prometheus):
    running = await start_service("broadcast", BroadcastSettings, build, INDEXES)
    prometheus = start_prometheus(running.url.removeprefix("http://"))
    panels = {
        panel["title"]: panel["targets"][0]["expr"].replace("$__rate_interval", "10s")
        for file in (CHART / "dashboards").glob("*.json")
        for panel in json.loads(file.read_text())["panels"]
        if panel["title"] in PANELS
    }
    assert panels.keys() == PANELS

    async def without_data():
        await running.call("GET", "/nowhere")
        empty = set()
        for title, expr in panels.items():
            async with running.session.get(f"{prometheus}/api/v1/query", params={"query": expr}) as answer:
                body = await answer.json()
                assert body["status"] == "success", body
                if not [s for s in body["data"]["result"] if s["value"][1] != "NaN"]:
                    empty.add(title)
        return empty

    async def all_have():
        return not await without_data()

    await eventually(all_have, timeout=30, every=0.5)
