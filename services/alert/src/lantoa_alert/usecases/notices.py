"""Notices from the first word to the last: asked for, confirmed by another, said to devices, updated, called off."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from nats.errors import Error as NatsError

from lantoa_alert.domain import notices as rules
from lantoa_alert.domain.notices import Act, Event, Message, Notice, NoticeRefused, Sound
from lantoa_alert.domain.roster import Roster
from lantoa_alert.usecases.access import Access
from lantoa_alert.usecases.book import Book
from lantoa_alert.usecases.facts import with_events
from lantoa_alert.usecases.fanout import FanOut
from lantoa_alert.usecases.shelves import NoticeShelf
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Conflict, NotFound, Unavailable
from lantoa_runtime.http import Caller

log = structlog.get_logger()

STORE_SECONDS = 3.0
"""How long an answer waits for JetStream; devices have been told by then, and what is missing is stored later."""
_NOT_STORED = (NatsError, Unavailable, TimeoutError, OSError)


@dataclass(frozen=True)
class Done:
    """A notice after a step, and what JetStream has not stored yet: ``notice``, ``orders``. Devices were told."""

    notice: Notice
    pending: tuple[str, ...] = ()


class Notices:
    """The notices of an installation."""

    def __init__(self, book: Book, shelf: NoticeShelf, fanout: FanOut, roster: Roster, clock: Clock) -> None:
        self._book = book
        self._shelf = shelf
        self._fanout = fanout
        self._roster = roster
        self._clock = clock
        self._access = Access(shelf.notices, roster, clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_change: list[Callable[[Notice], Awaitable[None]]] = []
        """What is done, beside the answer, with a notice that changed."""

    # -- looking ------------------------------------------------------------------------------------------------

    @property
    def all(self) -> Mapping[str, Notice]:
        """Every notice by id."""
        return self._shelf.notices

    def get(self, notice_id: str) -> Notice:
        """One notice.

        Raises:
            NotFound: there is none.
        """
        self._read()
        notice = self._shelf.notices.get(notice_id)
        if notice is None:
            raise NotFound("notice")
        return notice

    def newest(self, limit: int, before: str | None) -> tuple[list[Notice], str | None]:
        """A page of notices, the last asked for first, and the cursor of the next."""
        self._read()
        ordered = sorted(self._shelf.notices.values(), key=lambda one: (one.created_at, one.id), reverse=True)
        if before is not None:
            known = self._shelf.notices.get(before)
            if known is None:
                raise AppError("bad-cursor", 422)
            ordered = [one for one in ordered if (one.created_at, one.id) < (known.created_at, known.id)]
        return ordered[:limit], ordered[limit - 1].id if len(ordered) > limit else None

    def by_cap(self, sender: str, identifier: str) -> Notice | None:
        """The notice that a CAP message is or was about."""
        return next(
            (
                one
                for one in self._shelf.notices.values()
                if (one.cap.get("sender"), one.cap.get("identifier")) == (sender, identifier)
            ),
            None,
        )

    def _read(self) -> None:
        if not self._book.loaded:
            raise Unavailable("alert_book")

    # -- people -------------------------------------------------------------------------------------------------

    async def request(self, caller: Caller, key: str, message: Message) -> tuple[Done, bool]:
        """Ask for a notice; the same key again gives the same notice, and ``True``.

        Raises:
            AppError: ``alert.sign-in-again``; ``idempotency-key-reused``.
            Invalid, Forbidden: an area nobody knows, or that is not the caller's.
        """
        self._read()
        by = self._access.act(caller)
        message = self._access.checked(caller, message)
        notice_id = f"ntc-{hashlib.sha256(f'{caller.id}|{key}'.encode()).hexdigest()[:20]}"
        known = self._shelf.notices.get(notice_id)
        if known:
            if known.versions[0].message != message:
                raise AppError("idempotency-key-reused", 422)
            return Done(known), True
        return await self._keep(rules.new_notice(notice_id, "console", message, by)), False

    async def confirm(self, caller: Caller, notice_id: str, ver: int) -> Done:
        """Confirm the wording that waits: devices are told in this moment.

        Raises:
            AppError: ``alert.sign-in-again``.
            Conflict: nothing waits, another wording waits, or the caller asked for it.
            Forbidden: the area is not the caller's.
            Unavailable: NATS is away; nothing was said.
        """
        notice = self.get(notice_id)
        by = self._access.act(caller)
        self._access.covered(caller, notice.last.message.scopes)
        return await self.issue(notice, _step(lambda: rules.confirm(notice, by, ver)))

    async def refuse(self, caller: Caller, notice_id: str, reason: str) -> Done:
        """Refuse the wording that waits, or take back one's own. Needs no fresh sign-in: it makes nothing sound.

        Raises:
            Conflict: nothing waits.
            Forbidden: the area is not the caller's.
        """
        notice = self.get(notice_id)
        self._access.covered(caller, notice.last.message.scopes)
        by = Act(caller.id, caller.name, self._clock.now())
        return await self._keep(_step(lambda: rules.refuse(notice, by, reason)))

    async def update(self, caller: Caller, notice_id: str, message: Message) -> Done:
        """Ask for another wording of a notice in force.

        Raises:
            AppError: ``alert.sign-in-again``.
            Conflict: it is not in force, or a wording waits.
            Invalid, Forbidden: an area nobody knows, or that is not the caller's.
        """
        notice = self.get(notice_id)
        by = self._access.act(caller)
        self._access.covered(caller, notice.last.message.scopes)
        checked = self._access.checked(caller, message)
        if notice.waiting(by.at) and notice.last.message == checked and notice.last.requested.by == by.by:
            return Done(notice)  # The same request, sent once more.
        return await self._keep(_step(lambda: rules.update(notice, checked, by)))

    async def cancel(self, caller: Caller, notice_id: str) -> Done:
        """Call a notice off; one person may, because silence does less harm than a false alarm.

        Raises:
            AppError: ``alert.sign-in-again``.
            Conflict: it is not in force.
            Forbidden: the area is not the caller's.
        """
        notice = self.get(notice_id)
        by = self._access.act(caller)
        self._access.covered(caller, notice.issued.message.scopes if notice.issued else notice.last.message.scopes)
        return await self.issue(notice, _step(lambda: rules.cancel(notice, by)))

    async def sound(self, notice_id: str, ver: int, sound: Sound) -> Done:
        """Give a wording its sound. One in force is said again, so that devices fetch it.

        Raises:
            Conflict: a recording for a wording that went out already.
        """
        notice = self.get(notice_id)
        changed = _step(lambda: rules.with_sound(notice, ver, sound))
        if changed is notice:
            return Done(notice)
        return await self.issue(notice, changed) if changed.in_force(self._clock.now()) else await self._keep(changed)

    def may_prepare(self, caller: Caller, notice_id: str) -> Notice:
        """A notice to which the caller may add a recording.

        Raises:
            Forbidden: the area is not the caller's.
        """
        notice = self.get(notice_id)
        self._access.covered(caller, notice.last.message.scopes)
        return notice

    # -- without people at the console --------------------------------------------------------------------------

    async def from_cap(
        self,
        message: Message,
        cap: Mapping[str, str],
        by: Act,
        *,
        notice_id: str,
        updates: str | None = None,
        ends_at: datetime | None = None,
        confirmed_by: Act | None = None,
    ) -> Done:
        """Take up a CAP message: a new notice, or with ``updates`` a new wording of the notice of that id.

        ``message.scopes`` must be scopes (:meth:`Roster.scope_of`). ``by`` is who brought it: the person who posted it,
        or ``Act("cap:<source>", <sender>, now)`` for a feed. With ``confirmed_by`` (a source that an administrator has
        trusted to issue by itself) devices are told at once; without, a person confirms it at the console.
        ``notice_id`` (``ntc-`` and at most 60 of ``a-z0-9-``) names the message: the same one again changes nothing.

        Raises:
            NotFound: the notice to be updated is not here.
            Conflict: it is not in force, or a wording waits already.
            Invalid: ``alert.order-too-large``.
            Unavailable: NATS is away.
        """
        self._read()
        self._access.fits(message)
        known = self._shelf.notices.get(notice_id)
        if known:
            return Done(known)
        if updates is not None:
            before = self.get(updates)
            if dict(before.cap) == dict(cap):
                return Done(before)
            asked = replace(_step(lambda: rules.update(before, message, by, ends_at)), cap=dict(cap))
        else:
            before = None
            asked = replace(rules.new_notice(notice_id, "cap", message, by, ends_at=ends_at), cap=dict(cap))
        if confirmed_by is None:
            return await self._keep(asked)
        return await self.issue(before or asked, rules.confirm(asked, confirmed_by))

    async def cancel_cap(self, notice_id: str, cap: Mapping[str, str], by: Act) -> Done:
        """Call off the notice of a CAP message that another one cancels.

        Raises:
            NotFound, Conflict: it is not here, or not in force.
        """
        before = self.get(notice_id)
        return await self.issue(before, replace(_step(lambda: rules.cancel(before, by)), cap=dict(cap)))

    async def withdraw(self, notice_id: str, by: Act) -> Done:
        """Take back the wording of a CAP message that waits, because its sender said something else since.

        Raises:
            NotFound, Conflict: it is not here, or nothing waits.
        """
        notice = self.get(notice_id)
        return await self._keep(_step(lambda: rules.refuse(notice, by, "CAP")))

    async def from_holders(self, notice_id: str, message: Message, asked: Act, confirmed: Act) -> Done:
        """A notice by two key holders, while nobody can sign in; its id is good for one notice.

        Raises:
            Conflict: ``alert.used``.
            Invalid: an area nobody knows.
        """
        self._read()
        if notice_id in self._shelf.notices:
            raise Conflict("alert.used")
        known = bool(self._roster.units)
        scopes = tuple(
            sorted({self._access.scope(told, number, known=known) for number, told in enumerate(message.scopes)})
        )
        message = replace(message, scopes=scopes)
        self._access.fits(message)
        notice = rules.new_notice(notice_id, "operator", message, asked)
        return await self.issue(notice, rules.confirm(notice, confirmed))

    async def cancel_by_holders(self, notice_id: str, by: Act) -> Done:
        """Call a notice off by two key holders.

        Raises:
            NotFound, Conflict: it is not here, or not in force.
        """
        notice = self.get(notice_id)
        return await self.issue(notice, _step(lambda: rules.cancel(notice, by)))

    # -- steps --------------------------------------------------------------------------------------------------

    async def issue(self, before: Notice, after: Notice) -> Done:
        """Make a step that devices hear of: said first, then stored, each tried again until it is.

        Raises:
            Unavailable: NATS is away; nothing was said and the notice is as it was.
        """
        if after is before:
            return Done(after)
        now = self._clock.now()
        after = with_events(before, after, now)
        scopes = {scope for one in (before, after) if one.issued for scope in one.issued.message.scopes}
        known = self._shelf.notices.get(after.id)
        self._shelf.notices[after.id] = after
        try:
            orders = self._fanout.make(self._shelf.notices.values(), scopes)
            await self._fanout.say(orders)
        except BaseException:
            if known is None:
                del self._shelf.notices[after.id]
            else:
                self._shelf.notices[after.id] = known
            raise
        key = self._book.mark("notice", after.id)
        storing = {
            "notice": asyncio.create_task(self._book.save([key])),
            "orders": asyncio.create_task(self._fanout.store(scopes)),
        }
        self._tell(after)
        await asyncio.wait(storing.values(), timeout=STORE_SECONDS)
        return Done(after, tuple(name for name, task in storing.items() if not _is_done(task)))

    async def _keep(self, notice: Notice) -> Done:
        """Store a step that devices do not hear of.

        Raises:
            Unavailable, NatsError: not stored, or not known to be.
        """
        known = self._shelf.notices.get(notice.id)
        if known is notice:
            return Done(notice)
        self._shelf.notices[notice.id] = notice
        await self._book.save([self._book.mark("notice", notice.id)])
        self._tell(notice)
        return Done(notice)

    def _tell(self, notice: Notice) -> None:
        for listener in self.on_change:
            task = asyncio.create_task(_quietly(listener, notice))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def published(self, notice_id: str, events: Iterable[Event]) -> None:
        """Events of a notice are in their stream."""
        notice = self._shelf.notices[notice_id]
        gone = set(events)
        self._shelf.notices[notice_id] = replace(notice, events=tuple(one for one in notice.events if one not in gone))
        self._book.mark("notice", notice_id)


def _step(rule: Callable[[], Notice]) -> Notice:
    try:
        return rule()
    except NoticeRefused as refused:
        raise Conflict(refused.code) from refused


def _is_done(task: "asyncio.Task[None]") -> bool:
    """Whether it has ended well; what failed is logged, and a turn of the jobs tries again."""
    if not task.done():
        task.add_done_callback(lambda late: late.cancelled() or late.exception())
        return False
    error = task.exception()
    if error is None:
        return True
    log.warning("not stored yet", error=repr(error))
    if not isinstance(error, _NOT_STORED):
        log.error("storing failed in a way that nobody foresaw", exc_info=error)
    return False


async def _quietly(listener: Callable[[Notice], Awaitable[None]], notice: Notice) -> None:
    try:
        await listener(notice)
    except Exception as error:  # noqa: BLE001 - what follows a step must not undo it; jobs make up for it
        log.warning("after a notice's change", error=repr(error))
