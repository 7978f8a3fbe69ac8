"""A program of its own: a sound on stdin, Ogg Opus on stdout, loud and mono.

``python -m lantoa_alert.adapters.opus pcm <rate>`` reads mono signed 16-bit little-endian samples; ``... file`` reads
whatever libsndfile reads (WAV, FLAC, Ogg). First a line of JSON, ``{"seconds": 12.5}``, then the file. It ends with 2
and a word on stderr for a sound that cannot be used: ``unreadable``, ``silent``, ``too-long``.

In a process of its own numpy and libsndfile cost the alert service no memory, and a file that breaks a decoder breaks
nothing else.
"""

import io
import json
import sys

RATE = 24_000
LONGEST_SECONDS = 180
_LOUDNESS = 0.16  # RMS of the loud parts, about -16 dBFS: speech that carries over a square
_EDGE = 2048
_COMPRESSION = 0.9  # libsndfile's scale: about 31 kbit/s


class _Unfit(Exception):
    pass


def encode(raw: bytes, pcm_rate: int | None) -> tuple[bytes, float]:
    """Ogg Opus and its length in seconds."""
    import numpy as np
    import soundfile

    if pcm_rate is None:
        try:
            sound, rate = soundfile.read(io.BytesIO(raw), dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
            raise _Unfit("unreadable") from error
        sound = sound.mean(axis=1)
    else:
        sound, rate = np.frombuffer(raw, dtype="<i2").astype(np.float32) / 32768, pcm_rate
    if len(sound) > LONGEST_SECONDS * rate:
        raise _Unfit("too-long")
    level = np.abs(sound)
    if not len(sound) or not np.isfinite(level).all() or float(level.max()) < 1e-3:
        raise _Unfit("silent")
    if rate != RATE:
        # By the spectrum of the whole: exact for speech, whose ends are silent.
        padded = np.pad(sound, _EDGE)
        length = round(len(padded) * RATE / rate)
        spectrum = np.fft.rfft(padded)
        bins = length // 2 + 1
        fitted = np.zeros(bins, dtype=spectrum.dtype)
        kept = min(bins, len(spectrum))
        fitted[:kept] = spectrum[:kept]
        sound = np.fft.irfft(fitted, length).astype(np.float32) * (length / len(padded))
    loud = sound[np.abs(sound) > 0.05 * np.abs(sound).max()]
    gain = _LOUDNESS / float(np.sqrt(np.mean(np.square(loud))))
    sound = np.tanh(sound * gain).astype(np.float32)
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", RATE, channels=1, format="OGG", subtype="OPUS", compression_level=_COMPRESSION
    ) as opus:
        opus.write(sound)
    return file.getvalue(), len(sound) / RATE


def main() -> int:
    """The program; its exit code."""
    pcm_rate = int(sys.argv[2]) if sys.argv[1] == "pcm" else None
    try:
        data, seconds = encode(sys.stdin.buffer.read(), pcm_rate)
    except _Unfit as unfit:
        sys.stderr.write(str(unfit))
        return 2
    sys.stdout.buffer.write(json.dumps({"seconds": round(seconds, 3)}).encode() + b"\n" + data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
