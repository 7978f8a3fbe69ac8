"""What goes into which session: rules that hold whatever is approved, whenever."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lantoa_broadcast.domain import (
    Audio,
    Entry,
    Grid,
    Item,
    NoSlot,
    Session,
    default_grid,
    entry_id_of,
    place,
    programme,
    proof_fault,
    session_id_of,
)
from lantoa_calendar.periods import ZONE, span_of

UNIT = "u-29236-2025"
NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
DAILY = Grid("FREQ=DAILY", "05:00", 2, date(2026, 3, 10))
HORIZON = datetime(2026, 5, 20, tzinfo=UTC)
FIRST = datetime(2026, 3, 10, 22, 0, tzinfo=UTC)


def item(number: int = 0, seconds: float = 30.0, priority: str = "normal", ver: int = 2) -> Item:
    return Item(
        item_id=f"item-{number}",
        ver=ver,
        revision=1,
        title=f"Bản tin {number}",
        priority=priority,
        tasks=("08",),
        topic="nong-nghiep",
        approved_at=NOW + timedelta(seconds=number),
        audio=Audio("a" * 64, 1000, "audio/ogg"),
        seconds=seconds,
    )


def put(sessions: dict[str, Session], wanted: Item, grid: Grid = DAILY, after: datetime = NOW) -> None:
    placed = place(wanted, UNIT, sessions.values(), grid, after)
    if placed:
        sessions[placed.session_id] = placed


items = st.builds(
    item,
    number=st.integers(0, 30),
    seconds=st.floats(1, 120),
    priority=st.sampled_from(["normal", "priority", "emergency"]),
)
grids = st.builds(
    Grid,
    rule=st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=DAILY;INTERVAL=3"]),
    at=st.sampled_from(["05:00", "17:30", "00:00", "23:59"]),
    max_minutes=st.integers(2, 6),
    since=st.dates(date(2026, 1, 1), date(2026, 3, 10)),
)
moments = st.datetimes(datetime(2026, 3, 10), datetime(2026, 4, 10), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.lists(items, max_size=25), grids, moments)
def test_sessions_keep_their_length_and_their_order_and_hold_no_item_twice(
    wanted: list[Item], grid: Grid, after: datetime
) -> None:
    sessions: dict[str, Session] = {}
    for each in wanted:
        put(sessions, each, grid, after)

    ranks = {"emergency": 0, "priority": 1, "normal": 2}
    held = [entry.item.item_id for session in sessions.values() for entry in session.active]
    assert sorted(held) == sorted({each.item_id for each in wanted})
    for session in sessions.values():
        assert session.starts_at > after
        assert session.seconds <= grid.max_minutes * 60
        order = [ranks[entry.item.priority] for entry in session.active]
        assert order == sorted(order)
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", session.session_id)
        assert len({entry.entry_id for entry in session.entries}) == len(session.entries)


@given(st.permutations([item(number, 20.0, "priority" if number % 3 == 0 else "normal") for number in range(6)]))
def test_the_order_of_a_session_does_not_depend_on_the_order_of_the_news(wanted: list[Item]) -> None:
    sessions: dict[str, Session] = {}
    for each in wanted:
        put(sessions, each)

    (session,) = sessions.values()
    assert [entry.item.item_id for entry in session.active] == [
        "item-0",
        "item-3",
        "item-1",
        "item-2",
        "item-4",
        "item-5",
    ]


def test_what_does_not_fit_goes_to_the_following_session() -> None:
    sessions: dict[str, Session] = {}
    for number in range(3):
        put(sessions, item(number, 50.0))

    assert [[entry.item.item_id for entry in session.active] for session in sessions.values()] == [
        ["item-0", "item-1"],
        ["item-2"],
    ]
    assert [session.starts_at for session in sessions.values()] == [FIRST, FIRST + timedelta(days=1)]


def test_a_session_that_starts_at_the_very_moment_takes_no_more() -> None:
    placed = place(item(), UNIT, [], DAILY, FIRST)

    assert placed
    assert placed.starts_at == FIRST + timedelta(days=1)


def test_a_session_is_named_after_its_local_time() -> None:
    assert session_id_of(UNIT, FIRST) == "s-u-29236-2025-202603110500"


def test_a_session_that_was_moved_ahead_keeps_its_slot_taken() -> None:
    sessions: dict[str, Session] = {}
    put(sessions, item(0))
    (session_id,) = sessions
    sessions[session_id] = sessions[session_id].moved(NOW - timedelta(minutes=1))

    put(sessions, item(1))

    assert [session.starts_at for session in sessions.values()] == [
        NOW - timedelta(minutes=1),
        FIRST + timedelta(days=1),
    ]


def test_a_repeat_is_not_placed_again_even_when_its_session_is_long_over() -> None:
    past = Session(session_id_of(UNIT, FIRST), UNIT, FIRST, FIRST).with_item(item())

    assert place(item(), UNIT, [past], DAILY, FIRST + timedelta(days=9)) is None


def test_an_item_that_was_withdrawn_from_its_session_is_not_placed_again_by_a_repeat() -> None:
    session = Session(session_id_of(UNIT, FIRST), UNIT, FIRST, FIRST).with_item(item())

    assert place(item(), UNIT, [session.without("item-0", 3, NOW)], DAILY, NOW) is None


def test_a_new_revision_is_placed_beside_the_withdrawn_one() -> None:
    session = Session(session_id_of(UNIT, FIRST), UNIT, FIRST, FIRST).with_item(item())
    newer = replace(item(ver=5), revision=2)

    placed = place(newer, UNIT, [session.without("item-0", 3, NOW)], DAILY, NOW)

    assert placed
    assert [entry.item.revision for entry in placed.active] == [2]
    assert len(placed.entries) == 2


def test_withdrawing_spares_a_newer_approval_and_a_session_that_has_begun() -> None:
    session = Session(session_id_of(UNIT, FIRST), UNIT, FIRST, FIRST).with_item(item(ver=5))

    assert session.without("item-0", 4, NOW).active
    assert session.without("item-0", 6, FIRST).active
    assert not session.without("item-0", 6, NOW).active


def test_an_item_longer_than_any_session_is_refused() -> None:
    with pytest.raises(NoSlot, match="too-long"):
        place(item(seconds=121), UNIT, [], DAILY, NOW)


def test_a_grid_that_has_run_out_takes_nothing() -> None:
    with pytest.raises(NoSlot, match="over"):
        place(item(), UNIT, [], replace(DAILY, rule="FREQ=DAILY;COUNT=2"), FIRST + timedelta(days=30))


def test_without_a_grid_a_unit_broadcasts_every_day_at_five() -> None:
    slots = default_grid(date(2026, 3, 10)).slots(NOW)

    assert [next(slots), next(slots)] == [FIRST, FIRST + timedelta(days=1)]


def test_a_station_plays_what_is_not_over_yet_nearest_unit_first() -> None:
    def session(unit: str, starts_at: datetime, *, withdrawn: bool = False) -> Session:
        made = Session(session_id_of(unit, starts_at), unit, starts_at, starts_at).with_item(item())
        return made.without("item-0", 9, NOW - timedelta(days=99)) if withdrawn else made

    late = timedelta(minutes=30)
    over = session(UNIT, NOW - timedelta(minutes=31))
    nearly_over = session(UNIT, NOW - timedelta(minutes=30))
    commune, province = session(UNIT, FIRST), session("u-84", FIRST)
    empty = session(UNIT, FIRST + timedelta(days=1), withdrawn=True)

    assert programme([province, commune, empty, over, nearly_over], ["u-84", UNIT], NOW, late) == [
        nearly_over,
        commune,
        province,
    ]


def has_place(sessions: dict[str, Session], wanted: Item, slots: Sequence[datetime], room: int) -> bool:
    """Whether any of these slots is on its days and has room, or has it already."""
    if any(session.holds(wanted) for session in sessions.values()):
        return True
    on_its_days = [slot for slot in slots if (wanted.opens_at or slot) <= slot < (wanted.closes_at or HORIZON)]
    there = [sessions.get(session_id_of(UNIT, slot)) for slot in on_its_days]
    return any((session.seconds if session else 0) + wanted.seconds <= room for session in there)


days = st.none() | st.dates(date(2026, 3, 1), date(2026, 4, 15))


@given(st.lists(st.tuples(items, days, days), max_size=10), grids, moments)
def test_an_item_is_heard_on_its_own_days_only_and_is_refused_only_when_none_is_left(
    wanted: list[tuple[Item, date | None, date | None]], grid: Grid, after: datetime
) -> None:
    sessions: dict[str, Session] = {}
    slots = list(itertools.takewhile(lambda slot: slot < HORIZON, grid.slots(after)))
    for each, first, last in wanted:
        opens_at, closes_at = span_of(first, last)
        dated = replace(each, opens_at=opens_at, closes_at=closes_at)
        if has_place(sessions, dated, slots, grid.max_minutes * 60):
            put(sessions, dated, grid, after)
        else:
            with pytest.raises(NoSlot, match="no-day"):
                put(sessions, dated, grid, after)

    for session in sessions.values():
        day = session.starts_at.astimezone(ZONE).date()
        for entry in session.entries:
            opens_at, closes_at = entry.item.opens_at, entry.item.closes_at
            assert opens_at is None or opens_at.astimezone(ZONE).date() <= day
            assert closes_at is None or day < closes_at.astimezone(ZONE).date()


def test_a_session_at_midnight_is_of_the_day_that_begins() -> None:
    opens_at, closes_at = span_of(date(2026, 3, 12), date(2026, 3, 12))
    dated = replace(item(), opens_at=opens_at, closes_at=closes_at)

    placed = place(dated, UNIT, [], replace(DAILY, at="00:00"), NOW)

    assert placed
    assert placed.starts_at == opens_at


def test_a_session_goes_to_no_moment_outside_the_days_of_what_it_plays() -> None:
    opens_at, closes_at = span_of(date(2026, 3, 11), date(2026, 3, 11))
    session = Session(session_id_of(UNIT, FIRST), UNIT, FIRST, FIRST).with_item(item())
    dated = session.with_item(replace(item(1), opens_at=opens_at, closes_at=closes_at))

    assert session.may_start(NOW)
    assert not dated.may_start(NOW)
    assert dated.may_start(FIRST)
    assert not replace(session, entries=()).may_start(FIRST)


def test_a_session_reads_back_as_it_was_stored() -> None:
    session = Session(session_id_of(UNIT, FIRST), UNIT, FIRST, FIRST).with_item(item())
    stored = asdict(session)

    assert Session.of({**stored, "_id": stored["session_id"], "ver": 1}) == session


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, ""),
        ({"seconds": 32.0}, ""),
        ({"seconds": 32.1}, "seconds"),
        ({"seconds": 27.9}, "seconds"),
        ({"seconds": 0.0, "whole": False}, ""),
        ({"seconds": -1.0, "whole": False}, "seconds"),
        ({"audio_sha256": "b" * 64}, "audio"),
        ({"revision": 2}, "item"),
        ({"item_id": "item-1"}, "item"),
    ],
)
def test_a_proof_must_fit_its_entry(changes: dict[str, object], fault: str) -> None:
    entry = Entry(entry_id_of("s", item()), item())
    claim: dict[str, object] = {
        "audio_sha256": "a" * 64,
        "item_id": "item-0",
        "revision": 1,
        "seconds": 30.0,
        "whole": True,
    }

    assert proof_fault(entry, **{**claim, **changes}) == fault  # type: ignore[arg-type]  # one table of mixed values
