"""`lantoa audit`: take the audit away, and find what somebody changed in it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from pydantic import ValidationError

from lantoa_cli import demo
from lantoa_cli.dlq import connected
from lantoa_cli.errors import Refused
from lantoa_cli.layout import Layout, checkout, load_layout
from lantoa_contracts.base import SignedDocument
from lantoa_contracts.catalogue import AUDIT_SEALED
from lantoa_contracts.events.directory import AuditSealed
from lantoa_signing.chain import Finding, examine
from lantoa_signing.documents import SignatureRefused, unb64

audit = typer.Typer(no_args_is_help=True, help="Who did what to what, and whether somebody changed it since.")
TOKEN = "LANTOA_TOKEN"  # noqa: S105 - the name of a variable
_EXPORT = "/audit/export"
_NEEDED = {"chain": str, "seq": int, "prev": str, "hash": str}

Data = Annotated[Path, typer.Option("--data", envvar="LANTOA_DATA", help="Where this installation keeps its files.")]
Gateway = Annotated[
    str | None,
    typer.Option("--gateway", help=f"Ask at this address as an auditor, with the access token in {TOKEN}."),
]
File = Annotated[Path | None, typer.Option("--file", help="Look at what `lantoa audit export` wrote.", exists=True)]
Seals = Annotated[Path | None, typer.Option("--seals", help="Seals kept elsewhere, as JSON lines.", exists=True)]
Key = Annotated[Path | None, typer.Option("--key", help="Public keys of the seals, one a line; audit.pub of the ring.")]


@dataclass
class Found:
    """What was read: chains and seals in the order in which they stood, and the chains that may be seen."""

    chains: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    seals: list[SignedDocument] = field(default_factory=list)
    only: Collection[str] | None = None

    def take(self, number: int, line: bytes) -> None:
        """Take up a line of an export.

        Raises:
            Refused: it is none.
        """
        try:
            told = json.loads(line)
            if "scope" in told:
                self.only = None if told["scope"] == "*" else frozenset(told["scope"])
            elif "sig" in told:
                self.seals.append(SignedDocument.model_validate(told))
            else:
                if any(not isinstance(told[name], kind) for name, kind in _NEEDED.items()):
                    raise ValueError("no entry")
                self.chains.setdefault(told["chain"], []).append(told)
        except (ValueError, KeyError, TypeError, ValidationError, RecursionError) as error:
            raise Refused(f"line {number} is no entry and no seal") from error

    @property
    def entries(self) -> int:
        """How many entries there are."""
        return sum(len(entries) for entries in self.chains.values())


def read(lines: Iterable[bytes]) -> Found:
    """What an export says.

    Raises:
        Refused: a line is none of an export.
    """
    found = Found()
    for number, line in enumerate(lines, 1):
        if line.strip():
            found.take(number, line)
    return found


def publics(file: Path) -> list[bytes]:
    """The keys that have sealed.

    Raises:
        Refused: the file holds none.
    """
    try:
        keys = [unb64(line.strip()) for line in file.read_text().splitlines() if line.strip()]
    except (OSError, SignatureRefused, UnicodeDecodeError) as error:
        raise Refused(f"{file} holds no public keys: {error}") from error
    if not keys:
        raise Refused(f"{file} holds no public keys")
    return keys


async def stream_seals(js: JetStreamContext) -> list[SignedDocument]:
    """The copies of seals that the event stream keeps, oldest first."""
    found: list[SignedDocument] = []
    seq = 0
    while True:
        try:
            message = await js.get_msg(AUDIT_SEALED.stream, seq + 1, subject=AUDIT_SEALED.subject, next=True)
        except NotFoundError:
            return found
        seq = message.seq or seq + 1
        found.append(AuditSealed.model_validate_json(message.data or b"", extra="ignore").seal)


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines of any length: a stream reader's own ones end at 64 KiB."""
    rest = b""
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line
    if rest:
        yield rest


async def _pieces(url: str) -> AsyncIterator[bytes]:
    token = os.environ.get(TOKEN)
    if not token:
        raise Refused(f"put an auditor's access token into {TOKEN}")
    headers = {"Authorization": f"Bearer {token}"}
    address = f"{url.rstrip('/')}/api/v1/directory{_EXPORT}"
    async with aiohttp.ClientSession() as session, session.get(address, headers=headers) as response:
        if response.status != 200:
            raise Refused(f"{address}: {response.status} {await response.text()}")
        async for piece in response.content.iter_any():
            yield piece


def _source(layout: Layout, gateway: str | None) -> AsyncIterator[bytes]:
    return _lines(_pieces(gateway) if gateway else demo.operator(layout).pieces("directory", _EXPORT))


async def _look(layout: Layout, gateway: str | None) -> tuple[Found, list[SignedDocument]]:
    """The audit as it is answered, and the stream's seals, which are read first: what comes later is longer."""
    copies: list[SignedDocument] = []
    if gateway is None:
        async with connected(layout.nats.url, layout.ring) as js:
            copies = await stream_seals(js)
    found, number = Found(), 0
    async for line in _source(layout, gateway):
        number += 1
        if line.strip():
            found.take(number, line)
    return found, copies


def _read_seals(file: Path) -> list[SignedDocument]:
    return read(file.read_bytes().splitlines()).seals


@audit.command()
def verify(
    data: Data = Path("data"),
    gateway: Gateway = None,
    file: File = None,
    seals: Seals = None,
    key: Key = None,
) -> None:
    """Find entries that were flipped, deleted, cut off, put elsewhere or rewritten, and seals that were replayed.

    Each is told on a line of its own: chain, place, kind. Exit code 1 when there is one, or when it cannot be told.
    """
    layout = load_layout(checkout(), data.resolve()) if key is None or file is None else None
    copies: list[SignedDocument] = []
    try:
        keys = publics(key or _of(layout).ring.audit_public_file)
        if file is not None:
            found = read(file.read_bytes().splitlines())
        else:
            found, copies = asyncio.run(_look(_of(layout), gateway))
        copies += _read_seals(seals) if seals else []
    except (Refused, aiohttp.ClientError, NatsError, OSError) as error:
        raise _failed(str(error)) from error
    findings = examine(found.chains, found.seals or copies, copies, keys, found.only)
    for finding in findings:
        typer.echo(str(finding))
    typer.echo(_summary(found, copies, findings), err=True)
    if findings:
        raise typer.Exit(1)


def _summary(found: Found, copies: Collection[SignedDocument], findings: Collection[Finding]) -> str:
    seen = f"{found.entries} entries in {len(found.chains)} chains, {len(found.seals)} seals, {len(copies)} copies"
    return f"{seen}: {len(findings)} findings" if findings else f"{seen}: all as it was written"


def _of(layout: Layout | None) -> Layout:
    if layout is None:
        raise Refused("no installation: name the keys with --key")
    return layout


def _failed(sentence: str) -> typer.Exit:
    typer.secho(sentence, fg=typer.colors.RED, err=True)
    return typer.Exit(1)


@audit.command()
def export(
    out: Annotated[Path, typer.Option("--out", help="The file to be written, JSON lines.")],
    data: Data = Path("data"),
    gateway: Gateway = None,
) -> None:
    """Write all of the audit that may be read into a file, with its seals."""

    async def run() -> int:
        number = 0
        with out.open("wb") as file:
            async for line in _source(load_layout(checkout(), data.resolve()), gateway):
                file.write(line + b"\n")
                number += 1
        return number

    try:
        typer.echo(f"{asyncio.run(run())} lines in {out}")
    except (Refused, aiohttp.ClientError, OSError) as error:
        raise _failed(str(error)) from error
