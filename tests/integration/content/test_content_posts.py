"""Posts: published by an approval, confirmed by a look from outside, over when the approval ends."""

import itertools
import json
import sys
from datetime import datetime

import pytest
from aiohttp import web

from lantoa_contracts.catalogue import ITEM_APPROVED, ITEM_WITHDRAWN, POST_CONFIRMED, POST_UNCONFIRMED
from lantoa_contracts.policy import EVERYWHERE, SYSTEM
from lantoa_runtime.http import Caller, Grant
from lantoa_testing.plugin import eventually

HEADER = json.dumps({"sample_rate": 16_000, "voice": "vi-vn-x-south"})
TONE = f"""
import sys
sys.stdin.read()
sys.stdout.buffer.write({HEADER!r}.encode() + b"\\n" + b"\\x00\\x10\\x00\\xf0" * 8000)
"""
OPERATOR = Caller("operator", "operator", (Grant(SYSTEM, EVERYWHERE),))


@pytest.fixture
async def news(newsroom):
    return await newsroom(speech_command=(sys.executable, "-c", TONE), confirm_seconds=0.1, backoff_seconds=(0.1,) * 20)


async def _stored(news, event):
    return await news.running.service.db["posts"].find_one({"_id": f"web-{event.item_id}-{event.revision}"})


async def _stands(news, event, **wanted):
    async def so():
        post = await _stored(news, event)
        return post if post and wanted.items() <= post.items() else None

    return await eventually(so)


async def _due_now(news, event):
    """The time of the next look has come."""
    now = news.running.service.clock.now()
    await news.running.service.db["posts"].update_one({"item_id": event.item_id}, {"$set": {"due_at": now}})


async def test_an_approved_item_is_published_and_found_by_a_stranger(news):
    item = await news.reviewed()
    assert item["post"] is None
    item = (await news.act(item, "approve", news.approver, approval_sha256=item["approval_sha256"]))[1]
    confirmed = (await news.posted(item["id"], "confirmed"))["post"]
    url = f"{news.street.url}/tin/{item['id']}"
    assert (confirmed["url"], confirmed["reason"]) == (url, None)
    event = await news.events.wait(POST_CONFIRMED)
    assert (event.post_id, event.channel, event.item_id) == (f"web-{item['id']}-1", "web", item["id"])
    assert (event.approval_sha256, event.url, event.unit_id) == (item["approval_sha256"], url, news.unit_id)
    assert (event.title, event.tasks, event.topic) == (item["title"], ("05", "08"), "skills")
    assert event.published_at <= event.confirmed_at
    assert event.page_sha256 == (await news.running.service.db["posts"].find_one({}))["article_sha256"]
    stranger = next(request for request in news.street.asked if request.headers["User-Agent"].startswith("LanToa"))
    assert not {"Cookie", "Authorization", "X-Internal-Token", "Traceparent"} & set(stranger.headers)
    _, listed, _ = await news.running.call("GET", "/items", news.author)
    assert listed["items"][0]["post"] == confirmed

    edited = (await news.change(item, title="Lịch tiêm chủng đã đổi"))[1]
    over = await news.events.wait(POST_UNCONFIRMED)
    assert (over.post_id, over.revision, over.reason) == (event.post_id, 1, "edited")
    assert over.ver > event.ver
    assert (await news.get(f"/tin/{item['id']}"))[0] == 404
    await news.act(edited, "submit", news.author)
    item = await news.until(item["id"], "in_review")
    await news.act(item, "approve", news.approver, approval_sha256=item["approval_sha256"])
    again = await news.events.wait(POST_CONFIRMED, lambda one: one.revision == 2)
    assert again.title == "Lịch tiêm chủng đã đổi"
    assert "Lịch tiêm chủng đã đổi" in (await news.get(f"/tin/{item['id']}"))[1]

    item = await news.read(item["id"], news.approver)
    await news.act(item, "withdraw", news.approver)
    over = await news.events.wait(POST_UNCONFIRMED, lambda one: one.revision == 2)
    assert over.reason == "withdrawn"
    assert (await news.get(f"/tin/{item['id']}"))[0] == 410
    post = (await news.read(item["id"]))["post"]
    assert (post["state"], post["reason"]) == ("unconfirmed", "withdrawn")

    _, story, _ = await news.running.call("GET", f"/items/{item['id']}/history", news.author)
    steps = [(step["what"], step["revision"], (step["by"] or {}).get("name")) for step in story["items"]]
    one, other = "Thạch Thị Lan", "Nguyễn Văn Phước"
    first = [("created", 1, one), ("submitted", 1, one), ("rendered", 1, None), ("approved", 1, other)]
    assert steps[:6] == [*first, ("post_published", 1, None), ("post_confirmed", 1, None)]
    assert set(steps[6:8]) == {("edited", 2, one), ("post_unconfirmed", 1, None)}
    assert steps[8:11] == [("submitted", 2, one), ("rendered", 2, None), ("approved", 2, other)]
    assert {("withdrawn", 2, other), ("post_unconfirmed", 2, None)} == set(steps[13:])
    assert story["items"][3]["approval_sha256"] == event.approval_sha256
    moments = [datetime.fromisoformat(step["at"]) for step in story["items"]]
    assert moments == sorted(moments)
    assert (await news.running.call("GET", f"/items/{item['id']}/history", news.elsewhere))[0] == 404


