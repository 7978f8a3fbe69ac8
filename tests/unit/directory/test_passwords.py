"""What a password costs whoever guesses."""

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from lantoa_directory.adapters import secrets


async def test_a_password_costs_what_owasp_asks_for_and_one_of_nobody_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "PasswordHasher", PasswordHasher)  # Every other test has a cheap one.
    passwords = secrets.Argon2Passwords()
    cost = extract_parameters(await passwords.hash("một câu dài"))
    assert (cost.type, cost.memory_cost, cost.time_cost, cost.parallelism) == (Type.ID, 19 * 1024, 2, 1)
    assert extract_parameters(passwords._nobody) == cost
