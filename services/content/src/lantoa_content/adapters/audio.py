"""PCM to Ogg/Opus at the loudness of the network: -16 LUFS, no clipping, silence at both ends."""

import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lantoa_runtime.errors import AppError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

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


def warm_up() -> None:
    """Import what `make_audio` needs, which takes one to four seconds and would else fall on the first item."""
    import pyloudnorm  # noqa: F401
    import scipy.ndimage
    import scipy.signal
    import soundfile  # noqa: F401


def make_audio(pcm: bytes, sample_rate: int) -> AudioRendition:
    """Mono s16le PCM as Ogg/Opus, 48 kHz, -16 LUFS ±1 and peaks under -1 dBFS when decoded again.

    The same input gives the same bytes, so a rendition made twice has one hash. It is CPU work of about 3 % of the
    length of the sound: call it in a thread. Raises AudioFailed for sound that is silent or cannot reach the level.
    """
    import numpy as np

    sound = _prepare(np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768.0, sample_rate)
    heard, peaks = _hop_powers(sound), _hop_peaks(sound)
    aim, ceiling_db = TARGET_LUFS, PEAK_DBFS - _OVERSHOOT_DB
    for _ in range(_CODEC_ROUNDS):
        data = _encode(_with_gain(sound, _gain(heard, peaks, aim, _ratio(ceiling_db))))
        decoded = _decode(data)
        lufs = _loudness(_hop_powers(decoded))
        over_db = 20.0 * float(np.log10(max(decoded.max(), -decoded.min()))) - PEAK_DBFS
        if abs(lufs - TARGET_LUFS) <= _CODEC_CLOSE_LU and over_db <= 0:
            return AudioRendition(data=data, seconds=len(decoded) / _RATE, lufs=lufs)
        aim += TARGET_LUFS - lufs
        # Another ceiling makes other peaks, so what was over is not all that has to go.
        ceiling_db -= over_db + _CODEC_MARGIN_DB if over_db > 0 else 0.0
    if abs(lufs - TARGET_LUFS) > TOLERANCE_LU or over_db > 0:
        raise AudioFailed(f"the sound stays at {lufs:.1f} LUFS with peaks at {over_db + PEAK_DBFS:.1f} dBFS")
    return AudioRendition(data=data, seconds=len(decoded) / _RATE, lufs=lufs)


def _gain(heard: "Samples", peaks: "Samples", aim: float, ceiling: float) -> "Samples":
    """Gain of each hop that brings the sound to `aim` LUFS under the ceiling, as near as a dozen rounds bring it.

    The gain moves slowly beside the meter's filter, so the limited sound's power is the power before times its square,
    and no round has to touch the samples again.
    """
    gain_db = aim - _loudness(heard)
    for _ in range(_GAIN_ROUNDS):
        gain = _limited(_ratio(gain_db), peaks, ceiling)
        missing = aim - _loudness(heard * gain**2)
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
    from scipy.signal import resample_poly  # type: ignore[import-untyped]  # scipy ships no types

    level = np.abs(sound)
    loudest = float(level.max(initial=0.0))
    if loudest == 0.0:
        raise AudioFailed("the sound is silent")
    heard = np.flatnonzero(level > loudest * _ratio(_TRIM_DB))
    sound = sound[heard[0] : heard[-1] + 1]
    if sample_rate != _RATE:
        sound = resample_poly(sound, _RATE, sample_rate).astype(np.float32)
    silence = round(SILENCE_SECONDS * _RATE)
    return np.pad(sound, (silence, silence + -len(sound) % _HOP))


def _limited(gain: float, peaks: "Samples", ceiling: float) -> "Samples":
    """The gain, a hop at a time, under which no peak passes the ceiling: it falls before a peak and comes back after.

    The mean of a running minimum over a smaller window is never above what the hop, or the one before it, needs.
    """
    import numpy as np
    from scipy.ndimage import minimum_filter1d, uniform_filter1d  # type: ignore[import-untyped]  # scipy ships no types

    needed = np.minimum(gain, ceiling / np.maximum(peaks, 1e-9))
    lowest = minimum_filter1d(needed, 2 * _LIMITER_HOPS + 3, mode="nearest")
    smooth: Samples = uniform_filter1d(lowest, 2 * _LIMITER_HOPS + 1, mode="nearest")
    return smooth


def _with_gain(sound: "Samples", gain: "Samples") -> "Samples":
    """The sound times its gain, which goes in a straight line from each hop to the next."""
    import numpy as np

    ramp = np.arange(_HOP, dtype=np.float32) / _HOP
    here, there = gain.astype(np.float32), np.append(gain[1:], gain[-1]).astype(np.float32)
    louder: Samples = (sound.reshape(-1, _HOP) * (here[:, None] + (there - here)[:, None] * ramp)).reshape(-1)
    return louder


def _hop_peaks(sound: "Samples") -> "Samples":
    import numpy as np

    hops = sound.reshape(-1, _HOP)
    peaks: Samples = np.maximum(hops.max(axis=1), -hops.min(axis=1)).astype(np.float64)
    return peaks


def _hop_powers(sound: "Samples") -> "Samples":
    """Mean square of the K-weighted sound (BS.1770-4) in each hop; a rest shorter than a hop is left out."""
    import numpy as np
    from pyloudnorm.iirfilter import IIRfilter
    from scipy.signal import sosfilt

    shelf = IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, _RATE, "high_shelf")
    high_pass = IIRfilter(0.0, 0.5, 38.0, _RATE, "high_pass")
    sections = np.array([np.concatenate((one.b, one.a)) for one in (shelf, high_pass)])
    state = np.zeros((len(sections), 2))
    powers = []
    for start in range(0, len(sound) // _HOP * _HOP, _CHUNK):
        chunk = sound[start : start + _CHUNK]
        weighted, state = sosfilt(sections, chunk[: len(chunk) // _HOP * _HOP].astype(np.float64), zi=state)
        hops = weighted.reshape(-1, _HOP)
        powers.append(np.einsum("ij,ij->i", hops, hops) / _HOP)
    joined: Samples = np.concatenate(powers)
    return joined


def _loudness(powers: "Samples") -> float:
    """Integrated loudness of mono sound (BS.1770-4, formulas 3 to 7) in LUFS, from the K-weighted power of its hops."""
    import numpy as np

    steps = powers[: len(powers) // _STEP_HOPS * _STEP_HOPS].reshape(-1, _STEP_HOPS).mean(axis=1)
    blocks = np.convolve(steps, np.full(_BLOCK_STEPS, 1 / _BLOCK_STEPS), mode="valid")
    audible = blocks[blocks > _power(_ABSOLUTE_GATE_LUFS)]
    if not len(audible):
        return _ABSOLUTE_GATE_LUFS
    loud = audible[audible > audible.mean() * _ratio(_RELATIVE_GATE_LU) ** 2]
    return -0.691 + 10.0 * float(np.log10(loud.mean()))


def _power(lufs: float) -> float:
    return float(10.0 ** ((lufs + 0.691) / 10.0))


def _encode(sound: "Samples") -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, sound, _RATE, format="OGG", subtype="OPUS", compression_level=_COMPRESSION)
    return _with_serial(file.getvalue(), _SERIAL)


def _decode(data: bytes) -> "Samples":
    import soundfile

    decoded: Samples = soundfile.read(io.BytesIO(data), dtype="float32")[0]
    return decoded


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
