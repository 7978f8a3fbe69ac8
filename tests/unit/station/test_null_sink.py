"""The null sink takes sound at the speed of a loudspeaker and keeps exactly what it took."""

import json
import threading
import time
import wave
from datetime import UTC, datetime

import numpy as np
import pytest
import soundfile

from lantoa_station.adapters import JsonLinesLog, NullSink
from lantoa_station.usecases import AudioRefused, Played

RATE = 8_000


def full():
    return 100


def make(path, seconds, channels=1):
    samples = np.random.default_rng(7).integers(-8000, 8000, (round(seconds * RATE), channels), dtype=np.int16)
    soundfile.write(path, samples, RATE, format="WAV", subtype="PCM_16")
    return samples


def read(path):
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)
        return data.reshape(-1, file.getnchannels()), file.getframerate()


@pytest.mark.parametrize("channels", [1, 2])
def test_every_sample_leaves_once_at_the_set_speed(tmp_path, channels):
    samples = make(tmp_path / "in.wav", 2.05, channels)
    began = time.monotonic()
    played = NullSink(tmp_path / "out", speed=10).play(tmp_path / "in.wav", "e.1", threading.Event(), full)
    took = time.monotonic() - began
    kept, rate = read(tmp_path / "out" / "e.1.wav")
    assert (played.seconds, played.whole, rate) == (2.05, True, RATE)
    assert np.array_equal(kept, samples)
    assert took >= 2.05 / 10


def test_a_stop_keeps_the_part_that_was_heard(tmp_path):
    samples = make(tmp_path / "in.wav", 60)
    stop = threading.Event()
    sink, found = NullSink(tmp_path, speed=20), []
    thread = threading.Thread(target=lambda: found.append(sink.play(tmp_path / "in.wav", "e.1", stop, full)))
    thread.start()
    while not (tmp_path / "e.1.wav").exists() or (tmp_path / "e.1.wav").stat().st_size < 10 * RATE:
        assert thread.is_alive()
        time.sleep(0.01)
    stop.set()
    thread.join(1)
    assert not thread.is_alive()
    kept, _ = read(tmp_path / "e.1.wav")
    assert found[0].whole is False
    assert found[0].seconds == len(kept) / RATE
    assert 0 < len(kept) < len(samples)
    assert np.array_equal(kept, samples[: len(kept)])


def test_the_volume_scales_what_is_played_and_may_change_meanwhile(tmp_path):
    samples = make(tmp_path / "in.wav", 8)
    volumes = iter([50, 100])
    NullSink(tmp_path, speed=40).play(tmp_path / "in.wav", "e.1", threading.Event(), lambda: next(volumes))
    kept, _ = read(tmp_path / "e.1.wav")
    half = 4 * RATE  # A block is a tenth of a second of real time.
    assert np.array_equal(kept[:half], (samples[:half] * 0.5).astype(np.int16))
    assert np.array_equal(kept[half:], samples[half:])


@pytest.mark.parametrize("channels", [1, 2])
def test_an_alert_is_the_attention_signal_and_then_its_sound_at_the_sounds_own_pitch(tmp_path, channels):
    samples = make(tmp_path / "in.wav", 2, channels)
    played = NullSink(tmp_path, speed=40).alert(tmp_path / "in.wav", "ntc-1.1.1", threading.Event())
    kept, rate = read(tmp_path / "ntc-1.1.1.wav")
    assert (played, rate) == (Played(8.0, whole=True), RATE)
    assert np.array_equal(kept[6 * RATE :], samples)
    assert loudness(kept[: 6 * RATE]) > 10_000


def test_an_alert_without_a_sound_is_the_signal_alone_falling_in_pitch_each_second(tmp_path):
    assert NullSink(tmp_path, speed=40).alert(None, "ntc-1.1.1", threading.Event()) == Played(6.0, whole=True)
    kept, rate = read(tmp_path / "ntc-1.1.1.wav")
    crossings = np.flatnonzero(np.diff(np.signbit(kept[:, 0])))
    for second in range(6):
        high = np.sum((crossings > second * rate) & (crossings < (second + 0.1) * rate)) * 5
        low = np.sum((crossings > (second + 0.9) * rate) & (crossings < (second + 1) * rate)) * 5
        assert high > 1100
        assert low < 600


def test_a_tone_is_as_long_and_as_loud_as_told(tmp_path):
    sink = NullSink(tmp_path, speed=40)
    assert sink.tone(1.5, "cmd-1", threading.Event(), full) == Played(1.5, whole=True)
    sink.tone(1.5, "cmd-2", threading.Event(), lambda: 10)
    loud, quiet = (loudness(read(tmp_path / f"cmd-{n}.wav")[0]) for n in (1, 2))
    assert 0.09 < quiet / loud < 0.11


def loudness(samples):
    return np.sqrt(np.mean(samples.astype(float) ** 2))


def test_what_is_not_audio_is_refused(tmp_path):
    (tmp_path / "in").write_bytes(b"not audio")
    with pytest.raises(AudioRefused):
        NullSink(tmp_path, speed=10).play(tmp_path / "in", "e.1", threading.Event(), full)


def test_the_log_has_a_line_for_each_event(tmp_path):
    log = JsonLinesLog(tmp_path / "played" / "log.jsonl")
    log.write("start", datetime(2027, 3, 1, 5, tzinfo=UTC), entry_id="e", attempt=1, title="Bản tin")
    log.write("stop", datetime(2027, 3, 1, 5, 1, tzinfo=UTC), entry_id="e", attempt=1, outcome="aired", seconds=60.0)
    lines = [json.loads(line) for line in (tmp_path / "played" / "log.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["start", "stop"]
    assert lines[0]["at"] == "2027-03-01T05:00:00+00:00"
    assert lines[0]["title"] == "Bản tin"
    assert lines[1]["outcome"] == "aired"
