"""How contests and attempts lie in the database."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from lantoa_contest.domain import Contest, Entry, Paper, PaperQuestion, Question
from lantoa_runtime.mongo import Document, Index

INDEXES = (
    Index("contests", ("state",)),
    Index("attempts", ("contest_id", "state", "_id")),
    Index("attempts", ("state",)),
    Index("units", ("path",)),
)

_FIELDS = (
    "title",
    "title_en",
    "unit_id",
    "topic",
    "opens_at",
    "closes_at",
    "minutes",
    "rules",
    "tie_breaks",
)


def contest_fields(contest: Contest) -> dict[str, Any]:
    """A contest's fields, without its id."""
    questions = [{**asdict(question), "options": list(question.options)} for question in contest.questions]
    plain = {name: getattr(contest, name) for name in _FIELDS}
    return {**plain, "tasks": list(contest.tasks), "questions": questions}


def contest_of(document: Mapping[str, Any]) -> Contest:
    """The contest of a document."""
    return Contest(
        id=document["_id"],
        tasks=tuple(document["tasks"]),
        questions=tuple(Question(**{**one, "options": tuple(one["options"])}) for one in document["questions"]),
        **{name: document[name] for name in _FIELDS},
    )


def paper_fields(paper: Paper) -> list[dict[str, Any]]:
    """A paper as a list of documents."""
    return [{"question": place.question, "options": list(place.options)} for place in paper]


def paper_of(attempt: Mapping[str, Any]) -> Paper:
    """The paper of an attempt."""
    return tuple(PaperQuestion(place["question"], tuple(place["options"])) for place in attempt["paper"])


def entry_of(attempt: Document) -> Entry:
    """What the ledger says of a sealed attempt."""
    accepted = attempt["accepted"]
    return Entry(
        attempt_id=attempt["_id"],
        unit_id=accepted["unit_id"],
        score=accepted["score"],
        max_score=accepted["max_score"],
        started_at=datetime.fromisoformat(accepted["started_at"]),
        submitted_at=datetime.fromisoformat(accepted["submitted_at"]),
        receipt=accepted["receipt"],
    )
