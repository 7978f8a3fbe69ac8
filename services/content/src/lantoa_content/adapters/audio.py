"""PCM to Ogg/Opus at the loudness of the network: -16 LUFS, no clipping, silence at both ends."""

import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lantoa_runtime.errors import AppError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
    Powers = NDArray[np.float64]

MEDIA_TYPE = "audio/ogg"
TARGET_LUFS = -16.0
TOLERANCE_LU = 1.0
PEAK_DBFS = -1.0
SILENCE_SECONDS = 0.2

_RATE = 48_000  # Opus decodes to 48 kHz, so a player measures the length in the samples that were encoded
_OVERSHOOT_DB = 2.0  # Opus lets peaks grow by one to two dB
_GAIN_ROUNDS, _GAIN_CLOSE_LU = 12, 0.05
_CODEC_ROUNDS, _CODEC_CLOSE_LU, _CODEC_MARGIN_DB = 4, 0.6, 0.3
_TRIM_DB = -50.0  # under the loudest sample: what espeak-ng leaves before and after the words
# libsndfile's scale: about 54 kbit/s mono. Under 52 kbit/s Opus takes its speech mode, which costs three times the CPU,
# and libsndfile does not let its complexity be set.
_COMPRESSION = 0.81
_SERIAL = 1

_HOP = 48  # samples: gain and power are reckoned a millisecond at a time
_LIMITER_HOPS = 5
_STEP_HOPS, _BLOCK_STEPS = 100, 4  # BS.1770: blocks of 400 ms, a new one every 100 ms
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_CHUNK = _HOP * 20_000  # K-weighting runs in 64-bit floats: by chunks, half an hour of speech stays in little memory


class AudioFailed(AppError):
    """The sound cannot be brought to the loudness of the network."""

    def __init__(self, reason: str) -> None:
        super().__init__("content.audio-failed", http_status=422, retryable=False, reason=reason)


@dataclass(frozen=True, slots=True)
class AudioRendition:
    """An Ogg/Opus file, its length in seconds and its loudness in LUFS, both read back from the file."""

    data: bytes
    seconds: float
    lufs: float
    media_type: str = MEDIA_TYPE


def make_audio(pcm: bytes, sample_rate: int) -> AudioRendition:
    """Mono s16le PCM as Ogg/Opus, 48 kHz, -16 LUFS ±1 and peaks under -1 dBFS when decoded again.

    The same input gives the same bytes, so a rendition made twice has one hash. It is CPU work of about 3 % of the
    length of the sound, and what it loads is large: `sound` does it in a process of its own.

    Raises:
        AudioFailed: the sound is silent or cannot reach the level.
    """
    import numpy as np

    sound = _prepare(np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768.0, sample_rate)
    heard = _measure(_chunks(sound))
    aim, ceiling_db = TARGET_LUFS, PEAK_DBFS - _OVERSHOOT_DB
    for _ in range(_CODEC_ROUNDS):
        data = _encode(sound, _gain(heard, aim, _ratio(ceiling_db)))
        decoded = _measure(_decode(data))
        lufs = _loudness(decoded.powers)
        over_db = 20.0 * float(np.log10(decoded.peaks.max())) - PEAK_DBFS
        if abs(lufs - TARGET_LUFS) <= _CODEC_CLOSE_LU and over_db <= 0:
            break
        aim += TARGET_LUFS - lufs
        # Another ceiling makes other peaks, so what was over is not all that has to go.
        ceiling_db -= over_db + _CODEC_MARGIN_DB if over_db > 0 else 0.0
    if abs(lufs - TARGET_LUFS) > TOLERANCE_LU or over_db > 0:
        raise AudioFailed(f"the sound stays at {lufs:.1f} LUFS with peaks at {over_db + PEAK_DBFS:.1f} dBFS")
    return AudioRendition(data=data, seconds=decoded.samples / _RATE, lufs=lufs)


@dataclass(frozen=True, slots=True)
class _Measured:
    """Of a sound: its length in samples, and for each hop the largest sample and the K-weighted mean square."""

    samples: int
    peaks: "Powers"
    powers: "Powers"


def _gain(heard: _Measured, aim: float, ceiling: float) -> "Powers":
    """Gain of each hop that brings the sound to `aim` LUFS under the ceiling, as near as a dozen rounds bring it.

    The gain moves slowly beside the meter's filter, so the limited sound's power is the power before times its square,
    and no round has to touch the samples again.
    """
    gain_db = aim - _loudness(heard.powers)
    for _ in range(_GAIN_ROUNDS):
        gain = _limited(_ratio(gain_db), heard.peaks, ceiling)
        missing = aim - _loudness(heard.powers * gain**2)
        if abs(missing) <= _GAIN_CLOSE_LU:
            break
        # The limiter takes back about half of every dB given.
        gain_db += 1.5 * missing
    return gain


def _ratio(db: float) -> float:
    return float(10.0 ** (db / 20.0))


