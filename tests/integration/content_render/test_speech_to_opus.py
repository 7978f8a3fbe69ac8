"""The real worker, the real codec: text to speech to an Ogg/Opus file, read back."""

import asyncio
import contextlib
import io
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from lantoa_content.adapters.audio import AudioFailed, make_audio
from lantoa_content.adapters.speech import SpeechFailed, SpeechWorker
from lantoa_content.domain.reading import read_aloud
from lantoa_testing import eventually
from lantoa_testing.loudness import loudness

WORKER = Path(__file__).parents[3] / "workers" / "speech" / "speech_worker.py"
VOICE = "vi-vn-x-south"
BULLETIN = read_aloud(
    "UBND xã thông báo lịch tiêm chủng mở rộng tháng 10. Từ 7h30 ngày 10/10/2025 tại Trạm Y tế xã. "
    "Điện thoại 0294.3855.123."
)


@pytest.fixture
def worker():
    return SpeechWorker([sys.executable, str(WORKER)], timeout=100)


def _read(data):
    samples, rate = soundfile.read(io.BytesIO(data))
    return samples, rate


def _tone(seconds, rate, level=0.1):
    wave = level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    return (wave * 32767).astype("<i2").tobytes()


def _worker_that(tmp_path, program, timeout=100):
    path = tmp_path / "worker.py"
    path.write_text(program)
    return SpeechWorker([sys.executable, str(path)], timeout)


def _workers(tmp_path):
    """Its processes that run."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # It ended while we looked.
            found += [child.pid] if str(tmp_path / "worker.py") in child.cmdline() else []
    return found


async def test_a_bulletin_becomes_speech_at_the_loudness_of_the_network(worker):
    speech = await worker.speak(BULLETIN, VOICE)
    audio = await asyncio.to_thread(make_audio, speech.pcm, speech.sample_rate)

    samples, rate = _read(audio.data)
    assert rate == 48_000
    assert samples.ndim == 1
    assert audio.media_type == "audio/ogg"
    assert soundfile.info(io.BytesIO(audio.data)).subtype == "OPUS"
    lufs = loudness(samples, rate)
    assert lufs == pytest.approx(-16, abs=1)
    assert audio.lufs == pytest.approx(lufs, abs=0.05)
    assert audio.seconds == pytest.approx(len(samples) / rate, abs=0.05)
    assert np.max(np.abs(samples)) <= 10 ** (-1 / 20)
    # The words and nothing else lie between the silences.
    spoken = len(speech.pcm) / 2 / speech.sample_rate
    assert spoken - 1.5 < audio.seconds - 0.4 <= spoken + 0.05
    silence = round(0.18 * rate)
    assert np.max(np.abs(samples[:silence])) < 0.01
    assert np.max(np.abs(samples[-silence:])) < 0.01


async def test_speech_grows_with_its_text(worker):
    sentence = "Ủy ban nhân dân xã thông báo lịch cắt điện. "
    one, four = [await worker.speak(sentence * times, VOICE) for times in (1, 4)]
    assert 3 < len(four.pcm) / len(one.pcm) < 5
    assert one.voice == VOICE
    for speech in (one, four):
        assert np.abs(np.frombuffer(speech.pcm, dtype="<i2")).mean() > 300


async def test_the_voice_tells_vietnamese_tones_and_accents_apart(worker):
    said = [await worker.speak(word, VOICE) for word in ("ma", "mà", "mã", "đa", "da")]
    assert len({speech.pcm for speech in said}) == 5


async def test_a_voice_that_is_not_there_is_refused_for_good(worker):
    with pytest.raises(SpeechFailed) as caught:
        await worker.speak("xin chào", "km")
    assert not caught.value.retryable
    assert caught.value.params["reason"] == "espeak-ng has no voice 'km'"


async def test_a_text_of_nothing_is_refused_for_good(worker):
    with pytest.raises(SpeechFailed) as caught:
        await worker.speak(" \n", VOICE)
    assert not caught.value.retryable


async def test_a_worker_that_hangs_is_killed_and_may_be_tried_again(tmp_path):
    worker = _worker_that(tmp_path, "import time\ntime.sleep(100)", timeout=0.5)
    speaking = asyncio.create_task(worker.speak("xin chào", VOICE))
    await eventually(lambda: _workers(tmp_path) or speaking.done())
    with pytest.raises(SpeechFailed, match="no speech within") as caught:
        await speaking
    assert caught.value.retryable
    assert _workers(tmp_path) == []


@pytest.mark.parametrize(
    "program",
    ["raise SystemExit(1)", "print('no json')", 'print(\'{"sample_rate": 22050, "voice": "vi"}\')', "print('[]')"],
)
async def test_a_worker_that_breaks_its_protocol_gives_no_speech(tmp_path, program):
    with pytest.raises(SpeechFailed) as caught:
        await _worker_that(tmp_path, program).speak("xin chào", VOICE)
    assert caught.value.retryable


async def test_a_worker_that_is_not_there_gives_no_speech(tmp_path):
    with pytest.raises(SpeechFailed):
        await SpeechWorker([str(tmp_path / "none")], timeout=5).speak("xin chào", VOICE)


def test_the_same_sound_makes_the_same_file():
    assert make_audio(_tone(2, 22_050), 22_050).data == make_audio(_tone(2, 22_050), 22_050).data


@pytest.mark.parametrize("level", [0.001, 0.1, 1.0])
def test_quiet_and_loud_sound_come_out_alike(level):
    audio = make_audio(_tone(3, 16_000, level), 16_000)
    assert audio.lufs == pytest.approx(-16, abs=1)
    assert audio.seconds == pytest.approx(3.4, abs=0.05)


def test_a_clip_shorter_than_the_meters_block_is_measured_too():
    audio = make_audio(_tone(0.1, 48_000), 48_000)
    assert audio.seconds == pytest.approx(0.5, abs=0.02)


def test_sharp_peaks_are_held_under_the_ceiling():
    sound = np.frombuffer(_tone(4, 48_000, 0.05), dtype="<i2").copy()
    sound[5000::9000] = 32_767
    audio = make_audio(sound.tobytes(), 48_000)
    samples, _ = _read(audio.data)
    assert audio.lufs == pytest.approx(-16, abs=1)
    assert np.max(np.abs(samples)) <= 10 ** (-1 / 20)


@pytest.mark.parametrize("pcm", [b"", bytes(44_100)])
def test_silence_is_no_rendition(pcm):
    with pytest.raises(AudioFailed):
        make_audio(pcm, 22_050)
