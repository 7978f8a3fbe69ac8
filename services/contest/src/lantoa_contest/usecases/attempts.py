"""Attempts: one for each citizen and contest, begun, sealed once, answered for when the stream has it."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lantoa_calendar.periods import local_day
from lantoa_calendar.text import sort_key
from lantoa_contest.domain import (
    Contest,
    attempt_id_of,
    fits,
    is_late,
    make_paper,
    may_take_part_for,
    pseudonym,
    score,
)
from lantoa_contest.telemetry import ATTEMPTS
from lantoa_contest.usecases.contests import Contests
from lantoa_contest.usecases.stored import contest_of, paper_fields, paper_of
from lantoa_contracts.catalogue import ATTEMPT_ACCEPTED
from lantoa_contracts.events.contest import AttemptAccepted
from lantoa_contracts.policy import ATTEMPT_MAKE
from lantoa_contracts.receipts import attempt_receipt
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import Conflict, Forbidden, Invalid
from lantoa_runtime.http import Caller
from lantoa_runtime.mongo import Aggregates, Change, Document, DuplicateKey, Outgoing, ReadModel

_FIRST_LOOK, _LONGEST_LOOK = 0.01, 0.1
_NO_RECEIPT = "0" * 64


@dataclass(frozen=True)
class Attempts:
    """The ledger of attempts, and the way into it."""

    attempts: Aggregates
    contests: Contests
    units: ReadModel
    clock: Clock
    ack_seconds: float
    """How long an entrant waits for the stream."""

    async def choices_of_unit(self, contest: Contest) -> list[Document]:
        """The communes and wards that somebody may take part for today, in Vietnamese order."""
        day = local_day(self.clock.now())
        below = await self.units.collection.find({"path": contest.unit_id})
        fitting = [unit for unit in below if may_take_part_for(unit, contest.unit_id, day)]
        return sorted(fitting, key=lambda unit: sort_key(unit["name"]))

    async def mine(self, contest: Document, caller: Caller) -> Document | None:
        """The caller's attempt, or ``None``.

        Raises:
            Forbidden: the caller is no citizen.
        """
        return await self.attempts.load(attempt_id_of(contest["_id"], _entrant(contest, caller)))

    async def start(self, contest_id: str, caller: Caller, unit_id: str) -> Document:
        """Begin the caller's attempt; the one that there is, begun or sealed, when there is one.

        Raises:
            Forbidden: the caller is not a citizen.
            NotFound: no such contest.
            Conflict: it is not open.
            Invalid: nobody can take part for that unit.
        """
        stored = await self.contests.published(contest_id)
        entrant = _entrant(stored, caller)
        attempt_id = attempt_id_of(contest_id, entrant)
        if attempt := await self.attempts.load(attempt_id):
            return attempt
        contest, now = contest_of(stored), self.clock.now()
        require_open(contest, now)
        unit = await self.units.get(unit_id)
        if unit is None or not may_take_part_for(unit, contest.unit_id, local_day(now)):
            raise Invalid("contest.wrong-unit", "/unit_id")
        fields = {
            "contest_id": contest_id,
            "entrant": entrant,
            "unit_id": unit_id,
            "unit_name": unit["name"],
            "state": "started",
            "started_at": now,
            "ends_at": contest.ends_at(now),
            "paper": paper_fields(make_paper(contest.questions, secrets.token_hex(16))),
        }
        try:
            attempt = await self.attempts.insert(attempt_id, fields)
        except DuplicateKey:  # The same citizen's other click was faster.
            found = await self.attempts.load(attempt_id)
            if found is None:
                raise
            return found
        ATTEMPTS.labels("started").inc()
        return attempt

    async def submit(self, contest_id: str, caller: Caller, choices: Sequence[int]) -> tuple[Document, bool]:
        """Score and seal the caller's attempt; the sealed attempt, and whether the stream has acknowledged it.

        An attempt that is sealed already stays as it is, whatever ``choices`` say now.

        Raises:
            Forbidden: the caller is not a citizen.
            NotFound: no such contest.
            Conflict: the attempt was not begun, or its time is over.
            Invalid: the choices do not fit the paper.
        """
        stored = await self.contests.published(contest_id)
        contest, now = contest_of(stored), self.clock.now()
        outcome = "accepted"

        def decide(attempt: Document | None) -> Change | None:
            nonlocal outcome
            if attempt is None:
                raise Conflict("contest.not-started")
            if attempt["state"] == "sealed":
                outcome = "repeated"
                return None
            if is_late(attempt["ends_at"], now):
                ATTEMPTS.labels("late").inc()
                raise Conflict("contest.time-over")
            if not fits(paper_of(attempt), choices):
                raise Invalid("contest.wrong-choices", "/answers")
            outcome = "accepted"
            accepted = _accepted(stored, contest, attempt, choices, now)
            fields = {"state": "sealed", "submitted_at": now, "choices": list(choices)}
            events = [Outgoing(ATTEMPT_ACCEPTED, accepted)]
            return Change({**fields, "accepted": accepted.model_dump(mode="json")}, events)

        attempt = await self.attempts.change(attempt_id_of(contest_id, _entrant(stored, caller)), decide)
        assert attempt is not None  # noqa: S101 - decide refuses a missing one
        confirmed = await self._acknowledged(attempt)
        ATTEMPTS.labels("waiting" if outcome == "accepted" and not confirmed else outcome).inc()
        return attempt, confirmed

    async def _acknowledged(self, attempt: Document) -> bool:
        """Whether the stream has the attempt's event, within the time that an entrant waits."""
        if not waits(attempt):
            return True
        loop = asyncio.get_running_loop()
        give_up, pause = loop.time() + self.ack_seconds, _FIRST_LOOK
        while loop.time() < give_up:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_LOOK)
            # The outbox is emptied after the acknowledgement, by whichever process published.
            waiting = {"_id": attempt["_id"], "outbox.0": {"$exists": True}}
            if await self.attempts.collection.find_one(waiting, {"_id": 1}) is None:
                return True
        return False

    async def replay(self, turn: str) -> Mapping[str, int]:
        """Publish every sealed attempt once more, for readers that began late; how many events by name.

        Raises:
            Unavailable, NatsError, MongoError: part of it may be published; doing it again is harmless.
        """

        async def sealed(attempt: Document) -> list[Outgoing]:
            return [Outgoing(ATTEMPT_ACCEPTED, AttemptAccepted.model_validate(attempt["accepted"]))]

        return await self.attempts.replay_all({"state": "sealed"}, sealed, turn)


