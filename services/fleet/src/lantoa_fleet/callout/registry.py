"""The registry in memory: read from fleet's database, kept in a file, used without either."""

import asyncio
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from lantoa_fleet.callout.decision import Entry
from lantoa_runtime.clock import Clock
from lantoa_runtime.mongo import Collection, Document
from lantoa_runtime.mongo.driver import MongoError

log = structlog.get_logger()

_FIELDS = {"public_key": 1, "state": 1, "path": 1, "token_sha256": 1, "groups": 1}
_OVERLAP = timedelta(seconds=30)
"""A change is stamped before it is written: look back further than any write takes and clocks differ."""


class Registry:
    """Claimed devices by id and by key. Reading never waits: logins see what was known at the last refresh."""

    def __init__(self, devices: Collection, file: Path, clock: Clock, reload_seconds: float) -> None:
        self._devices = devices
        self._file = file
        self._clock = clock
        self._reload = timedelta(seconds=reload_seconds)
        self._by_id: dict[str, Entry] = {}
        self._by_key: dict[str, Entry] = {}
        self._reloaded_at: datetime | None = None
        self._refreshed_at: datetime | None = None
        self._missed = False
        self._unsaved = True
        self.loaded = False

    def by_id(self, device_id: str) -> Entry | None:
        """The device with this id, accepted or revoked."""
        return self._by_id.get(device_id)

    def by_key(self, public_key: str) -> Entry | None:
        """The device with this key, accepted or revoked. An MQTT receiver has none."""
        return self._by_key.get(public_key)

    def __len__(self) -> int:
        return len(self._by_id)

    def age_seconds(self) -> float:
        """Seconds since the database was last heard; infinite when it never was."""
        if self._refreshed_at is None:
            return float("inf")
        return (self._clock.now() - self._refreshed_at).total_seconds()

    def load_file(self) -> None:
        """Take up the snapshot that an earlier run left, if there is one."""
        try:
            entries = json.loads(self._file.read_text())["devices"]
            lists = ("path", "groups")
            self._take(Entry(**{**entry, **{name: tuple(entry.get(name, ())) for name in lists}}) for entry in entries)
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.error("snapshot file is unusable", error=repr(error))
            return
        self.loaded = True
        log.info("serving from the snapshot file", devices=len(self))

    async def run(self, refresh_seconds: float) -> None:
        """Follow the database for ever; its absence changes nothing but the age."""
        while True:
            try:
                await self.refresh()
                self._missed = False
            except (MongoError, OSError) as error:
                if not self._missed:
                    log.warning("registry not refreshed, serving what is known", error=repr(error))
                self._missed = True
            await asyncio.sleep(refresh_seconds)

    async def refresh(self) -> None:
        """Take up what changed since the last time, or everything when that is due.

        Raises:
            MongoError: the database is away.
            OSError: the snapshot file cannot be written.
        """
        now = self._clock.now()
        changed = await self._read_all(now) if self._reload_due(now) else await self._read_changes(now)
        self._refreshed_at = now
        self.loaded = True
        self._unsaved |= changed
        if self._unsaved:
            await asyncio.to_thread(_store, self._file, list(self._by_id.values()), now)
            self._unsaved = False

    def _reload_due(self, now: datetime) -> bool:
        return self._reloaded_at is None or now - self._reloaded_at > self._reload

    async def _read_all(self, now: datetime) -> bool:
        found = await self._devices.find({"state": {"$in": ["accepted", "revoked"]}}, _FIELDS)
        before = self._by_id
        self._take(map(_entry, found))
        self._reloaded_at = now
        return before != self._by_id

    async def _read_changes(self, now: datetime) -> bool:
        since = (self._refreshed_at or now) - _OVERLAP
        # Closed at both ends: the embedded server answers an open range by a full scan.
        window = {"rights_at": {"$gte": since, "$lt": now + _OVERLAP}}
        entries = map(_entry, await self._devices.find(window, _FIELDS))
        news = [entry for entry in entries if self._by_id.get(entry.device_id) != entry]
        for entry in news:
            self._by_id[entry.device_id] = entry
            if entry.public_key:
                self._by_key[entry.public_key] = entry
        return bool(news)

    def _take(self, entries: Iterable[Entry]) -> None:
        self._by_id = {entry.device_id: entry for entry in entries}
        self._by_key = {entry.public_key: entry for entry in self._by_id.values() if entry.public_key}


def _entry(device: Document) -> Entry:
    return Entry(
        device_id=device["_id"],
        public_key=device["public_key"],
        accepted=device["state"] == "accepted",
        path=tuple(device["path"]),
        token_sha256=device.get("token_sha256"),
        groups=tuple(device.get("groups", ())),
    )


def _store(file: Path, entries: list[Entry], now: datetime) -> None:
    """Whole or not at all; only its owner reads it, because it holds hashes of tokens."""
    content: dict[str, Any] = {"at": now.isoformat(), "devices": [asdict(entry) for entry in entries]}
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(content, out)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(file)
