"""What counts as missed, and the status line: decided from what is known, without a clock of its own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lantoa_broadcast.domain import Audio, Entry, Item, Session, airing_id_of, missed, planned, tally

START = datetime(2027, 3, 1, 22, 0, tzinfo=UTC)
GRACE = timedelta(minutes=60)
LONG_AGO = START - timedelta(days=30)
AUDIO = Audio("a" * 64, 1000, "audio/ogg")


def entry(name, seconds=60.0, withdrawn=False):
    item = Item(f"item-{name}", 2, 1, f"Tin {name}", "normal", ("08",), "khac", LONG_AGO, AUDIO, seconds)
    return Entry(name, item, withdrawn)


SESSION = Session("s", "u", START, START, (entry("a"), entry("b", 30.0), entry("c", withdrawn=True), entry("d")))
END = START + timedelta(seconds=150)
STATIONS = {"x": LONG_AGO, "y": LONG_AGO}


def names(pairs):
    return [(station, found.entry_id) for station, found in pairs]


def test_every_station_is_to_play_every_entry_that_was_not_withdrawn():
    assert names(planned(SESSION, STATIONS)) == [(s, e) for e in ("a", "b", "d") for s in ("x", "y")]


def test_a_station_that_came_after_the_start_is_not_expected():
    stations = {"x": START, "y": START + timedelta(seconds=1)}
    assert {station for station, _ in planned(SESSION, stations)} == {"x"}


def test_nothing_is_missed_until_the_grace_after_the_end_has_passed():
    assert missed(SESSION, STATIONS, (), END + GRACE - timedelta(seconds=1), GRACE) == []
    assert len(missed(SESSION, STATIONS, (), END + GRACE, GRACE)) == 6


def test_what_was_proved_is_not_missed():
    proved = {airing_id_of("x", "a"), airing_id_of("y", "d")}
    found = missed(SESSION, STATIONS, proved, END + GRACE, GRACE)
    assert names(found) == [("y", "a"), ("x", "b"), ("y", "b"), ("x", "d")]


def test_an_entry_is_planned_after_those_before_it_that_are_played():
    assert [SESSION.planned_at(name) for name in ("a", "b", "d")] == [
        START,
        START + timedelta(seconds=60),
        START + timedelta(seconds=90),
    ]


def test_a_session_that_was_moved_is_judged_by_its_new_time():
    later = replace(SESSION, starts_at=START + timedelta(hours=5))
    assert missed(later, STATIONS, (), END + GRACE, GRACE) == []


def test_an_airing_of_a_station_that_was_moved_away_still_counts():
    found = tally(["x:a"], {"gone:a": "confirmed"})
    assert (found.planned, found.confirmed, found.missed, found.waiting) == (2, 1, 0, 1)


ids = st.sampled_from([f"{s}:{e}" for s in "wxyz" for e in "abc"])


@given(planned_ids=st.sets(ids), states=st.dictionaries(ids, st.sampled_from(["confirmed", "missed", "cut"])))
def test_the_status_line_always_adds_up(planned_ids, states):
    found = tally(planned_ids, states)
    assert found.planned == len(planned_ids | states.keys())
    assert found.confirmed + found.missed + found.waiting == found.planned
    assert min(found.confirmed, found.missed, found.waiting) >= 0
