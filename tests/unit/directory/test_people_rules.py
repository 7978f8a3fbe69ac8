"""What people may do, and what administrators may not do to whom."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_directory.domain.people import (
    LONGEST_LOAN,
    Grant,
    Holder,
    PeopleRefused,
    added,
    check_loan,
    ended,
    held,
    last_admin,
    may_administer,
    one_time_password,
    places,
)

TODAY = date(2026, 11, 27)
DAY = timedelta(days=1)
PATHS = {"p": ("p",), "w": ("p", "w"), "b": ("p", "w", "b"), "c": ("p", "c"), "q": ("q",)}
UNITS, ROLES = st.sampled_from(sorted(PATHS)), st.sampled_from(["author", "approver", "admin"])
DAYS = st.one_of(st.none(), st.integers(-3, 3).map(lambda days: TODAY + days * DAY))


def path_of(unit_id):
    return PATHS.get(unit_id, ())


@st.composite
def grants(draw, lender=None):
    return tuple(
        Grant(f"{lender}{number}", draw(ROLES), draw(UNITS), draw(DAYS), draw(DAYS), lender=lender)
        for number in range(draw(st.integers(0, 3)))
    )


def over(holder):
    return frozenset(g.unit_id for g in held(holder, TODAY, {}, path_of) if g.role == "admin")


@given(grants(), grants(), UNITS)
def test_nobody_administers_themselves_nor_who_has_anything_outside_of_their_units(mine, theirs, body):
    admin, person = Holder("a", mine), Holder("p", theirs)
    where = [path_of(unit) for unit in places(theirs, body, TODAY)]
    assert not may_administer("a", over(admin), "a", where)
    allowed = may_administer("a", over(admin), person.id, where)
    for grant in theirs:
        if not grant.over(TODAY) and not over(admin) & set(path_of(grant.unit_id)):
            assert not allowed
    if allowed:
        # Whoever is administered stands nowhere above: none of their units is a true ancestor of all of the admin's.
        assert all(over(admin) & set(path) for path in where)


def test_who_is_tied_to_no_unit_is_the_operators():
    assert not may_administer("a", frozenset({"p"}), "x", [])


@given(grants(), grants(), grants(lender="a"), st.booleans())
def test_a_loan_never_gives_more_than_its_lender_holds_by_themselves(mine, own, lent, locked):
    lender, borrower = Holder("a", mine, locked), Holder("b", own + lent)
    usable = held(borrower, TODAY, {"a": lender}, path_of)
    for grant in usable:
        assert grant.in_force(TODAY)
        if grant.lender is not None:
            assert not locked
            sources = [g for g in mine if g.lender is None and g.in_force(TODAY) and g.role == grant.role]
            assert any(g.unit_id in path_of(grant.unit_id) for g in sources)
    if not any(g.in_force(TODAY) for g in own):
        assert usable == ()
    assert held(replace(borrower, locked=True), TODAY, {"a": lender}, path_of) == ()


@given(grants(), grants(lender="x"), ROLES, UNITS)
def test_what_was_lent_is_not_lent_again(own, borrowed, role, unit):
    lender = Holder("a", own + borrowed)
    borrower = Holder("b", (Grant("g", "author", "p"),))
    try:
        check_loan(lender, borrower, [role], path_of(unit), (TODAY, TODAY), TODAY)
    except PeopleRefused:
        return
    assert any(g.role == role and g.unit_id in path_of(unit) and g.in_force(TODAY) for g in own)


APPROVER = Holder("a", (Grant("1", "approver", "w"),))
AUTHOR = Holder("b", (Grant("2", "author", "w"),))


@pytest.mark.parametrize(
    ("lender", "borrower", "days", "code"),
    [
        (APPROVER, APPROVER, (TODAY, TODAY), "not-yourself"),
        (APPROVER, AUTHOR, (TODAY - DAY, TODAY), "loan-too-long"),
        (APPROVER, AUTHOR, (TODAY, TODAY + LONGEST_LOAN), "loan-too-long"),
        (APPROVER, AUTHOR, (TODAY + DAY, TODAY), "wrong-days"),
        (AUTHOR, APPROVER, (TODAY, TODAY), "not-yours-to-lend"),
        (replace(APPROVER, locked=True), AUTHOR, (TODAY, TODAY), "not-yours-to-lend"),
        (APPROVER, Holder("n", ()), (TODAY, TODAY), "borrower-holds-nothing"),
    ],
)
def test_a_loan_that_is_none_is_refused(lender, borrower, days, code):
    with pytest.raises(PeopleRefused, match=code):
        check_loan(lender, borrower, ["approver"], PATHS["b"], days, TODAY)


def test_a_loan_may_be_part_of_what_is_held_and_lasts_its_last_day():
    check_loan(APPROVER, AUTHOR, ["approver"], PATHS["b"], (TODAY, TODAY + LONGEST_LOAN - DAY), TODAY)
    lent = Grant("3", "approver", "b", TODAY, TODAY + DAY, lender="a", delegation="d")
    borrower = replace(AUTHOR, grants=(*AUTHOR.grants, lent))
    for day, there in ((TODAY - DAY, False), (TODAY, True), (TODAY + DAY, True), (TODAY + 2 * DAY, False)):
        assert (lent in held(borrower, day, {"a": APPROVER}, path_of)) is there


def test_a_grant_that_was_ended_does_not_hold_today_and_one_that_never_held_is_gone():
    old = Grant("old", "author", "w", None, None)
    new = Grant("new", "author", "w", TODAY, None)
    left = ended((old, new), frozenset({"old", "new"}), TODAY)
    assert left == (replace(old, ends=TODAY - DAY),)
    assert ended(left, frozenset({"old"}), TODAY) == left


def test_grants_are_bounded_and_those_that_are_over_are_forgotten_first():
    over_ = tuple(Grant(str(number), "author", "w", None, TODAY - DAY) for number in range(150))
    grown = added(over_, Grant("new", "author", "w"), TODAY)
    assert len(grown) == 101
    assert grown[0].id == "50"
    holding = tuple(Grant(str(number), "author", "w") for number in range(100))
    with pytest.raises(PeopleRefused, match="too-many-grants"):
        added(holding, Grant("new", "author", "w"), TODAY)


def reign(name, ends=None, unit="p", lender=None):
    return Holder(name, (Grant(name, "admin", unit, None, ends, lender=lender),))


@pytest.mark.parametrize(
    ("others", "last"),
    [
        ([], True),
        ([reign("b")], False),
        ([replace(reign("b"), locked=True)], True),
        ([reign("b", ends=TODAY)], True),
        ([reign("b", unit="w")], True),
        ([reign("b", lender="a")], True),
    ],
)
def test_a_root_keeps_somebody_who_holds_it_as_long_by_themselves(others, last):
    before = reign("a")
    assert last_admin(before, replace(before, locked=True), others, "p", TODAY) is last
    assert last_admin(before, replace(before, grants=()), others, "p", TODAY) is last


def test_whoever_loses_nothing_of_a_root_is_not_its_last():
    before = reign("a", unit="w")
    assert not last_admin(before, replace(before, grants=()), [], "p", TODAY)
    assert not last_admin(reign("a"), reign("a"), [], "p", TODAY)


def test_a_one_time_password_can_be_read_out():
    assert one_time_password(lambda letters: letters[-1]) == "9999-9999-9999-9999"
    assert one_time_password() != one_time_password()
