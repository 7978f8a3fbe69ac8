"""Units of territory as dated facts with successors; how long a sign-in waits and lasts; phone numbers and codes."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from lantoa_contracts.events.directory import UnitKind

IDLE = timedelta(minutes=30)
"""A session ends when nobody used it for this long."""
ABSOLUTE = timedelta(hours=8)
"""A session ends this long after sign-in, used or not: a working day."""

CODE_LIFE = timedelta(minutes=5)
"""How long a code holds that was sent to a citizen's phone."""
CODE_TRIES = 5
CODES_ALLOWED = ((3, timedelta(minutes=10)), (10, timedelta(days=1)))
"""How many codes one phone number gets in which time."""
_MOBILE = re.compile(r"(?:0|\+?84|0084)([35789][0-9]{8})")

FREE_FAILURES = 5
LONGEST_WAIT_SECONDS = 60


class UnitsRefused(Exception):
    """The units do not make a tree. ``code`` says why, ``unit_id`` where."""

    def __init__(self, code: str, unit_id: str) -> None:
        super().__init__(f"{code} {unit_id}")
        self.code = code
        self.unit_id = unit_id


@dataclass(frozen=True)
class Successor:
    """The unit into which another went, by which act, from which day."""

    unit_id: str
    date: date
    act: str


@dataclass(frozen=True)
class Unit:
    """A unit of territory or a body, for the days on which it exists. ``None`` leaves that end of its life open."""

    id: str
    code: str
    name: str
    kind: UnitKind
    parent: str | None
    valid_from: date | None
    valid_to: date | None
    lat: float | None = None
    lon: float | None = None
    area_km2: float | None = None
    path: tuple[str, ...] = ()
    """Ancestors from the root down to and including the unit itself."""
    successors: tuple[Successor, ...] = ()

    def exists_on(self, day: date) -> bool:
        """Whether the unit is there on a day; both ends belong to its life."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


def changed_units(
    stored: Mapping[str, Unit], given: Iterable[Unit], successors: Iterable[tuple[str, Successor]]
) -> list[Unit]:
    """The units that differ once ``given`` and ``successors`` are taken up, ancestors first.

    A unit below one that moved differs too: its path is another. Successors only ever grow.

    Raises:
        UnitsRefused: a parent, predecessor or successor is unknown, or a unit is its own ancestor.
    """
    units = dict(stored)
    for unit in given:
        known = units.get(unit.id)
        units[unit.id] = replace(unit, successors=known.successors if known else ())
    for unit_id, successor in successors:
        for mentioned in (unit_id, successor.unit_id):
            if mentioned not in units:
                raise UnitsRefused("unknown-unit", mentioned)
        others = [s for s in units[unit_id].successors if s.unit_id != successor.unit_id]
        ordered = tuple(sorted([*others, successor], key=lambda s: s.unit_id))
        units[unit_id] = replace(units[unit_id], successors=ordered)
    placed = [replace(unit, path=_path(units, unit)) for unit in units.values()]
    return sorted((unit for unit in placed if stored.get(unit.id) != unit), key=lambda unit: (len(unit.path), unit.id))


def _path(units: Mapping[str, Unit], unit: Unit) -> tuple[str, ...]:
    path = [unit.id]
    parent = unit.parent
    while parent is not None:
        if parent not in units:
            raise UnitsRefused("unknown-parent", unit.id)
        if parent in path:
            raise UnitsRefused("own-ancestor", unit.id)
        path.append(parent)
        parent = units[parent].parent
    return tuple(reversed(path))


def wait_seconds(failures: int) -> int:
    """Seconds until a login may be tried again after this many failures in a row: none, then 1, 2, 4 ... 60."""
    if failures < FREE_FAILURES:
        return 0
    return min(LONGEST_WAIT_SECONDS, 1 << min(failures - FREE_FAILURES, 10))


def session_end(created_at: datetime, used_at: datetime) -> datetime:
    """When a session ends that was begun and last used at these moments."""
    return min(created_at + ABSOLUTE, used_at + IDLE)


def phone_of(typed: str) -> str | None:
    """A Vietnamese mobile number as ``+84`` and nine digits; ``None`` for what is none.

    Blanks, dots and hyphens may stand in it. The prefixes 03, 05, 07, 08 and 09 are those in use since 2018.
    """
    match = _MOBILE.fullmatch(re.sub(r"[ .\-]", "", typed))
    return f"+84{match[1]}" if match else None


def masked(phone: str) -> str:
    """A number as others may see it: ``09•• ••• 123``."""
    return f"0{phone[3]}•• ••• {phone[-3:]}"


def code_digest(code: str, salt: str) -> str:
    """The form in which a code is kept."""
    return hashlib.sha256(f"{salt}:{code}".encode()).hexdigest()


def code_wait(sent: Sequence[datetime], now: datetime) -> timedelta:
    """How long a number waits for its next code that got codes at these moments, oldest first; zero for not at all."""
    waits = [sent[-most] + span - now for most, span in CODES_ALLOWED if len(sent) >= most]
    return max([timedelta(0), *waits])
