"""From draft to approval with the real voice, and what redelivery, edits and crashes in between do: nothing."""

import asyncio
import hashlib
import io
import json
import sys
import time
from dataclasses import replace
from datetime import timedelta

import pytest
import soundfile

from lantoa_calendar.periods import local_day
from lantoa_content.adapters.audio import AudioFailed
from lantoa_content.adapters.sound import SoundWorker
from lantoa_content.adapters.speech import SpeechFailed
from lantoa_content.domain.item import hash_to_approve
from lantoa_content.telemetry import RENDERS
from lantoa_content.usecases.render import Made, Rendering
from lantoa_content.usecases.stored import from_document
from lantoa_contracts.catalogue import ITEM_APPROVED, ITEM_RENDERED, ITEM_RETURNED, ITEM_SUBMITTED, ITEM_WITHDRAWN
from lantoa_contracts.events.content import ItemSubmitted
from lantoa_runtime.mongo import Aggregates
from lantoa_testing.plugin import eventually

MADE = tuple(Made(kind, kind.encode(), "text/plain") for kind in ("audio", "board", "web"))


def _renders(outcome):
    return RENDERS.labels(outcome)._value.get()


def _submission(item):
    return ItemSubmitted(
        item_id=item["id"],
        ver=item["ver"],
        revision=item["revision"],
        unit_id=item["unit_id"],
        author_id=item["author"]["id"],
    )


