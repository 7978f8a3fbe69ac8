"""What the API takes and refuses, and who sees what. No voice is needed here, so none is there."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from lantoa_calendar.periods import local_day
from lantoa_content.usecases.keyset import make_cursor
from lantoa_runtime.clock import Clock
from lantoa_runtime.http import Caller, Grant


def _pointers(problem):
    return {error["pointer"] for error in problem["errors"]}


@pytest.fixture
async def office(open_office):
    return await open_office(speech_command=("/nonexistent",), backoff_seconds=(60.0,))


WRONG = [
    ({"extra": 1}, "/extra"),
    ({"title": "ab"}, "/title"),
    ({"title": "a\u0007\u0007\u0007b"}, "/title"),
    ({"title": "x" * 201}, "/title"),
    ({"body": "ngắn"}, "/body"),
    ({"body": "x" * 20_001}, "/body"),
    ({"tasks": []}, "/tasks"),
    ({"tasks": ["16"]}, "/tasks/0"),
    ({"topic": "weather"}, "/topic"),
    ({"language": "km"}, "/language"),
    ({"priority": "urgent"}, "/priority"),
    ({"priority": "emergency"}, "/priority"),
    ({"unit_id": "u-0-2025"}, "/unit_id"),
    ({"air_from": 0}, "/air_from"),
    ({"air_until": "2026-02-30"}, "/air_until"),
    ({"air_from": "2026-12-02", "air_until": "2026-12-01"}, "/air_until"),
]


async def test_a_wrong_field_is_pointed_at(office):
    for fields, pointer in WRONG:
        status, problem, headers = await office.write(**fields)
        assert (status, headers["Content-Type"]) == (422, "application/problem+json"), fields
        assert pointer in _pointers(problem), fields


async def test_a_unit_that_has_ended_is_no_audience(office):
    former = Caller("p-cu", "Cán bộ cũ", (Grant("author", office.ended_unit_id),))
    status, problem, _ = await office.write(former, unit_id=office.ended_unit_id)
    assert (status, problem["code"]) == (422, "unknown-unit")


async def test_an_author_writes_for_their_own_unit_only(office):
    status, problem, _ = await office.write(unit_id=office.other_unit_id)
    assert (status, problem["code"]) == (403, "forbidden")
    _, item, _ = await office.write()
    assert (await office.change(item, unit_id=office.other_unit_id))[0] == 403
    assert (await office.write(office.approver))[0] == 403


async def test_an_editor_changes_what_another_wrote_and_approves_it_no_more(office):
    editor = Caller("p-bien", "Biên tập", (Grant("editor", office.unit_id), Grant("approver", office.unit_id)))
    colleague = Caller("p-dong", "Đồng nghiệp", (Grant("author", office.unit_id),))
    _, item, _ = await office.write()
    status, problem, _ = await office.change(item, colleague, title="Lịch tiêm chủng tuần này")
    assert (status, problem["code"]) == (403, "content.not-your-item")
    status, edited, _ = await office.change(item, editor, title="Lịch tiêm chủng tuần này")
    assert (status, edited["author"], edited["allowed"]) == (200, item["author"], ["edit", "submit"])
    status, problem, _ = await office.act(edited, "approve", editor, approval_sha256="a" * 64)
    assert (status, problem["code"]) == (403, "content.own-item")
    assert (await office.act(edited, "submit", editor))[0] == 200


async def test_an_emergency_is_sent_to_where_it_belongs(office):
    _, problem, _ = await office.write(priority="emergency")
    assert problem["code"] == "content.emergency-elsewhere"
    assert (await office.write(priority="priority"))[1]["priority"] == "priority"


async def test_days_that_are_over_are_kept_but_not_submitted(office):
    yesterday = (local_day(Clock().now()) - timedelta(days=1)).isoformat()
    _, item, _ = await office.write(air_until=yesterday)
    assert item["air_until"] == yesterday
    status, problem, _ = await office.act(item, "submit", office.author)
    assert (status, problem["code"], _pointers(problem)) == (422, "content.day-over", {"/air_until"})
    assert problem["title"] == "Ngày này đã qua"
    _, item, _ = await office.change(item, air_until=None)
    assert (await office.act(item, "submit", office.author))[0] == 200


async def test_texts_are_kept_composed_and_without_what_nobody_sees(office):
    _, item, _ = await office.write(title="  Li\u0323ch  tiêm\nchu\u0309ng ", body="Mời bà con\r\nđến dự.\u0007\n")
    assert (item["title"], item["body"]) == ("Lịch tiêm chủng", "Mời bà con\nđến dự.")


async def test_a_replayed_creation_answers_with_the_first_item(office):
    first = await office.write(key="key-replayed")
    again = await office.write(key="key-replayed")
    assert first[1] == again[1]
    assert again[2]["Idempotent-Replay"] == "true"
    assert (await office.write(key="key-replayed", title="Khác hẳn"))[1]["code"] == "idempotency-key-reused"
    assert await office.running.service.db["items"].count({}) == 1


async def test_a_creation_needs_its_key_and_a_change_its_version(office):
    _, item, _ = await office.write()
    path = f"/items/{item['id']}"
    assert (await office.running.call("POST", "/items", office.author, {}))[1]["code"] == "idempotency-key-required"
    assert (await office.running.call("PATCH", path, office.author, {"title": "Khác"}))[0] == 428
    assert (await office.running.call("POST", f"{path}/submit", office.author))[0] == 428


async def test_a_stale_version_is_refused(office):
    _, item, _ = await office.write()
    _, newer, headers = await office.change(item, title="Tiêu đề khác")
    assert headers["ETag"] == '"2"'
    assert (await office.change(item, title="Tiêu đề thứ ba"))[0] == 412
    assert (await office.act(item, "submit", office.author))[0] == 412
    assert await office.read(item["id"]) == newer


async def test_of_two_changes_at_once_one_wins(office):
    _, item, _ = await office.write()
    answers = await asyncio.gather(*(office.change(item, title=f"Tiêu đề {number}") for number in range(6)))
    assert sorted(status for status, _, _ in answers) == [200, 412, 412, 412, 412, 412]
    assert (await office.read(item["id"]))["ver"] == 2


async def test_a_change_is_checked_as_strictly_as_a_creation(office):
    _, item, _ = await office.write()
    for fields in ({"title": None}, {"title": "ab"}, {"state": "approved"}, {"tasks": []}):
        status, problem, _ = await office.change(item, **fields)
        assert (status, problem["code"]) == (422, "invalid-request"), fields


async def test_an_item_of_elsewhere_is_not_there(office):
    _, item, _ = await office.write()
    for method, path in (("GET", ""), ("GET", "/renditions/web"), ("POST", "/withdraw")):
        status, problem, _ = await office.running.call(
            method, f"/items/{item['id']}{path}", office.elsewhere, headers={"If-Match": '"1"'}
        )
        assert (status, problem["code"]) == (404, "not-found")


async def test_a_step_out_of_turn_is_a_conflict_in_the_readers_language(office):
    _, item, _ = await office.write()
    path, headers = f"/items/{item['id']}/return", {"If-Match": '"1"', "Accept-Language": "en"}
    status, problem, _ = await office.running.call("POST", path, office.approver, {"comment": "Why"}, headers)
    assert (status, problem["code"], problem["title"]) == (409, "content.wrong-state", "Not possible now")


async def test_a_rendition_that_is_not_made_yet_is_not_there(office):
    _, item, _ = await office.write()
    assert (await office.running.call("GET", f"/items/{item['id']}/renditions/audio", office.author))[0] == 404
    assert (await office.running.call("GET", f"/items/{item['id']}/renditions/print", office.author))[0] == 422


async def test_nobody_is_let_in_without_a_token(office):
    for path in ("/topics", "/items", "/items/i-1", "/items/i-1/renditions/web"):
        assert (await office.running.call("GET", path))[0] == 401


async def test_the_topics_are_those_of_the_plan(office):
    _, page, _ = await office.running.call("GET", "/topics", office.author)
    assert [topic["code"] for topic in page["items"]] == (
        ["concepts", "duties", "legal", "stories", "programmes", "applications", "skills", "security"]
    )
    assert all(topic["name"] and topic["name_en"] for topic in page["items"])


async def _walk(office, caller, query=""):
    """Every item of a list, page by page."""
    found, cursor = [], ""
    while cursor is not None:
        _, page, _ = await office.running.call("GET", f"/items?limit=2{query}{cursor}", caller)
        found += page["items"]
        cursor = f"&cursor={page['next']}" if page["next"] else None
    return found


async def test_a_list_holds_each_item_once_the_newest_change_first(office):
    made = [(await office.write(title=f"Tin số {number}"))[1] for number in range(5)]
    _, changed, _ = await office.change(made[1], title="Tin số một, đã sửa")
    listed = await _walk(office, office.author)
    assert listed == [changed, made[4], made[3], made[2], made[0]]
    twice = Caller("p-2", "Hai vai", (Grant("author", office.unit_id), Grant("reporter", "u-86-2025")))
    assert [item["id"] for item in await _walk(office, twice)] == [item["id"] for item in listed]


async def test_items_changed_in_one_moment_are_paged_without_loss(office):
    made = [(await office.write(title=f"Tin số {number}"))[1]["id"] for number in range(5)]
    now = Clock().now()
    for item_id in made:
        await office.running.service.db["items"].update_one({"_id": item_id}, {"$set": {"updated_at": now}})
    assert [item["id"] for item in await _walk(office, office.author)] == sorted(made, reverse=True)


async def test_a_list_reaches_back_over_quiet_years(office):
    made = [(await office.write(title=f"Tin số {number}"))[1]["id"] for number in range(3)]
    for item_id, years in zip(made, (0, 1, 4), strict=True):
        at = Clock().now().replace(month=1, day=1)
        at = at.replace(year=at.year - years)
        await office.running.service.db["items"].update_one({"_id": item_id}, {"$set": {"updated_at": at}})
    assert [item["id"] for item in await _walk(office, office.author)] == made


async def test_a_list_is_narrowed_by_state_and_unit(office):
    _, draft, _ = await office.write()
    submitted = await office.submitted()
    _, other, _ = await office.write(office.elsewhere, unit_id=office.other_unit_id)
    approver, here = office.approver, f"&unit_id={office.unit_id}"
    assert {item["id"] for item in await _walk(office, approver)} == {draft["id"], submitted["id"], other["id"]}
    assert [item["id"] for item in await _walk(office, approver, "&state=submitted")] == [submitted["id"]]
    assert {item["id"] for item in await _walk(office, approver, here)} == {draft["id"], submitted["id"]}
    assert [item["id"] for item in await _walk(office, office.elsewhere)] == [other["id"]]
    assert await _walk(office, office.elsewhere, here) == []


NAIVE = make_cursor(datetime(2026, 11, 1), "i-1")  # noqa: DTZ001 - a time without a zone is what is refused
BEFORE_TIME = make_cursor(datetime(1, 1, 2, tzinfo=UTC), "i-1")


async def test_a_cursor_that_was_not_given_is_refused(office):
    for cursor in ("x", "!!!!", NAIVE, BEFORE_TIME):
        status, problem, _ = await office.running.call("GET", f"/items?cursor={cursor}", office.author)
        assert (status, problem["code"]) == (400, "bad-cursor"), cursor


async def test_somebody_without_any_role_has_no_list(office):
    citizen = Caller("c-1", "09•• ••• 123", citizen=True)
    assert (await office.running.call("GET", "/items", Caller("p-0", "Không vai", ())))[0] == 401
    assert (await office.running.call("GET", "/items", citizen))[0] == 403
