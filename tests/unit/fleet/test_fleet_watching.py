"""States, hours, lists, commands and waves: the pure parts."""

import gzip
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_contracts.device import Ack, Heartbeat
from lantoa_fleet.domain import commands, history, listing, updates
from lantoa_fleet.domain.updates import Seen, Target
from lantoa_runtime.errors import Invalid
from lantoa_signing.documents import KeySet, SignatureRefused, SigningKey

NOW = datetime(2026, 11, 27, 5, 0, tzinfo=UTC)
KEY = SigningKey(b"k" * 32)
KEYS = KeySet({KEY.kid: KEY.public})


def beat(**changes):
    return Heartbeat(**{"at": NOW, "version": "1", "state": "idle", "desired_seq": 1, **changes})


# -- hours ----------------------------------------------------------------------------------------------------------

BEATS = st.lists(
    st.tuples(st.integers(1, 600), st.sampled_from(["idle", "playing"]), st.integers(-9000, 9000)),
    min_size=1,
    max_size=60,
)


@given(BEATS)
def test_hours_hold_every_heartbeat_once_and_no_minute_in_which_nothing_was_heard(beats):
    state, at, hours, times = None, NOW, [], []
    for seconds, activity, offset in beats:
        at += timedelta(seconds=seconds)
        times.append(at)
        state, ended = history.heard(state, beat(state=activity, clock_offset_ms=offset), at)
        hours += [ended] if ended else []
    hours.append(state.hour)
    assert sum(hour.beats for hour in hours) == len(beats)
    assert len({hour.number for hour in hours}) == len(hours)
    assert max(abs(hour.worst_offset_ms) for hour in hours) == max(abs(offset) for _, _, offset in beats)
    for hour in hours:
        assert hour.playing & ~hour.online == 0
        assert hour.online < 1 << 60
        for minute in range(60):
            begin = datetime.fromtimestamp(hour.number * 3600 + minute * 60, UTC)
            near = [abs(time - begin) for time in times]
            if hour.online >> minute & 1:
                assert min(near) <= history.HEARD_TOGETHER + timedelta(minutes=1)
            else:
                assert not any(begin <= time < begin + timedelta(minutes=1) for time in times)


@given(BEATS)
def test_a_state_comes_back_from_a_snapshot_as_it_was(beats):
    state, at = None, NOW
    for seconds, activity, offset in beats:
        at += timedelta(seconds=seconds)
        told = beat(
            state=activity, clock_offset_ms=offset, boots=abs(offset) // 1000, temperature_c=40.5, now="Bản tin"
        )
        state, _ = history.heard(state, told, at)
    assert history.unpacked(history.packed("d-1", state)) == ("d-1", state)


def test_a_regular_device_is_there_every_minute_although_a_heartbeat_falls_in_every_second_one():
    state = None
    for number in range(60):
        state, _ = history.heard(state, beat(state="playing"), NOW + timedelta(seconds=59 * number))
    assert state.hour.document() | {"beats": 60, "online": 59, "playing": 59} == state.hour.document()


# -- lists ----------------------------------------------------------------------------------------------------------


def row(**changes):
    device = {
        "_id": "d-1", "name": "Loa Đại Phúc", "kind": "radio", "unit_id": "u-1", "path": ["u-p", "u-1"],
        "state": "accepted", "online": True, "last_seen": NOW, "seq": 1, "groups": ["cho"],
    }  # fmt: skip
    return listing.row_of({**device, **changes}, None, lambda spans: spans)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({}, True),
        ({"q": "dai phuc"}, True),
        ({"q": "ĐẠI  loa"}, True),
        ({"q": "càng long"}, True),
        ({"q": "nowhere"}, False),
        ({"unit_id": "u-p"}, True),
        ({"unit_id": "u-2"}, False),
        ({"kind": "board"}, False),
        ({"group": "cho"}, True),
        ({"group": "other"}, False),
        ({"version": "1.2"}, True),
        ({"version": "1.3"}, False),
        ({"state": "online"}, True),
        ({"state": "offline"}, False),
    ],
)
def test_a_filter_finds_by_what_is_shown_and_without_accents(wanted, fits):
    assert listing.Filter(**wanted).fits(row(), {"online"}, "1.2", "xa cang long") is fits


