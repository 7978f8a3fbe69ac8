"""Which messages belong together, and which of them still counts: Update and Cancel name what they replace.

A thread is an alert with everything that was said about it later. Its head is the latest word; whatever was sent
before the head and arrives after it has been overtaken. A message may be named before it arrives: its place is kept.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from lantoa_alert.domain.cap import CapAlert, CapKey, CapRefused, referenced

Outcome = Literal["requested", "issued", "updated", "cancelled", "noted", "superseded", "repeated", "early"]
"""What became of a message. ``requested`` waits for a person, ``issued`` and ``updated`` by a source that needs none;
``early`` will be looked at again when its time has come."""
PERSON = "person"
"""Origin of what somebody posted; a source is its own id."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is kept of a message. ``done`` is set last: without it, the work is done again, with the same ids."""

    name: str
    digest: str
    origin: str
    thread: str
    outcome: Outcome
    notice_ids: tuple[str, ...] = ()
    done: bool = False
    again: int = 0
    """How often somebody asked once more, because nobody had confirmed."""


@dataclass(frozen=True, slots=True)
class Thread:
    """The latest word of a thread and the notices that it stands for now."""

    name: str
    origin: str
    head: str
    """Name of the message that was the latest word."""
    head_sent: datetime
    notice_ids: tuple[str, ...] = ()


def name_of(key: CapKey, origin: str = "") -> str:
    """A message's name here: short, the same for every writing of the same moment.

    ``origin`` is given where another origin holds the plain name for something else: nobody may keep a message of
    others out by taking its name first.
    """
    moment = int(key.sent.timestamp())
    return hashlib.sha256(f"{key.sender}\n{key.identifier}\n{moment}\n{origin}".encode()).hexdigest()[:32]


def digest_of(alert: CapAlert) -> str:
    """The same for two copies that say the same, whoever indented or signed them."""
    return hashlib.sha256(repr(alert).encode("utf-8", "surrogatepass")).hexdigest()


def notice_id_of(message: Message, place: int) -> str:
    """The id of the notice that a message's draft becomes: asked for twice, it is still one notice."""
    again = f"-{message.again}" if message.again else ""
    return f"ntc-cap-{message.name[:24]}-{place}{again}"


def replaced(alert: CapAlert) -> tuple[CapKey, ...]:
    """The messages that an Update, Cancel, Ack or Error speaks of; an Alert speaks of none.

    Raises:
        CapRefused: ``references``, there are none or they cannot be read; ``foreign-reference``, an Update or Cancel
            names somebody else's message.
    """
    if alert.msg_type == "Alert":
        return ()
    keys = referenced(alert.references)
    if not keys:
        raise CapRefused("alert.cap-references")
    if alert.msg_type in ("Update", "Cancel") and any(key.sender != alert.key.sender for key in keys):
        raise CapRefused("alert.cap-foreign-reference")
    return keys


def may_replace(origin: str, thread: Thread) -> bool:
    """Whether a message from an origin may change what a thread says: its own source may, and people may."""
    return origin in (PERSON, thread.origin)


def overtaken(alert: CapAlert, threads: Sequence[Thread]) -> bool:
    """Whether a later word about the same is known already."""
    return any(thread.head_sent > alert.key.sent for thread in threads)


def moved_on(thread: Thread, message: Message, sent: datetime, notice_ids: tuple[str, ...]) -> Thread:
    """The thread with this message as its head."""
    return replace(thread, head=message.name, head_sent=sent, notice_ids=notice_ids)
