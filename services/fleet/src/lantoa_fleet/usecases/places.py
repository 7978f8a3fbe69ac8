"""What happened at the place where a device stands, also to those that stood there before it."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from lantoa_runtime.errors import AppError
from lantoa_runtime.mongo import Collection, Document

Entry = dict[str, Any]
"""``at``, ``what``, ``device_id`` and what else the kind of entry has; ``key`` tells two of one moment apart."""
Source = Callable[[Sequence[Document]], Awaitable[list[Entry]]]
"""Entries from elsewhere about these devices."""
_MOST = 300


class Timeline:
    """The lives of all devices of a place as one list, and what else is told of them; all of it is bounded."""

    def __init__(self, devices: Collection, sources: Sequence[Source] = ()) -> None:
        self._devices = devices
        self._sources = sources

    async def page(self, device: Document, cursor: str | None, limit: int) -> tuple[list[Entry], str | None]:
        """Entries, newest first, and the cursor of the next page.

        Raises:
            AppError: ``bad-cursor``.
        """
        before = _place(cursor) if cursor is not None else None
        place_id = device.get("place_id", device["_id"])
        about = {"life": 1, "alarms": 1}
        here = await self._devices.find({"place_id": place_id}, about) or [device]
        entries = [entry for one in here for entry in _life(one)]
        for source in self._sources:
            entries += await source(here)
        entries.sort(key=_order, reverse=True)
        rest = [entry for entry in entries if before is None or _order(entry) < before]
        shown = rest[:limit]
        return shown, _written(shown[-1]) if len(rest) > limit else None


def commands_to(commands: Collection) -> Source:
    """What the devices were told to do, the newest few hundred."""

    async def told(here: Sequence[Document]) -> list[Entry]:
        wanted = {"device_id": {"$in": [device["_id"] for device in here]}}
        found = await commands.find(wanted, sort=[("at", -1)], limit=_MOST)
        return [
            {
                "what": "command",
                "at": command["at"],
                "device_id": command["device_id"],
                "by_name": command.get("by_name"),
                "code": command["name"],
                "detail": " ".join(filter(None, (command["state"], command.get("detail")))),
                "key": command["_id"],
            }
            for command in found
        ]

    return told


def alarms_about(alarms: Collection) -> Source:
    """Alarms that the platform raised about the devices, the newest few hundred."""

    async def raised(here: Sequence[Document]) -> list[Entry]:
        ids = [device["_id"] for device in here]
        found = await alarms.find({"devices": {"$in": ids}}, sort=[("opened_at", -1)], limit=_MOST)
        return [
            {
                "what": "alarm",
                "at": alarm["opened_at"],
                "device_id": device_id,
                "code": alarm["code"],
                "key": f"{alarm['_id']}:{device_id}",
            }
            for alarm in found
            for device_id in ids
            if device_id in alarm["devices"]
        ]

    return raised


def _life(device: Document) -> list[Entry]:
    told = [
        {**entry, "device_id": device["_id"], "key": f"{device['_id']}:{number:04}"}
        for number, entry in enumerate(device.get("life", []))
    ]
    alarms = [
        {
            "what": "alarm",
            "at": alarm["at"],
            "device_id": device["_id"],
            "code": alarm["code"],
            "count": alarm["count"],
            "detail": alarm["detail"],
            "key": f"{device['_id']}:{alarm['code']}",
        }
        for alarm in device.get("alarms", [])
    ]
    return told + alarms


def _order(entry: Entry) -> tuple[datetime, str]:
    return entry["at"], entry["key"]


def _written(entry: Entry) -> str:
    return base64.urlsafe_b64encode(f"{entry['at'].isoformat()} {entry['key']}".encode()).decode()


def _place(cursor: str) -> tuple[datetime, str]:
    try:
        time, _, key = base64.urlsafe_b64decode(cursor).decode().partition(" ")
        moment = datetime.fromisoformat(time)
    except (binascii.Error, ValueError) as error:
        raise AppError("bad-cursor", 400) from error
    if moment.tzinfo is None:
        raise AppError("bad-cursor", 400)
    return moment, key
