"""Where sound goes. The null sink takes it at the speed of a loudspeaker and keeps what it took."""

import json
import threading
import time
import wave
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from lantoa_station.usecases import AudioRefused, Played

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
            with soundfile.SoundFile(audio) as source, wave.open(str(self._folder / f"{label}.wav"), "wb") as target:
                target.setnchannels(source.channels)
                target.setsampwidth(2)
                target.setframerate(source.samplerate)
                return self._consume(source, target, stop)
        except soundfile.LibsndfileError as error:
            raise AudioRefused(str(error)) from error

    def _consume(self, source: Any, target: wave.Wave_write, stop: threading.Event) -> Played:
        rate = source.samplerate * self._speed
        block = max(1, round(rate * BLOCK_S))
        begun, left, total = time.monotonic(), 0, 0
        while len(samples := source.read(block, dtype="int16")):
            total += len(samples)
            # A block has left the sink when its time is over; a stop in its middle keeps the part that was heard.
            if stop.wait(max(0.0, begun + total / rate - time.monotonic())):
                heard = min(len(samples), max(0, round((time.monotonic() - begun) * rate) - left))
                target.writeframes(samples[:heard].tobytes())
                return Played((left + heard) / source.samplerate, whole=False)
            target.writeframes(samples.tobytes())
            left = total
        return Played(left / source.samplerate, whole=True)


class JsonLinesLog:
    """One JSON object a line for each start and stop: for people, demos and tests; the proofs are elsewhere."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path

    def write(self, event: Literal["start", "stop"], at: datetime, **fields: Any) -> None:
        """Append a line; ``at`` is the time that the station believes."""
        line = json.dumps({"event": event, "at": at.isoformat(), **fields}, ensure_ascii=False)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
