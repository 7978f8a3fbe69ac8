"""The station as a process of its own, killed and stopped while it plays."""

import asyncio
import os
import signal
import sys
import wave
from datetime import datetime

import soundfile

from lantoa_testing.stations import log_of, running_station

SECONDS = 40.0
AS_A_LOUDSPEAKER, QUICK = 1.0, 40.0


def in_the_middle_of(platform, local_id):
    """Some sound has left the sink, and more is to come."""
    path = platform.data / "played" / f"{local_id}.wav"

    def check():
        return path.exists() and path.stat().st_size > 48_000

    return check


def frames_of(path):
    with wave.open(str(path)) as file:
        return file.getnframes()


async def test_a_station_killed_while_playing_proves_one_cut_and_plays_that_entry_again(
    platform, make_opus, wait_until, station_program
):
    session = platform.session([make_opus(SECONDS), make_opus(5, 660)], starts_in_s=0.5, seconds=SECONDS)
    rundown = platform.rundown(1, session)
    await platform.put(platform.desired(1, rundown))
    async with running_station(platform, station_program, AS_A_LOUDSPEAKER) as process:
        await wait_until(in_the_middle_of(platform, "s-1-e0.1"))
        process.send_signal(signal.SIGKILL)
        await process.wait()
    async with running_station(platform, station_program, QUICK):
        proofs = await platform.until_proved(3)
        await wait_until(lambda: len(log_of(platform.data)) == 6)
    assert [(proof["local_id"], proof["outcome"]) for proof in proofs] == [
        ("s-1-e0.1", "cut"),
        ("s-1-e0.2", "aired"),
        ("s-1-e1.1", "aired"),
    ]
    assert [(line["event"], line["entry_id"], line["attempt"]) for line in log_of(platform.data)] == [
        ("start", "s-1-e0", 1),
        ("stop", "s-1-e0", 1),
        ("start", "s-1-e0", 2),
        ("stop", "s-1-e0", 2),
        ("start", "s-1-e1", 1),
        ("stop", "s-1-e1", 1),
    ]
    audio = session.entries[0].media.sha256
    whole = soundfile.info(platform.data / "media" / audio).frames
    assert frames_of(platform.data / "played" / "s-1-e0.2.wav") == whole
    assert 0 < frames_of(platform.data / "played" / "s-1-e0.1.wav") < whole
    aired = proofs[1]
    assert aired["seconds"] == whole / 48_000
    assert aired["audio_sha256"] == audio
    assert aired["rundown_sha256"] == rundown.sha256
    moments = [aired["planned_at"], proofs[0]["started_at"], aired["started_at"], aired["ended_at"]]
    planned, cut_started, started, ended = map(datetime.fromisoformat, moments)
    assert planned <= cut_started < started < ended


async def test_a_stopped_station_is_silent_at_once_and_proves_the_cut(platform, make_opus, wait_until, station_program):
    session = platform.session([make_opus(SECONDS)], starts_in_s=0, seconds=SECONDS)
    await platform.put(platform.desired(1, platform.rundown(1, session)))
    async with running_station(platform, station_program, AS_A_LOUDSPEAKER) as process:
        await wait_until(in_the_middle_of(platform, "s-1-e0.1"))
        process.terminate()
        assert await process.wait() == 0
    heard_s = frames_of(platform.data / "played" / "s-1-e0.1.wav") / 48_000
    assert 0 < heard_s < SECONDS
    # What a station could not send in its last second it sends when it is back.
    async with running_station(platform, station_program, QUICK):
        proofs = await platform.until_proved(2)
    assert [(proof["local_id"], proof["outcome"]) for proof in proofs] == [("s-1-e0.1", "cut"), ("s-1-e0.2", "aired")]
    assert proofs[0]["seconds"] == heard_s


async def test_a_new_rundown_does_not_break_off_what_is_playing(platform, make_opus, wait_until, station_program):
    before = platform.session([make_opus(SECONDS), make_opus(5, 330)], starts_in_s=0, seconds=SECONDS)
    await platform.put(platform.desired(1, platform.rundown(1, before)))
    async with running_station(platform, station_program, QUICK / 5):
        await wait_until(in_the_middle_of(platform, "s-1-e0.1"))
        after = platform.session([make_opus(5, 880)], starts_in_s=0, seconds=5)
        entry = after.entries[0].model_copy(update={"entry_id": "s-2-e0"})
        after = after.model_copy(update={"session_id": "s-2", "entries": (entry,)})
        await platform.put(platform.desired(2, platform.rundown(2, after)))
        proofs = await platform.until_proved(2)
    assert [(proof["local_id"], proof["outcome"]) for proof in proofs] == [("s-1-e0.1", "aired"), ("s-2-e0.1", "aired")]


async def test_a_file_that_is_no_audio_raises_an_alarm_and_the_next_one_plays(
    platform, make_opus, wait_until, station_program
):
    session = platform.session([b"no audio", make_opus(5)], starts_in_s=0, seconds=5)
    await platform.put(platform.desired(1, platform.rundown(1, session)))
    async with running_station(platform, station_program, QUICK):
        proofs = await platform.until_proved(2)
        alarms = await platform.until_stored("alarm", 1)
    assert [(proof["local_id"], proof["outcome"]) for proof in proofs] == [("s-1-e0.1", "cut"), ("s-1-e1.1", "aired")]
    assert [alarm["code"] for alarm in alarms] == ["playback_failed"]


async def test_production_refuses_another_speed_than_one(tmp_path, station_program):
    env = os.environ | {
        "LANTOA_ENV": "production",
        "LANTOA_SPEED": "4",
        "LANTOA_DEVICE_DATA": str(tmp_path / "data"),
        "LANTOA_DEVICE_GATEWAY": "http://127.0.0.1:9",
    }
    process = await asyncio.create_subprocess_exec(station_program, env=env, stderr=asyncio.subprocess.PIPE)
    _, errors = await process.communicate()
    assert process.returncode == 2
    (sentence,) = errors.decode().splitlines()
    assert "LANTOA_SPEED phải bằng 1" in sentence
    assert not (tmp_path / "data").exists()


async def test_the_decoder_is_loaded_only_when_there_is_something_to_play():
    heavy = "{'soundfile', 'numpy', 'lantoa_runtime'}"
    code = f"import sys, lantoa_station.main; sys.exit(bool({heavy} & sys.modules.keys()))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0