def test_a_device_is_in_several_states_and_the_gravest_paints_it():
    states = listing.states_of(row(), alarmed=True, drifting=True)
    assert states == {"online", "alarm", "drift"}
    assert listing.gravest(states) == "alarm"
    assert listing.states_of(row(online=None), alarmed=False, drifting=True) == {"offline"}
    assert listing.states_of(row(state="revoked"), alarmed=True, drifting=True) == frozenset()


@given(st.one_of(st.text(), st.integers(), st.floats(allow_nan=False), st.none()))
def test_no_cell_of_a_spreadsheet_begins_as_a_formula(value):
    cell = listing.cell(value)
    assert not isinstance(cell, str) or not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell == value or cell == f"'{value}"


# -- commands -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "args", "right"),
    [
        ("volume", {"percent": 40}, True),
        ("volume", {"percent": 101}, False),
        ("volume", {"percent": True}, False),
        ("volume", {}, False),
        ("volume", {"percent": 40, "more": 1}, False),
        ("test_tone", {"seconds": 10}, True),
        ("test_tone", {"seconds": 11}, False),
        ("diagnose", {}, True),
        ("restart", {"now": True}, False),
        ("screenshot", {"upload_url": "http://elsewhere"}, False),
        ("update", {"version": "1"}, False),
        ("explode", {}, False),
    ],
)
def test_only_known_commands_with_their_own_arguments_are_given(name, args, right):
    if right:
        assert commands.checked_args(name, args) == args
    else:
        with pytest.raises(Invalid):
            commands.checked_args(name, args)


def test_answers_go_forward_only_and_a_late_one_is_true():
    states = []
    for stage in ("received", "finished", "failed", "playing"):
        answer = commands.answer_of(Ack(local_id="x", ref="cmd-1", stage=stage, at=NOW))
        states.append(answer and (answer.state, "expired" in answer.before, "finished" in answer.before))
    assert states == [("received", False, False), ("finished", True, False), ("failed", True, False), None]
    assert commands.answer_of(Ack(local_id="x", ref="ntc-1.1", stage="finished", at=NOW)) is None


def test_an_address_takes_a_file_of_its_device_for_its_command_until_its_time():
    until = int(NOW.timestamp())
    query = dict(part.split("=", 1) for part in commands.upload_query(KEY, "cmd-1", "d-1", until).split("&"))
    assert commands.check_upload(KEYS, "cmd-1", query, until) == "d-1"
    for cmd_id, changed, now in (
        ("cmd-2", {}, until),
        ("cmd-1", {"a": "d-2"}, until),
        ("cmd-1", {"e": str(until + 1)}, until),
        ("cmd-1", {"e": "soon"}, until),
        ("cmd-1", {}, until + 1),
    ):
        with pytest.raises(SignatureRefused):
            commands.check_upload(KEYS, cmd_id, {**query, **changed}, now)
    with pytest.raises(SignatureRefused):
        commands.check_upload(KEYS, "cmd-1", {}, until)


LONG = "dòng nhật ký\n" * 100_000


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("một dòng\n".encode(), "text/plain"),
        (gzip.compress(LONG.encode(), mtime=0), "application/gzip"),
        (b"", None),
        (b"MZ\x00\x00", None),
        (b"\xff\xfe", None),
        (gzip.compress(b"\x7fELF\x00\x01", mtime=0), None),
        (b"\x1f\x8b" + b"no gzip at all", None),
        (gzip.compress(b"\xc3(", mtime=0), None),
    ],
)
def test_a_log_is_text_packed_or_not(data, kind):
    if kind is None:
        with pytest.raises(Invalid):
            commands.log_type(data)
    else:
        assert commands.log_type(data).startswith(kind)


# -- waves ----------------------------------------------------------------------------------------------------------

WAVES = ("1", "5%", "25%", "100%")
PATIENCE = timedelta(minutes=15)


@given(st.integers(1, 10_000))
def test_waves_grow_and_end_with_all(total):
    ends = updates.wave_ends(WAVES, total)
    assert ends[0] == 1
    assert ends == sorted(ends)
    assert ends[-1] == total