async def test_a_return_is_told_with_its_comment(news):
    item = await news.reviewed()
    await news.act(item, "return", news.approver, comment="Ghi rõ số điện thoại")
    _, story, _ = await news.running.call("GET", f"/items/{item['id']}/history", news.author)
    last = story["items"][-1]
    assert (last["what"], last["comment"], last["by"]["id"]) == ("returned", "Ghi rõ số điện thoại", "p-phuoc")


def _page(status=200, body=b"", **headers):
    return lambda *_: web.Response(status=status, body=body, headers=headers)


def _hang(*_):
    raise ConnectionResetError


TAMPERED = {
    "another word": (lambda s, b: web.Response(status=s, body=b.replace("tháng 11".encode(), b"?")), "changed"),
    "a byte in the article": (lambda s, b: web.Response(body=b.replace(b"</article>", b" </article>")), "changed"),
    "a second article": (lambda s, b: web.Response(body=b + b"<article>khac</article>"), "changed"),
    "no article": (_page(body=b"<html>"), "changed"),
    "too much": (lambda s, b: web.Response(body=b"x" * 600_000 + b), "changed"),
    "elsewhere": (_page(302, Location="/tin"), "gone"),
    "not there": (_page(404), "gone"),
    "broken": (_page(502), "unreachable"),
    "cut off": (_hang, "unreachable"),
}


async def test_a_page_that_is_not_what_was_approved_is_not_confirmed_and_says_why(news):
    event, seen = None, []
    for tamper, reason in TAMPERED.values():
        news.street.tamper = tamper
        event = await news.publish("Tiêm chủng tháng 11")
        post = await _stands(news, event, reason=reason)
        assert post["state"] == ("published" if reason == "unreachable" else "unconfirmed")
        assert post["confirmed_at"] is None
        seen.append(event)
    assert await news.events.all(POST_CONFIRMED) == []
    failed = await _stands(news, event)
    assert failed["due_at"] > failed["looked_at"]
    news.street.tamper = None  # Tried again after a while: nobody has to do anything.
    for event in seen:
        await _due_now(news, event)
        assert (await _stands(news, event, state="confirmed"))["reason"] is None
    await eventually(lambda: _count(news, POST_CONFIRMED, len(TAMPERED)))
    assert await news.events.all(POST_UNCONFIRMED) == []


async def test_a_confirmed_post_is_looked_at_again_and_loses_and_regains_its_confirmation(news):
    event = await news.publish("Tiêm chủng tháng 11")
    confirmed = await _stands(news, event, state="confirmed")
    assert (confirmed["due_at"] - confirmed["looked_at"]).total_seconds() >= 6 * 3600
    for tamper, reason in (TAMPERED["broken"], TAMPERED["another word"], TAMPERED["not there"]):
        news.street.tamper = tamper
        await _due_now(news, event)
        if reason == "unreachable":  # A site that does not answer takes nothing back.
            post = await eventually(lambda: _failed(news, event))
            assert (post["state"], post["ver"]) == ("confirmed", confirmed["ver"])
            continue
        await _stands(news, event, state="unconfirmed", reason=reason)
        await news.events.wait(POST_UNCONFIRMED, lambda one, reason=reason: one.reason == reason)
        news.street.tamper = None
        await _due_now(news, event)
        again = await _stands(news, event, state="confirmed")
        assert again["confirmed_at"] == confirmed["confirmed_at"]
        await news.events.wait(POST_CONFIRMED, lambda one, ver=again["ver"]: one.ver == ver)
    said = sorted(
        [*await news.events.all(POST_CONFIRMED), *await news.events.all(POST_UNCONFIRMED)], key=lambda e: e.ver
    )
    assert [type(one).__name__ for one in said] == ["PostConfirmed", "PostUnconfirmed"] * 2 + ["PostConfirmed"]


async def _failed(news, event):
    post = await _stored(news, event)
    return post if post["failures"] else None


