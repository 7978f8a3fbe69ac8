"""The station as a process of its own: an alert goes before everything, and commands are carried out."""

import asyncio
import gzip
import json
import wave
from contextlib import asynccontextmanager
from datetime import timedelta

import numpy as np

from lantoa_testing import eventually
from lantoa_testing.obeying import add_sound, answered, command, issue, notice, order, stages, until_it_says
from lantoa_testing.stations import log_of, running_station


def told(platform):
    """What began and ended, in order."""
    return [(line["event"], line.get("entry_id") or line.get("alert") or "tone") for line in log_of(platform.data)]


def samples(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16), file.getframerate()


@asynccontextmanager
async def playing(platform, program, audio, speed, seconds=60.0):
    """A station in the middle of a bulletin."""
    session = platform.session([audio], starts_in_s=0, seconds=seconds)
    await platform.put(platform.desired(1, platform.rundown(1, session)))
    async with running_station(platform, program, speed) as process:
        await eventually(lambda: told(platform) and platform.heartbeats)
        assert told(platform) == [("start", "s-1-e0")]
        yield process


async def test_an_alert_cuts_the_bulletin_is_heard_as_told_and_the_bulletin_begins_again(
    platform, make_opus, station_program
):
    voice = make_opus(6.0, 700)
    async with playing(platform, station_program, make_opus(60.0), speed=10.0):
        sound = await add_sound(platform, voice)
        what = notice(platform, severity="extreme", repeat=2, gap_s=1.0, sound=sound)
        await issue(platform, order(platform, 1, [what]))
        assert await stages(platform, "ntc-1.1", "finished") == ["verified", "playing", "finished"]
        proofs = await platform.until_proved(2)
        while proofs[-1]["outcome"] == "cut":  # A voice that came after the signal is due once more, and cuts again.
            proofs = await platform.until_proved(len(proofs) + 1)
    assert [proof["local_id"] for proof in proofs] == [f"s-1-e0.{n + 1}" for n in range(len(proofs))]
    assert [proof["outcome"] for proof in proofs] == ["cut"] * (len(proofs) - 1) + ["aired"]
    lines = [line for line in log_of(platform.data) if "alert" in line]
    starts = [line for line in lines if line["event"] == "start"]
    assert {line["alert"] for line in lines} == {"ntc-1.1"}
    began = [platform.now().fromisoformat(line["at"]) for line in starts]
    stops = [platform.now().fromisoformat(line["at"]) for line in lines if line["event"] == "stop"]
    assert began[1] - stops[0] >= timedelta(seconds=0.99), "the gap is silent"
    worded = [line["begun"] for line in lines if line["event"] == "stop" and line["worded"]]
    assert worded, "the sound of the notice was heard too"
    last = (platform.data / "played").glob(f"ntc-1.1.{worded[-1]}*.wav")
    heard_s = sum(len(part) / rate for part, rate in map(samples, last))
    assert abs(heard_s - 12.0) < 0.1, "six seconds of signal, six of voice"
    order_of = [name for event, name in told(platform) if event == "start"]
    assert order_of[0] == order_of[-1] == "s-1-e0"


async def test_an_update_replaces_and_a_cancel_silences_at_once(platform, make_opus, station_program):
    # So slow that nothing is over by itself while the test waits.
    async with playing(platform, station_program, make_opus(60.0), speed=0.25):
        long = {"repeat": 100, "gap_s": 0.0}
        await issue(platform, order(platform, 1, [notice(platform, **long)]))
        await eventually(lambda: ("start", "ntc-1.1") in told(platform))
        await issue(platform, order(platform, 2, [notice(platform, ver=2, **long)]))
        await eventually(lambda: ("start", "ntc-1.2") in told(platform))
        update = told(platform).index(("start", "ntc-1.2"))
        assert told(platform)[update - 1] == ("stop", "ntc-1.1")
        await issue(platform, order(platform, 3))
        await eventually(lambda: told(platform)[-1] == ("start", "s-1-e0"))
        assert told(platform)[-2] == ("stop", "ntc-1.2")
        for last in (update - 1, -2):
            assert not log_of(platform.data)[last]["whole"], "not after the signal has been heard to its end"
        await issue(platform, order(platform, 4, [notice(platform, "ntc-2", status="test")]))
        await stages(platform, "ntc-2.1", "verified")
        assert told(platform)[-1] == ("start", "s-1-e0"), "a test sounds nowhere"
    assert next(line["outcome"] for line in log_of(platform.data) if "outcome" in line) == "cut"


async def test_commands_are_carried_out_once_and_answered(platform, make_opus, station_program):
    async with playing(platform, station_program, make_opus(60.0), speed=4.0) as process:
        volume = command(platform, "volume", percent=30)
        answer = await answered(platform, volume)
        assert (answer["stage"], answer["data"]) == ("finished", {"percent": 30})
        await until_it_says(platform, volume=30)

        answer = await answered(platform, command(platform, "test_tone", seconds=4))
        assert (answer["stage"], answer["data"]) == ("finished", {"seconds": 4.0})
        tones = [line for line in log_of(platform.data) if "tone" in line]
        assert [line["event"] for line in tones] == ["start", "stop"]
        tone, _ = samples(platform.data / "played" / f"{tones[0]['tone']}.wav")
        assert abs(int(tone.max()) - 0.3 * 0.5 * 32767) < 200

        refusals = {
            "no screen": command(platform, "screenshot", upload_url="/x"),
            "this device does not know dance": command(platform, "dance"),
            "percent must be a number from 0 to 100": command(platform, "volume", percent=101),
            "seconds must be a number from 0.1 to 10": command(platform, "test_tone", seconds=60),
        }
        for detail, what in refusals.items():
            answer = await answered(platform, what)
            assert (answer["stage"], answer["detail"]) == ("failed", detail)

        what = command(platform, "log_upload", upload_url="/api/v1/fleet/uploads/cmd-log?a=x&s=y")
        assert (await answered(platform, what))["stage"] == "finished"
        media_type, data = platform.gateway.uploads["cmd-log"]
        assert media_type == "application/gzip"
        assert any(json.loads(line)["event"] == "command" for line in gzip.decompress(data).decode().splitlines())

        found = (await answered(platform, command(platform, "diagnose")))["data"]
        assert found["heartbeat"]["volume"] == 30
        assert found["heartbeat"]["boots"] == 1
        assert found["cache_files"] == 2
        assert found["link"]["server"] == f"127.0.0.1:{platform.nats.port}"
        assert found["link"]["connects"] >= 1
        assert found["refusals"].keys() <= {"repeated"}

        restart = command(platform, "restart")
        waiting = asyncio.create_task(process.wait())
        answering = asyncio.create_task(answered(platform, restart))
        assert await asyncio.wait_for(waiting, 60) == 0
        async with running_station(platform, station_program, 4.0):
            assert (await answering)["stage"] == "finished"
            await until_it_says(platform, boots=2, volume=30)
    answers = [ack["local_id"] for ack in await platform.told("ack") if ack["ref"] == restart.cmd_id]
    assert answers == [f"{restart.cmd_id}.finished"]
