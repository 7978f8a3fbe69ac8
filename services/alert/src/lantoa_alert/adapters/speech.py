"""The machine's voice and the encoder, each a program of its own (`workers/speech/README.md`, ``adapters/opus.py``)."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence

from lantoa_alert.usecases.sounds import MEDIA_TYPE, Recorded, SoundRefused

_SPEAK_SECONDS = 60.0
_ENCODE_SECONDS = 60.0
_FAULTS = {
    b"unreadable": "alert.sound-unreadable",
    b"silent": "alert.sound-silent",
    b"too-long": "alert.sound-too-long",
}


class Speaker:
    """Runs both programs, one sound at a time."""

    def __init__(self, command: Sequence[str], voice: str) -> None:
        self._command = tuple(command)
        self._voice = voice
        self._gate = asyncio.Semaphore(1)

    @property
    def speaks(self) -> bool:
        """Whether there is a voice."""
        return bool(self._command)

    async def speak(self, text: str) -> Recorded:
        """A text, spoken.

        Raises:
            SoundRefused: there is no voice, or it failed.
        """
        if not self._command:
            raise SoundRefused("alert.sound-no-voice")
        async with self._gate:
            output = await _run((*self._command, "--voice", self._voice), text.encode(), _SPEAK_SECONDS)
            header, _, pcm = output.partition(b"\n")
            rate = int(json.loads(header)["sample_rate"])
            return await self._encoded(("pcm", str(rate)), pcm)

    async def record(self, file: bytes) -> Recorded:
        """A recording in the one form that devices play.

        Raises:
            SoundRefused: it cannot be read, is silent, or too long.
        """
        async with self._gate:
            return await self._encoded(("file",), file)

    async def _encoded(self, arguments: tuple[str, ...], raw: bytes) -> Recorded:
        program = (sys.executable, "-m", "lantoa_alert.adapters.opus", *arguments)
        output = await _run(program, raw, _ENCODE_SECONDS)
        header, _, data = output.partition(b"\n")
        return Recorded(data, MEDIA_TYPE, float(json.loads(header)["seconds"]))


async def _run(program: Sequence[str], given: bytes, seconds: float) -> bytes:
    try:
        process = await asyncio.create_subprocess_exec(*program, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    except OSError as error:
        raise SoundRefused("alert.sound-no-voice") from error
    try:
        async with asyncio.timeout(seconds):
            output, complaint = await process.communicate(given)
    except TimeoutError:
        raise SoundRefused("alert.sound-too-slow") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise SoundRefused(_FAULTS.get(complaint.strip(), "alert.sound-failed"))
    return output
