"""The supervisor over tiny programs: what dies comes back, what is stopped is gone with all it started."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lantoa_cli import supervisor as module
from lantoa_cli.layout import Layout, Program
from lantoa_cli.servers import answers, free_port, port_in_use
from lantoa_cli.supervisor import DidNotStart, Supervisor, running_pid
from lantoa_testing import eventually

SLEEP = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
WITH_CHILD = textwrap.dedent(
    """
    import pathlib, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", {child!r}])
    with pathlib.Path({pids!r}).open("a") as file:
        file.write(f"{{child.pid}}\\n")
    time.sleep(600)
    """
)


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path, tmp_path, {})


@pytest.fixture
async def supervisor(layout):
    made = Supervisor(layout)
    yield made
    await made.stop()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(module, "_STOP_SECONDS", 1.0)


def python(name: str, code: str, health: str | None = None) -> Program:
    return Program(name, [sys.executable, "-c", code], {"TOLD": name}, health)


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def grandchildren(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


async def test_a_killed_process_comes_back_and_keeps_coming_back(supervisor):
    (child,) = await supervisor.start([python("a", SLEEP)])
    for restarts in (1, 2):
        before = child.process.pid
        os.kill(before, signal.SIGKILL)
        await eventually(lambda n=restarts: child.restarts == n and not child.ended)
        assert child.process.pid != before


async def test_a_process_gets_its_settings_and_its_own_log(supervisor, layout):
    await supervisor.start([python("a", "import os; print('told', os.environ['TOLD'], flush=True); " + SLEEP)])
    await eventually(lambda: "told a" in layout.log("a").read_text())


async def test_stop_leaves_nothing_of_children_or_what_they_started(supervisor, tmp_path):
    pids = tmp_path / "pids"
    programs = [python(f"p{n}", WITH_CHILD.format(child=DEAF if n else SLEEP, pids=str(pids))) for n in range(3)]
    children = await supervisor.start(programs)
    await eventually(lambda: len(grandchildren(pids)) == 3)
    everyone = [child.process.pid for child in children] + grandchildren(pids)
    assert all(alive(pid) for pid in everyone)
    await supervisor.stop()
    await eventually(lambda: not any(alive(pid) for pid in everyone))


async def test_stop_kills_what_does_not_listen(supervisor, layout):
    (child,) = await supervisor.start([python("a", DEAF)])
    await eventually(lambda: "deaf" in child.tail())
    pid = child.process.pid
    await supervisor.stop()
    assert not alive(pid)


async def test_what_a_dead_process_had_started_does_not_live_on_beside_its_successor(supervisor, tmp_path):
    pids = tmp_path / "pids"
    (child,) = await supervisor.start([python("a", WITH_CHILD.format(child=SLEEP, pids=str(pids)))])
    (orphan,) = await eventually(lambda: grandchildren(pids))
    os.kill(child.process.pid, signal.SIGKILL)
    await eventually(lambda: len(grandchildren(pids)) == 2)
    await eventually(lambda: not alive(orphan))


async def test_nothing_is_started_again_once_stop_has_begun(supervisor, layout):
    (child,) = await supervisor.start([python("a", "print('started', flush=True)")])
    await eventually(lambda: child.restarts)
    await supervisor.stop()
    starts = layout.log("a").read_text().count("started")
    await asyncio.sleep(0.3)  # Longer than the pause before a restart.
    assert layout.log("a").read_text().count("started") == starts


async def test_servers_stop_after_all_others(supervisor, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_STOP_SECONDS", 60.0)  # Nobody is killed before they have written their name.
    order = tmp_path / "order"
    code = textwrap.dedent(
        """
        import os, pathlib, signal, sys, time
        def end(*_):
            with pathlib.Path({order!r}).open("a") as file:
                file.write(os.environ["TOLD"] + "\\n")
            sys.exit()
        signal.signal(signal.SIGTERM, end)
        print("up", flush=True)
        time.sleep(600)
        """
    ).format(order=str(order))
    children = await supervisor.start([python(name, code) for name in ("nats", "mongo", "content", "station")])
    await eventually(lambda: all("up" in child.tail() for child in children))
    await supervisor.stop()
    stopped = order.read_text().split()
    assert sorted(stopped[:2]) == ["content", "station"]
    assert sorted(stopped[2:]) == ["mongo", "nats"]


async def test_a_server_that_ends_at_once_is_told_with_its_last_words(supervisor):
    (child,) = await supervisor.start([python("nats", "raise SystemExit('no such option: --wrong')")])
    with pytest.raises(DidNotStart, match=r"nats did not start:\n.*no such option: --wrong"):
        await supervisor.until_listening(child, free_port(), 60)


async def test_a_server_that_never_listens_is_told_in_time(supervisor):
    (child,) = await supervisor.start([python("nats", SLEEP)])
    with pytest.raises(DidNotStart, match="nats did not start"):
        await supervisor.until_listening(child, free_port(), 0.2)


async def test_a_listening_server_is_waited_for(supervisor):
    port = free_port()
    (child,) = await supervisor.start(
        [python("nats", f"import socket; s = socket.create_server(('127.0.0.1', {port})); " + SLEEP)]
    )
    await supervisor.until_listening(child, port, 60)


HEALTHY = """
import http.server, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if time.monotonic() > up else 503)
        self.end_headers()
    def log_message(self, *_): pass
