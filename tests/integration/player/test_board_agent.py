"""The board's agent as a process: what it offers, what it believes, what it proves."""

import asyncio
import os
import sys
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web

from lantoa_testing.obeying import until_it_says


async def fetch(board, path, headers=None):
    async with aiohttp.request("GET", board.url + path, headers=headers) as answer:
        return answer.status, await answer.read()


async def test_an_entry_is_proved_once_however_often_it_is_told(board):
    await board.start()
    entry, other = await board.show_titles("A", "B")
    await board.until_taken_up(2)
    assert [await board.report(entry, 5 + n, 0.5) for n in range(3)] == [204, 204, 204]
    assert await board.report(other, 5, 0.5) == 204
    proofs = await board.proofs(2)
    assert [proof["local_id"] for proof in proofs] == ["e-a.1", "e-b.1"]
    await board.kill()
    await board.start()
    await board.until_taken_up(2)
    assert await board.report(entry, 5, 0.5) == 204
    third = board.entry(board.slide("C"), "e-c")
    await board.show([third])
    await board.until_taken_up(1)
    assert await board.report(third, 5, 0.5) == 204
    assert [proof["local_id"] for proof in await board.proofs(3)] == ["e-a.1", "e-b.1", "e-c.1"]


async def test_what_was_not_shown_in_full_here_and_now_is_refused(board):
    await board.start()
    late = board.platform.now() - timedelta(seconds=30)
    entry, over = board.entry(board.slide("A"), "e-a"), board.entry(board.slide("B"), "e-b", valid_until=late)
    await board.show([entry, over])
    await board.until_taken_up(1)
    refused = {
        "too short": await board.report(entry, 5, 0.45),
        "no time at all": await board.report(entry, 5, 0),
        "backwards": await board.report(entry, 5, -1),
        "in the future": await board.report(entry, -60, 0.5),
        "ends in the future": await board.report(entry, 0, 600),
        "longer than any showing": await board.report(entry, 7200, 3700),
        "foreign entry": await board.report(entry, 5, 0.5, entry_id="e-foreign"),
        "foreign slide": await board.report(entry, 5, 0.5, sha256=over.media.sha256),
        "after its days": await board.report(over, 5, 0.5),
    }
    assert refused == dict.fromkeys(refused, 409)
    malformed = {
        "no zone": await board.report(entry, 5, 0.5, started_at="2027-03-01T05:00:00"),
        "unknown field": await board.report(entry, 5, 0.5, title="A"),
        "no hash": await board.report(entry, 5, 0.5, sha256=None),
    }
    assert malformed == dict.fromkeys(malformed, 422)
    async with aiohttp.request("POST", f"{board.url}shown", data=b"{}") as answer:
        assert answer.status == 415
    assert await board.platform.stored("displayed") == []
    assert await board.report(entry, 5, 0.5) == 204
    await board.proofs(1)


async def test_what_was_shown_just_before_a_new_rundown_still_counts(board):
    await board.start()
    (entry,) = await board.show_titles("A")
    await board.until_taken_up(1)
    await board.show([])
    await board.until_taken_up(0)
    assert await board.report(entry, 5, 0.5) == 204
    await board.proofs(1)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "board.example:80"},
        {"Host": "127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_only_the_boards_own_page_is_answered(board, headers):
    await board.start()
    (entry,) = await board.show_titles("A")
    await board.until_taken_up(1)
    assert await board.report(entry, 5, 0.5, headers) == 403
    assert (await fetch(board, "state", headers))[0] == 403
    assert await board.report(entry, 5, 0.5, {"Sec-Fetch-Site": "same-origin"}) == 204


async def test_a_slide_damaged_on_disk_while_the_agent_was_away_is_fetched_again(board):
    await board.start()
    (entry,) = await board.show_titles("A")
    await board.until_taken_up(1)
    await board.kill()
    sha256 = entry.media.sha256
    (board.platform.data / "media" / sha256).write_bytes(b"<h1>damaged</h1>")
    before = len(board.platform.gateway.requests)
    await board.start()
    await board.until_taken_up(1)
    assert (await fetch(board, f"slides/{sha256}")) == (200, board.platform.gateway.files[sha256])
    assert [name for name, _, _ in board.platform.gateway.requests[before:]] == [sha256]


async def test_a_slide_damaged_under_the_running_agent_is_refused_and_told(board):
    await board.start()
    entry, other = await board.show_titles("A", "B")
    await board.until_taken_up(2)
    sha256 = entry.media.sha256
    board.platform.gateway.misdeeds[sha256] = ["expired"] * 1000  # Else it would be back before anybody has looked.
    (board.platform.data / "media" / sha256).write_bytes(b"<h1>damaged</h1>")
    assert (await fetch(board, f"slides/{sha256}"))[0] == 404
    assert [slide["entry_id"] for slide in (await board.state())["slides"]] == [other.entry_id]
    (alarm,) = await board.platform.until_stored("alarm", 1)
    assert alarm["code"] == "playback_failed"
    assert sha256 in alarm["detail"]
    assert (await fetch(board, f"slides/{'0' * 64}"))[0] == 404
    assert (await fetch(board, f"slides/{other.media.sha256}"))[0] == 200


async def test_the_heartbeat_says_showing_only_while_a_page_asks(board, patiently):
    await board.start()
    await board.show_titles("A", "B")
    idle = {"state": "idle", "now": "chưa mở trang"}

    async def showing():
        await board.state()  # As a page does, again and again.
        return board.platform.heartbeats[-1].items() >= {"state": "showing", "now": "2 trang"}.items()

    await until_it_says(board.platform, **idle)
    await patiently(showing)
    await until_it_says(board.platform, **idle)


async def test_a_revoked_board_shows_neither_slides_nor_a_code(board, patiently):
    board.platform.gateway.enrolment = lambda _: web.json_response({"code": "fleet.device-revoked"}, status=403)
    await board.start()

    async def revoked():
        return (await board.state())["revoked"]

    await patiently(revoked)
    state = await board.state()
    assert state["claim_code"] is None
    assert state["slides"] == []


async def test_senseless_settings_are_told_in_one_sentence(tmp_path):
    env = os.environ | {"LANTOA_DEVICE_DATA": str(tmp_path), "LANTOA_DEVICE_GATEWAY": "http://gw"}
    env |= {"LANTOA_ENV": "production", "LANTOA_SPEED": "2"}
    command = [sys.executable, "-m", "lantoa_player.main"]
    process = await asyncio.create_subprocess_exec(*command, env=env, stderr=asyncio.subprocess.PIPE)
    _, errors = await process.communicate()
    assert process.returncode == 2
    (sentence,) = errors.decode().splitlines()
    assert "LANTOA_SPEED phải bằng 1" in sentence
    assert not list(tmp_path.iterdir())
