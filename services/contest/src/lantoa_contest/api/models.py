"""The shapes of contest's API.

What an answer shows is named here field by field: never the pepper, and the salt and the key not before it is over.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from lantoa_contest.domain import (
    Contest,
    Entry,
    Phase,
    Question,
    answer_key_document,
    rules_document,
)
from lantoa_contest.usecases.attempts import waits
from lantoa_contest.usecases.contests import Results
from lantoa_contest.usecases.stored import contest_of, paper_of
from lantoa_contracts.base import Id, TaskCode
from lantoa_contracts.events.contest import AttemptAccepted
from lantoa_runtime.http import AS_WRITTEN, Line, StrictModel
from lantoa_runtime.mongo import Document


def _in_utc(moment: datetime) -> datetime:
    """As the database keeps it: UTC, whole milliseconds."""
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


Moment = Annotated[
    AwareDatetime,
    AS_WRITTEN,
    Field(ge=datetime(2020, 1, 1, tzinfo=UTC), le=datetime(2100, 1, 1, tzinfo=UTC)),
    AfterValidator(_in_utc),
]
ShortText = Annotated[Line, StringConstraints(min_length=1, max_length=300)]
Text = Annotated[
    str, StringConstraints(min_length=1, max_length=20_000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")
]
"""Text in lines, without other control characters."""
Tasks = Annotated[list[TaskCode], Field(min_length=1, max_length=15)]


class QuestionIn(StrictModel):
    """A question; ``right`` is the index of its one right option."""

    prompt: ShortText
    prompt_km: ShortText | None = None
    options: Annotated[list[ShortText], Field(min_length=3, max_length=4)]
    right: Annotated[int, Field(ge=0, le=3, strict=True)]

    @model_validator(mode="after")
    def _one_is_right(self) -> Self:
        if self.right >= len(self.options) or len(set(self.options)) < len(self.options):
            raise ValueError("one of different options is right")
        return self


class ContestChange(StrictModel):
    """A contest as staff write it."""

    title: ShortText
    title_en: ShortText
    unit_id: Id
    tasks: Tasks
    topic: Annotated[Id, Field(description="A topic of content's list.")]
    opens_at: Moment
    closes_at: Moment
    minutes: Annotated[int, Field(ge=1, le=240, strict=True)]
    rules: Text
    tie_breaks: Text
    questions: Annotated[list[QuestionIn], Field(min_length=1, max_length=50)]

    def contest(self, contest_id: str) -> Contest:
        """The domain's form of it."""
        return Contest(
            id=contest_id,
            title=self.title,
            title_en=self.title_en,
            unit_id=self.unit_id,
            tasks=tuple(sorted(set(self.tasks))),
            topic=self.topic,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            minutes=self.minutes,
            rules=self.rules,
            tie_breaks=self.tie_breaks,
            questions=tuple(Question(q.prompt, tuple(q.options), q.right, q.prompt_km) for q in self.questions),
        )


class ContestIn(ContestChange):
    """A new contest; its id stands in its address."""

    id: Id


class Start(StrictModel):
    """The commune or ward that the entrant takes part for."""

    unit_id: Id


class Answers(StrictModel):
    """For each question of the paper, in the paper's order, the place of the chosen option, from 0."""

    answers: Annotated[list[Annotated[int, Field(ge=0, le=3, strict=True)]], Field(min_length=1, max_length=50)]


class ContestOut(BaseModel):
    """What everybody may know of a contest now."""

    id: str
    ver: int
    state: Literal["draft", "published"]
    phase: Phase
    title: str
    title_en: str
    unit_id: str
    tasks: list[str]
    topic: str
    opens_at: datetime
    closes_at: datetime
    minutes: int
    questions: int
    rules: str
    tie_breaks: str
    rules_sha256: str | None
    """Hash of ``rules_document``; ``None`` in a draft, as is the key's."""
    answer_key_sha256: str | None
    rules_document: str
    answer_key_document: str | None
    """The text that ``answer_key_sha256`` is the hash of; ``None`` until the contest is over."""


