"""`lantoa fleet`: simulated devices for a demo that runs on this machine."""

import asyncio
import os
from typing import Annotated

import typer

from lantoa_cli.door import DATA, Data
from lantoa_cli.errors import Refused, fail
from lantoa_cli.layout import checkout, load_layout

fleet = typer.Typer(no_args_is_help=True, help="Simulated devices for the demo. Production refuses them.")


@fleet.callback()
def refuse_production() -> None:
    """Simulated devices for the demo. Production refuses them."""
    if os.environ.get("LANTOA_ENV") == "production":
        raise fail("LANTOA_ENV=production: thiết bị mô phỏng chỉ dành cho bản trình diễn.")


@fleet.command()
def simulate(
    radios: Annotated[int, typer.Option(min=0, help="Radios on NATS.")] = 0,
    boards: Annotated[int, typer.Option(min=0, help="Boards on NATS.")] = 0,
    mqtt: Annotated[int, typer.Option(min=0, help="Plain MQTT 3.1.1 receivers.")] = 0,
    churn: Annotated[float, typer.Option(min=0, help="So many of a hundred lose their connection every minute.")] = 0,
    seconds: Annotated[float, typer.Option(min=0, help="Stop after so long; 0 goes on until Ctrl-C.")] = 0,
    heartbeat: Annotated[float, typer.Option(min=1, help="Seconds between a device's heartbeats.")] = 60,
    data: Data = DATA,
) -> None:
    """Let thousands of devices live in this process, with the real protocol, and print what becomes of them."""
    if not radios + boards + mqtt:
        raise fail("Không có thiết bị nào: thêm --radios, --boards hoặc --mqtt.")
    try:
        from lantoa_testing.simulator.command import Wish, simulate  # Development only: in no image.
    except ModuleNotFoundError as error:
        raise fail(f"Cần bản phát triển của Lan Tỏa (make install): thiếu {error.name}.") from error
    wish = Wish(radios, boards, mqtt, churn, seconds, heartbeat)
    try:
        asyncio.run(simulate(load_layout(checkout(), data.resolve()), wish, typer.echo))
    except Refused as error:
        raise fail(str(error)) from error
    except KeyboardInterrupt:
        typer.echo("Đã dừng.")
