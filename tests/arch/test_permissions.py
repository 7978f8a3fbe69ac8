"""Every route of every service says which permission it needs."""

import re

import pytest
from fastapi import APIRouter, Depends
from starlette.staticfiles import StaticFiles

from lantoa_cli.openapi import assembled
from lantoa_contracts import policy
from lantoa_contracts.catalogue import SERVICES
from lantoa_contracts.policy import ITEM_READ, ITEM_WRITE, PAGE_READ, PERMISSIONS, ROLES, STAFF, SYSTEM, Permission
from lantoa_runtime.http import allows, declares
from lantoa_runtime.http.api import Api, Declared, declared

WITHOUT = re.compile(r"/livez|/readyz|/metrics|/api/v1/[a-z]+/openapi\.json")
"""Looked at by whoever runs the platform; no door leads there."""
AUDITED = {"read", "review", "oversee", "make"}
"""What an auditor does: looking, and taking a report home."""


def unruly(app: Api) -> list[Declared]:
    """Routes that do not name exactly one permission of the matrix."""
    known = set(PERMISSIONS.values())
    return [
        one
        for one in declared(app)
        if not WITHOUT.fullmatch(one.path) and not (len(one.permissions) == 1 and one.permissions <= known)
    ]


@pytest.fixture(scope="module")
def services():
    return assembled()


@pytest.mark.parametrize("name", SERVICES)
def test_every_route_names_one_permission_of_the_matrix(services, name):
    assert unruly(services[name].app) == []


def test_a_route_without_a_permission_or_with_two_is_found_wherever_it_is_planted(tmp_path):
    app, inner, outer = Api("planted"), APIRouter(prefix="/inner"), APIRouter(dependencies=[allows(ITEM_READ)])
    stray = Permission("planted.thing.do", STAFF)

    def nothing() -> None:
        """Nothing."""

    def nested(caller: str = allows(ITEM_READ)) -> str:
        return caller

    app.add_api_route("/plain", nothing)
    app.add_api_route("/stray", nothing, dependencies=[allows(stray)])
    app.add_api_route("/public", nothing, dependencies=[declares(PAGE_READ)])
    app.add_api_route("/nested", nothing, dependencies=[Depends(nested)])
    inner.add_api_route("/one", nothing)
    inner.add_api_route("/two", nothing, dependencies=[allows(ITEM_WRITE)])
    inner.add_api_route("/livez", nothing)
    outer.include_router(inner)
    app.include_router(outer, prefix="/outer")
    app.include_router(inner)
    app.mount("/files", StaticFiles(directory=tmp_path))
    found = [one.path for one in unruly(app)]
    assert found == ["/plain", "/stray", "/outer/inner/two", "/inner/one", "/inner/livez", "/files/{path}"]


def test_what_is_open_to_anyone_is_all_that_may_be_declared_without_asking():
    with pytest.raises(ValueError, match=r"content\.item\.read"):
        declares(ITEM_READ)


def test_permissions_are_named_alike_and_each_once():
    named = [one for one in vars(policy).values() if isinstance(one, Permission)]
    assert len({one.name for one in named}) == len(named) == len(PERMISSIONS)
    for one in named:
        assert re.fullmatch(r"[a-z]+(\.[a-z-]+){2}", one.name), one
        assert one.roles <= STAFF | {SYSTEM}, one
        assert bool(one.roles) == (one.who == "role"), f"{one}: nobody holds it, or roles are not asked for"


def test_auditors_see_everything_and_change_nothing():
    for one in PERMISSIONS.values():
        if one.who == "role":
            for_all = one.roles >= STAFF
            assert ("auditor" in one.roles) == (for_all or one.name.rpartition(".")[2] in AUDITED), one


def test_every_role_is_good_for_something_of_its_own():
    held = {role: {one.name for one in PERMISSIONS.values() if role in one.roles} for role in ROLES}
    seen = set.intersection(*held.values())
    for role in ROLES:
        assert held[role] - seen, role
