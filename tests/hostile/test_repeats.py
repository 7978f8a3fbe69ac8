"""Whatever is sent twice, at once or again after a crash, has one effect."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest
from hostile_world import APPROVER, AUTHOR, CITIZEN, COMMUNE, CONTEST, EVERYBODY, ITEM

from lantoa_contracts import catalogue
from lantoa_runtime.http.auth import Caller

OTHER_AUTHOR = Caller("p-ha", "Hà", AUTHOR.grants)
RENDITION = {"bytes": 3, "seconds": 2.0, "lufs": -23.0, "voice": "v"}


@pytest.fixture
async def content(opened):
    return await opened("content")


def keyed(key):
    return {"Idempotency-Key": key}


async def write(content, key, caller=AUTHOR, **fields):
    return await content.running.call("POST", "/items", caller, ITEM | fields, keyed(key))


async def items(content):
    return (await content.counts())["items"]


async def test_a_repeat_gets_the_first_answer_and_has_no_effect(content):
    before = await items(content)
    first = await write(content, "repeat-01")
    again = await write(content, "repeat-01")
    assert first[0] == again[0] == 201
    assert first[1] == again[1]
    assert (await write(content, "repeat-01", title="Một tin khác hẳn"))[1]["code"] == "idempotency-key-reused"
    other = await write(content, "repeat-01", OTHER_AUTHOR)
    assert other[1]["id"] != first[1]["id"]
    assert other[1]["author"]["id"] == "p-ha"
    assert await items(content) == before + 2


async def test_twenty_at_once_make_one(content):
    before = await items(content)
    answers = await asyncio.gather(*(write(content, "at-once-1") for _ in range(20)))
    assert {status for status, _, _ in answers} == {201}
    assert len({body["id"] for _, body, _ in answers}) == 1
    assert await items(content) == before + 1


async def test_a_key_whose_request_was_refused_is_free_for_the_corrected_one(content):
    before = await content.counts()
    assert (await write(content, "refused-1", unit_id="u-nowhere"))[1]["code"] == "unknown-unit"
    assert (await write(content, "refused-1", topic="nothing"))[1]["code"] == "content.unknown-topic"
    assert await content.counts() == before
    assert (await write(content, "refused-1"))[0] == 201
    assert await items(content) == before["items"] + 1


async def test_what_a_crash_left_between_the_record_and_the_item_is_made_good_once(content, monkeypatch):
    before = await items(content)
    collection = content.running.service.db["items"]
    insert = collection.insert_one

    async def dies(document):
        raise RuntimeError("killed")

    monkeypatch.setattr(collection, "insert_one", dies)
    assert (await write(content, "crashed-1"))[0] == 500
    monkeypatch.setattr(collection, "insert_one", insert)
    record = next(
        record
        for record in await content.running.service.db["idempotency"].find({})
        if record["_id"].endswith("crashed-1")
    )
    answers = await asyncio.gather(*(write(content, "crashed-1") for _ in range(5)))
    assert {(status, body["id"]) for status, body, _ in answers} == {(201, record["created_id"])}
    assert await items(content) == before + 1


async def act(content, item, verb, caller, **body):
    headers = {"If-Match": f'"{item["ver"]}"'}
    return await content.running.call("POST", f"/items/{item['id']}/{verb}", caller, body, headers)


async def test_an_item_that_is_submitted_ten_times_at_once_is_submitted_once(content, events):
    _, item, _ = await write(content, "submit-01")
    answers = await asyncio.gather(*(act(content, item, "submit", AUTHOR) for _ in range(10)))
    statuses = Counter(status for status, _, _ in answers)
    assert statuses[200] == 1
    assert set(statuses) <= {200, 409, 412}
    await events.wait(catalogue.ITEM_SUBMITTED, lambda event: event.item_id == item["id"])
    assert [event.item_id for event in await events.all(catalogue.ITEM_SUBMITTED)].count(item["id"]) == 1


async def in_review(content, item):
    """The item as rendering leaves it; the voice has its own tests."""
    blob = await content.running.service.blobs.put(b"<article>abc</article>", "text/html")
    made = [
        {**RENDITION, "kind": kind, "sha256": blob.sha256, "media_type": "text/html"}
        for kind in ("audio", "board", "web")
    ]
    fields = {"state": "in_review", "renditions": made, "submitted_at": datetime.now(UTC)}
    await content.running.service.db["items"].update_one({"_id": item["id"]}, {"$set": fields})
    return (await content.running.call("GET", f"/items/{item['id']}", APPROVER))[1]


async def test_an_item_that_is_approved_ten_times_at_once_is_approved_once(content, events):
    item = await in_review(content, (await write(content, "approve-1"))[1])
    seen = item["approval_sha256"]
    answers = await asyncio.gather(
        *(act(content, item, "approve", APPROVER, approval_sha256=seen) for _ in range(10)),
        act(content, item, "approve", EVERYBODY, approval_sha256=seen),
        act(content, item, "approve", AUTHOR, approval_sha256=seen),
    )
    assert {status for status, _, _ in answers} <= {200, 403, 409, 412}
    _, after, _ = await content.running.call("GET", f"/items/{item['id']}", APPROVER)
    assert (after["state"], after["ver"]) == ("approved", item["ver"] + 1)
    winner = APPROVER if after["approver"]["id"] == APPROVER.id else EVERYBODY
    again = await act(content, item, "approve", winner, approval_sha256=seen)
    assert (again[0], again[1].get("ver")) == (200, after["ver"]), again
    await events.wait(catalogue.ITEM_APPROVED, lambda event: event.item_id == item["id"])
    assert [event.item_id for event in await events.all(catalogue.ITEM_APPROVED)].count(item["id"]) == 1


async def test_text_with_signs_that_no_page_can_show_is_kept_without_them(content):
    _, item, _ = await write(
        content, "signs-001", title="Tin\x00 \x1btốt\ud800 lành", body="Nội dung\x07 đủ dài \udfff."
    )
    assert item["title"] == "Tin tốt lành"
    assert item["body"] == "Nội dung đủ dài ."


async def test_text_that_looks_like_an_operator_stays_text(content):
    for number, text in enumerate(("$outbox", "$$ROOT", '{"$gt":""}', "{title}", "%(x)s {0.__class__}")):
        status, item, _ = await write(content, f"operator{number}", title=text, body=f"{text} {text}")
        assert (status, item["title"]) == (201, text)
        headers = {"If-Match": f'"{item["ver"]}"'}
        status, item, _ = await content.running.call(
            "PATCH", f"/items/{item['id']}", AUTHOR, {"title": f"{text}!"}, headers
        )
        assert (status, item["title"]) == (200, f"{text}!")


async def test_a_citizen_who_begins_and_submits_many_times_has_one_attempt(opened, events):
    contest = await opened("contest")
    call = contest.running.call
    now = datetime.now(UTC)
    body = CONTEST | {"id": "an-toan", "opens_at": now.replace(year=now.year + 1).isoformat()}
    body |= {"closes_at": now.replace(year=now.year + 2).isoformat()}
    makings = (call("POST", "/contests", EVERYBODY, body, keyed("contest-1")) for _ in range(10))
    answers = await asyncio.gather(*makings)
    assert {status for status, _, _ in answers} == {201}
    headers = {"If-Match": f'"{answers[0][1]["ver"]}"'}
    assert (await call("POST", "/contests/an-toan/publish", EVERYBODY, None, headers))[0] == 200
    opened_at = {"$set": {"opens_at": now.replace(year=now.year - 1)}}
    assert (await contest.running.service.db["contests"].update_one({"_id": "an-toan"}, opened_at)).modified == 1
    starts = await asyncio.gather(
        *(call("POST", "/contests/an-toan/attempts", CITIZEN, {"unit_id": COMMUNE}) for _ in range(20))
    )
    assert {status for status, _, _ in starts} == {200}
    assert len({attempt["attempt_id"] for _, attempt, _ in starts}) == 1
    submits = await asyncio.gather(
        *(call("POST", "/contests/an-toan/attempts/mine/submit", CITIZEN, {"answers": [0]}) for _ in range(10))
    )
    assert {status for status, _, _ in submits} <= {200, 202}
    assert len({attempt["accepted"]["receipt"] for _, attempt, _ in submits}) == 1
    accepted = catalogue.ATTEMPT_ACCEPTED
    await events.wait(accepted)
    assert len(await events.all(accepted)) == 1
    assert await contest.running.service.db["attempts"].count({}) == 1
