"""What a service answers to anything at all is what its OpenAPI document says, and never a server error."""

import asyncio
import time
from typing import Any

import pytest
from hostile_shots import takes_json
from hostile_world import EVERYBODY, SERVICES, Target
from schema_attack import Shows, attack

from lantoa_cli.openapi import operations

_TOKEN_SECONDS = 30


def _as_the_gateway(target: Target) -> Shows:
    """Every case brings a token that holds; signing one costs as much as a request."""
    signed_at, headers = 0.0, {}

    def shows(case: Any) -> None:
        nonlocal signed_at, headers
        if time.monotonic() - signed_at > _TOKEN_SECONDS:
            signed_at, headers = time.monotonic(), target.shows(EVERYBODY)
        case.headers.update(headers)

    return shows


@pytest.mark.timeout(400)  # The directory has sixty operations.
@pytest.mark.parametrize("name", SERVICES)
async def test_every_answer_is_one_that_the_document_knows(opened, name):
    target = await opened(name)
    bodies = [one for _, _, one in operations(target.document) if "requestBody" in one]
    files = [one["operationId"] for one in bodies if not takes_json(one)]
    url, document = target.running.url, target.document
    outcome = await asyncio.to_thread(attack, document, url, _as_the_gateway(target), files)
    assert not outcome.faults, str(outcome)
    assert outcome.statuses[200], "nothing was let through: the attack proves nothing"
    assert outcome.statuses[401]
    assert outcome.statuses[404] + outcome.statuses[422]
