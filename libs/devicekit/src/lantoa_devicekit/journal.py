"""The journal on a disk that may be full: what cannot be written is kept in memory, sent from there, written later."""

import asyncio
import os
import shutil
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

import structlog

from lantoa_devicekit.store import AttemptRow, AttemptState, Store, Waiting

log = structlog.get_logger("lantoa.journal")

P = ParamSpec("P")
T = TypeVar("T")
Proof = tuple[str, str, bytes]
"""Subject, local id, payload."""

RESERVE_BYTES = 4 * 1024 * 1024
_TEND_S = 2.0
_IN_MEMORY = 1 << 62
"""Numbers above every row's: of messages that are not in the file yet."""
_NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}


class _Held(Exception):
    """There is no room now: the write waits in memory."""


def has_no_room(error: sqlite3.Error) -> bool:
    """Whether the disk, not the journal, is at fault."""
    return (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF in _NO_ROOM


@dataclass(frozen=True)
class Reserve:
    """A file that only takes up room. It is given up when the disk is full, so that proofs still find a place."""

    path: Path
    size: int = RESERVE_BYTES

    def hold(self) -> None:
        """Take the room if there is plenty."""
        if self.path.exists() or shutil.disk_usage(self.path.parent).free < 4 * self.size:
            return
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self.size)
        except OSError:
            self.path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def give_up(self) -> None:
        """Make room."""
        self.path.unlink(missing_ok=True)


