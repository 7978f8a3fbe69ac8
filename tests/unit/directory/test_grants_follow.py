"""Grants follow their units through an act, dated, and go back with its opposite."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from lantoa_directory.domain.acts import Plan
from lantoa_directory.domain.following import grants_after, grants_before

DAY = date(2025, 7, 1)
PLAN = Plan("merge", DAY, "1687/NQ-UBTVQH15", ("u-1", "u-2"), ("u-9",))
DAYS = st.sampled_from([None, "2024-01-01", "2025-06-30", "2025-07-01", "2026-05-05"])
GRANTS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.uuids().map(str),
            "role": st.sampled_from(["author", "admin"]),
            "unit_id": st.sampled_from(["u-1", "u-2", "u-3", "u-9"]),
            "from": DAYS,
            "to": DAYS,
        }
    ),
    max_size=5,
    unique_by=lambda grant: grant["id"],
)


def holding(grants, day):
    """Roles and units in force on a day."""
    return {
        (grant["role"], grant["unit_id"])
        for grant in grants
        if (grant["from"] or "") <= day and (grant["to"] is None or day <= grant["to"])
    }


def test_a_post_ends_the_day_before_and_goes_on_in_the_unit_that_took_over():
    before = [{"id": "g-1", "role": "author", "unit_id": "u-1", "from": None, "to": None, "reason": "QĐ 5"}]
    old, new = grants_after(before, PLAN, "act-1", "p-vinh")
    assert (old["unit_id"], old["to"]) == ("u-1", "2025-06-30")
    assert (new["unit_id"], new["from"], new["to"]) == ("u-9", "2025-07-01", None)
    assert (new["role"], new["reason"], new["by"]) == ("author", "1687/NQ-UBTVQH15", "p-vinh")


@given(GRANTS)
def test_what_is_held_before_the_day_stays_and_from_the_day_on_it_is_held_in_the_new_unit(grants):
    after = grants_after(grants, PLAN, "act-1", "p-vinh")
    for day in ("2023-01-01", "2025-06-30"):
        assert holding(after, day) == holding(grants, day)
    for day in ("2025-07-01", "2026-05-05", "2030-01-01"):
        assert holding(after, day) == {
            (role, PLAN.heirs.get(unit_id, unit_id)) for role, unit_id in holding(grants, day)
        }


@given(GRANTS)
def test_twice_is_once_and_the_opposite_brings_back_what_was(grants):
    after = grants_after(grants, PLAN, "act-1", "p-vinh")
    assert grants_after(after, PLAN, "act-1", "p-vinh") == after
    assert grants_before(after, PLAN, "act-1") == grants
    assert grants_before(grants, PLAN, "act-1") == grants


@given(GRANTS)
def test_what_somebody_granted_or_ended_since_is_left_alone(grants):
    after = grants_after(grants, PLAN, "act-1", "p-vinh")
    theirs = {"id": "theirs", "role": "approver", "unit_id": "u-9", "from": "2025-08-01", "to": None}
    shorter = [{**grant, "to": "2025-01-01"} if "moved" in grant else grant for grant in after]
    back = grants_before([*shorter, theirs], PLAN, "act-1")
    assert theirs in back
    assert all(grant["to"] == "2025-01-01" for grant, old in zip(back, after, strict=False) if "moved" in old)
