"""Civil recurrence: strictly later, in order, bounded in cost, in local time."""

import time
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lantoa_calendar.periods import ZONE
from lantoa_calendar.recurrence import InvalidRule, Slot, next_occurrence, occurrences

RULES = [
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3",
    "FREQ=WEEKLY;BYDAY=MO,WE,FR",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;WKST=MO",
    "FREQ=MONTHLY;BYMONTHDAY=31",
    "FREQ=MONTHLY;BYDAY=-1FR",
    "FREQ=MONTHLY;BYDAY=5MO",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=10",
]
rules = st.sampled_from(RULES)
starts = st.datetimes(datetime(2022, 1, 1), datetime(2030, 1, 1), timezones=st.just(ZONE))  # noqa: DTZ001 - bounds of local time
afters = st.datetimes(datetime(2020, 1, 1), datetime(2036, 1, 1), timezones=st.sampled_from([ZONE, UTC]))  # noqa: DTZ001


def at(year: int, month: int, day: int, hour: int = 5, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=ZONE)


@settings(deadline=None)
@given(rules, starts, afters)
def test_the_next_occurrence_is_strictly_later_and_never_before_the_start(
    rule: str, start: datetime, after: datetime
) -> None:
    found = next_occurrence(rule, start, after)
    assert found is not None
    assert found > after
    assert found >= start.replace(microsecond=0)
    assert found.astimezone(ZONE).time() == start.time().replace(microsecond=0)
    assert found.tzinfo is ZONE


@settings(deadline=None)
@given(rules, starts, afters, st.timedeltas(timedelta(0), timedelta(days=900)))
def test_a_later_question_never_has_an_earlier_answer(
    rule: str, start: datetime, after: datetime, later: timedelta
) -> None:
    first = next_occurrence(rule, start, after)
    second = next_occurrence(rule, start, after + later)
    assert first is not None
    assert second is not None
    assert first <= second


@settings(deadline=None)
@given(rules, starts, afters)
def test_stepping_and_listing_give_the_same_occurrences(rule: str, start: datetime, frm: datetime) -> None:
    listed = occurrences(rule, start, frm, frm + timedelta(days=365 * 25), limit=3)
    stepped = []
    cursor: datetime | None = frm - timedelta(microseconds=1)
    for _ in listed:
        assert cursor is not None
        cursor = next_occurrence(rule, start, cursor)
        stepped.append(cursor)
    assert list(listed) == stepped
    assert listed


def test_a_daily_session_at_five_follows_the_local_clock() -> None:
    slot = Slot("FREQ=DAILY", "05:00")
    start = slot.start(date(2026, 11, 1))
    assert start == datetime(2026, 10, 31, 22, 0, tzinfo=UTC)
    assert next_occurrence(slot.rule, start, at(2026, 11, 23, 4, 59)) == at(2026, 11, 23)
    assert next_occurrence(slot.rule, start, at(2026, 11, 23)) == at(2026, 11, 24)


def test_a_list_includes_its_first_instant_and_excludes_its_last() -> None:
    start = at(2026, 11, 1)
    listed = occurrences("FREQ=DAILY", start, at(2026, 11, 2), at(2026, 11, 5), limit=10)
    assert [instant.day for instant in listed] == [2, 3, 4]
    assert len(occurrences("FREQ=DAILY", start, at(2026, 11, 2), at(2026, 11, 5), limit=2)) == 2


def test_the_31st_skips_months_that_lack_it_and_minus_one_does_not() -> None:
    year = (at(2026, 1, 1), at(2026, 1, 1), at(2027, 1, 1))
    skipping = occurrences("FREQ=MONTHLY;BYMONTHDAY=31", *year, limit=20)
    assert [instant.month for instant in skipping] == [1, 3, 5, 7, 8, 10, 12]
    last_days = occurrences("FREQ=MONTHLY;BYMONTHDAY=-1", *year, limit=20)
    assert [instant.day for instant in last_days] == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    implied = occurrences("FREQ=MONTHLY", at(2026, 1, 31), at(2026, 1, 1), at(2027, 1, 1), limit=20)
    assert implied == skipping


def test_the_29th_of_february_comes_in_leap_years_only() -> None:
    assert next_occurrence("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", at(2026, 1, 1), at(2026, 1, 1)) == at(2028, 2, 29)
    assert next_occurrence("FREQ=YEARLY", at(2028, 2, 29), at(2028, 2, 29)) == at(2032, 2, 29)


def test_count_and_until_end_a_rule() -> None:
    start = at(2026, 11, 1)
    assert next_occurrence("FREQ=DAILY;COUNT=3", start, at(2026, 11, 2)) == at(2026, 11, 3)
    assert next_occurrence("FREQ=DAILY;COUNT=3", start, at(2026, 11, 3)) is None
    whole_day = "FREQ=DAILY;UNTIL=20261103"
    assert next_occurrence(whole_day, start, at(2026, 11, 2)) == at(2026, 11, 3)
    assert next_occurrence(whole_day, start, at(2026, 11, 3)) is None
    universal = "FREQ=DAILY;UNTIL=20261102T220000Z"  # 05:00 on the 3rd in Việt Nam
    assert next_occurrence(universal, start, at(2026, 11, 2)) == at(2026, 11, 3)
    assert next_occurrence("FREQ=DAILY;UNTIL=20261103T045959", start, at(2026, 11, 2)) is None


