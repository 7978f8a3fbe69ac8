"""Which unit of today a unit of then is shown under."""

from datetime import date

from lantoa_reporting.domain import Unit, as_now

TODAY, ENDED, BEGAN = date(2026, 11, 23), date(2025, 6, 30), date(2025, 7, 1)


def unit(unit_id: str, *successors: str, valid_to: date | None = None, valid_from: date | None = None) -> Unit:
    return Unit(unit_id, unit_id, "commune", ("p", unit_id), valid_from, valid_to, successors)


def shown(*units: Unit) -> dict[str, str]:
    return as_now({unit.unit_id: unit for unit in units}, TODAY)


def test_a_unit_that_was_merged_is_shown_under_its_heir_by_a_chain_of_any_length():
    found = shown(unit("a", "b", valid_to=date(2024, 12, 31)), unit("b", "c", valid_to=ENDED), unit("c"))
    assert found == {"a": "c", "b": "c", "c": "c"}


def test_a_unit_that_was_divided_stays_where_it_is():
    found = shown(unit("a", "x", "y", valid_to=ENDED), unit("x"), unit("y"))
    assert found["a"] == "a"


def test_parts_that_were_joined_again_lead_to_one_heir():
    found = shown(
        unit("a", "x", "y", valid_to=date(2024, 12, 31)),
        unit("x", "z", valid_to=ENDED),
        unit("y", "z", valid_to=ENDED),
        unit("z"),
    )
    assert found["a"] == "z"


def test_a_unit_that_ended_without_an_heir_stays_where_it_is():
    assert shown(unit("district", valid_to=ENDED)) == {"district": "district"}


def test_a_unit_in_force_stays_itself_even_when_a_part_of_it_went_elsewhere():
    assert shown(unit("a", "x"), unit("x"))["a"] == "a"


def test_on_its_last_day_a_unit_is_in_force_and_its_heir_only_from_the_day_after():
    old, new = unit("a", "b", valid_to=ENDED), unit("b", valid_from=BEGAN)
    units = {"a": old, "b": new}
    assert as_now(units, ENDED) == {"a": "a", "b": "b"}
    assert as_now(units, BEGAN) == {"a": "b", "b": "b"}


def test_an_heir_that_nobody_told_of_or_that_leads_in_a_circle_moves_nothing():
    assert shown(unit("a", "untold", valid_to=ENDED)) == {"a": "a"}
    assert shown(unit("a", "b", valid_to=ENDED), unit("b", "a", valid_to=ENDED)) == {"a": "a", "b": "b"}
