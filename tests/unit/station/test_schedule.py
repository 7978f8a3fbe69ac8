"""What plays next: examples, then a whole life of a station against its rules."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lantoa_station.domain import MAX_ATTEMPTS, PATIENCE, Entry, Session, next_cue

START = datetime(2027, 3, 1, 22, 0, tzinfo=UTC)
LATE = timedelta(minutes=30)
MINUTE = timedelta(minutes=1)


def entry(name, seconds=60.0):
    return Entry(entry_id=name, audio=f"audio of {name}", seconds=seconds)


def session(name="s", starts_at=START, entries=("a", "b", "c")):
    return Session(name, starts_at, tuple(entry(each) for each in entries))


def everything(*sessions):
    return {each.audio for one in sessions for each in one.entries}


def cue(now, *sessions, attempts=None, ready=None, broken=()):
    sessions = sessions or (session(),)
    ready = everything(*sessions) if ready is None else ready
    return next_cue(sessions, attempts or {}, ready, broken, now, LATE)


def test_before_its_start_a_session_waits_with_its_first_entry():
    found = cue(START - MINUTE)
    assert (found.entry_id, found.attempt, found.planned_at, found.play_at) == ("a", 1, START, START)


def test_entries_play_back_to_back_in_order():
    found = cue(START + timedelta(seconds=10), attempts={"a": ["aired"]})
    assert (found.entry_id, found.planned_at, found.play_at) == ("b", START + MINUTE, START + timedelta(seconds=10))


def test_a_cut_entry_plays_again_before_the_next():
    found = cue(START + MINUTE, attempts={"a": ["cut"]})
    assert (found.entry_id, found.attempt) == ("a", 2)


def test_nothing_is_left_when_all_was_aired():
    assert cue(START + MINUTE, attempts={name: ["aired"] for name in "abc"}) is None


def test_a_session_may_be_late_by_the_grace_after_its_end_and_no_more():
    end = START + 3 * MINUTE
    assert cue(end + LATE - timedelta(seconds=1)).entry_id == "a"
    assert cue(end + LATE) is None


def test_missing_audio_holds_up_its_session_only_for_a_while():
    ready = everything(session()) - {entry("a").audio}
    assert cue(START, ready=ready).play_at == START + PATIENCE
    found = cue(START + PATIENCE, ready=ready)
    assert (found.entry_id, found.play_at) == ("b", START + PATIENCE)


def test_audio_that_came_late_is_still_played():
    assert cue(START + MINUTE, attempts={"b": ["aired"], "c": ["aired"]}).entry_id == "a"


def test_audio_that_cannot_be_decoded_holds_up_nobody():
    found = cue(START, broken={entry("a").audio})
    assert (found.entry_id, found.play_at) == ("b", START)


def test_an_entry_that_always_breaks_off_is_given_up():
    assert cue(START, attempts={"a": ["cut"] * MAX_ATTEMPTS}).entry_id == "b"


def test_an_earlier_session_ends_before_a_later_one_begins():
    later = session("later", START + MINUTE, ("x",))
    assert cue(START + 2 * MINUTE, later, session()).entry_id == "a"
    assert cue(START + 2 * MINUTE, later, session(), attempts={name: ["aired"] for name in "abc"}).entry_id == "x"


def test_of_sessions_that_start_together_the_one_that_the_rundown_names_first_plays_first():
    nearest, above = session("z-commune", entries=("x",)), session("a-province", entries=("y",))
    assert cue(START, nearest, above).entry_id == "x"
    assert cue(START, above, nearest).entry_id == "y"


SESSIONS = st.lists(
    st.tuples(st.integers(0, 120), st.lists(st.integers(5, 300), min_size=1, max_size=4)), min_size=1, max_size=3
).map(
    lambda drawn: [
        Session(
            f"s{n}",
            START + timedelta(minutes=minutes),
            tuple(entry(f"s{n}e{k}", float(seconds)) for k, seconds in enumerate(lengths)),
        )
        for n, (minutes, lengths) in enumerate(drawn)
    ]
)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("play"), st.just(0)),
        st.tuples(st.just("kill"), st.integers(1, 60)),
        st.tuples(st.just("wait"), st.integers(1, 3600)),
        st.tuples(st.just("fetch"), st.integers(0, 100)),
    ),
    max_size=40,
)


@given(sessions=SESSIONS, actions=ACTIONS, all_here=st.booleans())
def test_whatever_happens_no_entry_airs_twice_early_or_stale_and_a_cut_one_plays_again(sessions, actions, all_here):
    now = START - MINUTE
    audio = sorted(everything(*sessions))
    ready = set(audio) if all_here else set()
    attempts: dict[str, list[str]] = {}
    played: list[str] = []
    ends = {each.entry_id: one.ends_at for one in sessions for each in one.entries}
    starts = {each.entry_id: one.starts_at for one in sessions for each in one.entries}
    lengths = {each.entry_id: each.seconds for one in sessions for each in one.entries}
    for action, amount in actions:
        if action == "wait":
            now += timedelta(seconds=amount)
            continue
        if action == "fetch":
            ready.add(audio[amount % len(audio)])
            continue
        found = next_cue(sessions, attempts, ready, (), now, LATE)
        if found is None:
            continue
        now = max(now, found.play_at)
        past = attempts.setdefault(found.entry_id, [])
        assert "aired" not in past
        assert found.attempt == len(past) + 1
        assert starts[found.entry_id] <= now < ends[found.entry_id] + LATE + PATIENCE
        if action == "kill":
            past.append("cut")
            now += timedelta(seconds=amount)
            if now < ends[found.entry_id] + LATE and len(past) < MAX_ATTEMPTS:
                again = next_cue(sessions, attempts, ready, (), now, LATE)
                assert again is not None
        else:
            past.append("aired")
            played.append(found.entry_id)
            now += timedelta(seconds=lengths[found.entry_id])
    assert all(states.count("aired") <= 1 for states in attempts.values())
    if all_here and all(states.count("cut") < MAX_ATTEMPTS for states in attempts.values()):
        for one in sessions:
            heard = [name for name in played if name.startswith(f"{one.session_id}e")]
            assert heard == [each.entry_id for each in one.entries][: len(heard)]
