"""What is in turn and what counts as shown, whatever the times."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lantoa_player.domain import CLOCK_SLACK, LONGEST_SHOWING, ROUNDING, Slide, is_full_showing, showing

NOW = datetime(2027, 3, 1, 5, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SPANS = st.integers(-7200, 7200).map(lambda seconds: timedelta(seconds=seconds / 2))
SPEEDS = st.sampled_from([0.5, 1.0, 10.0, 1000.0, 100_000.0])


def slide(seconds=10.0, since=timedelta(days=-1), until=timedelta(days=1), name="e"):
    return Slide(name, f"hash of {name}", seconds, NOW + since, NOW + until)


def counts(started, ended, speed=1.0, now=NOW, **about):
    return is_full_showing(slide(**about), started, ended, now, speed)


def test_a_whole_dwell_counts_and_a_shorter_one_does_not():
    assert counts(NOW - 10 * SECOND, NOW)
    assert not counts(NOW - 10 * SECOND + 2 * ROUNDING, NOW)
    assert counts(NOW - SECOND, NOW, speed=10)


def test_a_showing_that_began_in_its_days_may_end_after_them():
    assert counts(NOW - 10 * SECOND, NOW, until=-5 * SECOND)
    assert not counts(NOW - 10 * SECOND, NOW, until=-10 * SECOND)


@given(start=SPANS, length=SPANS, speed=SPEEDS, seconds=st.floats(0.1, 600), since=SPANS, until=SPANS)
def test_what_counts_is_whole_past_in_its_days_and_not_absurdly_long(start, length, speed, seconds, since, until):
    started, ended = NOW + start, NOW + start + length
    if counts(started, ended, speed, seconds=seconds, since=since, until=until):
        assert ended - started >= max(timedelta(seconds=seconds / speed) - ROUNDING, timedelta(0))
        assert ended - started <= LONGEST_SHOWING
        assert ended <= NOW + CLOCK_SLACK
        assert NOW + since <= started < NOW + until
    elif since <= start < until and start + length <= timedelta(0) and length <= LONGEST_SHOWING:
        assert length < timedelta(seconds=seconds / speed)


@given(moved=SPANS, length=st.integers(0, 3600), speed=SPEEDS)
def test_only_the_distance_between_the_times_matters(moved, length, speed):
    started, ended = NOW - 3700 * SECOND, NOW - 3700 * SECOND + length * SECOND
    forever = {"since": timedelta(days=-9), "until": timedelta(days=9)}
    here = is_full_showing(slide(**forever), started, ended, NOW, speed)
    there = is_full_showing(slide(**forever), started + moved, ended + moved, NOW + moved, speed)
    assert here == there


@given(
    days=st.lists(st.tuples(SPANS, SPANS), max_size=8),
    here=st.sets(st.integers(0, 7)),
)
def test_in_turn_is_what_is_here_and_in_its_days_in_the_rundowns_order(days, here):
    slides = [slide(since=since, until=until, name=str(n)) for n, (since, until) in enumerate(days)]
    media = {f"hash of {n}" for n in here}
    turn = showing(slides, media, NOW)
    assert turn == [
        each for each in slides if each.sha256 in media and each.valid_from <= NOW and each.valid_until > NOW
    ]
