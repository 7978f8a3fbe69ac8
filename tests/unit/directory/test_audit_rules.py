"""What an event tells of an act."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lantoa_directory.domain.audit import (
    action_of,
    at_text,
    object_of,
    service_of,
    to_the_millisecond,
    trace_of,
    unit_of,
)


@pytest.mark.parametrize(
    ("body", "unit"),
    [
        ({"unit_id": "u-1", "path": ["u-p", "u-2"]}, "u-1"),
        ({"unit_id": None, "path": ["u-p", "u-2"]}, "u-2"),
        ({"units": ["u-1", "u-2"]}, "u-2"),
        ({"path": [], "units": [7]}, None),
        ({"unit_id": "../etc"}, None),
        ({"unit_id": {"$gt": ""}}, None),
        ({}, None),
    ],
)
def test_an_event_stands_in_the_chain_of_its_unit(body, unit):
    assert unit_of(body) == unit


@pytest.mark.parametrize(
    ("event_id", "what"),
    [
        ("019aaf31:7", "019aaf31"),
        ("019aaf31:7:0", "019aaf31"),
        ("silent:u-1:3", "silent:u-1"),
        ("ntc-1:a1b2c3d4e5f60718", "ntc-1"),
    ],
)
def test_the_object_is_the_id_without_its_version(event_id, what):
    assert object_of(event_id) == what


def test_types_sources_and_traces_are_read():
    assert action_of("lantoa.content.item.approved.v1") == "content.item.approved"
    assert service_of("lantoa/content") == "content"
    assert trace_of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") == "0af7651916cd43dd8448eb211c80319c"
    assert trace_of("nonsense") == trace_of(None) == ""


def test_a_time_is_hashed_as_the_database_gives_it_back():
    at = datetime(2026, 11, 27, 21, 0, 0, 123999, timezone(timedelta(hours=7)))
    assert at_text(at) == at_text(to_the_millisecond(at)) == "2026-11-27T14:00:00.123+00:00"
    assert to_the_millisecond(at).tzinfo is UTC
