"""Where sound goes. The null sink takes it at the speed of a loudspeaker and keeps what it took."""

import contextlib
import json
import threading
import time
import wave
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import structlog

from lantoa_station.domain import SIGNAL_S, sweep_hz
from lantoa_station.usecases import AudioRefused, Played

log = structlog.get_logger("lantoa.sink")

BLOCK_S = 0.1
"""Sound is consumed in blocks of this much real time: how soon a stop is heard."""

RATE = 48_000
_LOUDNESS = 0.8 * 32_767
_TONE = 0.5 * 32_767
_TONE_HZ = 1000.0
_FADE_S = 0.01


class _Source(Protocol):
    """Samples to come, as int16 arrays of shape (frames,) or (frames, channels)."""

    samplerate: int
    channels: int

    def read(self, frames: int, dtype: str) -> Any:
        """At most so many frames; none at the end."""
        ...


class _Samples:
    """Mono samples in memory."""

    channels = 1

    def __init__(self, samples: Any, samplerate: int) -> None:
        self._left = samples
        self.samplerate = samplerate

    def read(self, frames: int, dtype: str) -> Any:
        """See :class:`_Source`."""
        found, self._left = self._left[:frames], self._left[frames:]
        return found.astype(dtype)


class _Signalled:
    """The attention signal at the pitch and channels of the sound that follows it."""

    def __init__(self, sound: Any) -> None:
        self.samplerate = sound.samplerate
        self.channels = sound.channels
        self._signal = attention(sound.samplerate, sound.channels)
        self._sound = sound

    def read(self, frames: int, dtype: str) -> Any:
        """See :class:`_Source`."""
        if len(self._signal):
            found, self._signal = self._signal[:frames], self._signal[frames:]
            return found
        return self._sound.read(frames, dtype=dtype)


class NullSink:
    """Consumes at sample rate times ``speed`` and writes ``<label>.wav`` of exactly the samples that left it."""

    def __init__(self, folder: Path, speed: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._speed = speed

    def play(self, audio: Path, label: str, stop: threading.Event, volume: Callable[[], int]) -> Played:
        """See :class:`lantoa_station.usecases.Sink`."""
        with _decoded(audio) as source:
            return self._record(source, label, stop, volume)

    def alert(self, sound: Path | None, label: str, stop: threading.Event) -> Played:
        """See :class:`lantoa_station.usecases.Sink`."""
        if sound is None:
            return self._record(_Samples(attention(RATE), RATE), label, stop, _full)
        with _decoded(sound) as source:
            return self._record(_Signalled(source), label, stop, _full)

    def tone(self, seconds: float, label: str, stop: threading.Event, volume: Callable[[], int]) -> Played:
        """See :class:`lantoa_station.usecases.Sink`."""
        return self._record(_Samples(tone(seconds), RATE), label, stop, volume)

    def _record(self, source: _Source, label: str, stop: threading.Event, volume: Callable[[], int]) -> Played:
        with _Recording(self._folder / f"{label}.wav", source) as target:
            return self._consume(source, target, stop, volume)

    def _consume(
        self, source: _Source, target: "_Recording", stop: threading.Event, volume: Callable[[], int]
    ) -> Played:
        rate = source.samplerate * self._speed
        block = max(1, round(rate * BLOCK_S))
        begun, left, total = time.monotonic(), 0, 0
        while len(samples := source.read(block, dtype="int16")):
            total += len(samples)
            samples = scaled(samples, volume())
            # A block has left the sink when its time is over; a stop in its middle keeps the part that was heard.
            if stop.wait(max(0.0, begun + total / rate - time.monotonic())):
                heard = min(len(samples), max(0, round((time.monotonic() - begun) * rate) - left))
                target.write(samples[:heard].tobytes())
                return Played((left + heard) / source.samplerate, whole=False)
            target.write(samples.tobytes())
            left = total
        return Played(left / source.samplerate, whole=True)


def _full() -> int:
    return 100


@contextlib.contextmanager
def _decoded(audio: Path) -> Iterator[Any]:
    # Loaded at the first bulletin: decoder and numpy are most of the program's memory on a small box.
    import soundfile

    try:
        with soundfile.SoundFile(audio) as source:
            yield source
    except soundfile.LibsndfileError as error:
        raise AudioRefused(str(error)) from error


class _Recording:
    """A WAV file of what left the sink. Without room on the disk it is given up, and the sound goes on."""

    def __init__(self, path: Path, source: Any) -> None:
        self._path = path
        self._source = source
        self._file: wave.Wave_write | None = None

    def __enter__(self) -> Self:
        with self._or_give_up():
            self._file = wave.open(str(self._path), "wb")
            self._file.setnchannels(self._source.channels)
            self._file.setsampwidth(2)
            self._file.setframerate(self._source.samplerate)
        return self

    def write(self, samples: bytes) -> None:
        """Append samples."""
        if self._file is not None:
            with self._or_give_up():
                self._file.writeframes(samples)

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with self._or_give_up():
                self._file.close()

    @contextlib.contextmanager
    def _or_give_up(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            log.warning("not_recorded", file=self._path.name, error=str(error))
            self._file = None
            self._path.unlink(missing_ok=True)


class JsonLinesLog:
    """One JSON object a line for each start and stop: for people, demos and tests; the proofs are elsewhere."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path

    def write(self, event: Literal["start", "stop"], at: datetime, **fields: Any) -> None:
        """Append a line; ``at`` is the time that the station believes."""
        line = json.dumps({"event": event, "at": at.isoformat(), **fields}, ensure_ascii=False)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            log.warning("diary_not_written", error=str(error))


def attention(samplerate: int, channels: int = 1) -> Any:
    """The attention signal, of shape (frames,) or (frames, channels)."""
    import numpy as np

    at_s = np.arange(round(SIGNAL_S * samplerate)) / samplerate
    phase = 2 * np.pi * np.cumsum(sweep_hz(at_s)) / samplerate
    samples = (_LOUDNESS * np.sin(phase) * _fade(len(at_s), samplerate)).astype(np.int16)
    return samples if channels == 1 else np.repeat(samples[:, None], channels, axis=1)


def tone(seconds: float) -> Any:
    """A test tone of 1 kHz at half loudness, mono at :data:`RATE`."""
    import numpy as np

    at_s = np.arange(round(seconds * RATE)) / RATE
    return (_TONE * np.sin(2 * np.pi * _TONE_HZ * at_s) * _fade(len(at_s), RATE)).astype(np.int16)


def scaled(samples: Any, percent: int) -> Any:
    """The samples at a volume of 0 to 100 percent."""
    import numpy as np

    return samples if percent >= 100 else (samples * (percent / 100)).astype(np.int16)


def _fade(frames: int, samplerate: int) -> Any:
    """Without a click at either end."""
    import numpy as np

    edge = np.minimum(np.arange(frames), np.arange(frames)[::-1])
    return np.minimum(1.0, edge / (_FADE_S * samplerate))
