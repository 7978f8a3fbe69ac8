"""Acts change units so that nothing is lost, and their opposites leave no trace that counts."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_acts import COMMUNES, History, histories, province

from lantoa_directory.domain.acts import ActRefused, NewUnit, Wanted, dated, effective, planned, with_latecomers
from lantoa_directory.domain.succession import former_units, held_over_former
from lantoa_directory.domain.units import Unit, UnitsRefused, placed
from lantoa_reporting.domain.territory import Unit as ReportedUnit
from lantoa_reporting.domain.territory import as_now

DAY = date(2025, 7, 1)
TODAY = date(2026, 11, 27)


FEW = settings(max_examples=40)
"""A history is long: forty of them have every kind of act behind every other."""
NEW = NewUnit("Phường Trà Vinh", code="29242")


def merge(*sources, into=NEW, day=DAY, act="1687/NQ-UBTVQH15"):
    return Wanted("merge", day, act, sources, (into,))


def done(units: Mapping[str, Unit], wanted: Wanted) -> dict[str, Unit]:
    return placed(effective(units, planned(units, wanted)))


def test_a_merge_ends_units_and_makes_one_into_which_all_below_them_follows():
    after = done(province(), merge("u-0", "u-2"))
    new = after["u-29242-2025"]
    assert (new.valid_from, new.valid_to, new.kind, new.parent) == (DAY, None, "commune", "u-d0")
    assert {after[one].valid_to for one in ("u-0", "u-2")} == {date(2025, 6, 30)}
    assert after["u-0"].successors[0].unit_id == new.id
    assert after["b-0"].path == ("u-p", "u-d0", "u-29242-2025", "b-0")
    assert [one.unit_id for one in new.former] == ["u-0", "u-2"]


def test_a_unit_may_take_others_up_and_stay_itself():
    after = done(province(), merge("u-0", "u-2", into="u-4"))
    assert (after["u-4"].valid_to, after["u-4"].name) == (None, "Xã 4")
    assert {one.unit_id for one in after["u-4"].former} == {"u-0", "u-2"}


def test_a_new_name_is_a_new_unit_so_that_what_was_before_keeps_the_old_one():
    wanted = Wanted("rename", DAY, "NQ 1", ("u-1",), (NewUnit("Xã Vinh Kim"),))
    after = done(province(), wanted)
    assert after["u-1"].name == "Xã 1"
    assert (after["u-1-2025"].name, after["u-1-2025"].code) == ("Xã Vinh Kim", "1")


def test_a_superior_that_ends_is_followed_in_its_own_tree_too():
    wanted = Wanted("rename", DAY, "QĐ 1", ("b-p",), (NewUnit("Tỉnh ủy Vĩnh Long", code="TU"),))
    after = done(province(), wanted)
    assert after["b-1"].superior == "b-tu-2025"
    assert after["b-1"].path == ("u-p", "u-d1", "u-1", "b-1")


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (merge("u-0", "nowhere"), "unknown-unit"),
        (merge("u-0", "u-2", into="u-2"), "act-into-itself"),
        (merge("u-0", "b-1"), "act-other-tree"),
        (Wanted("move", DAY, "NQ", ("u-0",), ("u-d0",)), "act-there-already"),
        (Wanted("move", DAY, "NQ", ("u-p",), ("u-q",)), "act-root-stays"),
        (Wanted("move", DAY, "NQ", ("u-d0",), ("u-0",)), "own-ancestor"),
        (Wanted("split", DAY, "NQ", ("u-0",), ("u-1", "u-1")), "act-twice"),
        (merge("u-d0", into="u-0"), "own-ancestor"),
    ],
)
def test_an_act_that_cannot_be_says_why(wanted, code):
    units = province()
    other = placed({"u-q": replace(units["u-p"], id="u-q")})
    with pytest.raises(UnitsRefused) as refused:
        planned(units | other, wanted)
    assert refused.value.code == code


def test_units_that_have_ended_or_are_not_there_yet_take_no_part_in_acts():
    units = province()
    units["u-0"] = replace(units["u-0"], valid_to=date(2024, 12, 31))
    units["u-2"] = replace(units["u-2"], valid_from=DAY)
    for sources, code in ((("u-0",), "act-unit-ended"), (("u-2",), "act-unit-not-yet")):
        with pytest.raises(ActRefused) as refused:
            planned(units, merge(*sources))
        assert refused.value.code == code


def test_what_comes_to_hang_below_a_unit_before_the_acts_day_follows_too():
    units = province()
    plan = planned(units, merge("u-0", "u-2"))
    units = placed({**dated(units, plan), "b-9": Unit("b-9", "x", "Đoàn xã", "body", "u-0", None, None, tree="party")})
    after = effective(units, with_latecomers(units, plan))
    assert after["b-9"].parent == "u-29242-2025"


@FEW
@given(histories())
def test_every_act_is_undone_by_its_opposite_and_only_never_existing_units_remain(history: History):
    while history.acts:
        history.undo()
    before = province()
    assert {unit_id: history.units[unit_id] for unit_id in before} == before
    assert not any(unit.exists_on(day) for unit in _left(history) for day in _days(history.next_day))


def _left(history: History) -> list[Unit]:
    return [unit for unit_id, unit in history.units.items() if unit_id not in province()]


def _days(around: date) -> list[date]:
    return [around + timedelta(days=30 * n) for n in range(-12, 12)] + [TODAY]


@FEW
@given(histories())
def test_an_act_that_is_written_twice_is_written_once(history: History):
    for number, plan in enumerate(history.acts):
        if any(plan.touched & later.touched for later in history.acts[number + 1 :]):
            continue  # It was done, and is not written any more, before another could stand on it.
        assert placed(dated(history.units, plan)) == history.units
        assert placed(effective(history.units, plan)) == history.units


@FEW
@given(histories(), st.data())
def test_sums_are_the_same_as_then_and_as_now_whatever_acts_there_were(history: History, data: st.DataObject):
    counts = data.draw(st.dictionaries(st.sampled_from(sorted(history.units)), st.integers(0, 1000)))
    shown = as_now(_reported(history.units), TODAY)
    now: dict[str, int] = {}
    for unit_id, count in counts.items():
        now[shown[unit_id]] = now.get(shown[unit_id], 0) + count
    assert sum(now.values()) == sum(counts.values())
    divided = any(plan.kind == "split" for plan in history.acts)
    if not divided:
        assert all(history.units[unit_id].exists_on(TODAY) for unit_id in now if unit_id.startswith("u-"))
    while history.acts:
        history.undo()
    as_before = as_now(_reported(history.units), TODAY)
    assert all(as_before[unit.id] == unit.id for unit in COMMUNES)


def _reported(units: Mapping[str, Unit]) -> dict[str, ReportedUnit]:
    return {
        unit.id: ReportedUnit(
            unit.id, unit.name, unit.kind, unit.path, unit.valid_from, unit.valid_to,
            tuple(one.unit_id for one in unit.successors),
        )
        for unit in units.values()
    }  # fmt: skip


def _chain(units: Mapping[str, Unit], former: str, unit_id: str, day: date) -> bool:
    """Whether a unit went into another by successors whose days have come: the slow and obvious way."""
    links = units[former].successors if units[former].valid_to is not None else ()
    return any(
        link.date <= day and (link.unit_id == unit_id or _chain(units, link.unit_id, unit_id, day)) for link in links
    )


@FEW
@given(histories(), st.data())
def test_a_grant_holds_over_all_that_went_into_its_unit_by_that_day_and_nothing_else(
    history: History, data: st.DataObject
):
    units = history.units
    day = data.draw(st.sampled_from(_days(history.next_day)))
    unit_id = data.draw(st.sampled_from(sorted(units)))
    held = held_over_former([("author", unit_id)], {one: units[one].former for one in units}, day)
    assert {role for role, _, _ in held} <= {"author"}
    expected = {one for one in units if one != unit_id and _chain(units, one, unit_id, day)}
    assert {former for _, former, _ in held} == expected


def test_a_grant_that_is_there_anyway_is_not_repeated_and_gives_nothing_at_the_successor():
    after = done(province(), merge("u-0", "u-2"))
    former = {unit.id: unit.former for unit in after.values()}
    assert held_over_former([("author", "u-29242-2025"), ("author", "u-0")], former, TODAY) == [
        ("author", "u-2", "u-29242-2025")
    ]
    assert held_over_former([("admin", "u-0")], former, TODAY) == []
    assert held_over_former([("author", "u-29242-2025")], former, date(2025, 6, 30)) == []


def test_of_a_unit_that_goes_on_nobody_takes_over_the_papers():
    after = done(province(), merge("u-0", into="u-2"))
    part = {**after, "u-0": replace(after["u-0"], valid_to=None)}
    former = former_units({unit.id: (unit.valid_to, unit.successors) for unit in part.values()})
    assert former.get("u-2", ()) == ()
