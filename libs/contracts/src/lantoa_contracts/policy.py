"""Who may do what, and where: the one matrix, deny by default.

A grant is a role for a unit and everything below it. A permission is held over a unit when a grant of one of its roles
lies on the unit's path. Every route of every service names its permission; use cases ask for it with the path of what
is touched. ``docs/policy.md`` is made from this table, and a test compares every decision with Cedar's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

ROLES = ("author", "editor", "approver", "technician", "organiser", "reporter", "auditor", "admin")

STAFF = frozenset(ROLES)
"""Whoever holds any role: what they see ends at their units."""

Who = Literal["role", "citizen", "anyone", "system"]
"""``role``: whose grants say so, over the path of what is touched · ``citizen``: somebody who signed in by phone ·
``anyone``, a stranger too · ``system``: the platform itself."""


@dataclass(frozen=True)
class Permission:
    """One thing that can be done: ``<service>.<noun>.<verb>``."""

    name: str
    roles: frozenset[str] = frozenset()
    who: Who = "role"


def allowed(grants: Iterable[tuple[str, str]], permission: Permission, path: Iterable[str]) -> bool:
    """Whether somebody with these grants, ``(role, unit)`` each, may do this to what lies at ``path``, root to unit."""
    units = frozenset(path)
    return any(unit in units and role in permission.roles for role, unit in grants)
