"""A CAP message comes in: judged, understood, put into its thread, and asked for as notices."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from cryptography.x509 import Certificate

from lantoa_alert.domain.cap import CapAlert, CapKey, CapRefused
from lantoa_alert.domain.cap_areas import CapUnit, Territory
from lantoa_alert.domain.cap_judgement import Judgement, Verdict, judge
from lantoa_alert.domain.cap_meaning import Draft, Meaning, check_addressed, meaning
from lantoa_alert.domain.cap_threads import (
    Message,
    Outcome,
    Thread,
    digest_of,
    may_replace,
    moved_on,
    name_of,
    notice_id_of,
    overtaken,
    replaced,
)
from lantoa_alert.telemetry import CAP_MESSAGES, CAP_REFUSALS
from lantoa_calendar.periods import ZONE
from lantoa_runtime.clock import Clock
from lantoa_runtime.http import Caller


@dataclass(frozen=True)
class Origin:
    """Who brings a message: a source (``id`` is its own, no caller) or a person, whose request it then is."""

    id: str
    name: str
    pinned: tuple[Certificate, ...] = ()
    unsigned: bool = False
    """Whether a message without a signature is taken."""
    automatic: bool = False
    """Whether its word is issued without waiting for a person."""
    trusted_by: tuple[str, str] = ("", "")
    """Id and name of the administrator who said so."""
    caller: Caller | None = None


@dataclass(frozen=True)
class Taken:
    """What became of a message."""

    outcome: Outcome
    verdict: Verdict
    key: CapKey
    notice_ids: tuple[str, ...] = ()
    refused_areas: tuple[CapRefused, ...] = ()


class Notices(Protocol):
    """What the alert service does with notices; each of these, repeated, does nothing more."""

    def check(self, drafts: Iterable[Draft], origin: Origin) -> None:
        """Raise ``Forbidden`` when a person may not ask for these, and ``AppError`` when he has to sign in again."""

    def any_open(self, notice_ids: Iterable[str]) -> bool:
        """Whether one of these waits for somebody, or is in force."""

    async def request(self, notice_id: str, draft: Draft, alert: CapAlert, origin: Origin) -> None:
        """Make a notice of source ``cap``; it waits for a person unless the origin is automatic."""

    async def update(self, notice_id: str, new_id: str, draft: Draft, alert: CapAlert, origin: Origin) -> str:
        """Say something else; likewise. The id of the notice that says it: a new one where the old one is over."""

    async def cancel(self, notice_id: str, alert: CapAlert, origin: Origin) -> None:
        """Call a notice off, or withdraw it where nobody confirmed it yet; at once."""


class Units(Protocol):
    """The units of territory."""

    def cap_units(self) -> Iterable[CapUnit]:
        """All of them, also those of other days."""


class Book(Protocol):
    """Where messages and threads are kept. A put over what somebody else changed since it was read is refused."""

    async def message(self, name: str) -> tuple[Message | None, int]:
        """A message and its sequence; ``None`` and the sequence to put over where there is none."""

    async def put_message(self, message: Message, over: int) -> int:
        """Keep a message; its new sequence. Raises ``StaleVersion``."""

    async def thread(self, name: str) -> tuple[Thread | None, int]:
        """A thread, likewise."""

    async def put_thread(self, thread: Thread, over: int) -> int:
        """Keep a thread; its new sequence. Raises ``StaleVersion``."""


class Intake:
    """Takes messages, each once."""

    def __init__(self, book: Book, notices: Notices, units: Units, clock: Clock) -> None:
        self._book = book
        self._notices = notices
        self._units = units
        self._clock = clock

    async def take(self, xml: bytes, origin: Origin) -> Taken:
        """Judge a message and do what it asks for.

        Raises:
            CapRefused: it is not taken; ``reason`` tells why.
            Forbidden: the person may not ask for notices there.
            StaleVersion, Unavailable: try again.
        """
        try:
            taken = await self._take(xml, origin)
        except CapRefused as refusal:
            CAP_REFUSALS.labels(refusal.reason).inc()
            raise
        CAP_MESSAGES.labels(taken.outcome).inc()
        return taken

    async def _take(self, xml: bytes, origin: Origin) -> Taken:
        now = self._clock.now()
        # Large messages take tens of milliseconds, in which the service must answer others.
        judged = await asyncio.to_thread(judge, xml, now, origin.pinned)
        alert = _accepted(judged, origin)
        check_addressed(alert)
        digest = digest_of(alert)
        name, known, over = await self._known(alert.key, digest, origin)
        if known and known.digest and known.digest != digest:
            raise CapRefused("alert.cap-identifier-reused", 409)
        if known and known.done:
            if not await self._may_ask_again(known, origin):
                told: Outcome = "superseded" if known.outcome == "superseded" else "repeated"
                return Taken(told, judged.verdict, alert.key, known.notice_ids)
            known = replace(known, again=known.again + 1)
        threads = await self._threads(alert, origin)
        wanted = await self._wanted(alert, now)
        if origin.automatic and any(draft.begins_at > now for draft in wanted.drafts):
            return Taken("early", judged.verdict, alert.key)
        own = known.thread if known else (threads[0][0].name if threads else name)
        message = Message(
            name, digest, origin.id, own, _outcome(alert, origin, threads), again=known.again if known else 0
        )
        if alert.msg_type not in ("Ack", "Error") and overtaken(alert, [thread for thread, _ in threads]):
            message = replace(message, outcome="superseded")
            await self._book.put_message(replace(message, done=True), over)
            return Taken("superseded", judged.verdict, alert.key)
        self._notices.check(wanted.drafts, origin)
        over = await self._book.put_message(message, over)
        notice_ids = await self._do(alert, message, wanted, threads, origin)
        await self._book.put_message(replace(message, notice_ids=notice_ids, done=True), over)
        return Taken(message.outcome, judged.verdict, alert.key, notice_ids, wanted.refused)

    async def _may_ask_again(self, known: Message, origin: Origin) -> bool:
        """Whether a person may ask for this once more: nobody confirmed it, and it is still the last word."""
        if origin.caller is None or known.outcome != "requested" or self._notices.any_open(known.notice_ids):
            return False
        thread, _ = await self._book.thread(known.thread)
        return thread is not None and thread.head == known.name

    async def _known(self, key: CapKey, digest: str, origin: Origin) -> tuple[str, Message | None, int]:
        """A message's name, and what is kept under it; a name of its own where another origin means something else."""
        name = name_of(key)
        known, over = await self._book.message(name)
        if known and known.origin != origin.id and known.digest != digest:
            name = name_of(key, origin.id)
            known, over = await self._book.message(name)
        return name, known, over

    async def _wanted(self, alert: CapAlert, now: datetime) -> Meaning:
        if alert.msg_type not in ("Alert", "Update"):
            return Meaning(())
        territory = Territory(self._units.cap_units(), now.astimezone(ZONE).date())
        return await asyncio.to_thread(meaning, alert, territory, now)

    async def _threads(self, alert: CapAlert, origin: Origin) -> list[tuple[Thread, int]]:
        """The threads that a message speaks of and may speak of, each once, with their sequences."""
        found: dict[str, tuple[Thread, int]] = {}
        for key in replaced(alert):
            for name in (name_of(key, origin.id), name_of(key)):
                message, _ = await self._book.message(name)
                thread, over = await self._book.thread(message.thread) if message else (None, 0)
                if thread and may_replace(origin.id, thread):
                    found[thread.name] = (thread, over)
                    break
        return list(found.values())

    async def _do(
        self,
        alert: CapAlert,
        message: Message,
        wanted: Meaning,
        threads: Sequence[tuple[Thread, int]],
        origin: Origin,
    ) -> tuple[str, ...]:
        if alert.msg_type in ("Ack", "Error"):
            return ()
        standing = [notice_id for thread, _ in threads for notice_id in thread.notice_ids]
        notice_ids: list[str] = []
        for place, draft in enumerate(wanted.drafts):
            new_id = notice_id_of(message, place)
            if place < len(standing):
                notice_ids.append(await self._notices.update(standing[place], new_id, draft, alert, origin))
            else:
                await self._notices.request(new_id, draft, alert, origin)
                notice_ids.append(new_id)
        for notice_id in standing[len(wanted.drafts) :]:
            await self._notices.cancel(notice_id, alert, origin)
        for thread, over in threads:
            mine = tuple(notice_ids) if thread.name == message.thread else ()
            await self._book.put_thread(moved_on(thread, message, alert.key.sent, mine), over)
        if not threads:
            await self._begin(alert, message, tuple(notice_ids), origin)
        return tuple(notice_ids)

    async def _begin(self, alert: CapAlert, message: Message, notice_ids: tuple[str, ...], origin: Origin) -> None:
        """A thread of its own; messages that are named and not known get their place in it, should they still come."""
        _, over = await self._book.thread(message.thread)
        await self._book.put_thread(Thread(message.thread, origin.id, message.name, alert.key.sent, notice_ids), over)
        for key in replaced(alert):
            earlier, at = await self._book.message(name_of(key))
            if earlier is None:
                kept = Message(name_of(key), "", origin.id, message.thread, "superseded", done=True)
                await self._book.put_message(kept, at)


def _accepted(judged: Judgement, origin: Origin) -> CapAlert:
    """The message, when its verdict is good enough for who brings it."""
    if judged.refusal:
        raise judged.refusal
    if judged.alert is None or (judged.verdict == "no_signature" and not origin.unsigned):
        raise CapRefused("alert.cap-unsigned")
    return judged.alert


def _outcome(alert: CapAlert, origin: Origin, threads: Sequence[tuple[Thread, int]]) -> Outcome:
    if alert.msg_type in ("Ack", "Error"):
        return "noted"
    if alert.msg_type == "Cancel":
        return "cancelled"
    if not origin.automatic:
        return "requested"
    return "updated" if any(thread.notice_ids for thread, _ in threads) else "issued"
