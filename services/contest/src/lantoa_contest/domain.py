"""What a contest is, who may hand in until when, what an attempt scores, and who stands where.

The rules and the answer key are two texts whose SHA-256 is published before the contest opens. The rules' text is
public from then on; the key's text, which holds the questions and a random salt, is published when all is over.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

GRACE = timedelta(seconds=10)
"""How late an attempt may arrive: the time that a slow network takes."""
SETTLING = timedelta(minutes=1)
"""From closing until key and results are published: by then every attempt that was in time is sealed."""
ENTRANT_KINDS = ("ward", "commune", "town")
"""Kinds of unit that somebody may take part for."""

Phase = Literal["soon", "open", "settling", "over"]


@dataclass(frozen=True)
class Question:
    """A question with one right option, given by its index."""

    prompt: str
    options: tuple[str, ...]
    right: int
    prompt_km: str | None = None


@dataclass(frozen=True)
class Contest:
    """All that is fixed when a contest is published. Times are aware; ``minutes`` is the time that one attempt has."""

    id: str
    title: str
    title_en: str
    unit_id: str
    tasks: tuple[str, ...]
    topic: str
    opens_at: datetime
    closes_at: datetime
    minutes: int
    rules: str
    tie_breaks: str
    questions: tuple[Question, ...]

    def phase(self, now: datetime) -> Phase:
        """Where the contest stands at a moment. Attempts begin while it is ``open``."""
        if now < self.opens_at:
            return "soon"
        if now < self.closes_at:
            return "open"
        return "settling" if now < self.closes_at + SETTLING else "over"

    def ends_at(self, started_at: datetime) -> datetime:
        """Until when an attempt that began then may be handed in: never after the contest closes."""
        return min(started_at + timedelta(minutes=self.minutes), self.closes_at)


@dataclass(frozen=True)
class PaperQuestion:
    """Which question stands at a place of a paper, and in which order its options stand there."""

    question: int
    options: tuple[int, ...]


Paper = tuple[PaperQuestion, ...]


@dataclass(frozen=True)
class Entry:
    """What the ledger says of a sealed attempt, as far as the ranking looks at it."""

    attempt_id: str
    unit_id: str
    score: int
    max_score: int
    started_at: datetime
    submitted_at: datetime
    receipt: str

    @property
    def duration(self) -> timedelta:
        """How long the entrant took."""
        return self.submitted_at - self.started_at


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1)


def sha256(text: str) -> str:
    """SHA-256 (hex) of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def rules_document(contest: Contest) -> str:
    """The text whose hash is ``rules_sha256``: all that binds organiser and entrant, and no question."""
    return _text(
        {
            "contest_id": contest.id,
            "title": contest.title,
            "title_en": contest.title_en,
            "unit_id": contest.unit_id,
            "tasks": list(contest.tasks),
            "topic": contest.topic,
            "opens_at": contest.opens_at.isoformat(),
            "closes_at": contest.closes_at.isoformat(),
            "minutes": contest.minutes,
            "questions": len(contest.questions),
            "rules": contest.rules,
            "tie_breaks": contest.tie_breaks,
        }
    )


def answer_key_document(contest: Contest, salt: str) -> str:
    """The text whose hash is ``answer_key_sha256``; the salt keeps anybody from trying all keys against the hash."""
    questions = [
        {"prompt": q.prompt, "prompt_km": q.prompt_km, "options": list(q.options), "right": q.options[q.right]}
        for q in contest.questions
    ]
    return _text({"contest_id": contest.id, "questions": questions, "salt": salt})


def pseudonym(pepper: str, citizen_id: str) -> str:
    """The entrant in this contest: the same for the same citizen, another one under another contest's pepper (hex)."""
    return hmac.new(bytes.fromhex(pepper), citizen_id.encode(), hashlib.sha256).hexdigest()


def attempt_id_of(contest_id: str, entrant: str) -> str:
    """The one attempt that an entrant has in a contest."""
    return f"a-{sha256(f'{contest_id}|{entrant}')[:40]}"


def make_paper(questions: Sequence[Question], seed: str) -> Paper:
    """Questions and options in an order that only the seed decides, by rank of their hashes."""

    def shuffled(count: int, what: str) -> tuple[int, ...]:
        return tuple(sorted(range(count), key=lambda index: sha256(f"{seed}|{what}|{index}")))

    return tuple(
        PaperQuestion(question, shuffled(len(questions[question].options), str(question)))
        for question in shuffled(len(questions), "questions")
    )


def fits(paper: Paper, choices: Sequence[int]) -> bool:
    """Whether there is one choice for each place of the paper, each the place of one of its options."""
    return len(choices) == len(paper) and all(
        0 <= choice < len(place.options) for place, choice in zip(paper, choices, strict=True)
    )


def score(questions: Sequence[Question], paper: Paper, choices: Sequence[int]) -> int:
    """How many questions were answered rightly; ``choices`` are places on the paper, one for each of its questions."""
    return sum(
        questions[place.question].right == place.options[choice] for place, choice in zip(paper, choices, strict=True)
    )


def is_late(ends_at: datetime, now: datetime) -> bool:
    """Whether an attempt arrives too late, a slow network forgiven."""
    return now > ends_at + GRACE


def ranking(ledger: Iterable[Entry]) -> list[Entry]:
    """The ledger from the first place on: more right answers, then less time, then earlier, then the receipt."""
    return sorted(ledger, key=lambda one: (-one.score, one.duration, one.submitted_at, one.receipt))


def ledger_sha256(ledger: Iterable[Entry]) -> str:
    """One hash for a whole ledger, whatever its order: of its receipts, sorted, one on each line."""
    return sha256("".join(f"{receipt}\n" for receipt in sorted(one.receipt for one in ledger)))


def may_take_part_for(unit: Mapping[str, Any], contest_unit_id: str, day: date) -> bool:
    """Whether a unit (path, kind, ISO dates) is a commune or ward below the contest's that stands on this day."""
    return (
        contest_unit_id in unit["path"]
        and unit["kind"] in ENTRANT_KINDS
        and (unit["valid_from"] or "") <= day.isoformat() <= (unit["valid_to"] or "9999")
    )
