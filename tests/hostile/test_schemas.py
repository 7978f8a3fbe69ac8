"""What a service answers to anything at all is what its OpenAPI document says, and never a server error."""

import asyncio
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hostile_shots import takes_json
from hostile_world import EVERYBODY, SERVICES, Target
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from lantoa_cli.openapi import operations
from lantoa_runtime.http.auth import HEADER
from lantoa_testing.plugin import token_for

CHECKS: dict[str, Any] = {
    "missing_required_header": {"expected-statuses": ["400", "401", "403", "404", "422", "428"]},
    "negative_data_rejection": {
        "expected-statuses": ["400", "401", "403", "404", "405", "409", "412", "415", "422", "428"]
    },
    "positive_data_acceptance": {"enabled": False},
}


def _generated(examples: int) -> dict[str, Any]:
    return {"generation": {"max-examples": examples}}


def _config(url: str) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": 7,
            "request-timeout": 30,
            "base-url": url,
            "generation": {"deterministic": True, "database": "none", "no-shrink": True},
            "phases": {
                "coverage": {"unexpected-methods": ["delete"]},
                "fuzzing": _generated(2),
                "stateful": {"max-steps": 4, **_generated(1)},
            },
            "checks": CHECKS,
        }
    )


def _attack(target: Target) -> tuple[list[str], Counter[int]]:
    bodies = [one for _, _, one in operations(target.document) if "requestBody" in one]
    files = [one["operationId"] for one in bodies if not takes_json(one)]
    schema = schemathesis.openapi.from_dict(target.document, config=_config(target.running.url))

    schema = schema.exclude(operation_id=files) if files else schema

    @schema.auth(refresh_interval=30)
    class _Gateway:
        def get(self, case: Any, context: Any) -> str:
            return token_for(target.running.ring, EVERYBODY, target.name)

        def set(self, case: Any, data: str, context: Any) -> None:
            case.headers[HEADER] = data

    faults: list[str] = []
    seen: Counter[int] = Counter()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            answers = (interaction.response for interaction in event.recorder.interactions.values())
            seen.update(answer.status_code for answer in answers if answer is not None)
            faults += _failures(event.recorder)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            faults.append(repr(event))
    return faults, seen


def _failures(recorder: ScenarioRecorder) -> list[str]:
    return [
        f"{recorder.label}: {check.name}: {check.failure_info.failure.title}\n"
        f"{check.failure_info.failure.message}\n{check.failure_info.code_sample}"
        for checks in recorder.checks.values()
        for check in checks
        if check.status is Status.FAILURE and check.failure_info
    ]


@pytest.mark.timeout(400)  # The directory has sixty operations, and each password that is tried costs what it must.
@pytest.mark.parametrize("name", SERVICES)
async def test_every_answer_is_one_that_the_document_knows(opened, name):
    target = await opened(name)
    faults, seen = await asyncio.to_thread(_attack, target)
    assert not faults, f"{len(faults)} faults, the first:\n" + "\n\n".join(dict.fromkeys(faults))[:9000]
    assert seen[200], "nothing was let through: the attack proves nothing"
    assert seen[401]
    assert seen[404] + seen[422]
