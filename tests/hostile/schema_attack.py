"""Requests that schemathesis makes of a document, and what was wrong with the answers."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.hooks import unregister

CHECKS: dict[str, Any] = {
    "missing_required_header": {"expected-statuses": ["400", "401", "403", "404", "422", "428"]},
    "negative_data_rejection": {
        "expected-statuses": ["400", "401", "403", "404", "405", "409", "412", "415", "422", "428"]
    },
    "positive_data_acceptance": {"enabled": False},
}
Shows = Callable[[Any], None]
"""Lets a case say who asks. It asks nobody for it: cases are made where nothing else may happen."""


@dataclass
class Outcome:
    """What an attack found, and the statuses of all answers."""

    faults: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def __str__(self) -> str:
        return f"{len(self.faults)} faults, the first:\n" + "\n\n".join(dict.fromkeys(self.faults))[:9000]


def _generated(examples: int) -> dict[str, Any]:
    return {"generation": {"max-examples": examples}}


def _config(url: str, every_field: bool) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": 7,
            "request-timeout": 30,
            "base-url": url,
            "generation": {"deterministic": True, "database": "none", "no-shrink": True},
            "phases": {
                # What a body must not be, test_hostile_requests.py shoots at every field, for a twentieth of the time.
                "coverage": {"enabled": every_field, "generation": {"mode": "positive"}},
                "fuzzing": _generated(2),
                "stateful": {"max-steps": 6, **_generated(3)},
            },
            "checks": CHECKS,
        }
    )


def attack(
    document: dict[str, Any],
    url: str,
    shows: Shows,
    left_out: Sequence[str],
    before: Shows = lambda case: None,
    every_field: bool = True,
) -> Outcome:
    """Send what the document takes and what it does not take; ``left_out`` are ids of operations.

    ``before`` is called with each case that is about to be sent; ``every_field`` tries the bounds of each parameter.
    """
    schema = schemathesis.openapi.from_dict(document, config=_config(url, every_field))
    schema = schema.exclude(operation_id=list(left_out)) if left_out else schema

    @schema.auth(refresh_interval=None)
    class _Caller:
        def get(self, case: Any, context: Any) -> str:
            return "whoever"

        def set(self, case: Any, data: str, context: Any) -> None:
            shows(case)

    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        before(case)

    schemathesis.hook(before_call)
    try:
        return _outcome(from_schema(schema))
    finally:
        unregister(before_call)


def _outcome(engine: Any) -> Outcome:
    outcome = Outcome()
    for event in engine.execute():
        if isinstance(event, events.ScenarioFinished):
            answers = (interaction.response for interaction in event.recorder.interactions.values())
            outcome.statuses.update(answer.status_code for answer in answers if answer is not None)
            outcome.faults += _failures(event.recorder)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            outcome.faults.append(repr(event))
    return outcome


def _failures(recorder: ScenarioRecorder) -> list[str]:
    return [
        f"{recorder.label}: {check.name}: {check.failure_info.failure.title}\n"
        f"{check.failure_info.failure.message}\n{check.failure_info.code_sample}"
        for checks in recorder.checks.values()
        for check in checks
        if check.status is Status.FAILURE and check.failure_info
    ]
