"""How facts add up, over random histories."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_calendar.periods import ZONE, period
from lantoa_reporting.domain import (
    CHANNELS,
    CellKey,
    DeviceWord,
    Fact,
    Tally,
    Totals,
    fold,
    total,
    total_of_all_tasks,
    totals_by,
)

TASKS = ("05", "08", "12")
UNITS = ("u-1", "u-2", "u-3")
YEAR = period("plan75-2027")
CUT_OFF = datetime(2026, 11, 15, tzinfo=ZONE)


def a_fact(number: int = 1, **fields) -> Fact:
    told = {
        "fact_id": f"airing:d-1:e-{number}",
        "channel": "radio",
        "unit_id": "u-1",
        "device_id": "d-1",
        "item_id": "i-1",
        "revision": 1,
        "title": "Bản tin",
        "priority": "normal",
        "tasks": ("08",),
        "topic": "skills",
        "started_at": CUT_OFF,
        "ended_at": CUT_OFF,
        "seconds": 60.0,
        "proof": DeviceWord(
            kid="U",
            p="{}",
            sig="-",
            device_public_key="U",
            session_id="s-1",
            entry_id=f"e-{number}",
            media_sha256="a" * 64,
        ),
    }
    return Fact(**{**told, **fields})


@st.composite
def histories(draw) -> list[Fact]:
    """Facts around the cut-off of the year, each delivered once or more, in any order."""
    drawn = st.tuples(
        st.sampled_from(("radio", "board")),
        st.sampled_from(UNITS),
        st.lists(st.sampled_from(TASKS), max_size=4).map(tuple),
        st.integers(-3 * 86_400, 3 * 86_400),
        st.floats(0.1, 900, allow_nan=False),
    )
    facts = [
        a_fact(
            number, channel=channel, unit_id=unit, tasks=tasks, started_at=CUT_OFF + timedelta(seconds=at), seconds=long
        )
        for number, (channel, unit, tasks, at, long) in enumerate(draw(st.lists(drawn, max_size=12)))
    ]
    again = draw(st.lists(st.sampled_from(facts), max_size=8)) if facts else []
    return draw(st.permutations(facts + again))


def tallies_of(facts: list[Fact]) -> list[Tally]:
    return [
        Tally(
            task=key.task,
            unit_id=key.unit_id,
            day=key.day.isoformat(),
            channel=key.channel,
            number=len(cell.facts),
            milliseconds=cell.milliseconds,
            first=cell.first,
            first_milliseconds=cell.first_milliseconds,
        )
        for key, cell in fold(facts).items()
    ]


@given(histories(), st.sampled_from(TASKS))
def test_the_shown_number_is_the_sum_over_the_facts_behind_it(history, task):
    shown = [tally for tally in tallies_of(history) if tally.task == task and date.fromisoformat(tally.day) in YEAR]
    behind = {fact.fact_id: fact for fact in history if task in fact.tasks and fact.day in YEAR}.values()
    aired = [fact for fact in behind if fact.channel == "radio"]
    assert total(shown) == Totals(
        airings=len(aired),
        airing_milliseconds=sum(round(fact.seconds * 1000) for fact in aired),
        displays=len(behind) - len(aired),
    )


@given(histories())
def test_neither_order_nor_repetition_changes_what_is_counted(history):
    unique = sorted({fact.fact_id: fact for fact in history}.values(), key=lambda fact: fact.fact_id)
    assert fold(history) == fold(unique)


@given(histories())
def test_the_parts_add_up_to_the_whole(history):
    tallies = tallies_of(history)
    whole = total(tallies)
    for part in (lambda tally: tally.unit_id, lambda tally: tally.day, lambda tally: tally.channel):
        parts = totals_by(tallies, part).values()
        added = Totals(
            sum(sums.airings for sums in parts),
            sum(sums.airing_milliseconds for sums in parts),
            sum(sums.displays for sums in parts),
        )
        assert added == whole


@given(histories())
def test_facts_stand_in_the_order_of_time(history):
    by_text = sorted(history, key=lambda fact: fact.order)
    assert [fact.started_at for fact in by_text] == sorted(fact.started_at for fact in history)


def test_a_fact_counts_for_each_task_that_its_item_names_once():
    cells = fold([a_fact(tasks=("08", "05", "08"))])
    assert sorted(key.task for key in cells) == ["05", "08"]
    assert {len(cell.facts) for cell in cells.values()} == {1}


def test_a_fact_without_tasks_counts_nowhere():
    assert fold([a_fact(tasks=())]) == {}


@pytest.mark.parametrize(
    ("started_at", "day"),
    [
        (datetime(2026, 11, 14, 23, 59, 59, tzinfo=ZONE), date(2026, 11, 14)),
        (datetime(2026, 11, 14, 16, 59, 59, tzinfo=UTC), date(2026, 11, 14)),
        (datetime(2026, 11, 15, tzinfo=ZONE), date(2026, 11, 15)),
        (datetime(2026, 11, 14, 17, tzinfo=UTC), date(2026, 11, 15)),
    ],
)
def test_the_day_is_that_of_the_wall_in_vietnam(started_at, day):
    assert a_fact(started_at=started_at).day == day


@pytest.mark.parametrize(
    ("milliseconds", "minutes"), [(0, 0.0), (2_999, 0.0), (3_000, 0.1), (59_999, 1.0), (64_600, 1.1), (690_000, 11.5)]
)
def test_minutes_have_one_decimal_rounded_half_up(milliseconds, minutes):
    assert Totals(1, milliseconds, 0).airing_minutes == minutes


def test_an_attempt_counts_on_the_day_of_its_submission_everything_else_on_the_day_of_its_start():
    over_midnight = {"started_at": CUT_OFF - timedelta(minutes=1), "ended_at": CUT_OFF + timedelta(minutes=1)}
    days = {channel: a_fact(channel=channel, **over_midnight).day.isoformat() for channel in CHANNELS}
    assert days == {"radio": "2026-11-14", "board": "2026-11-14", "web": "2026-11-14", "contest": "2026-11-15"}


@given(histories())
def test_over_all_tasks_each_fact_is_taken_once(history):
    unique = {fact.fact_id: fact for fact in history if fact.tasks}.values()
    sums = total_of_all_tasks(tallies_of(history))
    assert sums.airings + sums.displays == len(unique)
    assert sums.airing_milliseconds == sum(fact.milliseconds for fact in unique if fact.channel == "radio")


def test_a_cell_key_is_read_from_its_text():
    for key in a_fact(tasks=("05", "08"), channel="contest").cells:
        assert CellKey.of(key.id) == key
