"""What makes tests indifferent to how slow a machine is."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lantoa_runtime.mongo.driver import MongoError, is_outage
from lantoa_runtime.service import Service
from lantoa_testing.processes import eventually


async def patiently(work: Callable[[], Awaitable[None]]) -> None:
    """Do it again while the database is only slow: under load it may keep a new client waiting beyond all timeouts."""

    async def done() -> bool:
        try:
            await work()
        except MongoError as error:
            if not is_outage(error):
                raise
            return False
        return True

    await eventually(done)


def stop_clock(service: Service[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a service's clock stand still: what lasts a second then lasts however slow this machine is."""
    now = service.clock.now()
    monkeypatch.setattr(service.clock, "now", lambda: now)