async def test_a_post_that_ends_while_it_is_looked_at_stays_over(news):
    news.street.open.clear()
    event = await news.publish()
    await eventually(lambda: _asked(news, event))
    await news.withdraw(event)
    await _stands(news, event, live=False)
    news.street.open.set()
    # Looks are made one round after the other: when the next post is confirmed, the look at the first is over.
    await _stands(news, await news.publish("Tin sau"), state="confirmed")
    post = await _stored(news, event)
    assert (post["state"], post["reason"], post["confirmed_at"]) == ("unconfirmed", "withdrawn", None)
    assert event.item_id not in {one.item_id for one in await news.events.all(POST_CONFIRMED)}


async def _asked(news, event):
    return any(event.item_id in request.path for request in news.street.asked)


async def _settled(news, count):
    """All that was published has been handled."""
    for spec in (ITEM_APPROVED, ITEM_WITHDRAWN):
        await news.events.handled(spec, "content")
    assert await news.events.dead("content") == []
    return await news.running.service.db["posts"].count({}) == count


async def test_redelivery_and_disorder_change_nothing(newsroom):
    news = await newsroom()
    orders = list(itertools.permutations(("approved 1", "ended 1", "approved 2")))
    first = await news.approval("Bản đầu")
    second = await news.approval("Bản sửa")
    ids = []
    for number, order in enumerate(orders):
        item_id = f"{first.item_id[:-2]}{number:02}"
        ids.append(item_id)
        one = first.model_copy(update={"item_id": item_id})
        two = second.model_copy(update={"item_id": item_id, "revision": 2, "ver": 8})
        says = {
            "approved 1": lambda one=one: news.events.publish(ITEM_APPROVED, one),
            "ended 1": lambda one=one: news.withdraw(one, "edited"),
            "approved 2": lambda two=two: news.events.publish(ITEM_APPROVED, two),
        }
        for step in (*order, *order):  # Each twice: the second time under another event id.
            await says[step]()
    assert await _settled(news, 2 * len(orders))
    _, listing, _ = await news.get("/tin")
    for item_id in ids:
        status, page, _ = await news.get(f"/tin/{item_id}")
        assert (status, "Bản sửa" in page, "Bản đầu" in page) == (200, True, False)
        assert listing.count(f'href="/tin/{item_id}"') == 1
        over, live = [await news.running.service.db["posts"].find_one({"_id": f"web-{item_id}-{n}"}) for n in (1, 2)]
        assert (over["live"], over["state"], over["reason"]) == (False, "unconfirmed", "edited")
        assert (live["live"], live["state"], live["ver"]) == (True, "published", 1)


async def test_a_rendition_that_is_not_what_was_approved_is_not_published(newsroom):
    news = await newsroom()
    event = await news.approval()
    other = await news.running.service.blobs.put(b"<html>", "text/html")
    wrong = event.renditions[1].model_copy(update={"blob": other})
    await news.events.publish(ITEM_APPROVED, event.model_copy(update={"renditions": (wrong,)}))

    async def dead():
        return await news.events.dead("content")

    await eventually(dead)
    assert (await news.get(f"/tin/{event.item_id}"))[0] == 404


async def test_a_replay_tells_again_what_stands_and_what_ended(news):
    item = await news.approved()
    await news.posted(item["id"], "confirmed")
    await news.change(item, title="Lịch tiêm chủng đã đổi")
    await news.events.wait(POST_UNCONFIRMED)
    kept = await news.approved(title="Tin thứ hai")
    await news.posted(kept["id"], "confirmed")
    await news.write(title="Chỉ là bản nháp")
    specs = (ITEM_APPROVED, ITEM_WITHDRAWN, POST_CONFIRMED, POST_UNCONFIRMED)
    await eventually(lambda: _count(news, POST_CONFIRMED, 2))
    before = {spec: await news.events.all(spec) for spec in specs}

    assert (await news.running.call("POST", "/replay", news.approver))[0] == 403
    assert (await news.running.call("POST", "/replay", Caller("c-1", "09•• ••• 123", citizen=True)))[0] == 403
    for times in (1, 2):
        status, told, _ = await news.running.call("POST", "/replay", OPERATOR)
        assert (status, told) == (200, {spec.name: 1 for spec in specs})
        after = {spec: (await news.events.all(spec))[len(before[spec]) :] for spec in specs}
        # The first approval and confirmation ended: their ends are told, and with the same words as then.
        assert after[ITEM_APPROVED] == [before[ITEM_APPROVED][1]] * times
        assert after[ITEM_WITHDRAWN] == before[ITEM_WITHDRAWN] * times
        assert after[POST_CONFIRMED] == [before[POST_CONFIRMED][1]] * times
        assert after[POST_UNCONFIRMED] == before[POST_UNCONFIRMED] * times
    posts = await news.running.service.db["posts"].find({})
    assert sorted(post["state"] for post in posts) == ["confirmed", "unconfirmed"]


async def _count(news, spec, count):
    return len(await news.events.all(spec)) == count