def waits(attempt: Document) -> bool:
    """Whether the event of a sealed attempt still waits for the stream."""
    return bool(attempt.get("outbox"))


def require_open(contest: Contest, now: datetime) -> None:
    """Pass while attempts may begin.

    Raises:
        Conflict: too early or too late.
    """
    phase = contest.phase(now)
    if phase != "open":
        raise Conflict("contest.not-open" if phase == "soon" else "contest.closed")


def _entrant(contest: Document, caller: Caller) -> str:
    if not caller.holds(ATTEMPT_MAKE):
        raise Forbidden("citizens-only")
    return pseudonym(contest["pepper"], caller.id)


def _accepted(
    stored: Document, contest: Contest, attempt: Document, choices: Sequence[int], now: datetime
) -> AttemptAccepted:
    """The attempt as it is sealed, with its receipt."""
    event = AttemptAccepted(
        attempt_id=attempt["_id"],
        ver=attempt["ver"] + 1,
        contest_id=contest.id,
        title=contest.title,
        contest_unit_id=contest.unit_id,
        unit_id=attempt["unit_id"],
        tasks=contest.tasks,
        topic=contest.topic,
        entrant=attempt["entrant"],
        score=score(contest.questions, paper_of(attempt), choices),
        max_score=len(contest.questions),
        started_at=attempt["started_at"],
        submitted_at=now,
        rules_sha256=stored["rules_sha256"],
        answer_key_sha256=stored["answer_key_sha256"],
        receipt=_NO_RECEIPT,
    )
    return event.model_copy(update={"receipt": attempt_receipt(event.model_dump(mode="json"))})
