"""Byte ranges against what RFC 9110 says of one range."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_runtime.http.ranges import wanted_range

SIZE = st.integers(1, 50)
PLACE = st.integers(0, 60)


@given(SIZE, PLACE, PLACE)
def test_a_closed_range_is_exactly_its_bytes(size, first, last):
    data = bytes(range(size))
    wanted = data[first : last + 1]
    if wanted:
        start, end = wanted_range(f"bytes={first}-{last}", size)
        assert data[start:end] == wanted
        assert 0 <= start < end <= size
    else:
        with pytest.raises(ValueError, match="outside"):
            wanted_range(f"bytes={first}-{last}", size)


@given(SIZE, PLACE)
def test_an_open_range_goes_to_the_end(size, first):
    if first < size:
        assert wanted_range(f"bytes={first}-", size) == (first, size)
    else:
        with pytest.raises(ValueError, match="outside"):
            wanted_range(f"bytes={first}-", size)


@given(SIZE, PLACE)
def test_a_suffix_is_that_many_last_bytes(size, count):
    if count:
        assert wanted_range(f"bytes=-{count}", size) == (max(0, size - count), size)
    else:
        with pytest.raises(ValueError, match="outside"):
            wanted_range("bytes=-0", size)


@given(SIZE, st.none() | st.text(max_size=20) | st.sampled_from(["bytes=-", "bytes=0-1,3-4", "items=0-1", "bytes 0-1"]))
def test_whatever_is_not_one_byte_range_is_the_whole_file_or_nothing(size, header):
    try:
        part = wanted_range(header, size)
    except ValueError:
        return
    assert part is None or 0 <= part[0] < part[1] <= size


@given(SIZE, st.lists(st.integers(1, 20), max_size=8))
def test_a_download_resumed_at_any_places_is_whole(size, steps):
    have = 0
    for step in steps:
        if have >= size:
            break
        start, end = wanted_range(f"bytes={have}-", size)
        assert (start, end) == (have, size)
        have = min(end, start + step)