def test_nothing_comes_after_the_horizon_of_fifty_years() -> None:
    assert next_occurrence("FREQ=DAILY", at(2026, 1, 1), at(2075, 12, 31)) == at(2076, 1, 1)
    assert next_occurrence("FREQ=DAILY", at(2026, 1, 1), at(2076, 1, 1)) is None


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "x",
        "DAILY",
        "INTERVAL=2",
        "FREQ=",
        "FREQ=HOURLY",
        "FREQ=MINUTELY",
        "FREQ=SECONDLY",
        "FREQ=DAILY;",
        "FREQ=DAILY;FREQ=WEEKLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;INTERVAL=1000000000",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=1;UNTIL=20301231",
        "FREQ=DAILY;UNTIL=20261332",
        "FREQ=DAILY;UNTIL=00010101T000000Z",
        "FREQ=DAILY;UNTIL=20200101",
        "FREQ=DAILY;BYHOUR=5",
        "FREQ=DAILY;BYEASTER=0",
        "FREQ=DAILY;BYMONTHDAY=0",
        "FREQ=DAILY;BYMONTHDAY=32",
        "FREQ=DAILY;BYMONTH=13",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=2MO",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=MONTHLY;BYSETPOS=1",
        "FREQ=DAILY\nRRULE:FREQ=DAILY",
        "FREQ=WEEKLY;BYDAY=" + ",".join(["MO"] * 100),
    ],
)
def test_garbage_and_rules_finer_than_a_day_are_refused(rule: str) -> None:
    with pytest.raises(InvalidRule):
        next_occurrence(rule, at(2026, 11, 1), at(2026, 11, 1))


parts = st.lists(
    st.sampled_from(
        [
            "INTERVAL=7",
            "INTERVAL=999",
            "COUNT=2",
            "UNTIL=20270101",
            "BYDAY=MO,FR",
            "BYDAY=5SU,-5MO",
            "BYMONTH=2,11",
            "BYMONTHDAY=31,-31",
            "BYMONTHDAY=29",
            "BYSETPOS=2",
            "BYSETPOS=-366",
            "WKST=SU",
        ]
    ),
    max_size=5,
)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]), parts)
def test_any_mix_of_accepted_parts_is_an_invalid_rule_or_has_occurrences(freq: str, chosen: list[str]) -> None:
    rule = ";".join([f"FREQ={freq}", *chosen])
    try:
        found = occurrences(rule, at(2026, 11, 1), at(2026, 11, 1), at(2077, 1, 1), limit=5)
    except InvalidRule:
        return
    assert found
    assert list(found) == sorted(set(found))


@given(st.text(max_size=40))
def test_no_free_text_is_a_rule(rule: str) -> None:
    with pytest.raises(InvalidRule):
        next_occurrence(rule, at(2026, 11, 1), at(2026, 11, 1))


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYDAY=1MO;BYSETPOS=2",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",  # the start is a Sunday
        "FREQ=DAILY;BYSETPOS=2;BYMONTH=1",
    ],
)
def test_a_rule_that_never_happens_is_refused_in_bounded_time(rule: str) -> None:
    begun = time.process_time()
    with pytest.raises(InvalidRule):
        next_occurrence(rule, at(2026, 11, 1), at(2026, 11, 1))
    assert time.process_time() - begun < 3  # searched to the year 9999 it takes more than twice as long


def test_a_time_without_a_zone_and_an_empty_list_are_refused() -> None:
    naive = datetime(2026, 11, 1)  # noqa: DTZ001 - the missing zone is the case
    with pytest.raises(ValueError, match="time zone"):
        next_occurrence("FREQ=DAILY", naive, at(2026, 11, 1))
    with pytest.raises(ValueError, match="time zone"):
        next_occurrence("FREQ=DAILY", at(2026, 11, 1), naive)
    with pytest.raises(ValueError, match="limit"):
        occurrences("FREQ=DAILY", at(2026, 11, 1), at(2026, 11, 1), at(2026, 11, 2), limit=0)


@pytest.mark.parametrize("start", [at(1979, 1, 1), at(2150, 1, 1)])
def test_a_start_outside_the_supported_years_is_refused(start: datetime) -> None:
    with pytest.raises(InvalidRule):
        next_occurrence("FREQ=DAILY", start, at(2026, 11, 1))


@pytest.mark.parametrize("text", ["5:00", "24:00", "05:60", "05:00:00", "", "nửa đêm"])
def test_a_slot_needs_a_time_of_day(text: str) -> None:
    with pytest.raises(InvalidRule):
        Slot("FREQ=DAILY", text)