def _prepare(sound: "Samples", sample_rate: int) -> "Samples":
    """At 48 kHz in whole hops, with 0.2 s of silence before the first sound and after the last.

    The silence also makes the shortest clip as long as the meter's block of 0.4 s.
    """
    import numpy as np
    from scipy.signal import resample_poly

    level = np.abs(sound)
    loudest = float(level.max(initial=0.0))
    if loudest == 0.0:
        raise AudioFailed("the sound is silent")
    heard = np.flatnonzero(level > loudest * _ratio(_TRIM_DB))
    sound = sound[heard[0] : heard[-1] + 1]
    if sample_rate != _RATE:
        sound = resample_poly(sound, _RATE, sample_rate).astype(np.float32, copy=False)
    silence = round(SILENCE_SECONDS * _RATE)
    return np.pad(sound, (silence, silence + -len(sound) % _HOP))


def _limited(gain: float, peaks: "Powers", ceiling: float) -> "Powers":
    """The gain, a hop at a time, under which no peak passes the ceiling: it falls before a peak and comes back after.

    The mean of a running minimum over a smaller window is never above what the hop, or the one before it, needs.
    """
    import numpy as np
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    needed = np.minimum(gain, ceiling / np.maximum(peaks, 1e-9))
    lowest = minimum_filter1d(needed, 2 * _LIMITER_HOPS + 3, mode="nearest")
    smooth: Powers = uniform_filter1d(lowest, 2 * _LIMITER_HOPS + 1, mode="nearest")
    return smooth


def _measure(chunks: Iterable["Samples"]) -> _Measured:
    """Peaks and K-weighted powers (BS.1770-4) of the whole hops of a sound that comes in chunks of `_CHUNK` samples."""
    import numpy as np
    from pyloudnorm.iirfilter import IIRfilter
    from scipy.signal import sosfilt

    shelf = IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, _RATE, "high_shelf")
    high_pass = IIRfilter(0.0, 0.5, 38.0, _RATE, "high_pass")
    sections = np.array([np.concatenate((one.b, one.a)) for one in (shelf, high_pass)])
    state = np.zeros((len(sections), 2))
    samples, peaks, powers = 0, [], []
    for chunk in chunks:
        samples += len(chunk)
        whole = chunk[: len(chunk) // _HOP * _HOP].astype(np.float64)
        weighted, state = sosfilt(sections, whole, zi=state)
        peaks.append(np.abs(whole).reshape(-1, _HOP).max(axis=1))
        powers.append(np.square(weighted).reshape(-1, _HOP).mean(axis=1))
    return _Measured(samples, np.concatenate(peaks), np.concatenate(powers))


def _loudness(powers: "Powers") -> float:
    """Integrated loudness of mono sound (BS.1770-4, formulas 3 to 7) in LUFS, from the K-weighted power of its hops."""
    import numpy as np

    steps = powers[: len(powers) // _STEP_HOPS * _STEP_HOPS].reshape(-1, _STEP_HOPS).mean(axis=1)
    blocks = np.convolve(steps, np.full(_BLOCK_STEPS, 1 / _BLOCK_STEPS), mode="valid")
    audible = blocks[blocks > _ratio(_ABSOLUTE_GATE_LUFS + 0.691) ** 2]
    if not len(audible):
        return _ABSOLUTE_GATE_LUFS
    loud = audible[audible > audible.mean() * _ratio(_RELATIVE_GATE_LU) ** 2]
    return -0.691 + 10.0 * float(np.log10(loud.mean()))


def _chunks(sound: "Samples") -> Iterator["Samples"]:
    for start in range(0, len(sound), _CHUNK):
        yield sound[start : start + _CHUNK]


def _encode(sound: "Samples", gain: "Powers") -> bytes:
    """The sound as Opus, times its gain, which goes in a straight line from each hop to the next."""
    import numpy as np
    import soundfile

    ramp = np.arange(_HOP) / _HOP
    steps = np.diff(gain, append=gain[-1])
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", _RATE, channels=1, format="OGG", subtype="OPUS", compression_level=_COMPRESSION
    ) as opus:
        for number, chunk in enumerate(_chunks(sound)):
            here = slice(number * _CHUNK // _HOP, (number + 1) * _CHUNK // _HOP)
            gains = gain[here, None] + steps[here, None] * ramp
            opus.write((chunk * gains.reshape(-1)).astype(np.float32))
    return _with_serial(file.getvalue(), _SERIAL)


def _decode(data: bytes) -> Iterator["Samples"]:
    import soundfile

    with soundfile.SoundFile(io.BytesIO(data)) as opus:
        yield from opus.blocks(_CHUNK, dtype="float32")


_BITS_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _with_serial(ogg: bytes, serial: int) -> bytes:
    """The file with this stream serial in every page (RFC 3533, section 6); libsndfile draws one at random."""
    whole = bytearray(ogg)
    start = 0
    while start < len(whole):
        segments = whole[start + 26]
        end = start + 27 + segments + sum(whole[start + 27 : start + 27 + segments])
        whole[start + 14 : start + 18] = serial.to_bytes(4, "little")
        whole[start + 22 : start + 26] = bytes(4)
        whole[start + 22 : start + 26] = _page_checksum(whole[start:end]).to_bytes(4, "little")
        start = end
    return bytes(whole)


def _page_checksum(page: bytearray) -> int:
    # Ogg's CRC runs zlib's polynomial over unreflected bits and without inversion: turn bits round and undo the rest.
    reflected = zlib.crc32(page.translate(_BITS_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)
