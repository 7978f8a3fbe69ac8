"""Where sound goes. The null sink takes it at the speed of a loudspeaker and keeps what it took."""

import contextlib
import json
import threading
import time
import wave
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

import structlog

from lantoa_station.usecases import AudioRefused, Played

log = structlog.get_logger("lantoa.sink")

BLOCK_S = 0.1
"""Sound is consumed in blocks of this much real time: how soon a stop is heard."""


class NullSink:
    """Consumes at sample rate times ``speed`` and writes ``<label>.wav`` of exactly the samples that left it."""

    def __init__(self, folder: Path, speed: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._speed = speed

    def play(self, audio: Path, label: str, stop: threading.Event) -> Played:
        """Play ``audio`` and write what left into ``<label>.wav``; see :class:`lantoa_station.usecases.Sink`."""
        # Loaded at the first bulletin: decoder and numpy are most of the program's memory on a small box.
        import soundfile

        try:
            with soundfile.SoundFile(audio) as source, _Recording(self._folder / f"{label}.wav", source) as target:
                return self._consume(source, target, stop)
        except soundfile.LibsndfileError as error:
            raise AudioRefused(str(error)) from error

    def _consume(self, source: Any, target: "_Recording", stop: threading.Event) -> Played:
        rate = source.samplerate * self._speed
        block = max(1, round(rate * BLOCK_S))
        begun, left, total = time.monotonic(), 0, 0
        while len(samples := source.read(block, dtype="int16")):
            total += len(samples)
            # A block has left the sink when its time is over; a stop in its middle keeps the part that was heard.
            if stop.wait(max(0.0, begun + total / rate - time.monotonic())):
                heard = min(len(samples), max(0, round((time.monotonic() - begun) * rate) - left))
                target.write(samples[:heard].tobytes())
                return Played((left + heard) / source.samplerate, whole=False)
            target.write(samples.tobytes())
            left = total
        return Played(left / source.samplerate, whole=True)


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
