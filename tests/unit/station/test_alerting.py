"""Which notice sounds next."""

from hypothesis import given
from hypothesis import strategies as st

from lantoa_station.domain import Heard, Sounding, is_complete, is_due, next_sounding


def sounding(ref="a", rank=1, repeat=3, gap_s=10.0, worded=False, here=False):
    return Sounding(ref, rank, repeat, gap_s, worded, here)


def test_the_most_severe_sounds_first_and_another_in_its_gap():
    worst, other = sounding("worst", 0), sounding("other", 2)
    assert next_sounding([worst, other], {}, 0.0) == (worst, None)
    assert next_sounding([worst, other], {"worst": Heard(times=1, not_before_s=10)}, 5.0) == (other, None)
    heard = {"worst": Heard(times=1, not_before_s=10), "other": Heard(times=1, not_before_s=8)}
    assert next_sounding([worst, other], heard, 5.0) == (None, 8)
    assert next_sounding([worst, other], {"worst": Heard(times=3), "other": Heard(times=3)}, 99.0) == (None, None)


def test_a_sound_that_comes_late_is_heard_once_all_the_same():
    waiting, come = sounding(worded=True), sounding(worded=True, here=True)
    signal_only = Heard(times=3)
    assert not is_due(waiting, signal_only)
    assert not is_complete(waiting, signal_only), "its words are still to come"
    assert is_due(come, signal_only)
    assert is_complete(come, Heard(times=4, worded=1))


def test_a_sound_that_cannot_be_decoded_leaves_the_signal():
    come = sounding(worded=True, here=True)
    assert is_due(come, Heard(times=2, refused=True))
    assert is_complete(come, Heard(times=3, refused=True))


@given(
    notices=st.lists(
        st.builds(sounding, st.uuids().map(str), st.integers(0, 3), st.integers(1, 5), st.floats(0, 100)), max_size=4
    )
)
def test_every_notice_is_heard_exactly_as_often_as_told_and_never_within_its_gap(notices):
    notices = sorted(notices, key=lambda each: each.rank)
    heard, now, times = {}, 0.0, {}
    for _ in range(100):
        found, look_at = next_sounding(notices, heard, now)
        if found is None:
            if look_at is None:
                break
            assert look_at > now
            now = look_at
            continue
        been = heard.setdefault(found.ref, Heard())
        assert now >= been.not_before_s
        now += 5
        been.times += 1
        been.not_before_s = now + found.gap_s
        times[found.ref] = been.times
    assert times == {each.ref: each.repeat for each in notices}
