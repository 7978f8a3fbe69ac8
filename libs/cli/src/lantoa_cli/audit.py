"""`lantoa audit`: take the audit away, and find what somebody changed in it."""

import json
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from pydantic import ValidationError

from lantoa_cli.dlq import connected
from lantoa_cli.door import DATA, Data, Door, Gateway, Token
from lantoa_cli.errors import Refused, run
from lantoa_contracts.base import SignedDocument
from lantoa_contracts.catalogue import AUDIT_SEALED
from lantoa_contracts.events.directory import AuditSealed
from lantoa_signing.chain import Kind, examine
from lantoa_signing.documents import SignatureRefused, unb64

audit = typer.Typer(no_args_is_help=True, help="Who did what to what, and whether somebody changed it since.")
_EXPORT = "/audit/export"
_NEEDED = {"chain": str, "seq": int, "prev": str, "hash": str}
_MEANS: Mapping[Kind, str] = {
    "flipped": "mục đã bị sửa nội dung",
    "deleted": "mục ở giữa chuỗi bị xóa",
    "truncated": "các mục ở cuối chuỗi bị xóa",
    "reordered": "mục không ở đúng vị trí",
    "replayed": "dấu niêm phong cũ bị đặt thay dấu mới",
    "rewritten": "chuỗi đã bị viết lại sau khi niêm phong",
    "forged": "dấu niêm phong không do khóa này ký (xem lại --key)",
}

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
            raise Refused(f"Dòng {number} không phải mục nhật ký, cũng không phải dấu niêm phong.") from error

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


def _exported(file: Path) -> Found:
    return read(file.read_bytes().splitlines())


def publics(file: Path) -> list[bytes]:
    """The keys that have sealed.

    Raises:
        Refused: the file holds none.
    """
    try:
        keys = [unb64(line.strip()) for line in file.read_text().splitlines() if line.strip()]
    except (OSError, SignatureRefused, UnicodeDecodeError) as error:
        raise Refused(f"Không đọc được khóa công khai trong {file}.") from error
    if not keys:
        raise Refused(f"{file} không có khóa công khai nào.")
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


async def _look(door: Door) -> tuple[Found, list[SignedDocument]]:
    """The audit as it is answered, and the stream's seals, which are read first: what comes later is longer."""
    copies: list[SignedDocument] = []
    if not door.gateway:
        async with connected(door.layout.nats.url, door.layout.ring) as js:
            copies = await stream_seals(js)
    found, number = Found(), 0
    async for line in _lines(door.pieces("directory", _EXPORT)):
        number += 1
        if line.strip():
            found.take(number, line)
    return found, copies


async def _examined(door: Door, file: Path | None, seals: Path | None, key: Path | None) -> bool:
    """Tell what was found; whether all is as it was written."""
    keys = publics(key or _own_key(door, file))
    found, copies = (_exported(file), []) if file else await _look(door)
    copies += _exported(seals).seals if seals else []
    findings = examine(found.chains, found.seals or copies, copies, keys, found.only)
    for finding in findings:
        typer.echo(str(finding))
    for kind in sorted({finding.kind for finding in findings}):
        typer.echo(f"{kind}: {_MEANS[kind]}.", err=True)
    seen = (
        f"{found.entries} mục trong {len(found.chains)} chuỗi, {len(found.seals)} dấu niêm phong, "
        f"{len(copies)} bản sao dấu ở nơi khác"
    )
    typer.echo(f"{seen}: {f'{len(findings)} chỗ sai' if findings else 'mọi thứ còn như khi được ghi'}.", err=True)
    if not copies:
        typer.echo(
            "Không có bản sao dấu ở nơi khác để so: thêm --seals để thấy cả chuỗi bị viết lại cùng dấu.", err=True
        )
    return not findings


def _own_key(door: Door, file: Path | None) -> Path:
    try:
        return door.layout.ring.audit_public_file
    except Refused as error:
        if door.gateway or file:
            raise Refused("Cần khóa công khai của hệ thống để kiểm tra: thêm --key audit.pub.") from error
        raise


@audit.command()
def verify(
    data: Data = DATA,
    gateway: Gateway = "",
    token: Token = "",
    file: File = None,
    seals: Seals = None,
    key: Key = None,
) -> None:
    """Find entries that were flipped, deleted, cut off, put elsewhere or rewritten, and seals that were replayed.

    Each is told on a line of its own: chain, place, kind. Exit code 1 when there is one, or when it cannot be told.
    """
    if not run(_examined(Door(data, gateway, token), file, seals, key)):
        raise typer.Exit(1)


@audit.command()
def export(
    out: Annotated[Path, typer.Option("--out", help="The file to be written, JSON lines.")],
    data: Data = DATA,
    gateway: Gateway = "",
    token: Token = "",
) -> None:
    """Write all of the audit that may be read into a file, with its seals."""

    async def work() -> int:
        number = 0
        # Beside it first: what breaks off must not take the place of an export that is whole.
        beside = out.with_name(f"{out.name}.part")
        try:
            with beside.open("wb") as written:
                async for line in _lines(Door(data, gateway, token).pieces("directory", _EXPORT)):
                    written.write(line + b"\n")
                    number += 1
            beside.replace(out)
        finally:
            beside.unlink(missing_ok=True)
        return number

    typer.echo(f"Đã ghi {run(work())} dòng vào {out}.")
