"""Contests: written by staff, published once, open to everybody, settled when over."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from lantoa_contest.domain import (
    Contest,
    Entry,
    answer_key_document,
    ledger_sha256,
    ranking,
    rules_document,
    sha256,
)
from lantoa_contest.usecases.stored import contest_fields, contest_of, entry_of
from lantoa_contracts.catalogue import CONTEST_PUBLISHED
from lantoa_contracts.events.contest import ContestPublished
from lantoa_contracts.policy import CONTEST_REVIEW, CONTEST_WRITE, Permission
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Conflict, Invalid, NotFound, StaleVersion
from lantoa_runtime.http import Caller
from lantoa_runtime.mongo import Aggregates, Collection, Document, Outgoing, ReadModel


@dataclass(frozen=True)
class Results:
    """A ledger as it stands: attempts, how many had all right, its hash, and its entries from the first place on."""

    attempts: int
    all_correct: int
    ledger_sha256: str
    ranked: Sequence[Entry]


class Contests:
    """The contests of an installation."""

    def __init__(self, contests: Aggregates, attempts: Collection, units: ReadModel, clock: Clock) -> None:
        self._contests = contests
        self._attempts = attempts
        self._units = units
        self._clock = clock
        self._final: dict[str, Results] = {}

    async def create(self, creation: str, caller: Caller, contest: Contest) -> Document:
        """Store a draft. ``creation`` names the request, so that a repeat finds what the first made.

        Raises:
            Invalid: no such unit, or it closes before it opens.
            Forbidden: the caller may not write for this unit.
            DuplicateKey: there is a contest with this id.
        """
        await self._require(caller, contest.unit_id, CONTEST_WRITE)
        _check(contest)
        about = {"creation": creation, "created_by": caller.id, "created_at": self._clock.now(), "state": "draft"}
        secret = {"pepper": secrets.token_hex(32), "salt": secrets.token_hex(32)}
        hashes = {"rules_sha256": None, "answer_key_sha256": None}
        return await self._contests.insert(contest.id, {**contest_fields(contest), **about, **secret, **hashes})

    async def created(self, contest_id: str, creation: str) -> Document | None:
        """The contest that a request made, or ``None``."""
        document = await self._contests.load(contest_id)
        return document if document and document["creation"] == creation else None

    async def replace(self, contest: Contest, ver: int, caller: Caller) -> Document:
        """Write a draft anew.

        Raises:
            NotFound, Forbidden, StaleVersion, Invalid: as for any change.
            Conflict: it is published, and what was published stands.
        """
        document = await self._draft(contest.id, ver, caller)
        await self._require(caller, contest.unit_id, CONTEST_WRITE)
        _check(contest)
        return await self._contests.save(document, contest_fields(contest))

    async def publish(self, contest_id: str, ver: int, caller: Caller) -> Document:
        """Fix rules, questions and key for good and publish the hashes; before the contest opens or not at all.

        Raises:
            NotFound, Forbidden, StaleVersion: as for any change.
            Conflict: it is published already, or its opening has passed.
        """
        document = await self._draft(contest_id, ver, caller)
        contest, now = contest_of(document), self._clock.now()
        if contest.opens_at < now:
            raise Conflict("contest.opens-before-publishing")
        hashes = {
            "rules_sha256": sha256(rules_document(contest)),
            "answer_key_sha256": sha256(answer_key_document(contest, document["salt"])),
        }
        event = ContestPublished(
            contest_id=contest_id,
            ver=ver + 1,
            unit_id=contest.unit_id,
            opens_at=contest.opens_at,
            closes_at=contest.closes_at,
            at=now,
            **hashes,
        )
        fields = {"state": "published", "published_at": now, "published_by": caller.id, **hashes}
        return await self._contests.save(document, fields, [Outgoing(CONTEST_PUBLISHED, event)])

    async def _draft(self, contest_id: str, ver: int, caller: Caller) -> Document:
        document = await self.visible(contest_id, caller)
        await self._require(caller, document["unit_id"], CONTEST_WRITE)
        if document["ver"] != ver:
            raise StaleVersion
        if document["state"] != "draft":
            raise Conflict("contest.published")
        return document

    async def published(self, contest_id: str) -> Document:
        """A contest that everybody may know of.

        Raises:
            NotFound: there is none.
        """
        document = await self._contests.load(contest_id)
        if document is None or document["state"] != "published":
            raise NotFound("contest")
        return document

    async def visible(self, contest_id: str, caller: Caller) -> Document:
        """A contest that the caller may know of: a draft only its unit's staff.

        Raises:
            NotFound: there is none.
        """
        document = await self._contests.load(contest_id)
        if document is None or not (document["state"] == "published" or await self.reads(caller, document)):
            raise NotFound("contest")
        return document

    async def reads(self, caller: Caller, document: Document) -> bool:
        """Whether the caller is staff of the contest's unit, who see drafts and the ledger."""
        unit = await self._units.get(document["unit_id"]) if caller.holds(CONTEST_REVIEW) else None
        return unit is not None and caller.may(CONTEST_REVIEW, unit["path"])

    async def listed(self, caller: Caller | None, limit: int, cursor: str | None) -> tuple[list[Document], str | None]:
        """Contests, the last to open first: those that are published, to staff their drafts too.

        They are sorted in memory: a province holds some dozens. ``cursor`` is the last id of the page before.

        Raises:
            AppError: ``bad-cursor``.
        """
        found = await self._contests.collection.find({"state": "published"})
        if caller is not None and caller.holds(CONTEST_REVIEW):
            drafts = await self._contests.collection.find({"state": "draft"})
            found += [draft for draft in drafts if await self.reads(caller, draft)]
        ordered = sorted(found, key=lambda one: (one["opens_at"], one["_id"]), reverse=True)
        ids = [document["_id"] for document in ordered]
        if cursor is not None and cursor not in ids:
            raise AppError("bad-cursor", 400)
        begin = ids.index(cursor) + 1 if cursor is not None else 0
        return ordered[begin : begin + limit], ids[begin + limit - 1] if begin + limit < len(ids) else None

    async def results(self, document: Document) -> Results:
        """The ranking of the ledger as it stands; once the contest is over, as it will always stand."""
        contest_id = document["_id"]
        if contest_id in self._final:
            return self._final[contest_id]
        over = contest_of(document).phase(self._clock.now()) == "over"
        sealed = await self._attempts.find({"contest_id": contest_id, "state": "sealed"}, {"accepted": 1})
        results = await asyncio.to_thread(_results, sealed)  # A hundred thousand attempts take a second.
        if over:
            self._final[contest_id] = results
        return results

    async def standing(self, contest_id: str, caller: Caller) -> tuple[Document, Results, bool]:
        """The contest, its ranking and whether that is final; before it is, for the unit's staff alone.

        Raises:
            NotFound: no such contest.
            Forbidden: it is not over and the caller is not of its staff.
        """
        document = await self.visible(contest_id, caller)
        final = contest_of(document).phase(self._clock.now()) == "over"
        if not final:
            await self._require(caller, document["unit_id"], CONTEST_REVIEW)
        return document, await self.results(document), final

    async def ledger(
        self, contest_id: str, caller: Caller, limit: int, cursor: str | None
    ) -> tuple[list[Document], str | None]:
        """Sealed attempts by id, for the unit's staff, and the cursor of the next page.

        Raises:
            NotFound: no such contest.
            Forbidden: the caller is not of its staff.
        """
        document = await self.visible(contest_id, caller)
        await self._require(caller, document["unit_id"], CONTEST_REVIEW)
        where = {"contest_id": contest_id, "state": "sealed", "_id": {"$gt": cursor or ""}}
        found = await self._attempts.find(where, {"accepted": 1}, sort=[("_id", 1)], limit=limit + 1)
        return found[:limit], found[limit - 1]["_id"] if len(found) > limit else None

    async def _require(self, caller: Caller, unit_id: str, permission: Permission) -> None:
        unit = await self._units.get(unit_id)
        if unit is None:
            raise Invalid("unknown-unit", "/unit_id")
        caller.require(permission, unit["path"])


def _check(contest: Contest) -> None:
    if contest.closes_at <= contest.opens_at:
        raise Invalid("contest.closes-before-opening", "/closes_at")


def _results(sealed: Sequence[Document]) -> Results:
    ranked = ranking(entry_of(attempt) for attempt in sealed)
    full = sum(entry.score == entry.max_score for entry in ranked)
    return Results(len(ranked), full, ledger_sha256(ranked), ranked)