class Journal:
    """The device's :class:`Store` on one thread of its own. No write is refused because the disk is full."""

    def __init__(self, folder: Path, no_room: Callable[[str], Awaitable[None]]) -> None:
        """``no_room`` is told when a write found no room; it may free some and raises the alarm."""
        self._folder = folder
        self._no_room = no_room
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._reserve = Reserve(folder / "reserve")
        self._held: deque[Callable[[], object]] = deque()
        self._posts: dict[tuple[str, str], Waiting] = {}
        self._acknowledged: set[int] = set()
        self._rows: dict[tuple[str, int], AttemptRow] = {}
        self._commands: set[str] = set()
        self._next = _IN_MEMORY

    async def open(self, now_s: float) -> None:
        """Open the file.

        Raises:
            OSError, sqlite3.Error: the data folder is unusable, also after the reserve was given up.
        """
        path = self._folder / "journal.db"
        try:
            self._store = await self._run(Store, path, now_s)
        except sqlite3.Error as error:
            if not has_no_room(error):
                raise
            self._reserve.give_up()
            self._store = await self._run(Store, path, now_s)
        await self._run(self._reserve.hold)

    def make_room(self) -> None:
        """Give up the reserve; it is made again when there is room."""
        self._reserve.give_up()

    async def close(self) -> None:
        """Write what can be written and close the file."""
        await self._settle()
        await self._run(self._store.close)
        self._thread.shutdown()

    async def tend(self) -> None:
        """Write what is held as soon as there is room again; for ever."""
        while True:
            await asyncio.sleep(_TEND_S)
            if await self._settle():
                await self._run(self._reserve.hold)

    # ---- what is in it

    async def desired(self) -> tuple[int, bytes] | None:
        """See :meth:`Store.desired`."""
        return await self._run(self._store.desired)

    async def offset(self) -> int:
        """See :meth:`Store.offset`."""
        return await self._run(self._store.offset)

    async def posted(self, subject: str, local_id: str) -> bool:
        """See :meth:`Store.posted`."""
        return (subject, local_id) in self._posts or await self._run(self._store.posted, subject, local_id)

    async def waiting(self, limit: int, after: int, subject: str | None = None) -> list[Waiting]:
        """See :meth:`Store.waiting`; what is only in memory comes last."""
        found = await self._run(self._store.waiting, limit, after, subject)
        found = [message for message in found if message.n not in self._acknowledged]
        if len(found) < limit:
            held = (m for m in self._posts.values() if m.n > after and subject in (None, m.subject))
            found += sorted(held, key=lambda m: m.n)
        return found[:limit]

    async def orders(self) -> dict[str, tuple[int, bytes]]:
        """See :meth:`Store.orders`."""
        return await self._run(self._store.orders)

    async def open_commands(self) -> list[tuple[str, str]]:
        """See :meth:`Store.open_commands`."""
        return await self._run(self._store.open_commands)

    async def volume(self) -> int | None:
        """See :meth:`Store.volume`."""
        return await self._run(self._store.volume)

    async def attempts(self) -> list[AttemptRow]:
        """See :meth:`Store.attempts`."""
        rows = {(row.entry_id, row.attempt): row for row in await self._run(self._store.attempts)}
        return [row for _, row in sorted((rows | self._rows).items())]

    # ---- what goes into it

    async def save_desired(self, seq: int, document: bytes) -> None:
        """See :meth:`Store.save_desired`."""
        await self._write_or_hold(self._store.save_desired, seq, document)

    async def save_offset(self, offset_ms: int) -> None:
        """See :meth:`Store.save_offset`."""
        await self._write_or_hold(self._store.save_offset, offset_ms)

    async def save_order(self, scope: str, seq: int, document: bytes) -> None:
        """See :meth:`Store.save_order`."""
        await self._write_or_hold(self._store.save_order, scope, seq, document)

    async def save_volume(self, percent: int) -> None:
        """See :meth:`Store.save_volume`."""
        await self._write_or_hold(self._store.save_volume, percent)

    async def started(self, now_s: float, within_s: float) -> tuple[int, int]:
        """See :meth:`Store.started`; (0, 0) when there is no room to count."""
        try:
            return await self._write(self._store.started, now_s, within_s)
        except _Held:
            return 0, 0

    async def take_command(self, cmd_id: str, name: str, exp_s: float) -> bool:
        """See :meth:`Store.take_command`."""
        if cmd_id in self._commands:
            return False
        try:
            return await self._write(self._store.take_command, cmd_id, name, exp_s)
        except _Held:
            self._commands.add(cmd_id)
            return True

    async def close_command(self, cmd_id: str, ack: Proof, now_s: float) -> None:
        """See :meth:`Store.close_command`."""
        try:
            await self._write(self._store.close_command, cmd_id, ack, now_s)
        except _Held:
            await self._keep(ack)

    async def post_again(self, subject: str, local_id: str, payload: bytes, now_s: float) -> None:
        """See :meth:`Store.post_again`."""
        if (subject, local_id) not in self._posts:
            await self._write_or_hold(self._store.post_again, subject, local_id, payload, now_s)

    async def post(self, subject: str, local_id: str, payload: bytes, now_s: float) -> bool:
        """See :meth:`Store.post`."""
        if (subject, local_id) in self._posts:
            return False
        try:
            return await self._write(self._store.post, subject, local_id, payload, now_s)
        except _Held:
            return await self._keep((subject, local_id, payload))

    async def acknowledged(self, message: Waiting) -> None:
        """See :meth:`Store.acknowledged`."""
        if message.n < _IN_MEMORY:
            try:
                await self._write(self._store.acknowledged, message.n)
            except _Held:
                self._acknowledged.add(message.n)
            return
        for key, known in list(self._posts.items()):
            if known.n == message.n:
                del self._posts[key]
                self._held.append(partial(self._store.acknowledged_as, *key))

    async def begin(self, entry_id: str, attempt: int, cut_proof: str, now_s: float) -> None:
        """See :meth:`Store.begin`."""
        if (entry_id, attempt) in self._rows:
            raise sqlite3.IntegrityError("this attempt was begun before")
        try:
            await self._write(self._store.begin, entry_id, attempt, cut_proof, now_s)
        except _Held:
            self._rows[entry_id, attempt] = AttemptRow(entry_id, attempt, "started", cut_proof)

    async def finish(
        self, entry_id: str, attempt: int, state: Literal["cut", "aired"], proof: Proof, now_s: float
    ) -> None:
        """See :meth:`Store.finish`."""
        try:
            await self._write(self._store.finish, entry_id, attempt, state, proof, now_s)
        except _Held:
            row = next(
                (row for row in await self.attempts() if (row.entry_id, row.attempt) == (entry_id, attempt)), None
            )
            if row is not None and row.state == "started":
                closed: AttemptState = state
                self._rows[entry_id, attempt] = AttemptRow(entry_id, attempt, closed, row.cut_proof)
                await self._keep(proof)

    # ---- no room

    async def _keep(self, proof: Proof) -> bool:
        subject, local_id, payload = proof
        if await self.posted(subject, local_id):
            return False
        self._next += 1
        self._posts[subject, local_id] = Waiting(self._next, subject, payload)
        return True

    async def _write_or_hold(self, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            await self._write(call, *args, **kwargs)
        except _Held:
            return

    async def _write(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Write now, or hold it behind what is held already, because the order counts.

        Raises:
            _Held: there is no room.
        """
        write = partial(call, *args, **kwargs)
        for last in (False, True):
            if self._held:
                break
            try:
                return await self._run(write)
            except sqlite3.Error as error:
                if not has_no_room(error):
                    raise
                if not last:
                    self._reserve.give_up()
                    await self._no_room(str(error))
        self._held.append(write)
        raise _Held

    async def _settle(self) -> bool:
        """Write what is held, in order; whether nothing is held any more."""
        if not self._held:
            return True
        while self._held:
            try:
                await self._run(self._held[0])
            except sqlite3.IntegrityError:
                log.info("written_before")
            except sqlite3.Error as error:
                if not has_no_room(error):
                    raise
                return False
            self._held.popleft()
        self._posts.clear()
        self._acknowledged.clear()
        self._rows.clear()
        self._commands.clear()
        log.info("disk_has_room_again")
        return True

    async def _run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``call`` returns or raises. Once begun it is carried out even if the caller is cancelled."""
        return await asyncio.wrap_future(self._thread.submit(call, *args, **kwargs))
