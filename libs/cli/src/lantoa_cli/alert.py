"""`lantoa alert`: two key holders warn people while nobody can sign in. It needs NATS and the alert service only."""

import asyncio
import json
import os
import secrets
from datetime import UTC
from pathlib import Path
from typing import Annotated

import nats
import typer
from nats.errors import Error as NatsError
from pydantic import ValidationError

from lantoa_cli.cap import cap
from lantoa_cli.errors import Refused, fail
from lantoa_cli.topology import _KEYS, _URL, Keys, Url
from lantoa_contracts.alert import Holder, HolderAnswer, HolderOrder, HolderRequest
from lantoa_runtime.clock import Clock
from lantoa_runtime.topology.conf import ALERT_ISSUE
from lantoa_runtime.topology.keys import KeyRing
from lantoa_signing.documents import SignatureRefused, SigningKey, b64, unb64

alert = typer.Typer(no_args_is_help=True, help="Warn people by two key holders, when nobody can sign in.")
holders = typer.Typer(no_args_is_help=True, help="Who holds a key.")
alert.add_typer(holders, name="holders")
alert.add_typer(cap, name="cap")

_ANSWER_SECONDS = 10.0
Signers = Annotated[
    list[Path], typer.Option("--holder", help="A holder's key file; give the option twice, for two different people.")
]


def _listed(ring: KeyRing) -> list[Holder]:
    if not ring.holders_file.exists():
        return []
    return [Holder.model_validate(one) for one in json.loads(ring.holders_file.read_text("utf-8"))]


def _write(ring: KeyRing, listed: list[Holder]) -> None:
    """Replace the list in one step: the service may read it at any moment."""
    fresh = ring.holders_file.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps([one.model_dump() for one in listed], ensure_ascii=False, indent=1), "utf-8")
    fresh.replace(ring.holders_file)


@holders.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Who holds the key, as it will stand in the record.")],
    key: Annotated[Path, typer.Option("--key", help="Where to write the private key: a stick that the holder keeps.")],
    keys: Keys = _KEYS,
) -> None:
    """Make a holder's key: the private half into a file of its own, the public half into the list of holders."""
    ring = KeyRing(keys)
    listed = _listed(ring)
    if any(one.name == name for one in listed):
        raise fail(f"{name} đã có khóa. Thu hồi trước: lantoa alert holders remove '{name}'")
    seed = secrets.token_bytes(32)
    try:
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise fail(f"Không ghi được {key}: {error.strerror}.") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(b64(seed) + "\n")
    _write(ring, [*listed, Holder(name=name, public=b64(SigningKey(seed).public))])
    typer.echo(f"Khóa riêng của {name}: {key}. Giao tận tay, giữ riêng; máy chủ chỉ giữ khóa công khai.")


@holders.command("list")
def list_(keys: Keys = _KEYS) -> None:
    """Who holds a key."""
    listed = _listed(KeyRing(keys))
    for one in listed:
        typer.echo(f"{one.public}  {one.name}")
    if len(listed) < 2:
        typer.echo("Cần ít nhất hai người giữ khóa.")


@holders.command("remove")
def remove(name: Annotated[str, typer.Argument(help="Who holds no key any more.")], keys: Keys = _KEYS) -> None:
    """Take somebody off the list: the key is good for nothing from then on."""
    ring = KeyRing(keys)
    listed = _listed(ring)
    if all(one.name != name for one in listed):
        raise fail(f"Không có {name} trong danh sách.")
    _write(ring, [one for one in listed if one.name != name])


@alert.command()
def issue(
    headline: Annotated[str, typer.Option(help="One line.")],
    text: Annotated[str, typer.Option(help="The text in Vietnamese, which the machine speaks.")],
    scope: Annotated[list[str], typer.Option(help="all, a unit's id or a group; again for more.")],
    holder: Signers,
    text_km: Annotated[str | None, typer.Option(help="The text in Khmer, shown on boards.")] = None,
    severity: Annotated[str, typer.Option(help="extreme, severe, moderate or minor.")] = "severe",
    status: Annotated[str, typer.Option(help="actual; exercise and test never sound.")] = "actual",
    minutes: Annotated[int, typer.Option(help="How long it is in force.")] = 60,
    repeat: Annotated[int, typer.Option(help="How often it sounds.")] = 3,
    url: Url = _URL,
    keys: Keys = _KEYS,
) -> None:
    """Warn people now: every device of the areas is told as soon as both keys have signed."""
    texts = {"vi": text, **({"km": text_km} if text_km else {})}
    fields = {
        "kind": "issue",
        "notice_id": f"ntc-{secrets.token_hex(10)}",
        "at": Clock().now().astimezone(UTC),
        "headline": headline,
        "texts": texts,
        "scopes": tuple(scope),
        "severity": severity,
        "status": status,
        "minutes": minutes,
        "repeat": repeat,
    }
    answer = _ask(fields, holder, url, KeyRing(keys))
    typer.echo(f"Đã phát cảnh báo {answer.notice_id} tới {answer.devices} thiết bị đã biết.")
    if answer.pending:
        typer.echo("Chưa lưu xong (dịch vụ đang tự làm tiếp): " + ", ".join(answer.pending))


@alert.command()
def cancel(
    notice_id: Annotated[str, typer.Argument(help="The notice, as it was told when it went out.")],
    holder: Signers,
    url: Url = _URL,
    keys: Keys = _KEYS,
) -> None:
    """Call a notice off."""
    fields = {"kind": "cancel", "notice_id": notice_id, "at": Clock().now().astimezone(UTC)}
    answer = _ask(fields, holder, url, KeyRing(keys))
    typer.echo(f"Đã hủy cảnh báo {answer.notice_id}.")


def _ask(fields: dict[str, object], signers: list[Path], url: str, ring: KeyRing) -> HolderAnswer:
    """The service's answer, which is a success.

    Raises:
        typer.Exit: with a sentence that says what to do.
    """
    if len(signers) != 2:
        raise fail("Cần đúng hai khóa của hai người: --holder KHÓA-1 --holder KHÓA-2")
    try:
        order = HolderOrder.model_validate(fields)
        signed = [SigningKey(_seed(file)).sign(order.model_dump_json()) for file in signers]
        answer = asyncio.run(_request(url, ring, HolderRequest(signed=(signed[0], signed[1]))))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors())
        raise fail(f"Yêu cầu chưa đúng: {wrong}") from error
    except Refused as error:
        raise fail(str(error)) from error
    except (NatsError, OSError, TimeoutError) as error:
        raise fail(f"Không tới được NATS ({url}) hoặc dịch vụ cảnh báo: {error or type(error).__name__}") from error
    if not answer.ok:
        raise fail(f"Bị từ chối ({answer.code}): {answer.detail}")
    return answer


def _seed(file: Path) -> bytes:
    try:
        seed = unb64(file.read_text("ascii").strip())
    except (OSError, ValueError, SignatureRefused) as error:
        raise Refused(f"Không đọc được khóa {file}.") from error
    if len(seed) != 32:
        raise Refused(f"{file} không phải khóa của người giữ khóa.")
    return seed


async def _request(url: str, ring: KeyRing, request: HolderRequest) -> HolderAnswer:
    client = await nats.connect(
        url,
        nkeys_seed_str=ring.seed_file("holder").read_text(),
        inbox_prefix=b"_INBOX_holder",
        allow_reconnect=False,
        connect_timeout=5,
    )
    try:
        message = await client.request(ALERT_ISSUE, request.model_dump_json().encode(), timeout=_ANSWER_SECONDS)
        return HolderAnswer.model_validate_json(message.data)
    finally:
        await client.close()
