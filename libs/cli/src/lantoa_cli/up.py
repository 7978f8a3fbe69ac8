"""`lantoa up`: everything, in order, a line a step."""

import asyncio
import os
import shutil
import signal
import time

import typer

from lantoa_cli import demo
from lantoa_cli.layout import Layout, chromium
from lantoa_cli.servers import port_in_use
from lantoa_cli.supervisor import Supervisor, running_pid
from lantoa_cli.topology import ACK_WAIT_SECONDS, provision
from lantoa_runtime.topology.keys import ensure_keys

_LEAST_DISK_BYTES = 500_000_000
_SERVER_SECONDS = 30.0
_SERVICE_SECONDS = 90.0
_SHOWN_LOGINS = ("lan", "hung", "ha")


class StartRefused(Exception):
    """The machine is not fit to start now; the message is one sentence that says what to do."""


def check(layout: Layout) -> None:
    """Refuse early and clearly.

    Raises:
        StartRefused: already running, production, no room on the disk, or a port is taken.
    """
    if os.environ.get("LANTOA_ENV") == "production":
        raise StartRefused(
            "LANTOA_ENV=production: `lantoa up` là bản trình diễn một máy; bản chính thức cài bằng Helm."
        )
    pid = running_pid(layout)
    if pid is not None:
        raise StartRefused(f"Nền tảng đang chạy (pid {pid}); dừng bằng: make down")
    free = shutil.disk_usage(layout.data).free
    if free < _LEAST_DISK_BYTES:
        raise StartRefused(f"Đĩa chứa {layout.data} chỉ còn {free // 1_000_000} MB, cần ít nhất 500 MB.")
    for name, port in layout.ports.items():
        if port_in_use(port):
            raise StartRefused(
                f"Cổng {port} ({name}) đang bị chương trình khác dùng; "
                f"đóng chương trình đó hoặc sửa {layout.data}/ports.json."
            )
    if not (layout.root / "services/console/dist/index.html").exists():
        raise StartRefused("Giao diện chưa được dựng; chạy: make console")


class _Steps:
    """A line for each step, with the time since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, text: str) -> None:
        typer.echo(f"[{time.monotonic() - self._started:5.1f} s] {text}")


async def bring_up(layout: Layout) -> None:
    """Start everything, tell where it is, stay until a signal, stop everything.

    Raises:
        StartRefused, DidNotStart, MissingProgram, Refused: it could not start; what had started is stopped.
    """
    check(layout)
    stop = asyncio.Event()
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_, stop.set)
    supervisor = Supervisor(layout)
    starting = asyncio.create_task(_start(layout, supervisor))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
        else:
            starting.result()
            await supervisor.watch(stop)
        typer.echo("Đang dừng ...")
    finally:
        stopping.cancel()
        await supervisor.stop()
    typer.echo("Đã dừng.")


async def _start(layout: Layout, supervisor: Supervisor) -> None:
    step = _Steps()
    ring = ensure_keys(layout.ring.folder)
    ack_wait = float(os.environ.get("LANTOA_ACK_WAIT_SECONDS", ACK_WAIT_SECONDS))
    nats, mongo = await supervisor.start(layout.servers())
    await supervisor.until_listening(nats, layout.ports["nats"], _SERVER_SECONDS)
    await supervisor.until_listening(mongo, layout.ports["mongo"], _SERVER_SECONDS)
    step("NATS và cơ sở dữ liệu đã chạy")
    # Importing is most of a service's start, and services wait for what they need: let all of them begin now.
    services = await supervisor.start(layout.services())
    changed = await provision(layout.nats.url, ring, 1, ack_wait)
    step(f"luồng sự kiện và quyền đã sẵn sàng ({len(changed)} thay đổi)")
    await supervisor.until_ready(services, _SERVICE_SECONDS)
    step(f"{len(services)} dịch vụ đã sẵn sàng")
    if demo.is_loaded(layout):
        step("dữ liệu tỉnh mẫu đã có")
    else:
        await demo.load(layout)
        step("đã nạp tỉnh mẫu: 158 đơn vị, kế hoạch 15 nhiệm vụ, 8 người")
    devices = await supervisor.start(layout.devices())
    await supervisor.until_ready(devices, _SERVICE_SECONDS)
    await demo.claim_devices(layout)
    step("hai cụm loa và một bảng tin đã được nhận và hoạt động")
    _tell(layout)


def _tell(layout: Layout) -> None:
    secret = demo.passwords(layout)
    people = {person["login"]: person for person in demo.read(layout, "people.json")["people"]}
    lines = ["", f"Bàn làm việc:  {layout.gateway_url}"]
    for login in _SHOWN_LOGINS:
        person = people[login]
        lines.append(f"  {login:6} {secret[login]:16} {person['name']}, {person['title']}")
    lines.append(
        f"Bảng tin:      {layout.board_url}"
        + ("" if chromium() else "  (mở bằng trình duyệt: máy này không có Chromium)")
    )
    lines.append(f"Âm thanh phát: {layout.data}/devices/station-tra-vinh/played")
    lines.append("Phát ngay:     .venv/bin/lantoa demo session u-29242-2025")
    lines.append("Dừng:          Ctrl-C, hoặc make down ở cửa sổ khác")
    typer.echo("\n".join(lines))
