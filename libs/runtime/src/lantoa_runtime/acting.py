"""Who acts: set where a request comes in, read where a document is written."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lantoa_contracts.envelope import Act

OURS = frozenset({"_id", "ver", "outbox", "ob_at", "ob_refused"})
"""Fields of a document that are bookkeeping, not what somebody did."""


@dataclass(frozen=True)
class Actor:
    """A person of the staff, or the operator, and the address from which they came (empty when it is not known)."""

    id: str
    origin: str = ""


_actor: ContextVar[Actor | None] = ContextVar("lantoa_actor", default=None)


def act_as(actor: Actor | None) -> None:
    """From here on, in this task and what it starts, it is this person who acts."""
    _actor.set(actor)


@contextmanager
def acting(actor: Actor | None) -> Iterator[None]:
    """It is this person who acts inside; ``None`` for nobody."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


State = Callable[[], Mapping[str, Any]]


def current_act(before: State | None, after: State) -> Act | None:
    """Who acts now, with the hashes of what they changed; ``None`` when nobody does, and then nothing is computed."""
    actor = _actor.get()
    if actor is None:
        return None
    return Act(actor.id, actor.origin, state_hash(before()) if before else "", state_hash(after()))


def state_hash(document: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a document's canonical JSON (sorted keys, no spaces, UTF-8) without our bookkeeping.

    Equal before it is stored and after it was read back: times count in UTC to the millisecond, as the database keeps
    them, and what it keeps as a list is a list.
    """
    told = {name: value for name, value in document.items() if name not in OURS}
    text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat(timespec="milliseconds")
    return value.hex() if isinstance(value, bytes) else str(value)
