"""A whole minute of the real voice: louder and longer than the clips that try the codec."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lantoa_content.adapters.audio import make_audio
from lantoa_content.adapters.renderer import spoken
from lantoa_content.adapters.speech import SpeechWorker
from lantoa_testing.loudness import loudness

WORKER = Path(__file__).parents[3] / "workers" / "speech" / "speech_worker.py"
BODY = (
    "UBND xã thông báo lịch tiêm chủng mở rộng tháng 10. Từ 7h30 ngày 10/10/2025 tại Trạm Y tế xã. "
    "Đề nghị bà con mang theo sổ tiêm chủng và thẻ bảo hiểm y tế đến đúng giờ. "
) * 4


async def test_a_minute_of_speech_is_as_loud_as_asked_and_nowhere_too_loud():
    speech = await SpeechWorker([sys.executable, str(WORKER)], timeout=100).speak(
        spoken("Thông báo tiêm chủng", BODY[:600]), "vi-vn-x-south"
    )
    audio = make_audio(speech.pcm, speech.sample_rate)
    samples, rate = soundfile.read(io.BytesIO(audio.data))
    assert 50 < audio.seconds < 65
    assert loudness(samples, rate) == pytest.approx(audio.lufs, abs=0.01)
    assert audio.lufs == pytest.approx(-16, abs=0.6)
    assert np.max(np.abs(samples)) <= 10 ** (-1 / 20)
    # About 54 kbit/s: a minute is carried over 4G in a moment.
    assert len(audio.data) < 8_000 * audio.seconds
