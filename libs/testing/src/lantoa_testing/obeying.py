"""What a platform sends to make a device act at once: alert orders and commands, well signed or not."""

import hashlib
import itertools
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from nats.errors import Error as NatsError

from lantoa_contracts.base import BlobRef, SignedDocument
from lantoa_contracts.device import AlertNotice, AlertOrder, Command
from lantoa_devicekit import Device
from lantoa_signing.documents import SigningKey
from lantoa_testing.devices import SCOPES, DevicePlatform
from lantoa_testing.processes import eventually

_PART = 48 * 1024
_numbers = itertools.count(1)


def notice(platform: DevicePlatform, notice_id: str = "ntc-1", **changes: Any) -> AlertNotice:
    """An actual, severe notice of the next ten minutes, in Vietnamese and Khmer; ``changes`` replace its fields."""
    now = platform.now()
    fields: dict[str, Any] = {
        "notice_id": notice_id,
        "ver": 1,
        "status": "actual",
        "severity": "severe",
        "headline": "Nước sông dâng nhanh, di chuyển lên chỗ cao",
        "texts": {
            "vi": "Nước sông Cổ Chiên dâng nhanh. Bà con ấp Long Trị rời nhà ngay, đến trường học.",
            "km": "ទឹកទន្លេឡើងយ៉ាងលឿន។ សូមបងប្អូនចាកចេញពីផ្ទះភ្លាម ហើយទៅសាលារៀន។",
        },
        "issued_at": now,
        "expires_at": now + timedelta(minutes=10),
        "repeat": 1,
        "gap_s": 0,
    }
    return AlertNotice(**(fields | changes))


def order(
    platform: DevicePlatform,
    seq: int,
    notices: Sequence[AlertNotice] = (),
    scope: str = "all",
    signer: SigningKey | None = None,
    **changes: Any,
) -> SignedDocument:
    """A signed order of a scope; ``changes`` replace its fields."""
    now = platform.now()
    fields: dict[str, Any] = {"aud": scope, "seq": seq, "iat": now, "exp": now + timedelta(hours=1)}
    text = AlertOrder(**(fields | {"notices": tuple(notices)} | changes)).model_dump_json()
    return (signer or platform.alert_signer).sign(text)


async def issue(platform: DevicePlatform, document: SignedDocument, scope: str = "all") -> None:
    """As the alert service does: broadcast at once, then into the bucket, which republishes it."""
    data = document.model_dump_json().encode()
    await platform.nc.publish(f"dev.bc.{scope}.alert", data)
    await platform.js.publish(f"$KV.alert.{scope}.alert", data)


async def add_sound(platform: DevicePlatform, data: bytes, scope: str = "all", lost: Sequence[int] = ()) -> BlobRef:
    """Put a sound into the bucket in parts; those that are ``lost`` are not broadcast before the device looks."""
    sha256 = hashlib.sha256(data).hexdigest()
    for n, start in enumerate(range(0, len(data), _PART)):
        part = data[start : start + _PART]
        if n not in lost:
            await platform.js.publish(f"$KV.alert.{scope}.sound.{sha256}.{n}", part)
    return BlobRef(sha256=sha256, bytes=len(data), media_type="audio/ogg")


def command(platform: DevicePlatform, name: str, **args: str | float | bool) -> Command:
    """A command of the next minute, with an id of its own."""
    now = platform.now()
    cmd_id = f"cmd-{next(_numbers)}"
    return Command(aud=platform.id, iat=now, exp=now + timedelta(minutes=1), cmd_id=cmd_id, name=name, args=args)


async def send(platform: DevicePlatform, what: Command, signer: SigningKey | None = None) -> None:
    """Sign a command and send it once."""
    document = (signer or platform.signer).sign(what.model_dump_json())
    await platform.whisper(document.model_dump_json().encode(), "cmd")


async def answered(platform: DevicePlatform, what: Command) -> dict[str, Any]:
    """Repeat a command, as fleet does, until it is answered; the answer."""
    found: list[dict[str, Any]] = []

    async def enough() -> bool:
        await send(platform, what)
        found[:] = [ack for ack in await platform.told("ack") if ack["ref"] == what.cmd_id]
        return bool(found)

    await eventually(enough, 60, 0.25)
    return found[-1]


async def hearing(device: Device) -> None:
    """Return once a device is connected and the server knows of every scope that it hears."""

    async def heard() -> bool:
        link = device._link
        client = link._client
        if client is None or not device.connected or not link._heard.keys() >= set(SCOPES):
            return False
        with suppress(NatsError):
            for _ in range(2):  # One flush of nats-py is no barrier.
                await client.flush()
            return True
        return False

    await eventually(heard, 60)


async def until_it_says(platform: DevicePlatform, **wanted: Any) -> None:
    """Return once the device's last heartbeat has these fields."""
    await eventually(lambda: platform.heartbeats and platform.heartbeats[-1].items() >= wanted.items(), 60)


async def stages(platform: DevicePlatform, ref: str, last: str) -> list[str]:
    """The stages of a notice that the device acknowledged, once ``last`` is among them."""
    found: list[str] = []

    async def enough() -> bool:
        found[:] = [ack["stage"] for ack in await platform.told("ack") if ack["ref"] == ref]
        return last in found

    await eventually(enough, 60)
    return found