class _Hand:
    """A maker under the test's hand: it makes what it is told, when it is told."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.calls = 0
        self.started = asyncio.Event()
        self.go = asyncio.Event()

    async def make(self, _):
        self.calls += 1
        self.started.set()
        await self.go.wait()
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
async def bench(open_office):
    """An office whose own consumer never gets a voice, and a Rendering that the test drives itself."""
    office = await open_office(speech_command=("/nonexistent",), backoff_seconds=(60.0,))
    service = office.running.service
    items = Aggregates(service.db["items"], service.bus, service.clock, "lantoa/content")

    def make(*outcomes):
        hand = _Hand(*outcomes)
        return hand, Rendering(items, service.blobs, hand, service.clock)

    return office, make


async def test_an_item_is_written_rendered_heard_and_approved(open_office, monkeypatch):
    monkeypatch.setattr("lantoa_content.main.SoundWorker", SoundWorker)  # With the process that makes its sound.
    office = await open_office()
    status, item, headers = await office.write()
    assert (status, item["state"], headers["ETag"]) == (201, "draft", '"1"')
    assert item["allowed"] == ["edit", "submit", "withdraw"]
    assert (item["tasks"], item["unit_name"], item["approval_sha256"]) == (["05", "08"], "Xã Cầu Kè", None)

    status, submitted, _ = await office.act(item, "submit", office.author)
    assert (status, submitted["state"]) == (200, "submitted")
    item = await office.until(item["id"], "in_review")
    told = await office.events.wait(ITEM_RENDERED)
    assert (told.item_id, told.ver, told.unit_id, told.state) == (item["id"], item["ver"], item["unit_id"], "in_review")
    audio, board, web = item["renditions"]
    assert [audio["kind"], board["kind"], web["kind"]] == ["audio", "board", "web"]
    assert audio["voice"] == "vi-vn-x-south"
    assert audio["lufs"] == pytest.approx(-16, abs=1)
    for made in item["renditions"]:
        path = f"/items/{item['id']}/renditions/{made['kind']}"
        status, data, sent = await office.running.call("GET", path, office.approver)
        assert status == 200
        assert hashlib.sha256(data).hexdigest() == made["blob"]["sha256"]
        assert (len(data), sent["Content-Type"]) == (made["blob"]["bytes"], made["blob"]["media_type"])
        assert sent["X-Content-Type-Options"] == "nosniff"
        if made["kind"] == "audio":
            assert soundfile.info(io.BytesIO(data)).duration == pytest.approx(made["seconds"], abs=0.05)
        else:
            assert sent["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
            assert "Lịch tiêm chủng tháng 11" in data.decode()

    status, approved, _ = await office.act(item, "approve", office.approver, approval_sha256=item["approval_sha256"])
    assert (status, approved["state"], approved["approver"]["id"]) == (200, "approved", "p-phuoc")
    event = await office.events.wait(ITEM_APPROVED)
    stored = from_document(await office.running.service.db["items"].find_one({"_id": item["id"]}))
    assert event.approval_sha256 == item["approval_sha256"] == approved["approval_sha256"] == hash_to_approve(stored)
    assert (event.item_id, event.ver, event.revision) == (item["id"], approved["ver"], 1)
    assert [made.model_dump() for made in event.renditions] == item["renditions"]
    assert (event.author_id, event.approver_id, event.tasks) == ("p-lan", "p-phuoc", ("05", "08"))


async def test_an_audio_can_be_heard_from_any_place(office):
    item = await office.reviewed()
    path = f"/items/{item['id']}/renditions/audio"
    status, data, headers = await office.running.call("GET", path, office.approver, headers={"Range": "bytes=0-3"})
    assert (status, data, headers["Content-Length"]) == (206, b"OggS", "4")


async def test_two_approvals_of_one_approver_are_one(office):
    item = await office.reviewed()
    approve = {"approval_sha256": item["approval_sha256"]}
    first = await office.act(item, "approve", office.approver, **approve)
    again = await office.act(item, "approve", office.approver, **approve)
    assert first[0] == again[0] == 200
    assert first[1] | {"post": None} == again[1] | {"post": None}
    await office.events.wait(ITEM_APPROVED)
    assert len(await office.events.all(ITEM_APPROVED)) == 1


async def test_an_approver_who_showed_long_ago_who_they_are_is_asked_once_more(office):
    item = await office.reviewed()
    seen = item["approval_sha256"]
    for since in (None, int(time.time()) - 3700, int(time.time()) + 600):
        stale = replace(office.approver, signed_in_at=since)
        status, problem, _ = await office.act(item, "approve", stale, approval_sha256=seen)
        assert (status, problem["code"]) == (403, "content.sign-in-again"), since
    assert "60" in problem["detail"]
    assert (await office.act(item, "approve", office.approver, approval_sha256=seen))[0] == 200


async def test_an_author_does_not_approve_their_own_item(office):
    _, item, _ = await office.write(office.author_and_approver)
    await office.act(item, "submit", office.author_and_approver)
    item = await office.until(item["id"], "in_review")
    seen = (await office.read(item["id"], office.approver))["approval_sha256"]
    status, problem, _ = await office.act(item, "approve", office.author_and_approver, approval_sha256=seen)
    assert (status, problem["code"]) == (403, "content.own-item")
    assert problem["title"] == "Không được duyệt tin của chính mình"


async def test_an_approval_of_what_was_seen_before_is_refused(office):
    item = await office.reviewed()
    status, problem, _ = await office.act(item, "approve", office.approver, approval_sha256="0" * 64)
    assert (status, problem["code"]) == (409, "content.approval-outdated")
    assert await office.events.all(ITEM_APPROVED) == []


async def test_an_edit_voids_an_approval_and_tells_who_plays_it(office):
    approved = await office.approved()
    status, edited, _ = await office.change(approved, title="Lịch tiêm chủng đã đổi")
    assert (status, edited["state"], edited["revision"]) == (200, "draft", 2)
    assert (edited["approver"], edited["approval_sha256"], edited["renditions"]) == (None, None, [])
    event = await office.events.wait(ITEM_WITHDRAWN)
    assert (event.item_id, event.ver, event.revision, event.reason) == (approved["id"], edited["ver"], 1, "edited")


async def test_an_edit_that_changes_nothing_voids_nothing(office):
    approved = await office.posted((await office.approved())["id"])
    status, same, _ = await office.change(approved, title=approved["title"], tasks=["05", "08", "08"])
    assert (status, same) == (200, approved)


async def test_an_approver_takes_back_what_is_approved(office):
    approved = await office.approved()
    status, withdrawn, _ = await office.act(approved, "withdraw", office.approver)
    assert (status, withdrawn["state"], withdrawn["approver"]) == (200, "withdrawn", None)
    assert (await office.events.wait(ITEM_WITHDRAWN)).reason == "withdrawn"


async def test_a_returned_item_tells_its_author_why_and_can_be_worked_over(office):
    item = await office.reviewed()
    _, returned, _ = await office.act(item, "return", office.approver, comment="  Ghi rõ số điện thoại  ")
    told = await office.events.wait(ITEM_RETURNED)
    assert (told.item_id, told.ver, told.author_id) == (item["id"], returned["ver"], "p-lan")
    assert (returned["state"], returned["comment"]) == ("returned", "Ghi rõ số điện thoại")
    _, edited, _ = await office.change(returned, body="Sáng thứ Bảy tiêm chủng. Điện thoại 0294.3855.123.")
    assert (edited["revision"], edited["comment"]) == (2, "Ghi rõ số điện thoại")
    await office.act(edited, "submit", office.author)
    again = await office.until(item["id"], "in_review")
    assert again["comment"] is None
    assert again["approval_sha256"] != item["approval_sha256"]


async def test_the_history_keeps_every_submitted_revision_whole(office):
    approved = await office.approved()
    await office.change(approved, title="Lịch tiêm chủng đã đổi")
    stored = await office.running.service.db["items"].find_one({"_id": approved["id"]})
    steps = [(entry["action"], entry["revision"], entry["by"], entry["title"]) for entry in stored["history"]]
    assert steps == [
        ("created", 1, "p-lan", None),
        ("submitted", 1, "p-lan", "Lịch tiêm chủng tháng 11"),
        ("rendered", 1, None, None),
        ("approved", 1, "p-phuoc", None),
        ("edited", 2, "p-lan", None),
    ]


async def test_an_approval_binds_the_days_and_tells_them(office):
    today = local_day(office.running.service.clock.now())
    first, last, later = (today + timedelta(days=number) for number in (1, 5, 9))
    days = {"air_from": first.isoformat(), "air_until": last.isoformat()}
    approved = await office.approved(**days)
    told = await office.events.wait(ITEM_APPROVED, lambda event: event.item_id == approved["id"])
    assert (told.air_from, told.air_until) == (first, last)
    posted = await office.posted(approved["id"])
    address = office.running.url + posted["post"]["url"].removeprefix("http://127.0.0.1:9")
    async with office.running.session.get(address) as answer:
        page = await answer.text()
    for day in (first, last):
        assert f'<time datetime="{day.isoformat()}">{day:%d/%m/%Y}</time>' in page

    _, edited, _ = await office.change(approved, air_from=None, air_until=later.isoformat())
    assert (edited["revision"], edited["state"], edited["air_from"]) == (2, "draft", None)
    await office.act(edited, "submit", office.author)
    reviewed = await office.until(approved["id"], "in_review")
    assert reviewed["approval_sha256"] != approved["approval_sha256"]
    for revision, kept in ((1, days), (2, {"air_from": None, "air_until": later.isoformat()})):
        path = f"/items/{approved['id']}/revisions/{revision}"
        _, one, _ = await office.running.call("GET", path, office.author)
        assert kept.items() <= one.items()


async def test_what_cannot_be_spoken_comes_back_to_its_author_in_words(open_office):
    program = "import sys; sys.stdin.read(); sys.stderr.write('no text'); raise SystemExit(2)"
    office = await open_office(speech_command=(sys.executable, "-c", program))
    item = await office.until((await office.submitted())["id"], "render_failed")
    assert item["failure"].startswith("Máy đọc không đọc được nội dung.")
    assert "submit" in item["allowed"]
    assert (await office.events.wait(ITEM_RENDERED)).state == "render_failed"
    assert await office.events.dead("content") == []
    english = await office.read(item["id"], headers={"Accept-Language": "en"})
    assert english["failure"].startswith("Remove unusual signs")


async def test_a_voice_that_is_away_for_a_moment_is_waited_for(open_office, tmp_path):
    header = json.dumps({"sample_rate": 16_000, "voice": "vi-vn-x-south"})
    program = f"""