class PaperQuestionOut(BaseModel):
    """A question as it stands on one entrant's paper."""

    prompt: str
    prompt_km: str | None
    options: list[str]


class AttemptOut(BaseModel):
    """The caller's attempt: with its paper while it runs, with its receipt once it is sealed."""

    attempt_id: str
    contest_id: str
    unit_id: str
    unit_name: str
    state: Literal["started", "sealed"]
    started_at: datetime
    ends_at: datetime
    questions: list[PaperQuestionOut]
    accepted: AttemptAccepted | None
    """What was sealed; ``accepted.receipt`` is the hash of the rest of it (without ``ver``)."""
    confirmed: bool
    """Whether what was sealed is on record outside this service too; when not, that follows by itself."""


class Place(BaseModel):
    """One place of a ranking. ``seconds`` is the time taken."""

    rank: int
    attempt_id: str
    unit_id: str
    score: int
    max_score: int
    seconds: float
    submitted_at: datetime
    receipt: str


class RankingOut(BaseModel):
    """A ranking, the whole ledger's numbers and its hash: SHA-256 of its receipts, sorted, one on each line."""

    contest_id: str
    final: bool
    attempts: int
    all_correct: int
    ledger_sha256: str
    items: list[Place]


def contest_view(document: Document, now: datetime) -> ContestOut:
    """A contest as it may be shown at this moment."""
    contest = contest_of(document)
    over = document["state"] == "published" and contest.phase(now) == "over"
    shown = ("state", "ver", "title", "title_en", "unit_id", "tasks", "topic", "opens_at", "closes_at", "minutes")
    return ContestOut(
        id=contest.id,
        phase=contest.phase(now),
        questions=len(contest.questions),
        rules=contest.rules,
        tie_breaks=contest.tie_breaks,
        rules_sha256=document["rules_sha256"],
        answer_key_sha256=document["answer_key_sha256"],
        rules_document=rules_document(contest),
        answer_key_document=answer_key_document(contest, document["salt"]) if over else None,
        **{name: document[name] for name in shown},
    )


def paper_view(contest: Contest, attempt: Document) -> list[PaperQuestionOut]:
    """The entrant's paper: texts in its own order, nothing that tells which option is which in the contest."""
    views = []
    for place in paper_of(attempt):
        question = contest.questions[place.question]
        options = [question.options[option] for option in place.options]
        views.append(PaperQuestionOut(prompt=question.prompt, prompt_km=question.prompt_km, options=options))
    return views


def attempt_view(contest: Document, attempt: Document, *, confirmed: bool | None = None) -> AttemptOut:
    """The caller's own attempt."""
    sealed = attempt["state"] == "sealed"
    shown = ("contest_id", "unit_id", "unit_name", "state", "started_at", "ends_at")
    return AttemptOut(
        attempt_id=attempt["_id"],
        questions=[] if sealed else paper_view(contest_of(contest), attempt),
        accepted=attempt["accepted"] if sealed else None,
        confirmed=sealed and not waits(attempt) if confirmed is None else confirmed,
        **{name: attempt[name] for name in shown},
    )


def place_view(rank: int, entry: Entry) -> Place:
    """One place of a ranking."""
    shown = ("attempt_id", "unit_id", "score", "max_score", "submitted_at", "receipt")
    values = {name: getattr(entry, name) for name in shown}
    return Place(rank=rank, seconds=entry.duration.total_seconds(), **values)


def ranking_view(contest_id: str, results: Results, limit: int, *, final: bool) -> RankingOut:
    """The first places."""
    places = [place_view(rank, entry) for rank, entry in enumerate(results.ranked[:limit], 1)]
    return RankingOut(
        contest_id=contest_id,
        final=final,
        attempts=results.attempts,
        all_correct=results.all_correct,
        ledger_sha256=results.ledger_sha256,
        items=places,
    )
