"""Rules about devices without any server: rights, presence, alarms, desired state."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_contracts.device import Alarm
from lantoa_fleet.domain.devices import (
    check_possession,
    desired_of,
    enrol_text,
    files_of,
    says_the_same,
    with_alarm,
)
from lantoa_fleet.domain.presence import Connection, Presence
from lantoa_fleet.domain.rights import MOST_GROUPS, MOST_SUBSCRIPTIONS, rights_of
from lantoa_runtime.errors import Invalid
from lantoa_signing import nkey

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SEED = nkey.new_seed(bytes(range(32)))
PUBLIC = nkey.public_of(SEED)


def _check(at: datetime, seed: str = SEED) -> None:
    text = enrol_text(PUBLIC, "radio", "LT-S1", at.isoformat())
    check_possession(PUBLIC, "radio", "LT-S1", at.isoformat(), nkey.sign_with_seed(seed, text).sig, NOW)


@given(st.timedeltas(timedelta(minutes=-10), timedelta(minutes=10)))
def test_a_proof_of_possession_within_ten_minutes_is_taken(off: timedelta) -> None:
    _check(NOW + off)


@given(st.timedeltas(timedelta(minutes=10, seconds=1), timedelta(days=999)), st.sampled_from([1, -1]))
def test_an_older_or_later_one_is_refused(off: timedelta, sign: int) -> None:
    with pytest.raises(Invalid) as refused:
        _check(NOW + sign * off)
    assert refused.value.code == "fleet.clock-off"


def test_a_proof_by_another_key_or_without_a_zone_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        _check(NOW, nkey.new_seed(secrets.token_bytes(32)))
    assert refused.value.code == "fleet.signature-refused"
    with pytest.raises(Invalid) as refused:
        _check(NOW.replace(tzinfo=None))
    assert refused.value.code == "value-wrong"


_IDS = st.from_regex(r"d-[0-9a-f]{20}", fullmatch=True)
_PATHS = st.lists(st.from_regex(r"u-[a-z0-9]{1,10}", fullmatch=True), min_size=1, max_size=6, unique=True)


_GROUPS = st.lists(st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True), max_size=MOST_GROUPS, unique=True)


@given(_IDS, _PATHS, _GROUPS, st.booleans())
def test_rights_name_the_device_or_a_granted_scope_and_are_open_below_these_alone(
    device_id: str, path: list[str], groups: list[str], mqtt: bool
) -> None:
    rights = rights_of(device_id, path, groups, mqtt=mqtt)
    scopes = {"all", *(f"unit.{unit_id}" for unit_id in path), *(f"grp.{group}" for group in groups)}
    opened = {f"_INBOX_{device_id}.>", *(f"dev.bc.{scope}.>" for scope in scopes)}
    opened |= {f"$JS.API.DIRECT.GET.KV_alert.$KV.alert.{scope}.>" for scope in scopes}
    opened |= {f"dev.bc.{scope}" for scope in scopes}
    for subject in rights.publish + rights.subscribe:
        assert subject in opened or device_id in subject.split("."), subject
        assert "*" not in subject
        assert ">" not in subject or subject in opened
    assert len(rights.subscribe) <= MOST_SUBSCRIPTIONS
    assert rights.listeners == (("MQTT",) if mqtt else ("STANDARD", "WEBSOCKET"))


def test_a_device_asks_for_its_alerts_and_hears_what_is_said_to_it_alone() -> None:
    rights = rights_of("d-1", ("u-1",), ("vung-trung",), mqtt=True)
    assert "dev.rpc.d-1.alerts" in rights.publish
    assert rights.subscribe == (
        "dev.dn.d-1.desired", "dev.dn.d-1.cmd", "dev.dn.d-1.alert",
        "dev.bc.all.>", "dev.bc.unit.u-1.>", "dev.bc.grp.vung-trung.>",
        "dev.bc.all", "dev.bc.unit.u-1", "dev.bc.grp.vung-trung",
    )  # fmt: skip


_STEPS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3), st.booleans()), max_size=30)


@given(_STEPS)
def test_a_device_is_online_exactly_while_one_of_its_connections_stands(steps: list[tuple[str, int, bool]]) -> None:
    presence, model = Presence(), {"a": set[int](), "b": set[int]()}
    for device, cid, came in steps:
        if came:
            presence.came(device, Connection("s", cid), NOW)
            model[device].add(cid)
        else:
            presence.went(device, Connection("s", cid))
            model[device].discard(cid)
        for one, cids in model.items():
            assert presence.online(one) == bool(cids)
            assert {connection.cid for connection in presence.connections(one)} == cids


def test_the_servers_list_names_the_devices_that_it_changes() -> None:
    presence = Presence()
    presence.came("a", Connection("s", 1), NOW)
    presence.came("b", Connection("s", 2), NOW)
    assert presence.replace({"b": [Connection("s", 2)], "c": [Connection("t", 2)]}) == {"a", "c"}
    assert [presence.online(one) for one in "abc"] == [False, True, True]


def test_connections_from_before_a_change_are_told_from_those_after_it() -> None:
    presence = Presence()
    presence.came("a", Connection("s", 1), NOW)
    presence.came("a", Connection("s", 2), NOW + timedelta(seconds=2))
    presence.replace({"a": [Connection("s", cid) for cid in (1, 2, 3)]})
    old = presence.connections("a", before=NOW + timedelta(seconds=1))
    assert [connection.cid for connection in old] == [1, 3]  # Nobody saw 3 come: it counts as old.


def _alarm(code: str, number: int) -> Alarm:
    return Alarm.model_validate({"local_id": f"{code}.{number}", "code": code, "at": NOW, "count": 1})


@given(st.lists(st.tuples(st.sampled_from(["disk_full", "clock_off"]), st.integers(0, 9)), max_size=40))
def test_each_alarm_counts_once_however_often_it_comes(sent: list[tuple[str, int]]) -> None:
    alarms: list[dict[str, Any]] = []
    for code, number in sent:
        alarms = with_alarm(alarms, _alarm(code, number)) or alarms
    counted = {alarm["code"]: alarm["count"] for alarm in alarms}
    assert counted == {code: len({n for c, n in sent if c == code}) for code, _ in sent}


def _device(**changes: Any) -> dict[str, Any]:
    section = {"ver": 1, "rundown": {"sha256": "a" * 64, "bytes": 1, "media_type": "application/json"}, "media": []}
    return {
        "_id": "d-1", "seq": 4, "unit_id": "u-1", "path": ["u-0", "u-1"], "radio": section, "board": None, **changes,
    }  # fmt: skip


def test_signing_again_says_the_same_and_a_change_does_not() -> None:
    first = desired_of(_device(), NOW)
    assert says_the_same(first, desired_of(_device(), NOW + timedelta(days=5)))
    assert not says_the_same(first, desired_of(_device(path=["u-1"]), NOW))
    assert desired_of(_device(groups=["vung-trung"]), NOW).alert_scopes[-1] == "grp.vung-trung"
    assert not says_the_same(first, desired_of(_device(radio=None), NOW))


def test_a_device_may_fetch_its_rundowns_and_their_media() -> None:
    board = {"ver": 1, "rundown": {"sha256": "b" * 64}, "media": ["c" * 64]}
    assert files_of(_device(board=board)) == {"a" * 64, "b" * 64, "c" * 64}
    assert files_of({"_id": "d-1"}) == frozenset()
