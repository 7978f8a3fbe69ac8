"""The hostile tests' fixtures."""

import sys
from pathlib import Path

import pytest

# Test modules are imported by path; the helper beside them by name.
sys.path.insert(0, str(Path(__file__).parent))

from hostile_world import Target, hurry, open_target


@pytest.fixture
def opened(start_service, events, nats_server, monkeypatch):
    """Start a service by its name, with the province in it."""
    hurry(monkeypatch)

    async def start(name: str) -> Target:
        return await open_target(name, start_service, events, nats_server)

    return start
