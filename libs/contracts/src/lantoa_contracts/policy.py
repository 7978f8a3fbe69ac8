"""Who may do what, and where: the one matrix, deny by default.

A grant is a role for a unit and everything below it. A permission is held over a unit when a grant of one of its roles
lies on the unit's path. Every route of every service names its permission; use cases ask for it with the path of what
is touched. ``docs/policy.md`` is made from this table, and a test compares every decision with Cedar's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["author", "editor", "approver", "technician", "organiser", "reporter", "auditor", "admin"]
"""What somebody is for a unit: writes items · edits and submits what others wrote · approves, and speaks in alerts ·
looks after devices · runs contests · makes reports · sees everything and changes nothing · administers."""

ROLES: tuple[Role, ...] = get_args(Role)

STAFF: frozenset[str] = frozenset(ROLES)
"""Whoever holds any role: what they see ends at their units."""

SYSTEM = "system"
"""The role of the platform itself: of the gateway, and of the operator who holds its key. Nobody is granted it."""

EVERYWHERE = "*"
"""The unit of the platform's own grant: it lies on every path."""

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
    units = {EVERYWHERE, *path}
    for role, unit in grants:  # noqa: SIM110 - a generator costs three times the answer
        if unit in units and role in permission.roles:
            return True
    return False


def _any_of(*roles: Role) -> frozenset[str]:
    return frozenset(roles)


# -- every service ---------------------------------------------------------------------------------------------------

PAGE_READ = Permission("platform.page.read", who="anyone")
"""Public pages and their style sheet."""
REPLAY = Permission("platform.state.replay", _any_of("admin") | {SYSTEM})

# -- gateway ---------------------------------------------------------------------------------------------------------

DOOR_USE = Permission("gateway.door.use", who="anyone")
"""Signing in and out, and asking who one is: the door looks at the session itself."""
DOCS_READ = Permission("gateway.docs.read", who="anyone")
MEDIA_READ = Permission("gateway.media.read", who="anyone")
"""Files whose address a device has signed."""

# -- directory -------------------------------------------------------------------------------------------------------

UNIT_READ = Permission("directory.unit.read", STAFF | {SYSTEM})
PERSON_READ = Permission("directory.person.read", _any_of("auditor", "admin"))
PERSON_WRITE = Permission("directory.person.write", _any_of("admin") | {SYSTEM})
"""Take people up, change and lock them, grant roles, give one-time passwords: never to oneself or who stands above."""
COLLEAGUE_READ = Permission("directory.colleague.read", STAFF)
"""Names and titles of people in one's units, and one's own entry."""
ROLE_LEND = Permission("directory.role.lend", STAFF)
"""Lend one's own roles for days of leave."""
AUDIT_READ = Permission("directory.audit.read", _any_of("auditor", "admin") | {SYSTEM})
REGISTER_IMPORT = Permission("directory.register.import", _any_of("admin") | {SYSTEM})
UNIT_ACT = Permission("directory.unit.act", _any_of("admin") | {SYSTEM})
"""Order acts on units and take them back, over what lies above all that they touch; take up lists of units."""
SESSION_KEEP = Permission("directory.session.keep", who="system")
"""Sessions and codes, for the gateway alone."""
CITIZEN_ERASE = Permission("directory.citizen.erase", who="citizen")

# -- content ---------------------------------------------------------------------------------------------------------

ITEM_READ = Permission("content.item.read", STAFF)
ITEM_WRITE = Permission("content.item.write", _any_of("author", "editor", "admin"))
"""Write items, and change and submit one's own."""
ITEM_EDIT = Permission("content.item.edit", _any_of("editor"))
"""Change and submit what others wrote."""
ITEM_APPROVE = Permission("content.item.approve", _any_of("approver", "admin"))
"""Approve what others wrote, or return it."""
ITEM_WITHDRAW = Permission("content.item.withdraw", _any_of("author", "editor", "approver", "admin"))
"""Put away what one wrote oneself, or take back as an approver what stands approved."""

# -- fleet -----------------------------------------------------------------------------------------------------------

DEVICE_READ = Permission("fleet.device.read", STAFF)
DEVICE_MANAGE = Permission("fleet.device.manage", _any_of("technician", "admin"))
DEVICE_COMMAND = Permission("fleet.device.command", _any_of("technician", "admin"))
DEVICE_UPDATE = Permission("fleet.device.update", _any_of("technician", "admin"))
ALARM_ACKNOWLEDGE = Permission("fleet.alarm.acknowledge", _any_of("technician", "admin"))
SHAPES_WRITE = Permission("fleet.shapes.write", _any_of("technician", "admin"))
DEVICE_ENROL = Permission("fleet.device.enrol", who="anyone")
"""A device asks to be let in, with its key's signature."""
DEVICE_UPLOAD = Permission("fleet.device.upload", who="anyone")
"""A device puts a file at an address that the fleet has signed."""

# -- broadcast and signboard -----------------------------------------------------------------------------------------

PROGRAMME_READ = Permission("broadcast.programme.read", STAFF)
PROGRAMME_PLAN = Permission("broadcast.programme.plan", _any_of("approver", "technician", "admin"))
PLAYLIST_READ = Permission("signboard.playlist.read", STAFF)

# -- alert -----------------------------------------------------------------------------------------------------------

NOTICE_READ = Permission("alert.notice.read", STAFF)
NOTICE_ISSUE = Permission("alert.notice.issue", _any_of("approver", "admin"))
"""Ask for a notice, confirm another's, refuse, call off."""
CAP_READ = Permission("alert.cap.read", who="anyone")
CAP_SOURCE_READ = Permission("alert.cap-source.read", _any_of("auditor", "admin"))
CAP_SOURCE_MANAGE = Permission("alert.cap-source.manage", _any_of("admin"))

# -- contest ---------------------------------------------------------------------------------------------------------

CONTEST_READ = Permission("contest.contest.read", who="anyone")
CONTEST_WRITE = Permission("contest.contest.write", _any_of("approver", "organiser", "admin"))
CONTEST_REVIEW = Permission("contest.contest.review", _any_of("approver", "organiser", "reporter", "auditor", "admin"))
"""See drafts, the ledger, and the ranking before the end."""
ATTEMPT_MAKE = Permission("contest.attempt.make", who="citizen")

# -- reporting -------------------------------------------------------------------------------------------------------

REPORT_READ = Permission("reporting.report.read", STAFF)
REPORT_OVERSEE = Permission("reporting.report.oversee", _any_of("reporter", "auditor", "admin"))
"""Over the province: every number, also of units that the directory has not told of."""
PAPER_MAKE = Permission("reporting.paper.make", _any_of("approver", "reporter", "auditor", "admin"))
PLAN_WRITE = Permission("reporting.plan.write", _any_of("admin") | {SYSTEM})
NUMBERS_REBUILD = Permission("reporting.numbers.rebuild", _any_of("admin") | {SYSTEM})

PERMISSIONS = {one.name: one for one in tuple(globals().values()) if isinstance(one, Permission)}
"""Every permission by its name."""