up = time.monotonic() + {late}
http.server.HTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""


async def test_a_service_is_ready_when_its_health_says_so(supervisor):
    port = free_port()
    program = python("content", HEALTHY.format(port=port, late=0.3), f"http://127.0.0.1:{port}/readyz")
    children = await supervisor.start([program, python("no-health", SLEEP)])
    await supervisor.until_ready(children, 60)


async def test_a_service_that_is_never_ready_is_named(supervisor):
    port = free_port()
    children = await supervisor.start(
        [python("content", HEALTHY.format(port=port, late=600), f"http://127.0.0.1:{port}/readyz")]
    )
    with pytest.raises(DidNotStart, match="content is not ready"):
        await supervisor.until_ready(children, 0.5)


async def test_a_service_that_dies_again_and_again_is_not_waited_for(supervisor):
    program = python("content", "raise SystemExit('bad setting')", f"http://127.0.0.1:{free_port()}/readyz")
    children = await supervisor.start([program])
    with pytest.raises(DidNotStart, match="bad setting"):
        await supervisor.until_ready(children, 60)


async def test_the_state_file_names_who_runs_and_is_gone_after_the_stop(supervisor, layout):
    (child,) = await supervisor.start([python("a", SLEEP)])
    state = json.loads(layout.run_file.read_text())
    assert state == {"supervisor": os.getpid(), "children": {"a": child.process.pid}}
    assert running_pid(layout) == os.getpid()
    stop = asyncio.Event()
    watching = asyncio.create_task(supervisor.watch(stop))
    os.kill(child.process.pid, signal.SIGKILL)
    await eventually(lambda: json.loads(layout.run_file.read_text())["children"]["a"] != state["children"]["a"])
    stop.set()
    await watching
    await supervisor.stop()
    assert not layout.run_file.exists()
    assert running_pid(layout) is None


@pytest.mark.parametrize("text", [None, "", "{", "{}", '{"supervisor": 4194999}', '{"supervisor": 1}'])
def test_a_state_file_of_a_crash_means_that_nothing_runs(layout, text, monkeypatch):
    def kill(pid, _):
        raise PermissionError if pid == 1 else ProcessLookupError

    monkeypatch.setattr(os, "kill", kill)
    if text is not None:
        layout.run_file.write_text(text)
    assert running_pid(layout) is None


SUPERVISE = """
import asyncio, pathlib, sys
from lantoa_cli.layout import Layout, Program
from lantoa_cli.supervisor import Supervisor

async def main():
    folder = pathlib.Path(sys.argv[1])
    supervisor = Supervisor(Layout(folder, folder, {}))
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    await supervisor.start([Program(str(number), command, {}) for number in range(2)])
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def supervisor_process(tmp_path):
    """A supervisor that may be killed."""
    process = subprocess.Popen([sys.executable, "-c", SUPERVISE, str(tmp_path)])
    yield process
    process.kill()
    process.wait()


async def test_children_die_with_a_supervisor_that_is_killed(layout, supervisor_process):
    await eventually(layout.run_file.exists)
    children = list(json.loads(layout.run_file.read_text())["children"].values())
    assert len(children) == 2
    assert all(alive(pid) for pid in children)
    supervisor_process.kill()
    await eventually(lambda: not any(alive(pid) for pid in children))


def test_a_log_that_has_grown_too_big_is_put_aside_once(layout, monkeypatch):
    monkeypatch.setattr(module, "_BIGGEST_LOG", 100)
    layout.log("a").parent.mkdir()
    layout.log("a").write_text("x" * 101)

    async def run():
        made = Supervisor(layout)
        await made.start([python("a", SLEEP)])
        await made.stop()

    asyncio.run(run())
    assert layout.log("a").with_suffix(".log.1").read_text() == "x" * 101
    assert layout.log("a").read_text() == ""


def test_a_port_is_free_until_somebody_listens():
    port = free_port()
    assert not port_in_use(port)
    assert not answers(port)
    with socket.create_server(("127.0.0.1", port)):
        assert port_in_use(port)
        assert answers(port)
    assert not answers(port)
