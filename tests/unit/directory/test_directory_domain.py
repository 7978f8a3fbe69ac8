from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_directory.domain.signin import ABSOLUTE, IDLE, session_end, wait_until
from lantoa_directory.domain.units import Successor, Unit, UnitsRefused, changed_units

PROVINCE = Unit("p", "86", "Tỉnh Vĩnh Long", "province", None, date(2025, 7, 1), None)
WARD = Unit("w", "29242", "Phường Trà Vinh", "ward", "p", date(2025, 7, 1), None)
BODY = Unit("b", "UBND", "Ủy ban nhân dân phường Trà Vinh", "body", "w", date(2025, 7, 1), None, tree="administration")
OLD = Unit("o", "29236", "Phường 4", "ward", None, None, date(2025, 6, 30))
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def stored(*units: Unit) -> dict[str, Unit]:
    return {unit.id: unit for unit in changed_units({}, units, [])}


def test_a_path_runs_from_the_root_to_the_unit_and_ancestors_come_first():
    changed = changed_units({}, [BODY, WARD, PROVINCE], [])
    assert [unit.path for unit in changed] == [("p",), ("p", "w"), ("p", "w", "b")]


def test_the_same_units_again_change_nothing():
    assert changed_units(stored(PROVINCE, WARD, BODY), [WARD, PROVINCE, BODY], []) == []


def test_a_unit_that_moves_takes_everything_below_it_along():
    before = stored(PROVINCE, replace(PROVINCE, id="q"), WARD, BODY)
    changed = changed_units(before, [replace(WARD, parent="q")], [])
    assert {unit.id: unit.path for unit in changed} == {"w": ("q", "w"), "b": ("q", "w", "b")}


def test_successors_grow_and_are_kept_when_the_unit_is_given_again():
    into_ward = Successor("w", date(2025, 7, 1), "1687/NQ-UBTVQH15")
    before = stored(PROVINCE, WARD, OLD)
    changed = changed_units(before, [], [("o", into_ward)])
    assert changed[0].successors == (into_ward,)
    after = before | {unit.id: unit for unit in changed}
    assert changed_units(after, [OLD], [("o", into_ward)]) == []
    into_both = changed_units(after, [], [("o", replace(into_ward, unit_id="p"))])
    assert [s.unit_id for s in into_both[0].successors] == ["p", "w"]


@pytest.mark.parametrize(
    ("given_units", "links", "code"),
    [
        ([replace(WARD, parent="nowhere")], [], "unknown-parent"),
        ([replace(WARD, parent="w")], [], "own-ancestor"),
        ([replace(PROVINCE, parent="w"), WARD], [], "own-ancestor"),
        ([PROVINCE], [("p", Successor("nowhere", date(2025, 7, 1), ""))], "unknown-unit"),
        ([PROVINCE], [("nowhere", Successor("p", date(2025, 7, 1), ""))], "unknown-unit"),
    ],
)
def test_units_that_make_no_tree_are_refused(given_units, links, code):
    with pytest.raises(UnitsRefused) as refused:
        changed_units({}, given_units, links)
    assert refused.value.code == code


def test_a_unit_exists_on_its_first_and_on_its_last_day():
    assert OLD.exists_on(date(2025, 6, 30))
    assert not OLD.exists_on(date(2025, 7, 1))
    assert WARD.exists_on(date(2025, 7, 1))
    assert not WARD.exists_on(date(2025, 6, 30))


def test_four_failures_are_free_then_the_wait_doubles_up_to_a_minute():
    waits = [wait_until(NOW, failures) for failures in range(1, 14)]
    assert waits[:4] == [None] * 4
    assert waits[4:] == [NOW + timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 16, 32, 60, 60, 60)]


@given(st.integers(0, 100_000))
def test_a_wait_is_never_a_lock(failures):
    assert (wait_until(NOW, failures) or NOW) - NOW <= timedelta(seconds=60)


@given(st.integers(0, 8 * 3600))
def test_a_session_ends_half_an_hour_after_use_and_never_later_than_its_eighth_hour(seconds):
    used = NOW + timedelta(seconds=seconds)
    assert session_end(NOW, used) == min(used + IDLE, NOW + ABSOLUTE)
