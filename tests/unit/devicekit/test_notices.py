"""Which notices are in force, and how their sounds come together."""

import hashlib
import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_contracts.base import BlobRef
from lantoa_contracts.device import AlertNotice, AlertOrder
from lantoa_devicekit.notices import in_force, next_expiry
from lantoa_devicekit.sounds import PART_BYTES, SoundRefused, Sounds

NOW = datetime(2027, 3, 1, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def notice(name, ver=1, **changes):
    fields = {"notice_id": f"ntc-{name}", "ver": ver, "status": "actual", "severity": "severe", "headline": "H"}
    fields |= {"texts": {"vi": "V"}, "issued_at": NOW, "expires_at": NOW + 10 * MINUTE}
    return AlertNotice(**fields | changes)


def order(*notices, scope="all"):
    return AlertOrder(aud=scope, seq=1, iat=NOW, exp=NOW + MINUTE, notices=notices)


def names(*orders, now=NOW):
    return [f"{each.notice_id[4:]}.{each.ver}" for each in in_force(orders, now)]


def test_a_notice_of_several_scopes_counts_once_in_its_highest_version():
    assert names(order(notice("a")), order(notice("a", 2), notice("b"), scope="unit.u-1")) == ["a.2", "b.1"]


def test_exercises_and_tests_are_never_sounded_and_an_exercise_replaces_what_it_updates():
    assert names(order(notice("a", status="exercise"), notice("b", status="test"), notice("c"))) == ["c.1"]
    assert names(order(notice("a")), order(notice("a", 2, status="exercise"), scope="unit.u-1")) == []


def test_the_most_severe_comes_first_and_of_equals_the_newest():
    notices = (
        notice("minor", severity="minor"),
        notice("old", issued_at=NOW - MINUTE),
        notice("new"),
        notice("worst", severity="extreme", issued_at=NOW - 5 * MINUTE),
    )
    assert names(order(*notices)) == ["worst.1", "new.1", "old.1", "minor.1"]
    assert next_expiry(notices) == NOW + 10 * MINUTE
    assert next_expiry(()) is None


@given(ends=st.lists(st.integers(-5, 5), max_size=5))
def test_a_notice_is_over_at_its_end_and_not_before(ends):
    notices = [notice(str(n), expires_at=NOW + end * MINUTE) for n, end in enumerate(ends)]
    assert len(names(order(*notices))) == sum(end > 0 for end in ends)


async def no_room(_):
    raise AssertionError


def sound(data):
    return BlobRef(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), media_type="audio/ogg")


def parts_of(data):
    return [data[start : start + PART_BYTES] for start in range(0, len(data), PART_BYTES)]


@pytest.fixture
def data():
    return os.urandom(3 * PART_BYTES + 5)


@pytest.mark.parametrize("missed", [(), (0,), (1, 3), (0, 1, 2, 3)])
async def test_a_sound_is_completed_from_the_bucket_and_kept_over_a_restart(tmp_path, data, missed):
    asked = []

    async def fetch(scope, sha256, n):
        asked.append(n)
        assert (scope, sha256) == ("all", sound(data).sha256)
        return parts_of(data)[n] if n < 4 else None

    sounds = Sounds(tmp_path, no_room)
    await sounds.want([sound(data)])
    heard = [
        await sounds.heard(sound(data).sha256, n, part) for n, part in enumerate(parts_of(data)) if n not in missed
    ]
    if missed:
        assert not any(heard)
        assert sounds.missing() == [sound(data)]
        assert await sounds.fetch(sound(data), "all", fetch)
    assert asked == list(missed)
    assert sounds.path(sound(data).sha256).read_bytes() == data
    again = Sounds(tmp_path, no_room)
    await again.want([sound(data)])
    assert again.missing() == []
    await again.want([])
    assert list((tmp_path / "alerts").iterdir()) == []


async def test_a_false_part_of_a_broadcast_is_made_good_by_the_bucket(tmp_path, data):
    async def fetch(_, __, n):
        return parts_of(data)[n]

    sounds = Sounds(tmp_path, no_room)
    await sounds.want([sound(data)])
    for n, part in enumerate(parts_of(data)):
        assert not await sounds.heard(sound(data).sha256, n, part if n else bytes(PART_BYTES))
    assert sounds.path(sound(data).sha256) is None
    await sounds.heard(sound(data).sha256, 0, bytes(PART_BYTES))
    assert await sounds.fetch(sound(data), "all", fetch)
    assert sounds.path(sound(data).sha256).read_bytes() == data


async def test_parts_that_do_not_make_the_signed_sound_are_refused(tmp_path, data):
    async def fetch(_, __, n):
        return bytes(PART_BYTES) if n < 4 else None

    async def nothing(_, __, ___):
        return None

    sounds = Sounds(tmp_path, no_room)
    await sounds.want([sound(data)])
    assert not await sounds.fetch(sound(data), "all", nothing)
    with pytest.raises(SoundRefused):
        await sounds.fetch(sound(data), "all", fetch)
    assert sounds.missing() == [sound(data)]


async def test_what_nobody_ordered_takes_no_room(tmp_path, data):
    sounds = Sounds(tmp_path, no_room)
    await sounds.want([sound(data)])
    assert not await sounds.heard("f" * 64, 0, b"x")
    assert not await sounds.heard(sound(data).sha256, 10_000, b"x")
    assert not await sounds.heard(sound(data).sha256, 0, bytes(PART_BYTES + 1))
    assert sounds._parts == {}
