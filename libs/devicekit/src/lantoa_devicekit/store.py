"""What a device must not forget: SQLite with a synced write-ahead log.

Every call is short and blocking; all of them run on one thread of the caller's choice.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

AttemptState = Literal["started", "cut", "aired"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS desired (
  one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, document BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS clock (one INTEGER PRIMARY KEY CHECK (one = 1), offset_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
  n INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, local_id TEXT NOT NULL, payload BLOB NOT NULL,
  at_s REAL NOT NULL, acked INTEGER NOT NULL DEFAULT 0, UNIQUE (subject, local_id));
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (n) WHERE acked = 0;
CREATE TABLE IF NOT EXISTS attempts (
  entry_id TEXT NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL, cut_proof TEXT NOT NULL, at_s REAL NOT NULL,
  PRIMARY KEY (entry_id, attempt));
CREATE TABLE IF NOT EXISTS orders (scope TEXT PRIMARY KEY, seq INTEGER NOT NULL, document BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS commands (
  cmd_id TEXT PRIMARY KEY, name TEXT NOT NULL, exp_s REAL NOT NULL, done INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS starts (n INTEGER PRIMARY KEY AUTOINCREMENT, at_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS volume (one INTEGER PRIMARY KEY CHECK (one = 1), percent INTEGER NOT NULL);
"""

COMMAND_SLACK_S = 86_400.0
"""A command is remembered so long after its expiry, in case the clock is set back."""

REMEMBER_S = 60 * 86_400.0
"""Acknowledged proofs and old attempts are remembered this long: far beyond the life of any rundown entry."""


@dataclass(frozen=True)
class Waiting:
    """A message that no stream has acknowledged yet."""

    n: int
    subject: str
    payload: bytes


@dataclass(frozen=True)
class AttemptRow:
    """One try at playing an entry. ``cut_proof`` is the proof to send if nothing more is ever known of it."""

    entry_id: str
    attempt: int
    state: AttemptState
    cut_proof: str


