"""Ids, clock and settings of every service."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lantoa_contracts.envelope import Envelope
from lantoa_runtime.clock import Clock
from lantoa_runtime.ids import new_id, uuid7
from lantoa_runtime.settings import RuntimeSettings

MILLISECONDS = st.integers(0, (1 << 48) - 1)
RANDOM = st.integers(0, (1 << 74) - 1)


@given(MILLISECONDS, RANDOM)
def test_an_id_is_a_uuid_of_version_seven_that_tells_its_moment(milliseconds, random):
    value = uuid.UUID(uuid7(milliseconds, random))
    assert (value.version, value.variant) == (7, uuid.RFC_4122)
    assert value.int >> 80 == milliseconds
    assert (value.int >> 64 & 0xFFF) << 62 | value.int & (1 << 62) - 1 == random


@given(st.tuples(MILLISECONDS, RANDOM), st.tuples(MILLISECONDS, RANDOM))
def test_ids_sort_by_time(one, other):
    if one[0] < other[0]:
        assert uuid7(*one) < uuid7(*other)


def test_no_two_ids_of_one_moment_are_the_same():
    now = datetime(2027, 1, 1, tzinfo=UTC)
    assert len({new_id(now) for _ in range(2000)}) == 2000


def test_the_clock_is_in_utc_cut_to_milliseconds_and_may_be_shifted():
    before = datetime.now(UTC)
    now, shifted = Clock().now(), Clock(3600).now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
    assert timedelta(seconds=-1) < now - before < timedelta(seconds=5)
    assert timedelta(minutes=59) < shifted - now < timedelta(minutes=61)


def test_production_refuses_a_shifted_clock():
    with pytest.raises(ValidationError):
        RuntimeSettings(env="production", clock_shift_seconds=1)
    assert RuntimeSettings(env="production").production


@given(st.text("abc:-", min_size=1), st.none() | st.just("00-" + "a" * 32 + "-" + "b" * 16 + "-01"))
def test_an_envelope_comes_back_from_its_headers(id_, parent):
    envelope = Envelope(id_, "lantoa.x.y.z.v1", "lantoa/x", datetime(2027, 1, 1, 2, 3, 4, 5000, UTC), parent)
    assert Envelope.from_headers(envelope.headers()) == envelope
