"""Grants follow their units through an act, dated, and go back with its opposite."""

from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from lantoa_directory.domain.acts import Plan
from lantoa_directory.domain.following import grants_after, grants_before
from lantoa_directory.domain.people import Grant

DAY = date(2025, 7, 1)
LAST = date(2025, 6, 30)
PLAN = Plan("merge", DAY, "1687/NQ-UBTVQH15", ("u-1", "u-2"), ("u-9",))
DAYS = st.sampled_from([None, date(2024, 1, 1), LAST, DAY, date(2026, 5, 5)])
GRANTS = st.lists(
    st.builds(
        Grant,
        id=st.uuids().map(str),
        role=st.sampled_from(["author", "admin"]),
        unit_id=st.sampled_from(["u-1", "u-2", "u-3", "u-9"]),
        begins=DAYS,
        ends=DAYS,
    ),
    max_size=5,
    unique_by=lambda grant: grant.id,
).map(tuple)


def holding(grants, day):
    """Roles and units in force on a day."""
    return {(grant.role, grant.unit_id) for grant in grants if grant.in_force(day)}


def test_a_post_ends_the_day_before_and_goes_on_in_the_unit_that_took_over():
    before = (Grant("g-1", "author", "u-1", reason="QĐ 5", by="p-an"),)
    old, new = grants_after(before, PLAN, "act-1", "p-vinh")
    assert (old.unit_id, old.ends, old.reason) == ("u-1", LAST, "QĐ 5")
    assert (new.unit_id, new.begins, new.ends) == ("u-9", DAY, None)
    assert (new.role, new.reason, new.by) == ("author", "1687/NQ-UBTVQH15", "p-vinh")


@settings(max_examples=50)
@given(GRANTS)
def test_what_is_held_before_the_day_stays_and_from_the_day_on_it_is_held_in_the_new_unit(grants):
    after = grants_after(grants, PLAN, "act-1", "p-vinh")
    for day in (date(2023, 1, 1), LAST):
        assert holding(after, day) == holding(grants, day)
    for day in (DAY, date(2026, 5, 5), date(2030, 1, 1)):
        assert holding(after, day) == {
            (role, PLAN.heirs.get(unit_id, unit_id)) for role, unit_id in holding(grants, day)
        }


@settings(max_examples=50)
@given(GRANTS)
def test_twice_is_once_and_the_opposite_brings_back_what_was(grants):
    after = grants_after(grants, PLAN, "act-1", "p-vinh")
    assert grants_after(after, PLAN, "act-1", "p-vinh") == after
    assert grants_before(after, PLAN, "act-1") == grants
    assert grants_before(grants, PLAN, "act-1") == grants


@settings(max_examples=50)
@given(GRANTS)
def test_what_somebody_granted_or_ended_since_is_left_alone(grants):
    after = grants_after(grants, PLAN, "act-1", "p-vinh")
    theirs = Grant("theirs", "approver", "u-9", begins=date(2025, 8, 1))
    early = date(2025, 1, 1)
    shorter = [replace(grant, ends=early) if "moved" in grant.more else grant for grant in after]
    back = grants_before([*shorter, theirs], PLAN, "act-1")
    assert theirs in back
    ended = {grant.id for grant in after if "moved" in grant.more}
    assert all(grant.ends == early for grant in back if grant.id in ended)
