"""What devices can be told to do at once, until when it is repeated, and what they may send back."""

import codecs
import collections
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lantoa_contracts.device import Ack, Command
from lantoa_runtime.errors import Invalid
from lantoa_signing.documents import KeySet, SignatureRefused, SigningKey, b64, unb64, verify_bytes

MOST_DEVICES = 2000
"""Devices that one order may reach."""
KEPT_DAYS = 90
BIGGEST_UPLOAD = 5 * 1024 * 1024

UPLOADS = ("screenshot", "log_upload")
"""Commands that a device answers with a file."""
NAMES = ("volume", "restart", "test_tone", *UPLOADS, "diagnose", "update")
OUTCOMES = ("finished", "failed", "expired")
OPEN = ("sent", "received")
_STAGES = {"received": "received", "finished": "finished", "failed": "failed"}
_BEFORE = {"received": ("sent",), "finished": (*OPEN, "expired"), "failed": (*OPEN, "expired")}

_REPEATS_S = (1.0, 2.0, 4.0, 8.0, 15.0)
_PATIENCE = {"update": timedelta(hours=2), "screenshot": timedelta(minutes=5), "log_upload": timedelta(minutes=5)}
_USUAL_PATIENCE = timedelta(minutes=1)


def checked_args(name: str, args: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """The arguments of a command that a person gives, as the device gets them.

    Raises:
        Invalid: no such command, or not its arguments.
    """
    bounds = {"volume": ("percent", 0, 100), "test_tone": ("seconds", 1, 10)}
    if name not in NAMES or name == "update":
        raise Invalid("fleet.unknown-command", "/name")
    if name not in bounds:
        if args:
            raise Invalid("fleet.command-arguments", "/args")
        return {}
    field, least, most = bounds[name]
    value = args.get(field)
    if set(args) != {field} or type(value) is not int or not least <= value <= most:
        raise Invalid("fleet.command-arguments", f"/args/{field}")
    return {field: value}


def command_id(order_id: str, number: int) -> str:
    """The id of an order's command: the same when the order is stored once more after a crash."""
    return f"cmd-{order_id}-{number}"


def repeat_after(tries: int) -> timedelta:
    """How long to wait for an answer before a command that was sent so often is sent again."""
    return timedelta(seconds=_REPEATS_S[min(tries, len(_REPEATS_S)) - 1])


def closes_at(name: str, expires: datetime) -> datetime:
    """Until when an order is open: a device that has taken up a command in its last moment needs time to do it."""
    return expires + _PATIENCE.get(name, _USUAL_PATIENCE)


def command_of(stored: Mapping[str, Any], upload_url: str | None) -> Command:
    """The text to be signed for one device. Signing it again gives the same document."""
    args = {**stored["args"], **({"upload_url": upload_url} if upload_url else {})}
    return Command(
        aud=stored["device_id"],
        iat=stored["at"],
        exp=stored["exp"],
        cmd_id=stored["_id"],
        name=stored["name"],
        args=args,
    )


@dataclass(frozen=True)
class Answer:
    """What an acknowledgement makes of a command: the new state, and the states in which it still matters."""

    state: str
    before: tuple[str, ...]


def answer_of(ack: Ack) -> Answer | None:
    """What a device's answer means; ``None`` when it answers no command. One that comes late still tells the truth."""
    state = _STAGES.get(ack.stage)
    if state is None or not ack.ref.startswith("cmd-"):
        return None
    return Answer(state, _BEFORE[state])


def progress(states: Iterable[str]) -> dict[str, int]:
    """How many commands of an order are in each state."""
    counts = collections.Counter(states)
    return {state: counts[state] for state in (*OPEN, *OUTCOMES)}


# -- uploads --------------------------------------------------------------------------------------------------------

_GZIP = b"\x1f\x8b"
_LOOKED_AT = 256 * 1024
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def _text(cmd_id: str, audience: str, expires: int) -> bytes:
    return f"upload\n{cmd_id}\n{audience}\n{expires}".encode()


def upload_query(key: SigningKey, cmd_id: str, audience: str, expires: int) -> str:
    """The query that lets a device put the answer of a command until ``expires`` (Unix seconds)."""
    return f"a={audience}&e={expires}&k={key.kid}&s={b64(key.sign_bytes(_text(cmd_id, audience, expires)))}"


def check_upload(keys: KeySet, cmd_id: str, query: Mapping[str, str], now: float) -> str:
    """The device that may put a file for this command.

    Raises:
        SignatureRefused: forged, for another command, or expired.
    """
    try:
        audience, expires, kid, signature = query["a"], int(query["e"]), query["k"], query["s"]
    except (KeyError, ValueError) as error:
        raise SignatureRefused("incomplete address") from error
    verify_bytes(keys.public(kid), _text(cmd_id, audience, expires), unb64(signature))
    if now > expires:
        raise SignatureRefused("address expired")
    return audience


def log_type(data: bytes) -> str:
    """The media type of a log by its content: UTF-8 text, or such text packed by gzip.

    Of a packed one the first 256 KiB are looked at; a few bytes can unpack to any size.

    Raises:
        Invalid: it is neither.
    """
    packed = data[:2] == _GZIP
    try:
        looked_at = zlib.decompressobj(wbits=31).decompress(data, _LOOKED_AT) if packed else data
        text = codecs.getincrementaldecoder("utf-8")().decode(looked_at, final=not packed)
    except (zlib.error, UnicodeDecodeError) as error:
        raise Invalid("fleet.upload-refused") from error
    if not text or _CONTROL.search(text):
        raise Invalid("fleet.upload-refused")
    return "application/gzip" if packed else "text/plain; charset=utf-8"
