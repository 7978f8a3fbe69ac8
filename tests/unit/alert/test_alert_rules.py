"""The rules of notices, orders, rosters and ledgers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_alert.domain.notices import (
    RECENT,
    REQUEST_LIFE,
    Act,
    Message,
    NoticeRefused,
    Sound,
    cancel,
    confirm,
    merged,
    new_notice,
    recent,
    refuse,
    update,
    with_sound,
)
from lantoa_alert.domain.orders import MOST_SOUND_BYTES, in_force, order_for, parts, said, saying
from lantoa_alert.domain.reach import STAGES, Count, Ledger, Row, pause
from lantoa_alert.domain.roster import Device, Roster, Unit, newer

NOW = datetime(2026, 11, 27, 5, 0, tzinfo=UTC)
MESSAGE = Message("actual", "severe", "Lũ", {"vi": "Lên chỗ cao."}, ("unit.u-1",), 60)


def act(who, minutes=0.0):
    return Act(who, who, NOW + timedelta(minutes=minutes))


def issued(message=MESSAGE, notice_id="ntc-1"):
    return confirm(new_notice(notice_id, "console", message, act("hung")), act("son", 1))


def refused(step):
    with pytest.raises(NoticeRefused) as error:
        step()
    return error.value.code


def test_a_notice_goes_from_request_to_force_to_its_end():
    asked = new_notice("ntc-1", "console", MESSAGE, act("hung"))
    assert asked.state(NOW) == "requested"
    assert asked.state(NOW + REQUEST_LIFE) == "lapsed"
    live = confirm(asked, act("son", 1), 1)
    assert live.state(NOW + timedelta(minutes=60)) == "in_force"
    assert live.state(NOW + timedelta(minutes=61)) == "expired"
    assert cancel(live, act("hung", 2)).state(NOW) == "cancelled"
    assert refuse(asked, act("son"), "sai").state(NOW) == "refused"


def test_steps_that_must_not_be():
    asked, live = new_notice("ntc-1", "console", MESSAGE, act("hung")), issued()
    assert refused(lambda: confirm(asked, act("hung"))) == "alert.own-request"
    assert refused(lambda: confirm(asked, act("son", 30))) == "alert.nothing-waits"
    assert refused(lambda: confirm(asked, act("son"), 2)) == "alert.other-version"
    assert refused(lambda: confirm(live, act("ha", 2))) == "alert.nothing-waits"
    assert refused(lambda: cancel(asked, act("hung"))) == "alert.not-in-force"
    assert refused(lambda: update(live, MESSAGE, act("hung", 61))) == "alert.not-in-force"
    waiting = update(live, replace(MESSAGE, headline="Lũ lớn"), act("hung", 2))
    assert refused(lambda: update(waiting, MESSAGE, act("son", 3))) == "alert.update-waits"
    # An update of a notice that was called off or has ended confirms nothing.
    assert refused(lambda: confirm(cancel(waiting, act("ha", 4)), act("son", 5))) == "alert.nothing-waits"
    long = update(issued(replace(MESSAGE, minutes=5)), replace(MESSAGE, minutes=600), act("hung", 5))
    assert refused(lambda: confirm(long, act("son", 7))) == "alert.nothing-waits"


def test_the_same_step_twice_is_the_same_step():
    live = issued()
    assert confirm(live, act("son", 2)) is live
    gone = cancel(live, act("hung", 2))
    assert cancel(gone, act("ha", 3)) is gone


def test_a_sign_in_is_fresh_for_five_minutes_and_not_from_the_future():
    assert recent(NOW - RECENT, NOW)
    assert not recent(NOW - RECENT - timedelta(seconds=1), NOW)
    assert not recent(NOW + timedelta(minutes=2), NOW)
    assert not recent(None, NOW)


def test_a_recording_stays_and_comes_before_confirmation_while_speech_may_come_late():
    spoken = Sound("a" * 64, 10, "audio/ogg", 1.0, spoken=True)
    recorded = replace(spoken, sha256="b" * 64, spoken=False)
    asked = new_notice("ntc-1", "console", MESSAGE, act("hung"))
    own = with_sound(with_sound(asked, 1, spoken), 1, recorded)
    assert own.last.sound == recorded
    assert with_sound(own, 1, spoken) is own
    assert with_sound(issued(), 1, spoken).last.sound == spoken
    assert refused(lambda: with_sound(issued(), 1, recorded)) == "alert.sound-too-late"
    exercise = with_sound(issued(replace(MESSAGE, status="exercise")), 1, spoken)
    assert exercise.last.heard is None


def test_two_states_merge_to_the_one_that_devices_know_whoever_looks():
    asked = new_notice("ntc-1", "console", MESSAGE, act("hung"))
    live, no = confirm(asked, act("son", 1)), refuse(asked, act("ha", 1), "")
    assert merged(live, no).issued == merged(no, live).issued == live.issued
    gone = cancel(live, act("ha", 2))
    sounding = with_sound(live, 1, Sound("a" * 64, 1, "audio/ogg", 1.0, spoken=True))
    assert merged(sounding, gone).cancelled == merged(gone, sounding).cancelled == gone.cancelled
    assert merged(live, live) is live


def test_an_order_says_what_is_in_force_and_its_number_only_grows():
    first, second = issued(), issued(replace(MESSAGE, minutes=10), "ntc-2")
    now = NOW + timedelta(minutes=5)
    live = in_force([first, second], now)["unit.u-1"]
    order = order_for("unit.u-1", live, 0, now)
    assert [one.notice_id for one in order.notices] == ["ntc-1", "ntc-2"]
    assert order.exp == first.issued.expires_at
    assert said(order) == saying(live)
    assert order_for("unit.u-1", live, order.seq, now - timedelta(hours=1)).seq == order.seq + 1
    assert in_force([first, second], NOW + timedelta(minutes=12))["unit.u-1"] == [(first, first.last)]
    assert order_for("all", (), 0, now).notices == ()


@given(st.binary(max_size=200_000))
def test_parts_make_the_sound_again_and_fit_a_value(sound):
    assert b"".join(parts(sound)) == sound
    assert all(len(part) <= 48 * 1024 for part in parts(sound))
    assert len(parts(b"x" * MOST_SOUND_BYTES)) == 22


FACTS = st.lists(
    st.tuples(st.sampled_from(["claimed", "moved", "grouped", "revoked"]), st.sampled_from("ab"), st.integers(1, 9)),
    max_size=8,
    unique_by=lambda one: one[2],
)


def told(kind, name, ver):
    if kind == "claimed":
        return Device("d", name, "radio", (name, ver), ((name,), ver), (True, ver))
    if kind == "moved":
        return Device("d", unit=(name, ver))
    if kind == "grouped":
        return Device("d", groups=((name,), ver))
    return Device("d", accepted=(False, ver))


@given(FACTS, st.randoms())
def test_a_device_is_the_same_whatever_order_its_events_come_in(facts, random):
    def know(order):
        device = Device("d")
        for fact in order:
            device = newer(device, told(*fact))
        return device

    shuffled = list(facts)
    random.shuffle(shuffled)
    one, other = know(facts), know(shuffled)
    assert (one.unit, one.groups, one.accepted) == (other.unit, other.groups, other.accepted)


def test_a_roster_knows_who_hears_a_scope_and_who_may_speak_to_it():
    roster = Roster(
        {
            "d-1": Device("d-1", "", "radio", ("u-1", 1), (("song",), 1), (True, 1)),
            "d-2": Device("d-2", "", "board", ("u-2", 1), ((), 1), (True, 1)),
            "d-3": Device("d-3", "", "radio", ("u-1", 1), ((), 1), (False, 2)),
        },
        {"u-p": Unit("u-p", 1, "Tỉnh", ("u-p",)), **{u: Unit(u, 1, u, ("u-p", u)) for u in ("u-1", "u-2")}},
    )
    assert roster.hearing(["all"]) == {"d-1": "u-1", "d-2": "u-2"}
    assert roster.hearing(["unit.u-p"]) == {"d-1": "u-1", "d-2": "u-2"}
    assert roster.hearing(["unit.u-1", "grp.none"]) == {"d-1": "u-1"}
    assert roster.hearing(["grp.song"]) == {"d-1": "u-1"}
    assert [roster.scope_of(one) for one in ("all", "u-1", "unit.u-1", "song", "grp.song", "x", "unit.x")] == [
        "all", "unit.u-1", "unit.u-1", "grp.song", "grp.song", None, None,
    ]  # fmt: skip
    assert roster.paths_of("all") == [("u-p",)]
    assert roster.paths_of("grp.song") == [("u-p", "u-1")]
    assert roster.paths_of("grp.none") == []


ACKS = st.lists(st.tuples(st.sampled_from(["d-1", "d-2", "d-3"]), st.sampled_from(STAGES), st.integers(0, 99)))


@given(ACKS, ACKS)
def test_two_ledgers_that_merge_know_what_one_would_have_known(here, there):
    one, other, both = Ledger(), Ledger(), Ledger()
    for ledger, acks in ((one, here), (other, there), (both, here + there)):
        ledger.address({"d-1": "u-1", "d-2": "u-2"})
        for device_id, stage, at_ms in acks:
            ledger.note(device_id, "u-1", stage, at_ms)
    one.merge({device_id: Row(row.unit_id, dict(row.at), row.addressed) for device_id, row in other.rows()})
    assert dict(one.rows()) == dict(both.rows())
    assert one.counts() == both.counts()
    assert one.silent() == both.silent()


def test_a_ledger_counts_repeats_once_and_lets_only_the_silent_go():
    ledger = Ledger()
    ledger.address({"d-1": "u-1", "d-2": "u-1"})
    assert ledger.note("d-1", "u-1", "verified", 80)
    assert not ledger.note("d-1", "u-1", "verified", 90)
    assert ledger.note("d-1", "u-1", "finished", 900)
    assert ledger.counts() == {"u-1": Count(2, 1, 1, 1, 1, 0)}
    assert ledger.release("d-1") == set()
    assert ledger.release("d-2") != set()
    assert ledger.total() == Count(1, 1, 1, 1, 1, 0)
    assert ledger.times("verified") == [80]
    assert ledger.note("d-2", "u-1", "received", 100)
    assert ledger.total().reached == 2


def test_who_is_silent_is_told_again_ever_more_seldom():
    waits = [pause(number) for number in range(9)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (4.0, 600.0)
