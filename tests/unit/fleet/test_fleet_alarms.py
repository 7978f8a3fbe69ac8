"""Which alarms stand: one device's causes, in time, and many devices' as one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_contracts.device import Heartbeat
from lantoa_fleet.domain.alarms import (
    PATIENCE,
    STILL_WIDE_SHARE,
    WIDE_DEVICES,
    WIDE_SHARE,
    Persistence,
    causes,
    standing,
)
from lantoa_fleet.domain.history import heard
from lantoa_fleet.domain.listing import Trouble, row_of

NOW = datetime(2026, 11, 27, 5, 10, tzinfo=UTC)
SESSION = [
    [
        int(datetime(2026, 11, 27, 5, 0, tzinfo=UTC).timestamp()),
        int(datetime(2026, 11, 27, 5, 30, tzinfo=UTC).timestamp()),
    ]
]
DEVICE = {
    "_id": "d-1", "name": "Loa chợ", "kind": "radio", "unit_id": "u-1", "path": ["u-p", "u-1"], "state": "accepted",
    "online": True, "last_seen": NOW, "seq": 3, "radio": {"windows": SESSION}, "alarms": [],
}  # fmt: skip
ROW = row_of(DEVICE, None, lambda spans: spans)


def beat(**changes):
    return Heartbeat(**{"at": NOW, "version": "1", "state": "idle", "desired_seq": 3, **changes})


def state(at=NOW, **changes):
    return heard(heard(None, beat(**changes), at - timedelta(seconds=30))[0], beat(**changes), at)[0]


def found(row=ROW, at=NOW, counting=(), alerting=False, **changes):
    return causes(row, state(at, **changes), at, counting, alerting=alerting)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"state": "playing"}, set()),
        ({"state": "idle"}, {"silent"}),
        ({"state": "starting"}, set()),
        ({"state": "idle", "desired_seq": 2}, set()),
        ({"state": "playing", "clock_offset_ms": -61_000}, {"clock_off"}),
        ({"state": "playing", "disk_free_mb": 199}, {"disk_full"}),
        ({"state": "playing", "temperature_c": 76.0}, {"temperature"}),
    ],
)
def test_a_heartbeat_in_the_middle_of_a_session_says_what_is_wrong(changes, wrong):
    assert found(**changes) == wrong


@pytest.mark.parametrize(
    ("minute", "activity", "wrong"),
    [
        (-1, "idle", set()),
        (1, "idle", set()),
        (3, "idle", {"silent"}),
        (29, "idle", {"silent"}),
        (31, "idle", set()),
        (31, "playing", set()),
        (59, "playing", set()),
        (61, "playing", {"sounding"}),
        (-1, "playing", {"sounding"}),
    ],
)
def test_silence_is_a_fault_within_the_session_and_sound_one_long_after_it(minute, activity, wrong):
    at = datetime(2026, 11, 27, 5, 0, tzinfo=UTC) + timedelta(minutes=minute)
    assert found(at=at, state=activity) == wrong
    assert found(at=at, state=activity, alerting=True) == set()


def test_a_board_is_neither_silent_nor_sounding():
    assert found(replace(ROW, kind="board"), state="idle") == set()


def test_what_is_away_is_offline_and_what_is_revoked_is_nothing():
    assert causes(replace(ROW, online=False), state(), NOW, (), alerting=False) == {"offline"}
    assert causes(replace(ROW, online=False, accepted=False), state(), NOW, (), alerting=False) == set()
    assert causes(ROW, None, NOW, (), alerting=False) == set()


def test_what_a_device_tells_holds_for_two_hours_unless_its_heartbeat_denies_it():
    told = (Trouble("signature_refused", NOW - timedelta(minutes=119), 3), Trouble("clock_off", NOW, 1))
    assert found(replace(ROW, troubles=told), state="playing") == {"signature_refused"}
    old = (Trouble("signature_refused", NOW - timedelta(minutes=121), 3),)
    assert found(replace(ROW, troubles=old), state="playing") == set()


def test_a_cause_that_counts_ends_at_another_value_than_it_began():
    for counting, wrong in (((), set()), (("clock_off",), {"clock_off"})):
        assert found(counting=counting, state="playing", clock_offset_ms=45_000) == wrong
    for counting, wrong in (((), set()), (("disk_full",), {"disk_full"})):
        assert found(counting=counting, state="playing", disk_free_mb=300) == wrong


def test_three_starts_within_an_hour_are_too_many():
    told = state(NOW - timedelta(minutes=40), state="starting", boots=7)
    for boots in (8, 9, 10):
        told, _ = heard(told, beat(state="starting", boots=boots), NOW - timedelta(minutes=40 - boots))
    assert causes(ROW, told, NOW, (), alerting=False) == {"restarts"}
    assert causes(ROW, told, NOW + timedelta(hours=1), (), alerting=False) == set()


# -- in time --------------------------------------------------------------------------------------------------------

LOOKS = st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=40)


@given(LOOKS, st.sampled_from(["offline", "silent", "disk_full", "signature_refused"]))
def test_a_cause_counts_when_it_has_held_and_ends_when_it_has_been_away(looks, code):
    """Against a slow account of the same: how long the last looks have all said the same."""
    persistence, patience = Persistence(), PATIENCE.get(code)
    rise = patience.rise if patience else timedelta(0)
    end = patience.end if patience else timedelta(minutes=1)
    now, counting, turned = NOW, False, None
    for seconds, wrong in looks:
        now += timedelta(seconds=seconds)
        persistence.see("d", {code} if wrong else set(), now)
        if wrong == counting:
            turned = None
        else:
            turned = turned or now
            if now - turned >= (end if counting else rise):
                counting, turned = wrong, None
        assert (code in persistence.counting.get("d", ())) == counting


def test_devices_that_are_no_more_are_forgotten():
    persistence = Persistence()
    persistence.take({"d-1": ["offline"], "d-2": ["offline"]})
    persistence.forget_all_but({"d-2"})
    assert set(persistence.counting) == {"d-2"}


# -- in space -------------------------------------------------------------------------------------------------------

COMMUNES = {f"c{number}" for number in range(6)}
PATHS = st.dictionaries(
    st.integers(0, 200).map(lambda number: f"d{number}"),
    st.integers(0, 5).flatmap(
        lambda commune: st.sampled_from([("p", f"c{commune}"), ("p", f"c{commune}", f"h{commune}"), ("p",)])
    ),
    max_size=40,
)
CODES = st.sampled_from(["offline", "disk_full"])


@st.composite
def fleets(draw):
    places = draw(PATHS)
    ids = sorted(places)
    concerned = draw(st.dictionaries(CODES, st.sets(st.sampled_from(ids)) if ids else st.just(set())))
    wide = draw(st.sets(CODES.map(lambda code: f"{code}:p")))
    return places, concerned, wide


@given(fleets())
def test_each_device_stands_in_exactly_one_alarm_of_each_of_its_causes(fleet):
    places, concerned, wide = fleet
    alarms = standing(places, concerned, COMMUNES, wide)
    assert len({alarm.key for alarm in alarms}) == len(alarms)
    seen = sorted((alarm.code, device_id) for alarm in alarms for device_id in alarm.devices)
    assert seen == sorted((code, device_id) for code, ids in concerned.items() for device_id in ids)
    for alarm in alarms:
        assert alarm.devices
        assert all(alarm.unit_id in places[device_id] for device_id in alarm.devices)


@given(fleets())
def test_there_are_never_more_alarms_than_communes_and_one_where_half_of_all_is_concerned(fleet):
    places, concerned, _ = fleet
    for code, ids in concerned.items():
        alarms = standing(places, {code: ids}, COMMUNES)
        homes = {next((unit for unit in places[one] if unit in COMMUNES), places[one][-1]) for one in ids}
        assert len(alarms) <= len(homes)
        below = [one for one in ids if len(places[one]) > 1]
        parts = {places[one][1] for one in below}
        if len(below) >= max(WIDE_DEVICES, WIDE_SHARE * len(places)) and len(parts) > 1:
            assert [alarm.unit_id for alarm in alarms] == ["p"]
        elif below:
            assert {alarm.unit_id for alarm in alarms} == homes


def test_a_power_cut_of_the_province_is_one_alarm_and_stays_one_while_it_mends():
    places = {f"d{number}": ("p", f"c{number % 5}") for number in range(100)}
    away = [f"d{number}" for number in range(100)]
    (alarm,) = standing(places, {"offline": away}, COMMUNES)
    assert (alarm.unit_id, len(alarm.devices)) == ("p", 100)
    mending = away[: int(100 * STILL_WIDE_SHARE)]
    assert [one.unit_id for one in standing(places, {"offline": mending}, COMMUNES, {alarm.key})] == ["p"]
    few = mending[:-1]
    assert {one.unit_id for one in standing(places, {"offline": few}, COMMUNES, {alarm.key})} == {
        f"c{number}" for number in range(5)
    }


def test_a_commune_that_is_dark_is_one_alarm_of_the_commune():
    places = {f"d{number}": ("p", f"c{number % 5}") for number in range(100)}
    dark = [device_id for device_id, path in places.items() if path[1] == "c1"]
    (alarm,) = standing(places, {"offline": dark}, COMMUNES)
    assert (alarm.unit_id, len(alarm.devices)) == ("c1", 20)
