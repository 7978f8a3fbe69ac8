"""`lantoa alert cap`: look at CAP messages without a running platform."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

cap = typer.Typer(no_args_is_help=True, help="Messages of the Common Alerting Protocol, CAP 1.2.")


@cap.callback()
def _group() -> None:
    """A group, however few commands it has."""


@cap.command()
def judge(
    file: Annotated[Path, typer.Argument(help="The message, XML.")],
    now: Annotated[str, typer.Option(help="When the certificate must be valid, RFC 3339; the clock if left out.")] = "",
    pin: Annotated[
        list[Path] | None,
        typer.Option(help="A trusted certificate: PEM, DER, or a signed message that carries it. May be repeated."),
    ] = None,
) -> None:
    """Print valid, no_signature, invalid_schema, invalid_signature, invalid_digest or invalid_certificate.

    The exit status is 0 for valid, 1 for another verdict, 2 when a file cannot be read.
    """
    # The judge is the alert service's own, which no library imports: it runs as a program.
    command = [sys.executable, "-m", "lantoa_alert.api.cap_judge", str(file)]
    command += ["--now", now] if now else []
    command += [part for one in pin or () for part in ("--pin", str(one))]
    raise typer.Exit(subprocess.run(command, check=False).returncode)
