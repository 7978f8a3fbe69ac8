"""Identity, alarms, clock and patience of a device."""

import asyncio
import os
import stat
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_devicekit import DeviceSettings
from lantoa_devicekit.alarms import EVERY_S, AlarmLimiter, Alarms, Due
from lantoa_devicekit.backoff import URGENT_S, answer_after_s, ceiling, longest_wait_s, wait_s
from lantoa_devicekit.cache import ROOM_BYTES, MediaCache, Pace
from lantoa_devicekit.clock import offset_ms
from lantoa_devicekit.files import write_durably
from lantoa_devicekit.health import Health, temperature_c
from lantoa_devicekit.identity import SEED_FILE, load_identity
from lantoa_devicekit.tasks import cancellable
from lantoa_signing import nkey


def test_a_device_makes_its_key_once_and_keeps_it_to_itself(tmp_path):
    first = load_identity(tmp_path / "data", b"a" * 32)
    again = load_identity(tmp_path / "data", b"b" * 32)
    assert again == first
    assert first.device_id == nkey.device_id(first.public)
    assert stat.S_IMODE((tmp_path / "data" / SEED_FILE).stat().st_mode) == 0o600
    assert first.seed not in repr(first)
    assert nkey.verify_by_nkey(first.sign("xin chào"), first.public) == "xin chào"


def test_a_file_is_replaced_whole_even_over_a_leftover(tmp_path):
    (tmp_path / "f.new").write_bytes(b"half")
    write_durably(tmp_path / "f", b"one")
    write_durably(tmp_path / "f", b"two")
    assert (tmp_path / "f").read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_repeated_alarm_is_told_once_an_hour_with_its_count():
    limiter = AlarmLimiter()
    assert limiter.note("signature_refused", 0.0, "old") == Due(1, {"old": 1})
    assert limiter.note("signature_refused", 1.0, "old") is None
    assert limiter.note("disk_full", 2.0) == Due(1, {})
    assert limiter.note("signature_refused", EVERY_S - 1, "audience") is None
    assert limiter.note("signature_refused", EVERY_S, "old") == Due(3, {"audience": 1, "old": 2})
    assert limiter.note("signature_refused", EVERY_S + 1, "expired") is None
    assert limiter.held() == ["signature_refused"]
    assert limiter.due("signature_refused", 2 * EVERY_S) == Due(1, {"expired": 1})
    assert limiter.due("signature_refused", 4 * EVERY_S) is None


@given(times=st.lists(st.floats(0, 100_000), min_size=1))
def test_alarms_are_never_closer_than_an_hour_and_none_is_left_out_of_the_count(times):
    limiter = AlarmLimiter()
    times = sorted(times)
    told = [(at, due.count) for at in times if (due := limiter.note("clock_off", at)) is not None]
    assert all(later - earlier >= EVERY_S for (earlier, _), (later, _) in pairwise(told))
    held = len([at for at in times if at > told[-1][0]]) + len([at for at in times if at == told[-1][0]]) - 1
    assert sum(count for _, count in told) + held == len(times)


@given(offset=st.integers(-(10**9), 10**9), trip=st.integers(0, 10_000))
def test_the_offset_is_measured_within_half_the_round_trip(offset, trip):
    sent = datetime(2027, 3, 1, tzinfo=UTC)
    received = sent + timedelta(milliseconds=trip)
    for answered in (0, trip):
        server = sent + timedelta(milliseconds=answered + offset)
        assert abs(offset_ms(sent, received, server) - offset) <= trip / 2 + 1


@given(failures=st.integers(0, 10_000), least=st.floats(0.01, 10), most=st.floats(0.01, 600))
def test_a_wait_is_never_shorter_than_the_least_nor_longer_than_its_ceiling(failures, least, most):
    waited = wait_s(failures, least, most)
    assert least <= waited <= ceiling(failures, least, most) <= max(least, most)
    assert ceiling(failures + 1, least, most) >= ceiling(failures, least, most)


async def test_a_swallowed_cancellation_is_raised_after_all():
    async def swallow():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "result"

    task = asyncio.create_task(cancellable(swallow()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@given(needed_in_s=st.floats(-1e6, 1e6), window_s=st.floats(0, 1e5))
def test_what_is_needed_soon_is_fetched_at_once_and_nothing_too_late(needed_in_s, window_s):
    longest = longest_wait_s(needed_in_s, window_s)
    assert 0 <= longest <= window_s
    assert longest == 0 or needed_in_s - longest >= URGENT_S - 1e-6


@given(within_s=st.floats(0, 1e5))
def test_an_answer_to_what_all_were_told_leaves_the_first_third_to_the_telling(within_s):
    assert within_s / 3 <= answer_after_s(within_s) <= within_s


async def test_downloads_together_keep_below_the_rate(monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    pace = Pace(1000)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    for _ in range(5):
        await pace.spend(200)
    await Pace(0).spend(10**9)
    assert len(slept) == 5, "no limit is no wait"
    assert 0.95 < slept[-1] <= 1.0


async def test_a_full_disk_gives_up_what_is_needed_least_and_never_what_is_needed(tmp_path):
    settings = DeviceSettings(tmp_path, "http://gw", "radio")
    cache = MediaCache(settings, None, None, None, None)
    names = {name: name * 64 for name in "abcdef"}
    for age, name in enumerate("abcde"):
        cache.path(names[name]).write_bytes(bytes(ROOM_BYTES // 2))
        os.utime(cache.path(names[name]), (1000 - age, 1000 - age))
    cache.path(names["f"]).with_suffix(".part").write_bytes(bytes(ROOM_BYTES // 4))

    def here():
        return "".join(sorted(path.name[0] for path in (tmp_path / "media").iterdir()))

    cache.need([names["e"]])
    with cache.holding([names["d"]]):
        cache.make_room()
        assert here() == "ade", "the broken off download and the two oldest that nobody needs"
        cache.make_room()
        assert here() == "de"
    cache.make_room()
    assert here() == "e"


async def test_heat_and_repeated_starts_raise_their_alarms(tmp_path):
    told = []

    async def post(alarm):
        told.append(alarm.code)

    zone = tmp_path / "thermal_zone0"
    zone.mkdir()
    (zone / "temp").write_text("79900\n")
    (tmp_path / "thermal_zone1").mkdir()
    alarms = Alarms(3600, lambda: datetime(2027, 3, 1, tzinfo=UTC), post)
    health = Health(alarms, lambda: temperature_c(tmp_path))
    assert await health.look() == 79.9
    (zone / "temp").write_text("95000\n")
    assert [await health.look() for _ in range(3)] == [95.0] * 3
    assert temperature_c(tmp_path / "none") is None
    await health.began(40, 4)
    await health.began(41, 5)
    assert (told, health.boots) == (["temperature", "restarts"], 41)
