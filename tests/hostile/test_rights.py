"""Every role, at the unit of what is asked for and around it, gets exactly what the matrix says, over real HTTP."""

import time
from datetime import timedelta
from typing import Any

import pytest
from rights_cases import ALERT_DAY, WORLDS
from rights_world import OLD_PROVINCE, PATHS, PROVINCE, Ask, Case, Listing, World, everybody, open_world

from lantoa_contracts.policy import Permission, allowed
from lantoa_runtime.http.auth import Caller


def _says(case: Case, permission: Permission, caller: Caller) -> bool:
    """The matrix's word."""
    grants = [(grant.role, grant.unit_id) for grant in caller.grants]
    return allowed(grants, permission, case.path or [unit for _, unit in grants])


async def _mismatches(world: World, cases: list[Case], callers: dict[tuple[str, str], Caller]) -> list[str]:
    found = []
    for case in cases:
        permission = case.permission or world.permission_of(case.operation)
        for (role, place), caller in callers.items():
            if case.path is None and place != "own":
                continue  # It is the same everywhere.
            status, answer = await world.send(caller, await case.make(caller))
            if case.let(status, answer) != _says(case, permission, caller):
                found.append(f"{case.operation} {permission.name}: {role} at {place}: {status} {str(answer)[:200]}")
    return found


async def _wrong_lists(world: World, lists: list[Listing], callers: dict[tuple[str, str], Caller]) -> list[str]:
    found = []
    for one in lists:
        permission = one.permission or world.permission_of(one.operation)
        for (role, place), caller in callers.items():
            status, answer = await world.send(caller, Ask("GET", one.path))
            if status == 403 and not one.open_to_all and role not in permission.roles:
                continue
            seen = one.seen(answer) if status == 200 else f"{status} {answer}"
            wanted = one.expected(caller, permission)
            if seen != (len(wanted) if isinstance(seen, int) else wanted):
                found.append(f"{one.operation}: {role} at {place}: {seen}, not {sorted(wanted)}")
    return found


def _elsewhere(world: World, case: Case, callers: dict[tuple[str, str], Caller]) -> Caller:
    """Somebody who holds what is asked for, at a unit beside."""
    route = world.permission_of(case.operation)
    asked = case.permission or route
    return callers[min(asked.roles & route.roles if route.roles else asked.roles), "sibling"]


async def _idle(
    world: World, cases: list[Case], lists: list[Listing], callers: dict[tuple[str, str], Caller], without_checks: Any
) -> list[str]:
    """Cases that prove nothing: whoever is refused does not pass even when use cases check nothing."""
    placed = [case for case in cases if case.path is not None]
    refused = [_elsewhere(world, case, callers) for case in placed]
    without_checks()
    idle = []
    for case, caller in zip(placed, refused, strict=True):
        status, answer = await world.send(caller, await case.make(caller))
        if not case.let(status, answer):
            idle.append(f"{case.operation}: {status} {str(answer)[:200]}")
    for one in lists:
        permission = one.permission or world.permission_of(one.operation)
        caller = callers[min(permission.roles), "sibling"]
        status, answer = await world.send(caller, Ask("GET", one.path))
        seen = one.seen(answer) if status == 200 else status
        if seen not in (set(PATHS), len(PATHS)):
            idle.append(f"{one.operation}: {seen}")
    return idle


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", sorted(WORLDS))
async def test_whoever_asks_gets_what_the_matrix_says(name, start_service, events, nats_server, monkeypatch):
    monkeypatch.setattr("lantoa_alert.domain.notices.RECENT", timedelta(days=1))
    shift = ALERT_DAY.timestamp() - time.time() if name == "alert" else 0.0
    world = await open_world(name, start_service, events, nats_server, shift)
    cases, lists = await WORLDS[name](world, events)
    tried = {one.operation for one in (*cases, *lists)}
    assert {name for name, one in world.permissions.items() if one.who == "role"} <= tried, "a route nobody tries"

    callers = everybody(shift)
    assert await _mismatches(world, cases, callers) == []
    assert await _wrong_lists(world, lists, callers) == []

    def without_checks() -> None:
        monkeypatch.setattr(Caller, "may", lambda *_: True)
        monkeypatch.setattr(Caller, "units", lambda *_: (PROVINCE, OLD_PROVINCE))

    assert await _idle(world, cases, lists, callers, without_checks) == [], "it was no right that stopped these"
