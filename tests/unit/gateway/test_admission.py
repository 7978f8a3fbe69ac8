"""A place for each, a short wait, a clear refusal; and what each subject may ask for."""

import asyncio

import pytest

from lantoa_gateway.domain import Target
from lantoa_gateway.domain.admission import LONGEST_WAIT_SECONDS, PLACES, Line, Rank, rank_of
from lantoa_gateway.domain.limits import DEVICE, PAPER, READ, UPLOAD, WRITE, Limits, allowance_of
from lantoa_gateway.usecases.admission import Lines
from lantoa_runtime.errors import AppError


@pytest.mark.parametrize(
    ("service", "staff", "rank"),
    [
        ("alert", True, Rank.ALERT),
        ("alert", False, Rank.PUBLIC),
        ("content", True, Rank.STAFF),
        ("contest", True, Rank.STAFF),
        ("contest", False, Rank.PUBLIC),
        ("reporting", True, Rank.REPORTS),
    ],
)
def test_ranks(service, staff, rank):
    assert rank_of(service, staff) is rank


def test_a_line_gives_its_places_in_the_order_of_coming():
    line = Line(1)
    assert line.enter()
    assert not line.enter()
    assert line.wait("first", 0.0)
    assert line.wait("second", 0.1)
    assert line.leave() == "first"
    assert not line.enter()
    assert line.leave() == "second"
    assert line.leave() is None
    assert line.enter()


def test_a_line_that_does_not_move_takes_nobody_more():
    line = Line(0)
    assert line.wait("first", 0.0)
    assert line.wait("second", LONGEST_WAIT_SECONDS)
    assert not line.wait("third", LONGEST_WAIT_SECONDS + 0.01)
    line.give_up("first")
    assert line.wait("fourth", LONGEST_WAIT_SECONDS + 0.01)


async def test_ten_times_the_reports_take_nothing_from_alerts():
    lines = Lines(asyncio.get_running_loop().time)
    asked = [asyncio.create_task(lines.enter(Rank.REPORTS, "reporting")) for _ in range(10 * PLACES[Rank.REPORTS])]
    alerts = [await lines.enter(Rank.ALERT, "alert") for _ in range(PLACES[Rank.ALERT])]
    assert len(alerts) == PLACES[Rank.ALERT]
    ended = await asyncio.gather(*asked, return_exceptions=True)
    refused = [one for one in ended if isinstance(one, AppError)]
    assert len(ended) - len(refused) == PLACES[Rank.REPORTS]
    assert {(one.code, one.http_status, one.retryable) for one in refused} == {("gateway.crowded", 503, True)}


async def test_who_waits_has_the_place_of_who_leaves_and_one_who_gives_up_takes_none():
    lines = Lines(asyncio.get_running_loop().time)
    places = [await lines.enter(Rank.REPORTS, "reporting") for _ in range(PLACES[Rank.REPORTS])]
    first, second = (asyncio.create_task(lines.enter(Rank.REPORTS, "reporting")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first})
    lines.leave(places.pop())
    assert await second == (Rank.REPORTS, "reporting")
    # Given to somebody in the moment in which he gives up, a place goes on to the next.
    third, fourth = (asyncio.create_task(lines.enter(Rank.REPORTS, "reporting")) for _ in range(2))
    await asyncio.sleep(0)
    lines.leave(places.pop())
    third.cancel()
    await asyncio.wait({third})
    assert await fourth == (Rank.REPORTS, "reporting")


ITEMS, CONTESTS = Target("content", "items"), Target("contest", "contests")


@pytest.mark.parametrize(
    ("target", "path", "method", "content_type", "known", "allowance"),
    [
        (ITEMS, "/api/v1/content/items", "GET", "", True, READ),
        (ITEMS, "/api/v1/content/items", "POST", "application/json", True, WRITE),
        (ITEMS, "/api/v1/content/items/i-1/sound", "PUT", "audio/ogg", True, UPLOAD),
        (Target("reporting", "yearly.docx"), "/api/v1/reporting/yearly.docx", "GET", "", True, PAPER),
        (CONTESTS, "/api/v1/contest/contests", "GET", "", True, READ),
        (CONTESTS, "/api/v1/contest/contests", "GET", "", False, None),
        (Target("contest", "thi", page=True), "/thi/x", "POST", "application/x-www-form-urlencoded", False, None),
        (Target("fleet", "enrolments"), "/api/v1/fleet/enrolments", "POST", "application/json", False, DEVICE),
    ],
)
def test_what_a_request_counts_against(target, path, method, content_type, known, allowance):
    assert allowance_of(target, path, method, content_type, known) is allowance


def test_one_subject_s_haste_is_not_another_s_and_ends_with_time():
    limits = Limits()
    counts = [limits.count(WRITE, "p-1", 0.0) for _ in range(WRITE.burst + 1)]
    assert [count.wait > 0 for count in counts] == [False] * WRITE.burst + [True]
    assert limits.count(WRITE, "p-2", 0.0).wait == 0
    assert limits.count(READ, "p-1", 0.0).wait == 0
    assert limits.count(WRITE, "p-1", counts[-1].wait).wait == 0


def test_the_fields_say_what_holds_and_what_is_left():
    limits = Limits()
    policy = (b"ratelimit-policy", b'"paper";q=10;w=30')
    assert limits.count(PAPER, "p-1", 0.0).fields == (policy, (b"ratelimit", b'"paper";r=9;t=3'))
    for _ in range(10):
        refused = limits.count(PAPER, "p-1", 0.0)
    assert refused.fields == (policy, (b"ratelimit", b'"paper";r=0;t=3'))


def test_an_installation_may_allow_more():
    counts = [Limits(times=2).count(PAPER, "p-1", 0.0).left, Limits().count(PAPER, "p-1", 0.0).left]
    assert counts == [19, 9]
