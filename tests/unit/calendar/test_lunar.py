"""Vietnamese lunar dates: festivals on their known days, leap months, short months."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_calendar.recurrence import InvalidLunarDate, LunarDate, lunar_date, next_lunar, solar_of

days = st.dates(date(1901, 1, 1), date(2098, 12, 31))


@pytest.mark.parametrize(
    ("year", "new_year"),
    [
        (1968, date(1968, 1, 29)),  # the Chinese calendar says 30 January
        (1985, date(1985, 1, 21)),  # the Chinese calendar says 20 February
        (2007, date(2007, 2, 17)),  # the Chinese calendar says 18 February
        (2025, date(2025, 1, 29)),
        (2026, date(2026, 2, 17)),
        (2030, date(2030, 2, 2)),  # the Chinese calendar says 3 February
    ],
)
def test_tet_is_the_vietnamese_one(year: int, new_year: date) -> None:
    assert solar_of(LunarDate(1, 1, year)) == new_year
    assert next_lunar(1, 1, new_year - timedelta(days=1)) == new_year


@given(days)
def test_civil_and_lunar_dates_lead_back_to_each_other(day: date) -> None:
    assert solar_of(lunar_date(day)) == day


@given(days, st.integers(1, 30), st.none() | st.integers(1, 12))
def test_the_next_lunar_day_is_strictly_later_and_the_nearest(day: date, of_month: int, month: int | None) -> None:
    found = next_lunar(of_month, month, day)
    lunar = lunar_date(found)
    assert found > day
    assert month is None or (lunar.month, lunar.leap) == (month, False)
    assert lunar.day == of_month or (of_month == 30 and lunar.day == 29)
    assert next_lunar(of_month, month, found - timedelta(days=1)) == found
    assert (found - day).days <= (31 if month is None else 385)


@given(days, st.integers(0, 400), st.integers(1, 30), st.none() | st.integers(1, 12))
def test_a_later_question_never_has_an_earlier_lunar_answer(
    day: date, later: int, of_month: int, month: int | None
) -> None:
    assert next_lunar(of_month, month, day) <= next_lunar(of_month, month, day + timedelta(days=later))


def test_ok_om_bok_of_2026_falls_on_the_23rd_of_november() -> None:
    assert next_lunar(15, 10, date(2026, 1, 1)) == date(2026, 11, 23)


def test_a_yearly_date_is_kept_in_the_regular_month_and_a_monthly_one_also_in_the_leap_month() -> None:
    # 2025 has a leap sixth month, from 25 July.
    assert lunar_date(date(2025, 7, 25)) == LunarDate(1, 6, 2025, leap=True)
    assert next_lunar(1, 6, date(2025, 6, 1)) == date(2025, 6, 25)
    assert next_lunar(1, 6, date(2025, 6, 25)) == solar_of(LunarDate(1, 6, 2026))
    assert next_lunar(1, None, date(2025, 6, 25)) == date(2025, 7, 25)


def test_new_years_eve_is_the_last_day_of_the_year_also_in_a_short_month() -> None:
    # The twelfth month before Tết 2025 has 29 days, the one before Tết 2024 has 30.
    assert next_lunar(30, 12, date(2025, 1, 1)) == date(2025, 1, 28)
    assert lunar_date(date(2025, 1, 28)).day == 29
    assert next_lunar(30, 12, date(2024, 1, 1)) == date(2024, 2, 9)
    assert lunar_date(date(2024, 2, 9)).day == 30


@pytest.mark.parametrize(
    "lunar",
    [
        LunarDate(30, 12, 2024),  # that month has 29 days
        LunarDate(1, 6, 2026, leap=True),  # 2026 has no leap month
        LunarDate(1, 5, 2025, leap=True),  # in 2025 the sixth month is the doubled one
        LunarDate(29, 12, 2100),  # ends in 2101
    ],
)
def test_a_lunar_date_that_does_not_exist_is_refused(lunar: LunarDate) -> None:
    with pytest.raises(InvalidLunarDate):
        solar_of(lunar)


def test_days_outside_the_supported_years_and_impossible_days_are_refused() -> None:
    with pytest.raises(InvalidLunarDate):
        lunar_date(date(1899, 12, 31))
    with pytest.raises(InvalidLunarDate):
        next_lunar(1, 1, date(2100, 12, 1))
    for day_of_month, month in ((0, 1), (31, 1), (1, 0), (1, 13)):
        with pytest.raises(InvalidLunarDate):
            next_lunar(day_of_month, month, date(2026, 1, 1))