import pathlib, sys
flag = pathlib.Path({str(tmp_path / "tried")!r})
if not flag.exists():
    flag.touch()
    raise SystemExit(1)
sys.stdin.read()
sys.stdout.buffer.write({header!r}.encode() + b"\\n" + b"\\x00\\x10\\x00\\xf0" * 8000)
"""
    office = await open_office(speech_command=(sys.executable, "-c", program))
    item = await office.until((await office.submitted())["id"], "in_review")
    assert item["failure"] is None
    assert await office.events.dead("content") == []


async def test_a_redelivered_submission_renders_once(bench):
    office, make = bench
    event = _submission(await office.submitted())
    hand, rendering = make(MADE)
    hand.go.set()
    await asyncio.gather(rendering(event), rendering(event))
    await rendering(event)
    assert hand.calls == 1
    assert (await office.read(event.item_id))["ver"] == event.ver + 1


async def test_a_submission_that_lies_twice_in_the_stream_renders_once(office):
    before, obsolete = _renders("rendered"), _renders("obsolete")
    item = await office.submitted()
    await office.events.publish(ITEM_SUBMITTED, _submission(item))
    await eventually(lambda: _renders("obsolete") == obsolete + 1)
    done = await office.until(item["id"], "in_review")
    assert _renders("rendered") == before + 1
    assert done["ver"] == item["ver"] + 1


async def test_an_edit_while_it_is_rendered_wins(bench):
    office, make = bench
    item = await office.submitted()
    hand, rendering = make(MADE)
    working = asyncio.create_task(rendering(_submission(item)))
    await hand.started.wait()
    _, edited, _ = await office.change(item, title="Lịch tiêm chủng đã đổi")
    hand.go.set()
    await working
    assert await office.read(item["id"]) == edited
    assert edited["state"] == "draft"


async def test_a_late_delivery_of_an_older_submission_touches_nothing(bench):
    office, make = bench
    first = await office.submitted()
    _, edited, _ = await office.change(first, title="Lịch tiêm chủng đã đổi")
    _, second, _ = await office.act(edited, "submit", office.author)
    hand, rendering = make(MADE)
    hand.go.set()
    await rendering(_submission(first))
    assert hand.calls == 0
    assert await office.read(first["id"]) == second


async def test_a_crash_between_blobs_and_document_is_made_good_by_redelivery(bench, monkeypatch):
    office, make = bench
    event = _submission(await office.submitted())
    hand, rendering = make(MADE, MADE)
    hand.go.set()

    async def crash(*_, **__):
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(rendering.items, "save", crash)
        with pytest.raises(ConnectionResetError):
            await rendering(event)
    assert (await office.read(event.item_id))["state"] == "submitted"
    for made in MADE:
        assert await rendering.blobs.get(hashlib.sha256(made.data).hexdigest()) == made.data

    await rendering(event)
    item = await office.read(event.item_id)
    assert item["state"] == "in_review"
    assert [one["blob"]["sha256"] for one in item["renditions"]] == [
        hashlib.sha256(made.data).hexdigest() for made in MADE
    ]


@pytest.mark.parametrize("error", [SpeechFailed("no voice", retryable=False), AudioFailed("silent")])
async def test_the_items_own_fault_is_kept_with_the_item(bench, error):
    office, make = bench
    event = _submission(await office.submitted())
    hand, rendering = make(error)
    hand.go.set()
    await rendering(event)
    item = await office.read(event.item_id)
    assert (item["state"], item["approval_sha256"]) == ("render_failed", None)
    assert error.params["reason"] in item["failure"]


async def test_a_passing_fault_leaves_the_item_waiting(bench):
    office, make = bench
    event = _submission(await office.submitted())
    hand, rendering = make(SpeechFailed("away"), MADE)
    hand.go.set()
    with pytest.raises(SpeechFailed):
        await rendering(event)
    assert (await office.read(event.item_id))["state"] == "submitted"
    await rendering(event)
    assert (await office.read(event.item_id))["state"] == "in_review"
