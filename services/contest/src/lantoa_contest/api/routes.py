"""Contest as JSON, under ``/api/v1/contest``."""

from typing import Annotated

from fastapi import Query, Request, Response

from lantoa_contest.api.models import (
    Answers,
    AttemptOut,
    ContestChange,
    ContestIn,
    ContestOut,
    RankingOut,
    Start,
    attempt_view,
    contest_view,
    ranking_view,
)
from lantoa_contest.usecases.attempts import Attempts
from lantoa_contest.usecases.contests import Contests
from lantoa_contracts.base import Id
from lantoa_contracts.events.contest import AttemptAccepted
from lantoa_contracts.policy import ATTEMPT_MAKE, CONTEST_READ, CONTEST_REVIEW, CONTEST_WRITE
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import NotFound
from lantoa_runtime.http import Caller, IfMatch, KeyDep, Page, PageLimit, Routes, allows, etag, idempotent
from lantoa_runtime.mongo import Collection, Document

_PRIVATE = "no-store"
Cursor = Annotated[Id | None, Query()]
Reader = Annotated[Caller, allows(CONTEST_READ)]
Reviewer = Annotated[Caller, allows(CONTEST_REVIEW)]
Writer = Annotated[Caller, allows(CONTEST_WRITE)]
Citizen = Annotated[Caller, allows(ATTEMPT_MAKE)]


def contest_routes(contests: Contests, records: Collection, clock: Clock) -> Routes:
    """Contests, their rankings and ledgers; ``records`` keeps the Idempotency-Keys."""
    routes = Routes()

    def answer(response: Response, document: Document) -> ContestOut:
        response.headers["ETag"] = etag(document["ver"])
        return contest_view(document, clock.now())

    @routes.get("/contests")
    async def listed(caller: Reader, limit: PageLimit = 30, cursor: Cursor = None) -> Page[ContestOut]:
        """Contests, the last to open first. Open to everybody; drafts are listed to their unit's staff."""
        found, following = await contests.listed(caller, limit, cursor)
        now = clock.now()
        return Page(items=[contest_view(document, now) for document in found], next=following)

    @routes.get("/contests/{contest_id}")
    async def one(contest_id: Id, response: Response, caller: Reader) -> ContestOut:
        """One contest with its rules and hashes; with its questions and answers once it is over. Open to everybody."""
        return answer(response, await contests.visible(contest_id, caller))

    @routes.post("/contests", status_code=201)
    async def create(body: ContestIn, request: Request, response: Response, caller: Writer, key: KeyDep) -> ContestOut:
        """Write a new contest; it begins as a draft. The answers that it holds are shown to nobody until it is over."""

        async def make(creation: str) -> Document:
            return await contests.create(creation, caller, body.contest(body.id))

        async def made(creation: str) -> Document | None:
            return await contests.created(body.id, creation)

        return answer(response, await idempotent(request, response, records, caller, key, body, make, made))

    @routes.put("/contests/{contest_id}")
    async def replace(
        contest_id: Id, body: ContestChange, response: Response, caller: Writer, ver: IfMatch
    ) -> ContestOut:
        """Write a draft anew. What is published stands as it is."""
        return answer(response, await contests.replace(body.contest(contest_id), ver, caller))

    @routes.post("/contests/{contest_id}/publish")
    async def publish(contest_id: Id, response: Response, caller: Writer, ver: IfMatch) -> ContestOut:
        """Fix rules, questions and answer key for good and publish their hashes; only before the contest opens."""
        return answer(response, await contests.publish(contest_id, ver, caller))

    @routes.get("/contests/{contest_id}/ranking")
    async def ranking(contest_id: Id, caller: Reader, limit: PageLimit = 20) -> RankingOut:
        """The first places and the number of attempts: to the unit's staff at any time, to everybody when over."""
        _, results, final = await contests.standing(contest_id, caller)
        return ranking_view(contest_id, results, limit, final=final)

    @routes.get("/contests/{contest_id}/ledger")
    async def ledger(
        contest_id: Id, caller: Reviewer, limit: PageLimit = 100, cursor: Cursor = None
    ) -> Page[AttemptAccepted]:
        """Sealed attempts by their ids, for the unit's staff: what the ranking is made of."""
        found, following = await contests.ledger(contest_id, caller, limit, cursor)
        return Page(items=[AttemptAccepted.model_validate(one["accepted"]) for one in found], next=following)

    return routes


def attempt_routes(attempts: Attempts) -> Routes:
    """The one attempt of a citizen, which needs no Idempotency-Key: contest and citizen name it."""
    routes = Routes()

    @routes.post("/contests/{contest_id}/attempts")
    async def start(contest_id: Id, body: Start, response: Response, caller: Citizen) -> AttemptOut:
        """Begin the caller's attempt; once more gives the same one, with the same paper or with its receipt."""
        attempt = await attempts.start(contest_id, caller, body.unit_id)
        response.headers["Cache-Control"] = _PRIVATE
        return attempt_view(await attempts.contests.published(contest_id), attempt)

    @routes.get("/contests/{contest_id}/attempts/mine")
    async def mine(contest_id: Id, response: Response, caller: Citizen) -> AttemptOut:
        """The caller's attempt."""
        contest = await attempts.contests.published(contest_id)
        attempt = await attempts.mine(contest, caller)
        if attempt is None:
            raise NotFound("attempt")
        response.headers["Cache-Control"] = _PRIVATE
        return attempt_view(contest, attempt)

    @routes.post(
        "/contests/{contest_id}/attempts/mine/submit",
        responses={202: {"model": AttemptOut, "description": "Saved; `confirmed` follows by itself."}},
    )
    async def submit(contest_id: Id, body: Answers, response: Response, caller: Citizen) -> AttemptOut:
        """Hand in the caller's attempt, once; again gives the same receipt. 202 when saved and not yet confirmed."""
        attempt, confirmed = await attempts.submit(contest_id, caller, body.answers)
        response.status_code = 200 if confirmed else 202
        response.headers["Cache-Control"] = _PRIVATE
        return attempt_view(await attempts.contests.published(contest_id), attempt, confirmed=confirmed)

    return routes
