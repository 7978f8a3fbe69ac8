"""Report calendars: they tile time, and the local day decides on both sides of the cut-off."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_calendar.periods import (
    CALENDARS,
    ZONE,
    ReportCalendar,
    UnknownPeriod,
    local_day,
    period,
    period_of,
    periods_between,
    span_of,
)

calendars = st.sampled_from(sorted(CALENDARS))
days = st.dates(date(1950, 1, 1), date(2150, 12, 31))
ONE_DAY = timedelta(days=1)


@given(calendars, days)
def test_a_day_lies_in_its_own_period_and_the_key_leads_back_to_it(calendar: str, day: date) -> None:
    found = period_of(calendar, day)
    assert found.start <= day <= found.end
    assert day in found
    assert period(found.key) == found


@given(calendars, days)
def test_periods_tile_time_without_gap_or_overlap(calendar: str, day: date) -> None:
    found = period_of(calendar, day)
    following = period_of(calendar, found.end + ONE_DAY)
    assert following.start == found.end + ONE_DAY
    assert following.key > found.key
    assert period_of(calendar, found.start - ONE_DAY).end == found.start - ONE_DAY
    assert 365 <= (found.end - found.start).days + 1 <= 366


@pytest.mark.parametrize(
    ("key", "start", "end"),
    [
        ("plan75-2026", date(2025, 11, 15), date(2026, 11, 14)),
        ("state-2026", date(2025, 12, 15), date(2026, 12, 14)),
        ("civil-2026", date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_the_three_calendars_begin_and_end_on_their_days(key: str, start: date, end: date) -> None:
    found = period(key)
    assert (found.start, found.end, found.calendar) == (start, end, key.split("-")[0])


def test_the_plan_year_changes_on_the_15th_of_november() -> None:
    assert period_of("plan75", date(2026, 11, 14)).key == "plan75-2026"
    assert period_of("plan75", date(2026, 11, 15)).key == "plan75-2027"


def test_local_midnight_and_not_universal_midnight_is_the_cut_off() -> None:
    midnight = datetime(2026, 11, 14, 17, 0, tzinfo=UTC)  # 00:00 on the 15th in Việt Nam
    assert period_of("plan75", local_day(midnight - timedelta(microseconds=1))).key == "plan75-2026"
    assert period_of("plan75", local_day(midnight)).key == "plan75-2027"
    assert local_day(datetime(2026, 11, 14, 23, 59, 59, tzinfo=ZONE)) == date(2026, 11, 14)
    assert local_day(datetime(2026, 11, 15, 0, 0, tzinfo=ZONE)) == date(2026, 11, 15)


def test_an_instant_without_a_zone_has_no_local_day() -> None:
    with pytest.raises(ValueError, match="time zone"):
        local_day(datetime(2026, 11, 15))  # noqa: DTZ001 - the missing zone is the case


@given(calendars, days, days)
def test_periods_between_are_the_ones_that_share_a_day_with_the_range(calendar: str, one: date, other: date) -> None:
    first, last = sorted((one, other))
    found = periods_between(calendar, first, last)
    assert first in found[0]
    assert last in found[-1]
    assert all(before.end + ONE_DAY == after.start for before, after in pairwise(found))


def test_a_range_that_ends_before_it_begins_has_no_periods() -> None:
    assert periods_between("plan75", date(2026, 1, 2), date(2026, 1, 1)) == ()


@pytest.mark.parametrize(
    "key",
    ["", "plan75", "plan75-", "plan75-26", "plan75-20261", "plan75--2026", "other-2026", "plan75-2026 ", "plan75-1900"],
)
def test_an_unknown_key_is_refused(key: str) -> None:
    with pytest.raises(UnknownPeriod):
        period(key)


def test_a_day_outside_the_supported_years_or_an_unknown_calendar_is_refused() -> None:
    for calendar, day in (("plan75", date(1, 1, 1)), ("plan75", date(9999, 12, 31)), ("other", date(2026, 1, 1))):
        with pytest.raises(UnknownPeriod):
            period_of(calendar, day)


def test_a_calendar_cannot_start_on_a_day_that_some_years_lack() -> None:
    with pytest.raises(ValueError, match="day"):
        ReportCalendar("leap", 2, 29, "", "")


@given(days, days, st.datetimes(datetime(1950, 1, 1), datetime(2151, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_span_holds_every_instant_of_its_days_and_no_other(first: date, last: date, instant: datetime) -> None:
    begins, ends = span_of(first, last)
    assert begins is not None
    assert ends is not None
    assert (begins <= instant < ends) == (first <= local_day(instant) <= last)
    assert span_of(None, last) == (None, ends)
    assert span_of(first, None) == (begins, None)
