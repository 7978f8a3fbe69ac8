"""Sound made in a process of its own: the same bytes, one process for many, none when there is nothing to do."""

import asyncio
import contextlib

import numpy as np
import psutil
import pytest

from lantoa_content.adapters.audio import AudioFailed, make_audio
from lantoa_content.adapters.sound import SoundWorker
from lantoa_runtime.errors import Unavailable
from lantoa_testing.processes import eventually

RATE = 16_000
TONE = (0.1 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE) * 32767).astype("<i2").tobytes()
SILENCE = bytes(2 * RATE)


def _children():
    found = set()
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # It ended while we looked.
            if "lantoa_content.adapters.sound" in child.cmdline():
                found.add(child.pid)
    return found


@pytest.fixture
async def sound():
    worker = SoundWorker(timeout=100)
    yield worker
    await worker.close()


async def test_two_at_once_are_made_by_one_process_as_they_would_be_here(sound):
    made = await asyncio.gather(sound.make(TONE, RATE), sound.make(TONE, RATE))
    assert made == [make_audio(TONE, RATE)] * 2
    assert len(_children()) == 1


async def test_a_sound_at_fault_is_told_and_the_next_one_is_made(sound):
    with pytest.raises(AudioFailed) as refused:
        await sound.make(SILENCE, RATE)
    assert refused.value.params == {"reason": "the sound is silent"}
    assert not refused.value.retryable
    assert (await sound.make(TONE, RATE)).seconds > 1


async def test_a_process_that_was_killed_is_started_again(sound):
    await sound.make(TONE, RATE)
    (pid,) = _children()
    psutil.Process(pid).kill()
    assert (await sound.make(TONE, RATE)).seconds > 1
    assert pid not in _children()


async def test_without_work_the_process_ends_by_itself_and_with_work_another_begins():
    worker = SoundWorker(timeout=100, idle=0.1)
    await worker.make(TONE, RATE)
    await eventually(lambda: not _children())
    assert (await worker.make(TONE, RATE)).seconds > 1
    await worker.close()


async def test_one_that_takes_too_long_is_ended_and_may_be_tried_again(sound):
    hasty = SoundWorker(timeout=0.01)
    with pytest.raises(Unavailable) as away:
        await hasty.make(TONE, RATE)
    assert away.value.retryable
    assert not _children()


async def test_whoever_stops_waiting_leaves_nothing_for_the_next(sound):
    waiting = asyncio.create_task(sound.make(TONE, RATE))
    await eventually(_children)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not _children()
    assert (await sound.make(TONE, RATE)).seconds > 1