@pytest.mark.parametrize("waves", [(), ("1",), ("0", "100%"), ("101%", "100%"), ("x", "100%"), ("50%", "100")])
def test_waves_that_do_not_end_with_all_or_make_no_sense_are_refused(waves):
    with pytest.raises(Invalid):
        updates.checked_waves(waves)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "a/./b", ".hidden", "a\\b", "a b", "", "x" * 201])
def test_a_path_out_of_the_release_is_refused(path):
    with pytest.raises(Invalid):
        updates.checked_path(path, "/files/0/path")
    assert updates.checked_path("bin/player-1.2.py", "") == "bin/player-1.2.py"


class Field:
    """Devices that obey, fail or stay away, as a rollout meets them."""

    def __init__(self, fates):
        self.fates = fates
        self.versions = dict.fromkeys(fates, "1")
        self.told = {}

    def seen(self, now):
        found = {}
        for device_id, fate in self.fates.items():
            answer = ""
            if device_id in self.told:
                answer = {"good": "finished", "bad": "failed", "mute": "received", "away": "expired"}[fate]
                if fate == "good":
                    self.versions[device_id] = "2"
            found[device_id] = Seen(fate != "away", self.versions[device_id], answer)
        return found


def roll(field, limit, turns=60):
    targets = [Target(device_id) for device_id in sorted(field.fates, key=lambda one: updates.turn_of("u", one))]
    now, wave, most, step = NOW, 1, [], None
    for _ in range(turns):
        step = updates.step(targets, field.seen(now), WAVES, wave, "2", limit, now, PATIENCE)
        for target in step.tell:
            assert target.state == "waiting"
            target.state, target.wave, target.told_at = "told", step.wave, now
            field.told[target.device_id] = now
        wave = step.wave
        most.append((wave, sum(target.state == "told" for target in targets)))
        if step.verdict != "run":
            break
        now += timedelta(minutes=5)
    return targets, step, most


FATES = st.dictionaries(
    st.integers(0, 500).map(lambda number: f"d{number}"),
    st.sampled_from(["good"] * 6 + ["bad", "mute", "away"]),
    min_size=1,
    max_size=60,
)


@given(FATES, st.sampled_from([0.0, 0.1, 0.5]))
def test_an_update_reaches_all_that_are_there_or_stops_before_the_next_wave(fates, limit):
    field = Field(fates)
    targets, step, _ = roll(field, limit)
    states = Counter(target.state for target in targets)
    if step.verdict == "stop":
        last = [target for target in targets if target.wave == step.wave]
        failed = sum(target.state == "failed" for target in last)
        assert failed > limit * sum(target.state in ("done", "failed", "told") for target in last)
        ends = updates.wave_ends(WAVES, len(targets))
        assert states["done"] + states["failed"] + states["told"] <= ends[step.wave - 1]
    else:
        assert states["told"] == 0
        assert {target.device_id for target in targets if target.state == "waiting"} == {
            device_id for device_id, fate in fates.items() if fate == "away"
        }
        assert (step.verdict == "finish") == (states["waiting"] == 0)


def test_the_first_wave_is_one_device_and_its_failure_ends_it():
    targets, step, most = roll(Field({f"d{number}": "bad" for number in range(100)}), 0.1)
    assert (step.verdict, step.reason, max(told for _, told in most)) == ("stop", "errors", 1)
    assert Counter(target.state for target in targets) == {"failed": 1, "waiting": 99}


def test_a_device_that_says_finished_and_keeps_the_old_version_has_failed():
    target = Target("d", "told", 1, NOW)
    seen = Seen(True, "1", "finished")
    assert not updates.judge(target, seen, "2", NOW + PATIENCE, PATIENCE)
    assert updates.judge(target, seen, "2", NOW + PATIENCE + timedelta(seconds=1), PATIENCE)
    assert (target.state, target.reason) == ("failed", "no-new-version")


def test_commands_heard_again_are_counted_across_a_restart_of_the_device():
    at = NOW
    known, total = None, 0
    for repeats in (None, 2, 5, 5, 1):
        told = beat(repeats=repeats)
        total += history.repeats_since(known, told)
        known, _ = history.heard(known, told, at)
        at += timedelta(minutes=1)
    assert total == 3 + 1
