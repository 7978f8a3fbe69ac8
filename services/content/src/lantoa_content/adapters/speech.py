"""Speech by a separate program: text on its stdin, PCM on its stdout (`workers/speech/README.md` is the protocol)."""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass

from lantoa_runtime.errors import AppError

_REQUEST_AT_FAULT = 2


class SpeechFailed(AppError):
    """The worker gave no speech; retryable unless it says that the request itself is at fault."""

    def __init__(self, reason: str, retryable: bool = True) -> None:
        super().__init__(
            "content.speech-failed", http_status=503 if retryable else 422, retryable=retryable, reason=reason
        )


@dataclass(frozen=True, slots=True)
class Speech:
    """Mono signed 16-bit little-endian PCM, its rate in Hz, and the voice that spoke."""

    pcm: bytes
    sample_rate: int
    voice: str


class SpeechWorker:
    """Runs `command` once for each text; it is killed after `timeout` seconds, or when the caller is cancelled."""

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        self._command = tuple(command)
        self._timeout = timeout

    async def speak(self, text: str, voice: str) -> Speech:
        """The text, spoken. Raises SpeechFailed."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, "--voice", voice, stdin=PIPE, stdout=PIPE, stderr=PIPE
            )
        except OSError as error:
            raise SpeechFailed(f"the speech worker could not be started: {error}") from error
        try:
            async with asyncio.timeout(self._timeout):
                output, complaint = await process.communicate(text.encode())
        except TimeoutError:
            raise SpeechFailed(f"no speech within {self._timeout:g} seconds") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            reason = complaint.decode(errors="replace").strip() or f"exit code {process.returncode}"
            raise SpeechFailed(reason, retryable=process.returncode != _REQUEST_AT_FAULT)
        return _parse(output)


def _parse(output: bytes) -> Speech:
    header, _, pcm = output.partition(b"\n")
    try:
        described = json.loads(header)
        speech = Speech(pcm=pcm, sample_rate=int(described["sample_rate"]), voice=str(described["voice"]))
    except (ValueError, KeyError, TypeError) as error:
        raise SpeechFailed("the speech worker's header cannot be read") from error
    if not pcm or len(pcm) % 2 or speech.sample_rate <= 0:
        raise SpeechFailed("the speech worker gave no whole samples")
    return speech
