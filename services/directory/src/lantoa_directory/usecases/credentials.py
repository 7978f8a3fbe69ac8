"""What each person signs in with, beside the password; tickets between two steps of a sign-in."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from lantoa_calendar.periods import ZONE
from lantoa_contracts.catalogue import ACCOUNT_SECURED, SIGN_IN_REFUSED
from lantoa_contracts.events.directory import AccountSecured, RefusedBecause, Secured, SignInRefused
from lantoa_directory.domain.signin import TICKET_LIFE, TICKET_TRIES
from lantoa_directory.usecases.sessions import account_key, digest
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, StaleVersion, Unavailable
from lantoa_runtime.mongo import Aggregates, Change, Collection, Document, Outgoing

log = structlog.get_logger()

_NOBODY = 256


class Credentials:
    """One document for each person who has a second factor, or whose sign-in was refused."""

    def __init__(self, accounts: Aggregates, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    async def of(self, person_id: str) -> Document:
        """A person's account; an empty one where there is none yet."""
        return await self._accounts.load(account_key(person_id)) or {"person_id": person_id}

    async def with_passkey(self, key_id: str) -> Document | None:
        """The account that a passkey belongs to."""
        return await self._accounts.collection.find_one({"passkeys.id": key_id})

    async def change(self, person_id: str, decide: Callable[[Document], Change | None]) -> Document:
        """Change an account by what it is; the account as it then is."""
        empty = {"person_id": person_id}

        def decided(document: Document | None) -> Change | None:
            change = decide(document or empty)
            if change is None or document is not None:
                return change
            return replace(change, set={**empty, **change.set})

        return await self._accounts.change(account_key(person_id), decided) or empty

    def secured(self, person_id: str, what: Secured) -> Outgoing:
        """The event that tells what somebody changed about their sign-in."""
        return Outgoing(ACCOUNT_SECURED, AccountSecured(person_id=person_id, what=what, at=self._clock.now()))

    async def say(self, person_id: str, what: Secured) -> None:
        """Let an event go out alone."""
        event = self.secured(person_id, what)
        await self.change(person_id, lambda _: Change({}, [event]))

    async def refused(self, person_id: str | None, attempt: str, because: RefusedBecause, place: str) -> None:
        """Write down that a sign-in was refused. It costs the same for a login that nobody has.

        A stream that has been away for very long keeps nobody out of the house.
        """
        event = SignInRefused(person_id=person_id, because=because, place=place, at=self._clock.now())
        owner = person_id or f"nobody-{int(attempt[:8], 16) % _NOBODY:02x}"
        try:
            await self.change(owner, lambda _: Change({}, [Outgoing(SIGN_IN_REFUSED, event)]))
        except (Unavailable, StaleVersion) as error:
            log.warning("refusal not written down", error=repr(error))


@dataclass(frozen=True)
class Ticket:
    """What a step of a sign-in has found out, for the next one."""

    key: str
    person_id: str | None
    facts: Mapping[str, Any]


class Tickets:
    """Random texts that are good for one step, for five minutes; the database holds their digests."""

    def __init__(self, tickets: Collection, clock: Clock) -> None:
        self._tickets = tickets
        self._clock = clock

    async def give(
        self,
        purpose: str,
        person_id: str | None,
        facts: Mapping[str, Any] | None = None,
        life: timedelta = TICKET_LIFE,
    ) -> str:
        """A new ticket."""
        text = secrets.token_urlsafe(32)
        ends_at = self._clock.now() + life
        about = {"purpose": purpose, "person_id": person_id, "facts": dict(facts or {}), "tries": 0, "ends_at": ends_at}
        await self._tickets.insert_one({"_id": digest(text), **about})
        return text

    async def look(self, text: str, purpose: str) -> Ticket:
        """What a ticket says; it stays good.

        Raises:
            AppError: ``directory.ticket-over``, unknown, too old, used, tried too often or for something else.
        """
        found = await self._tickets.find_one({"_id": digest(text)})
        now = self._clock.now()
        if found is None or found["purpose"] != purpose or found["ends_at"] <= now or found["tries"] >= TICKET_TRIES:
            raise AppError("directory.ticket-over", 401)
        return Ticket(found["_id"], found["person_id"], found["facts"])

    async def try_(self, text: str, purpose: str) -> tuple[Ticket, int]:
        """What a ticket says, with one more try counted before it is made; and how many are left.

        Raises:
            AppError: ``directory.ticket-over``.
        """
        ticket = await self.look(text, purpose)
        counted = {"_id": ticket.key, "tries": {"$lt": TICKET_TRIES}}
        if not (await self._tickets.update_one(counted, {"$inc": {"tries": 1}})).matched:
            raise AppError("directory.ticket-over", 401)
        found = await self._tickets.find_one({"_id": ticket.key})
        return ticket, max(0, TICKET_TRIES - (found["tries"] if found else TICKET_TRIES))

    async def spend(self, ticket: Ticket) -> None:
        """Use a ticket up: of many at once one succeeds.

        Raises:
            AppError: ``directory.ticket-over``.
        """
        if not await self._tickets.delete_one({"_id": ticket.key}):
            raise AppError("directory.ticket-over", 401)


def today(now: datetime) -> str:
    """The day of a moment where the people are, as ISO text."""
    return now.astimezone(ZONE).date().isoformat()
