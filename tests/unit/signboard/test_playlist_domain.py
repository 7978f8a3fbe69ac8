"""What boards show, in which order, and for how long."""

from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_calendar.periods import ZONE, span_of
from lantoa_signboard.domain import (
    Entry,
    Item,
    Playlist,
    Slide,
    entry_id_of,
    playlist_id_of,
    proof_fault,
    shown,
    shown_now,
)

UNIT = "u-29236-2025"
NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
WEEK = timedelta(days=7)


def item(number: int = 0, priority: str = "normal", ver: int = 2) -> Item:
    return Item(
        item_id=f"item-{number}",
        ver=ver,
        revision=1,
        title=f"Bản tin {number}",
        priority=priority,
        tasks=("08",),
        topic="nong-nghiep",
        approved_at=NOW + timedelta(seconds=number),
        slide=Slide("a" * 64, 1000, "image/svg+xml"),
    )


def put(playlist: Playlist, wanted: Item) -> Playlist:
    return playlist.with_item(wanted, WEEK, wanted.approved_at - timedelta(days=90))


items = st.builds(item, number=st.integers(0, 20), priority=st.sampled_from(["normal", "priority", "emergency"]))


@given(st.lists(items, max_size=40, unique_by=lambda each: each.item_id).flatmap(st.permutations))
def test_a_board_shows_every_item_once_priority_first_whatever_the_order_of_the_news(wanted: list[Item]) -> None:
    playlist = Playlist(UNIT)
    for each in [*wanted, *wanted]:
        playlist = put(playlist, each)

    ranks = {"emergency": 0, "priority": 1, "normal": 2}
    expected = sorted(wanted, key=lambda each: (ranks[each.priority], each.approved_at))
    assert [entry.item for entry in shown([playlist], NOW)] == expected


def test_a_board_shows_the_playlists_of_all_units_above_it() -> None:
    commune, province = put(Playlist(UNIT), item(0)), put(Playlist("u-84"), item(1, "priority"))

    assert [entry.item.item_id for entry in shown([province, commune], NOW)] == ["item-1", "item-0"]


def test_an_entry_is_shown_until_its_last_moment() -> None:
    playlist = put(Playlist(UNIT), item())

    assert shown([playlist], NOW + WEEK - timedelta(seconds=1))
    assert not shown([playlist], NOW + WEEK)


days = st.none() | st.dates(date(2026, 3, 1), date(2026, 4, 30))


@given(days, days, st.integers(0, 90))
def test_a_board_shows_an_item_on_its_own_days_only(first: date | None, last: date | None, later: int) -> None:
    opens_at, closes_at = span_of(first, last)
    playlist = put(Playlist(UNIT), replace(item(), opens_at=opens_at, closes_at=closes_at))
    now = NOW + timedelta(days=later)
    today = now.astimezone(ZONE).date()
    since = max(NOW, opens_at) if opens_at else NOW

    on_its_days = (first is None or first <= today) and (last is None or today <= last)
    assert bool(shown_now(playlist, now)) == (on_its_days and (last is not None or now < since + WEEK))


def test_what_is_for_later_days_is_told_to_boards_ahead() -> None:
    opens_at, _ = span_of(date(2026, 3, 12), None)
    playlist = put(Playlist(UNIT), replace(item(), opens_at=opens_at))

    (entry,) = shown([playlist], NOW)
    assert (entry.valid_from, entry.valid_until - entry.valid_from) == (opens_at, WEEK)
    assert not shown_now(playlist, NOW)


def test_a_withdrawn_entry_is_not_shown_and_a_repeat_does_not_bring_it_back() -> None:
    playlist = put(Playlist(UNIT), item()).without("item-0", 3)

    assert not shown([put(playlist, item())], NOW)
    assert playlist.entry(entry_id_of(playlist_id_of(UNIT), item()))


def test_withdrawing_spares_a_newer_approval() -> None:
    newer = replace(item(ver=5), revision=2)
    playlist = put(put(Playlist(UNIT), item()), newer).without("item-0", 3)

    assert [entry.item.revision for entry in shown([playlist], NOW)] == [2]


def test_what_expired_long_ago_leaves_the_playlist_with_the_next_item() -> None:
    playlist = put(Playlist(UNIT), item())
    much_later = replace(item(1), approved_at=NOW + timedelta(days=98))

    assert [entry.item.item_id for entry in put(playlist, much_later).entries] == ["item-1"]


def test_a_playlist_reads_back_as_it_was_stored() -> None:
    playlist = put(Playlist(UNIT), item())

    assert Playlist.of({**asdict(playlist), "_id": playlist.playlist_id}) == playlist


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, ""),
        ({"seconds": 7.9}, "seconds"),
        ({"seconds": 70.1}, "seconds"),
        ({"slide_sha256": "b" * 64}, "slide"),
        ({"revision": 2}, "item"),
        ({"item_id": "item-1"}, "item"),
    ],
)
def test_a_proof_must_fit_its_entry(changes: dict[str, object], fault: str) -> None:
    entry = Entry("e", item(), NOW, NOW + WEEK)
    claim: dict[str, object] = {
        "slide_sha256": "a" * 64,
        "item_id": "item-0",
        "revision": 1,
        "seconds": 10.0,
        "dwell_seconds": 10.0,
    }

    assert proof_fault(entry, **{**claim, **changes}) == fault  # type: ignore[arg-type]  # one table of mixed values