class Store:
    """The device's journal. ``now_s`` arguments are Unix seconds."""

    def __init__(self, path: Path, now_s: float) -> None:
        """Open or make the journal and forget what is long past.

        Raises:
            sqlite3.Error: not a journal, or the disk refuses.
        """
        # One thread at a time uses it, but not the one that closes it at exit.
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)
        # A full disk has no room to forget either: the next start does.
        with suppress(sqlite3.OperationalError), self._transaction():
            self._db.execute("DELETE FROM outbox WHERE acked = 1 AND at_s < ?", (now_s - REMEMBER_S,))
            self._db.execute("DELETE FROM attempts WHERE state != 'started' AND at_s < ?", (now_s - REMEMBER_S,))
            self._db.execute("DELETE FROM commands WHERE exp_s < ?", (now_s - COMMAND_SLACK_S,))
            self._db.execute("DELETE FROM starts WHERE at_s < ?", (now_s - REMEMBER_S,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._roll_back()
            raise
        try:
            self._db.execute("COMMIT")
        except sqlite3.Error:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        # When the disk is full SQLite may have done it already.
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def save_desired(self, seq: int, document: bytes) -> bool:
        """Keep a verified desired document; False when one with this ``seq`` or a higher one is already kept."""
        done = self._db.execute(
            "INSERT INTO desired VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET seq = excluded.seq,"
            " document = excluded.document WHERE excluded.seq > desired.seq",
            (seq, document),
        )
        return done.rowcount == 1

    def desired(self) -> tuple[int, bytes] | None:
        """Highest ``seq`` taken up and its document."""
        row = self._db.execute("SELECT seq, document FROM desired").fetchone()
        return None if row is None else (int(row[0]), bytes(row[1]))

    def save_offset(self, offset_ms: int) -> None:
        """Keep the measured clock offset."""
        self._db.execute(
            "INSERT INTO clock VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET offset_ms = excluded.offset_ms",
            (offset_ms,),
        )

    def offset(self) -> int:
        """The clock offset last kept, in milliseconds; 0 at first."""
        row = self._db.execute("SELECT offset_ms FROM clock").fetchone()
        return 0 if row is None else int(row[0])

    def post(self, subject: str, local_id: str, payload: bytes, now_s: float) -> bool:
        """Put a message into the outbox; False when this ``local_id`` was posted before, sent or not."""
        done = self._db.execute(
            "INSERT OR IGNORE INTO outbox (subject, local_id, payload, at_s) VALUES (?, ?, ?, ?)",
            (subject, local_id, payload, now_s),
        )
        return done.rowcount == 1

    def posted(self, subject: str, local_id: str) -> bool:
        """Whether such a message was ever posted."""
        query = "SELECT 1 FROM outbox WHERE subject = ? AND local_id = ?"
        return self._db.execute(query, (subject, local_id)).fetchone() is not None

    def post_again(self, subject: str, local_id: str, payload: bytes, now_s: float) -> None:
        """Put a message into the outbox, also when it was sent before."""
        self._db.execute(
            "INSERT INTO outbox (subject, local_id, payload, at_s) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (subject, local_id) DO UPDATE SET acked = 0, payload = excluded.payload",
            (subject, local_id, payload, now_s),
        )

    def waiting(self, limit: int = 50, after: int = 0, subject: str | None = None) -> list[Waiting]:
        """Messages (of one subject) not yet acknowledged, oldest first, numbered above ``after``."""
        rows = self._db.execute(
            "SELECT n, subject, payload FROM outbox WHERE acked = 0 AND n > ? AND subject = ifnull(?, subject)"
            " ORDER BY n LIMIT ?",
            (after, subject, limit),
        )
        return [Waiting(int(n), subject, bytes(payload)) for n, subject, payload in rows]

    def acknowledged(self, n: int) -> None:
        """A stream has stored message ``n``: drop its text, remember its id."""
        self._db.execute("UPDATE outbox SET acked = 1, payload = x'' WHERE n = ?", (n,))

    def acknowledged_as(self, subject: str, local_id: str) -> None:
        """As :meth:`acknowledged`, for a message that was sent before it had a number."""
        self._db.execute(
            "UPDATE outbox SET acked = 1, payload = x'' WHERE subject = ? AND local_id = ?", (subject, local_id)
        )

    def begin(self, entry_id: str, attempt: int, cut_proof: str, now_s: float) -> None:
        """Note, before any sound, that an attempt starts.

        Raises:
            sqlite3.IntegrityError: this attempt was noted before.
        """
        self._db.execute("INSERT INTO attempts VALUES (?, ?, 'started', ?, ?)", (entry_id, attempt, cut_proof, now_s))

    def finish(
        self, entry_id: str, attempt: int, state: Literal["cut", "aired"], proof: tuple[str, str, bytes], now_s: float
    ) -> None:
        """Close an attempt and post its proof (subject, local id, payload), both or neither."""
        with self._transaction():
            done = self._db.execute(
                "UPDATE attempts SET state = ? WHERE entry_id = ? AND attempt = ? AND state = 'started'",
                (state, entry_id, attempt),
            )
            if done.rowcount == 1:
                self.post(*proof, now_s)

    def attempts(self) -> list[AttemptRow]:
        """All attempts remembered, in order of entry and attempt."""
        rows = self._db.execute("SELECT entry_id, attempt, state, cut_proof FROM attempts ORDER BY entry_id, attempt")
        return [AttemptRow(entry_id, int(attempt), state, cut_proof) for entry_id, attempt, state, cut_proof in rows]

    def save_order(self, scope: str, seq: int, document: bytes) -> None:
        """Keep a verified alert order, unless one with this ``seq`` or a higher one of its scope is kept."""
        self._db.execute(
            "INSERT INTO orders VALUES (?, ?, ?) ON CONFLICT (scope) DO UPDATE SET seq = excluded.seq,"
            " document = excluded.document WHERE excluded.seq > orders.seq",
            (scope, seq, document),
        )

    def orders(self) -> dict[str, tuple[int, bytes]]:
        """Highest ``seq`` and its order, by scope; also of scopes that are not ours now."""
        rows = self._db.execute("SELECT scope, seq, document FROM orders")
        return {scope: (int(seq), bytes(document)) for scope, seq, document in rows}

    def take_command(self, cmd_id: str, name: str, exp_s: float) -> bool:
        """Note a command before it is carried out; False when it was noted before."""
        done = self._db.execute(
            "INSERT OR IGNORE INTO commands (cmd_id, name, exp_s) VALUES (?, ?, ?)", (cmd_id, name, exp_s)
        )
        return done.rowcount == 1

    def close_command(self, cmd_id: str, ack: tuple[str, str, bytes], now_s: float) -> None:
        """Note that a command was carried out or failed, and post the answer (subject, local id, payload)."""
        with self._transaction():
            self._db.execute("UPDATE commands SET done = 1 WHERE cmd_id = ?", (cmd_id,))
            self.post(*ack, now_s)

    def open_commands(self) -> list[tuple[str, str]]:
        """Id and name of commands that were noted and not closed."""
        return [(cmd_id, name) for cmd_id, name in self._db.execute("SELECT cmd_id, name FROM commands WHERE done = 0")]

    def started(self, now_s: float, within_s: float) -> tuple[int, int]:
        """Count one more start of the program: how often ever, and how often within the last seconds."""
        n = self._db.execute("INSERT INTO starts (at_s) VALUES (?)", (now_s,)).lastrowid
        (lately,) = self._db.execute(
            "SELECT count(*) FROM starts WHERE at_s > ? AND at_s <= ?", (now_s - within_s, now_s)
        ).fetchone()
        return int(n or 0), int(lately)

    def save_volume(self, percent: int) -> None:
        """Keep the volume."""
        self._db.execute(
            "INSERT INTO volume VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET percent = excluded.percent", (percent,)
        )

    def volume(self) -> int | None:
        """The volume last kept."""
        row = self._db.execute("SELECT percent FROM volume").fetchone()
        return None if row is None else int(row[0])
