"""People and what they may do: dated grants, loans of roles, and what an administrator may not do to whom."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

LONGEST_LOAN = timedelta(days=92)
"""Roles are lent for days of leave; what lasts longer is an administrator's to grant."""
MOST_GRANTS = 100
"""Grants that a person may hold or have ahead of them."""
KEPT_GRANTS = 100
"""Grants that are over and stay in the document, the newest; the events hold all of them."""
ADMIN = "admin"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters that are taken for one another."""
_GROUPS, _GROUP = 4, 4

Path = tuple[str, ...]
"""Units from the root down to one of them."""


class PeopleRefused(Exception):
    """A rule stands against it; ``code`` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Grant:
    """A role for a unit and what lies below it, from day to day, both inclusive; ``None`` leaves an end open."""

    id: str
    role: str
    unit_id: str
    begins: date | None = None
    ends: date | None = None
    reason: str = ""
    by: str = ""
    lender: str | None = None
    """Whose role it is, when it is lent."""
    delegation: str | None = None
    """The loan that it is part of."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """What acts on units wrote beside it."""

    def in_force(self, day: date) -> bool:
        """Whether it holds on a day."""
        return (self.begins is None or self.begins <= day) and not self.over(day)

    def over(self, day: date) -> bool:
        """Whether it does not hold on this day nor later."""
        return self.ends is not None and self.ends < day


@dataclass(frozen=True)
class Holder:
    """Somebody and their grants."""

    id: str
    grants: tuple[Grant, ...]
    locked: bool = False

    def own(self, day: date) -> tuple[Grant, ...]:
        """What they hold on a day by themselves: what can be lent, and what loans to them hang on."""
        if self.locked:
            return ()
        return tuple(grant for grant in self.grants if grant.lender is None and grant.in_force(day))


def covers(grants: Iterable[Grant], role: str, path: Path) -> bool:
    """Whether one of the grants gives this role for the unit at the end of a path."""
    return any(grant.role == role and grant.unit_id in path for grant in grants)


def held(holder: Holder, day: date, lenders: Mapping[str, Holder], path_of: Callable[[str], Path]) -> tuple[Grant, ...]:
    """What somebody may use on a day.

    A loan holds while its lender holds the role over that unit by themselves and is not locked, and while the borrower
    holds something by themselves; it is no ground for a further loan.
    """
    own = holder.own(day)
    if not own:
        return ()
    lent = (grant for grant in holder.grants if grant.lender is not None and grant.in_force(day))
    return own + tuple(grant for grant in lent if _still_lent(grant, day, lenders, path_of))


def _still_lent(grant: Grant, day: date, lenders: Mapping[str, Holder], path_of: Callable[[str], Path]) -> bool:
    lender = lenders.get(grant.lender or "")
    return lender is not None and covers(lender.own(day), grant.role, path_of(grant.unit_id))


def check_dates(begins: date | None, ends: date | None, today: date) -> None:
    """Pass for days in their order that are not all over.

    Raises:
        PeopleRefused: they are not.
    """
    if ends is not None and (ends < today or (begins is not None and ends < begins)):
        raise PeopleRefused("wrong-days")


def check_loan(
    lender: Holder, borrower: Holder, roles: Iterable[str], path: Path, days: tuple[date, date], today: date
) -> None:
    """Pass for a loan that gives no more than the lender holds, for days of leave, to somebody who can use it.

    Raises:
        PeopleRefused: to oneself, of what is not one's own, for too long, or to somebody who holds nothing.
    """
    begins, ends = days
    check_dates(begins, ends, today)
    if lender.id == borrower.id:
        raise PeopleRefused("not-yourself")
    if begins < today or ends - begins >= LONGEST_LOAN:
        raise PeopleRefused("loan-too-long")
    own = lender.own(max(begins, today))
    if not all(covers(own, role, path) for role in roles):
        raise PeopleRefused("not-yours-to-lend")
    if not borrower.own(max(begins, today)):
        raise PeopleRefused("borrower-holds-nothing")


def may_administer(actor: str, over: frozenset[str], person: str, places: Iterable[Path]) -> bool:
    """Whether an administrator of these units may change what another person may do.

    All that the person has to do with must lie within: somebody who holds anything above or beside stands above or
    beside. Nobody administers themselves: whoever could, would raise themselves.
    """
    paths = tuple(places)
    return actor != person and bool(paths) and all(over & frozenset(path) for path in paths)


def places(grants: Iterable[Grant], body: str | None, today: date) -> tuple[str, ...]:
    """The units that somebody has to do with, today or later."""
    units = {grant.unit_id for grant in grants if not grant.over(today)}
    return tuple(sorted(units | ({body} if body else set())))


def added(grants: tuple[Grant, ...], grant: Grant, today: date) -> tuple[Grant, ...]:
    """The grants with one more.

    Raises:
        PeopleRefused: too many hold already.
    """
    if sum(not one.over(today) for one in grants) >= MOST_GRANTS:
        raise PeopleRefused("too-many-grants")
    over = [one for one in grants if one.over(today)]
    forgotten = {one.id for one in over[: max(0, len(over) - KEPT_GRANTS)]}
    return (*(one for one in grants if one.id not in forgotten), grant)


def ended(grants: tuple[Grant, ...], ids: frozenset[str], today: date) -> tuple[Grant, ...]:
    """The grants without these from now on: one that has held ended yesterday, one that has not never was."""
    yesterday = today - timedelta(days=1)
    kept = []
    for grant in grants:
        if grant.id not in ids or grant.over(today):
            kept.append(grant)
        elif grant.begins is None or grant.begins < today:
            kept.append(replace(grant, ends=yesterday))
    return tuple(kept)


def last_admin(before: Holder, after: Holder, others: Iterable[Holder], root: str, today: date) -> bool:
    """Whether the change takes from a root its last administrator.

    Somebody else must hold the root by themselves today, and at least as long.
    """
    lost = set(_reigns(before, root, today)) - set(_reigns(after, root, today))
    if not lost:
        return False
    until = max(end or date.max for end in lost)
    left = [end or date.max for holder in (after, *others) for end in _reigns(holder, root, today)]
    return not any(end >= until for end in left)


def _reigns(holder: Holder, root: str, today: date) -> list[date | None]:
    return [grant.ends for grant in holder.own(today) if grant.role == ADMIN and grant.unit_id == root]


def one_time_password(choose: Callable[[str], str] = secrets.choice) -> str:
    """Four groups of four letters and digits that can be read out on the phone: 79 bits."""
    return "-".join("".join(choose(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
