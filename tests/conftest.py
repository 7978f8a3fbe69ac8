"""What all tests share: paths, and passwords that cost little."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

# Test modules are imported by path; helpers beside them (walk.py) by name.
sys.path.insert(0, str(Path(__file__).parent / "e2e"))


def _cheap(**_: int) -> PasswordHasher:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Thousands of passwords are set and tried here: what one must cost has a test of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lantoa_directory.adapters.secrets.PasswordHasher", _cheap)
        yield
