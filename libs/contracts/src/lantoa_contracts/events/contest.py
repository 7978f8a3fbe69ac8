"""Events of ``contest``: that one stands for good, and what was sealed in its ledger of attempts."""

from typing import Annotated

from pydantic import Field

from lantoa_contracts.base import Event, Id, Sha256, TaskCode, Timestamp


class ContestPublished(Event):
    """Rules, questions and answer key of a contest stand from now on, and everybody may see it."""

    contest_id: Id
    ver: int
    unit_id: Id
    opens_at: Timestamp
    closes_at: Timestamp
    rules_sha256: Sha256
    answer_key_sha256: Sha256
    at: Timestamp


class AttemptAccepted(Event):
    """A citizen's attempt was taken, scored and sealed; it never changes. No personal data travels with it."""

    attempt_id: Id
    ver: int
    contest_id: Id
    title: str
    """The contest's title."""
    contest_unit_id: Id
    """The unit that holds the contest."""
    unit_id: Id
    """The commune or ward that the entrant takes part for, as it was on that day."""
    tasks: tuple[TaskCode, ...]
    topic: str
    entrant: Sha256
    """A pseudonym, another one in each contest: counts people, names nobody."""
    score: Annotated[int, Field(ge=0)]
    max_score: Annotated[int, Field(ge=1)]
    started_at: Timestamp
    submitted_at: Timestamp
    rules_sha256: Sha256
    """The rules that were published before the contest opened."""
    answer_key_sha256: Sha256
    """The answer key's hash, published with them."""
    receipt: Sha256
    """What the entrant holds: the hash of the sealed attempt, see :func:`lantoa_contracts.receipts.attempt_receipt`."""
