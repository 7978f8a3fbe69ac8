"""`lantoa load`: the first units, people and tasks of a fresh installation, before anybody can sign in."""

import json
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from lantoa_cli.errors import fail, run
from lantoa_runtime.topology.keys import KeyRing

_WORDS = ["ban", "cau", "dao", "gio", "hoa", "lua", "may", "nang", "ong", "que", "rung", "song", "tre", "vang", "xuan"]


def new_password() -> str:
    """Words and digits that can be read out over a telephone; about 45 bits, behind sign-in that slows down."""
    words = "-".join(secrets.choice(_WORDS) for _ in range(5))
    return f"{words}-{secrets.randbelow(9_000_000) + 1_000_000}"


class What(StrEnum):
    """What is loaded, by the service that owns it."""

    DIRECTORY = "directory"
    REPORTING = "reporting"


_PATHS = {What.DIRECTORY: "/import", What.REPORTING: "/plan"}


def load(
    what: Annotated[What, typer.Argument(help="directory: units, successors, people. reporting: the plan's tasks.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON, as the service's README says.")],
    url: Annotated[str, typer.Option(help="The service itself, e.g. through `kubectl port-forward`.")],
    keys: Annotated[Path, typer.Option(envvar="LANTOA_KEYS_FOLDER", help="Folder with gateway.jwk.")],
    make_passwords: Annotated[
        bool, typer.Option(help="Give people without a password a new one, and print it once.")
    ] = False,
) -> None:
    """Load a file with the rights of the installation's owner; the same file twice changes nothing."""
    try:
        body: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise fail(f"{file} không phải là JSON: {error}") from error
    made: dict[str, str] = {}
    if make_passwords:
        for person in body.get("people", []):
            if not person.get("password"):
                person["password"] = made[str(person.get("login"))] = new_password()
    answer = run(_send(KeyRing(keys), what, url.rstrip("/"), body))
    typer.echo(json.dumps(answer, ensure_ascii=False))
    for login, password in made.items():
        typer.echo(f"{login:20} {password}")


async def _send(ring: KeyRing, what: What, url: str, body: dict[str, Any]) -> Any:
    from lantoa_cli.operator import Operator  # Loads the HTTP framework, which `lantoa up` does not need.

    return await Operator(ring, lambda _: url).call(what.value, "POST", _PATHS[what], body)
