"""The platform's media folder on a full file system: a real ENOSPC."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from lantoa_content.main import build
from lantoa_content.settings import ContentSettings
from lantoa_content.usecases.stored import INDEXES
from lantoa_contracts.catalogue import UNIT_CHANGED
from lantoa_contracts.events.directory import UnitChanged
from lantoa_runtime.http import Caller, Grant
from lantoa_testing import eventually

WORKER = Path(__file__).parents[2] / "workers" / "speech" / "speech_worker.py"
LAN = Caller("p-lan", "Lan", (Grant("author", "u-1"),))
ITEM = {
    "title": "Lịch tiêm chủng",
    "body": "Sáng thứ Bảy tiêm chủng.",
    "priority": "normal",
    "unit_id": "u-1",
    "tasks": ["08"],
    "topic": "skills",
    "language": "vi",
}


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
async def tiny_media(tmp_path: Path) -> AsyncIterator[Path]:
    """A folder with room for one page of memory."""
    if os.geteuid() != 0:
        pytest.fail("this proof mounts a small file system: unshare --user --map-root-user --mount pytest ...")
    folder = tmp_path / "tiny"
    folder.mkdir()
    await _run("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder))
    yield folder
    await _run("umount", "-l", str(folder))


@pytest.mark.mounts
async def test_while_the_media_folder_is_full_a_submission_waits_unharmed_and_goes_on_when_there_is_room(
    start_service: Any, events: Any, tiny_media: Path
) -> None:
    command = (sys.executable, str(WORKER))
    content = await start_service(
        "content",
        ContentSettings,
        build,
        INDEXES,
        speech_command=command,
        public_url="http://127.0.0.1:9",
        media_url=f"file://{tiny_media}",
    )
    unit = UnitChanged(
        unit_id="u-1", ver=1, code="1", name="Xã", kind="commune", path=("u-1",), valid_from=None, valid_to=None
    )
    await events.publish(UNIT_CHANGED, unit)
    await eventually(lambda: content.service.db["units"].find_one({"_id": "u-1"}))
    with capture_logs() as logs:
        status, item, _ = await content.call("POST", "/items", LAN, ITEM, {"Idempotency-Key": "media-full-1"})
        assert status == 201, item
        at = f"/items/{item['id']}"
        status, item, _ = await content.call("POST", f"{at}/submit", LAN, {}, {"If-Match": f'"{item["ver"]}"'})
        assert status == 200, item
        await eventually(lambda: any(line["event"] == "media store refuses" for line in logs))
    alarm = next(line for line in logs if line["event"] == "media store refuses")
    assert (alarm["log_level"], "No space left" in alarm["error"]) == ("error", True)
    _, waiting, _ = await content.call("GET", at, LAN)
    assert (waiting["state"], waiting["renditions"]) == ("submitted", [])
    await eventually(lambda: files_in(tiny_media) == [])  # Nothing half written stays from one try to the next.

    await _run("mount", "-o", "remount,size=20m", str(tiny_media))

    async def made() -> bool:
        return bool((await content.call("GET", at, LAN))[1]["state"] == "in_review")

    await eventually(made)
    assert await events.dead("content") == []
